"""What is asked of an evaluation: kept in its folder, so that a killed one goes on, and anyone can see what it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pcrl.evaluation.arms.arm import Kind
from pcrl.evaluation.records.results import Record, load_record
from pcrl.files import write_text

FORMAT = 1
REQUEST = "evaluation.json"


class Request(Record):
    """All that decides what an evaluation comes to.

    Args:
        cache, checkpoints, runs: absolute paths; `runs` is where the newest run is looked for.
        controls: runs of the arms restoration and comparison, `weights` a digest of those of each run, `identity`
            one of the content of the cache, and `rebuild` what `pcrl predict` needs: known once it has begun.
    """

    format: int = FORMAT
    task: str
    dataset: str
    command: str
    cache: Path
    runs: Path
    arms: tuple[Kind, ...] = ("pretrained",)
    checkpoints: tuple[Path, ...] = ()
    fraction: float = 1.0
    seeds: int = 1
    folds: tuple[int, ...] = ()
    learning_rates: tuple[float, ...] = ()
    freeze: bool = False
    epochs: int | None = None
    recipe: str | None = None
    overrides: tuple[str, ...] = ()
    transductive: bool = False
    target: Literal["liver", "tumour"] = "liver"
    views: Literal["frontal", "all"] = "frontal"
    uncertain: Literal["ones", "zeros", "ignore"] = "ones"
    controls: dict[Kind, Path] = Field(default_factory=dict)
    weights: dict[str, str] = Field(default_factory=dict)
    identity: str = ""
    rebuild: dict[str, Any] = Field(default_factory=dict)

    def protocol(self) -> dict[str, Any]:
        """What a reader wants to know of it."""
        left_out = {
            "format",
            "command",
            "recipe",
            "overrides",
            "controls",
            "weights",
            "identity",
            "rebuild",
            "task",
            "dataset",
            "runs",
        }
        return self.model_dump(mode="json", exclude=left_out)


def save(request: Request, folder: Path) -> None:
    """Write `evaluation.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / REQUEST, request.model_dump_json(indent=1) + "\n")


def load(folder: Path) -> Request:
    """Read it.

    Raises:
        ProtocolError: missing or damaged.
    """
    return load_record(Request, folder / REQUEST, "it holds no evaluation")
