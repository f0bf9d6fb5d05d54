"""Who may import whom, and what must not be loaded early."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GROUND = {"cores", "disk", "faults", "files", "listing", "notes", "regular", "config", "workers"}
MAY_IMPORT = {
    "cores": set(),
    "disk": set(),
    "faults": set(),
    "files": {"faults"},
    "listing": set(),
    "notes": set(),
    "regular": set(),
    "config": {"config", "recipes"},
    "kernels": {"kernels"},
    "workers": {"workers"},
    "datasets": {"datasets", *GROUND},
    "models": {"models", *GROUND},
    "engine": {"engine", "kernels", "datasets", *GROUND},
    "training": {"training", "engine", "models", "datasets", "kernels", *GROUND},
    "evaluation": {"evaluation", "training", "engine", "models", "datasets", "kernels", *GROUND},
    "__init__": {"config", "engine", "training", "evaluation"},
    "recipes": set(),
}  # fmt: skip

EVALUATION = (
    "records",
    "statistics",
    "leak",
    "cohorts",
    "arms",
    "finetune",
    "tasks",
    "run",
    "predict",
    "external",
)
"""Rooms of `pcrl.evaluation`, from the ground up: each may import those before it."""
KINDS = {"segmentation", "candidates", "classification"}
"""Rooms of `pcrl.evaluation.tasks`: none imports another."""


def imported(path: Path, typing: bool = True) -> set[str]:
    """What a file imports; what only type checkers read, if `typing`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not typing:
        tree.body = [
            node
            for node in tree.body
            if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        ]
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: pcrl/ uses absolute imports"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize(
    "path", sorted((ROOT / "pcrl").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_arrows_point_one_way(path):
    package = path.relative_to(ROOT / "pcrl").parts[0].removesuffix(".py")
    if package == "__main__":
        return
    for name in imported(path):
        parts = name.split(".")
        assert parts[0] not in {"cli", "pcrl_cli"}, f"{path} imports the command line"
        if parts[0] == "pcrl" and len(parts) > 1 and not parts[1].startswith("__"):
            assert parts[1] in MAY_IMPORT[package], f"{path} imports {name}"


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "pcrl/evaluation").rglob("*.py")),
    ids=lambda p: str(p.relative_to(ROOT / "pcrl/evaluation")),
)
def test_arrows_within_evaluation_run_down(path):
    room, *inner = path.relative_to(ROOT / "pcrl/evaluation").parts
    for name in imported(path):
        parts = name.removeprefix("pcrl.evaluation.").split(".")
        if not name.startswith("pcrl.evaluation."):
            continue
        if room == "report":
            assert parts[0] in {"report", "records", "statistics"}, f"{path} imports {name}"
        elif parts[0] == "report":
            assert room == "run", f"{path} imports {name}"
        else:
            assert EVALUATION.index(parts[0]) <= EVALUATION.index(room), f"{path} imports {name}"
        if room == parts[0] == "tasks":
            others = KINDS - {inner[0]} if inner[0] in KINDS else KINDS
            assert parts[1] not in others, f"{path} imports {name}"


def test_no_circle():
    needs = {}
    for path in (ROOT / "pcrl").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        needs[module] = imported(path, typing=False)
    needs = {module: names & needs.keys() - {module} for module, names in needs.items()}
    while free := [module for module, names in needs.items() if not names & needs.keys()]:
        for module in free:
            del needs[module]
    assert not needs, f"these import each other: {sorted(needs)}"


@pytest.mark.parametrize("top", ["pcrl", "tests"])
def test_a_room_has_a_dozen_files_at_most(top):
    folders = [folder for folder in (ROOT / top).rglob("*") if folder.is_dir()]
    crowded = {str(folder): len(list(folder.glob("*.py"))) for folder in [ROOT / top, *folders]}
    assert not {folder: count for folder, count in crowded.items() if count > 12}


@pytest.mark.parametrize("arguments", [["-c", "import pcrl"], ["-m", "pcrl", "--help"]])
def test_light_to_start(arguments):
    code = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True, encoding="utf-8", check=True, cwd=ROOT,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in code.stderr.splitlines()}
    assert not loaded & {"torch", "monai", "SimpleITK", "numba", "matplotlib"}
