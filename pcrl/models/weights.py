"""Weights on disk: a folder with `weights.safetensors` and `weights.json` beside it. Nothing is pickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pcrl.config import Model
from pcrl.models.published import WeightsError

FORMAT = 1
TENSORS, DESCRIPTION = "weights.safetensors", "weights.json"


@dataclass(frozen=True, slots=True)
class Weights:
    """A network's weights, the settings that build it, and where they came from."""

    model: Model
    state: dict[str, Tensor]
    source: dict[str, Any]


def save_weights(folder: Path, model: Model, state: Mapping[str, Tensor], source: Mapping[str, Any]) -> None:
    """Write both files into `folder`, each in one step; the description last."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{TENSORS}.partial"
    save_file({name: value.detach().cpu().contiguous() for name, value in state.items()}, partial)
    _into_place(partial, folder / TENSORS)
    partial = folder / f".{DESCRIPTION}.partial"
    description = {"format": FORMAT, "model": model.model_dump(mode="json"), "source": dict(source)}
    partial.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    _into_place(partial, folder / DESCRIPTION)


def load_weights(folder: Path) -> Weights:
    """Read what `save_weights` wrote.

    Raises:
        WeightsError: missing, damaged, or of another version.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if description["format"] != FORMAT:
            raise WeightsError(
                f"{folder}: weights of format {description['format']}, this pcrl reads {FORMAT}"
            )
        model = Model.model_validate(description["model"])
        return Weights(model, load_file(folder / TENSORS), description["source"])
    except FileNotFoundError as error:
        raise WeightsError(
            f"{folder}: {error.filename} is missing; expected {TENSORS} and {DESCRIPTION}"
        ) from error
    except (json.JSONDecodeError, KeyError, ValidationError, SafetensorError) as error:
        raise WeightsError(f"{folder}: damaged weights: {error}") from error


def _into_place(partial: Path, final: Path) -> None:
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(final)
