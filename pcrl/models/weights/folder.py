"""Weights on disk: a folder with `weights.safetensors` and `weights.json` beside it. Nothing is pickled.

`files.json` has their digests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from pcrl.config import Model, RecipeError, model_from
from pcrl.files import new_folder
from pcrl.listing import few
from pcrl.models.networks import Network
from pcrl.models.weights.published import Part, WeightsError
from pcrl.models.weights.whole import require_whole, write_digests

FORMAT, KIND = 1, "weights"
TENSORS, DESCRIPTION = "weights.safetensors", "weights.json"
EXPECTED = "a run of `pcrl pretrain`, a checkpoint of one, or a folder that `pcrl import-weights` wrote"


@dataclass(frozen=True, slots=True)
class Weights:
    """A network's weights, the settings that build it, where they came from, and whether they are all of it.

    Args:
        state: under the names of the whole network, so that those of an encoder begin with `encoder.`.
    """

    model: Model
    state: dict[str, Tensor]
    source: dict[str, Any]
    part: Part = "network"


def require_empty(folder: Path) -> None:
    """Check that weights can be written to `folder`: it does not exist, or is an empty folder.

    Raises:
        WeightsError: it is something else; nothing is ever overwritten.
    """
    if folder.exists() and not folder.is_dir():
        raise WeightsError(f"{folder} is a file: give a new folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise WeightsError(f"{folder} is not empty: give a new folder")


def save_weights(
    folder: Path,
    model: Model,
    state: Mapping[str, Tensor],
    source: Mapping[str, Any],
    part: Part = "network",
) -> None:
    """Write both files to a new or empty `folder`: afterwards it holds both, whole, or is as it was.

    Raises:
        WeightsError: `folder` holds something.
    """
    require_empty(folder)
    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    settings = model.model_dump(mode="json")
    description = {"format": FORMAT, "kind": KIND, "part": part, "model": settings, "source": dict(source)}
    with new_folder(folder.resolve()) as partial:
        # Not save_file: it makes files that only their owner can read.
        (partial / TENSORS).write_bytes(save(tensors))
        (partial / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
        write_digests(partial)
        if folder.exists():
            # Fails if something was put there meanwhile, so that it is not overwritten.
            folder.rmdir()


def load_weights(folder: Path) -> Weights:
    """Read what `save_weights` wrote.

    Raises:
        WeightsError: missing, damaged, or of another version.
    """
    if not folder.exists():
        raise WeightsError(f"{folder}: no such file or folder; expected {EXPECTED}. Mend the path")
    if folder.is_file():
        raise WeightsError(
            f"{folder} is a file; expected {EXPECTED}. `pcrl import-weights` makes one of a file of torch.save"
        )
    if missing := [name for name in (TENSORS, DESCRIPTION) if not (folder / name).is_file()]:
        there = few(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise WeightsError(
            f"{folder} has no {' and no '.join(missing)}, and holds {there}; expected {EXPECTED}. Give another folder"
        )
    require_whole(folder)
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if (description["format"], description["kind"]) != (FORMAT, KIND):
            raise WeightsError(
                f"{folder / DESCRIPTION}: {description['kind']} of format {description['format']}, this pcrl reads "
                f"{KIND} of format {FORMAT}"
            )
        # Folders written before there were encoders alone do not say what they are.
        part = description.get("part", "network")
        if part not in get_args(Part):
            raise WeightsError(f"{folder / DESCRIPTION}: part {part!r}, expected one of {get_args(Part)}")
        model = model_from(description["model"])
        return Weights(model, load_file(folder / TENSORS), dict(description["source"]), part)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, RecipeError) as error:
        raise WeightsError(f"{folder / DESCRIPTION}: damaged ({error}); copy or save it again") from error
    except SafetensorError as error:
        raise WeightsError(f"{folder / TENSORS}: damaged ({error}); copy or save it again") from error


def load_into(model: Network, weights: Weights) -> None:
    """Load a whole network, or an encoder into the encoder of one, whose rest is left as it is.

    Raises:
        WeightsError: a tensor is missing, unknown, or of another shape.
    """
    target, state = (model, weights.state) if weights.part == "network" else _encoder(model, weights.state)
    try:
        target.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(
            f"these are not the weights of a {weights.part} of {weights.model!r}: {error}"
        ) from error


def _encoder(model: Network, state: Mapping[str, Tensor]) -> tuple[nn.Module, dict[str, Tensor]]:
    # A tensor of something else keeps its name, and is then refused as unknown.
    return model.encoder, {name.removeprefix("encoder."): value for name, value in state.items()}
