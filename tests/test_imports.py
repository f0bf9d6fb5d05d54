"""Who may import whom, and what must not be loaded early."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GROUND = {"files", "listing", "config"}
MAY_IMPORT = {
    "files": set(),
    "listing": set(),
    "config": {"config"},
    "kernels": {"kernels"},
    "datasets": {"datasets", *GROUND},
    "models": {"models", *GROUND},
    "engine": {"engine", "kernels", "datasets", *GROUND},
    "training": {"training", "engine", "models", "datasets", "kernels", *GROUND},
    "evaluation": {"evaluation", "training", "engine", "models", "datasets", "kernels", *GROUND},
    "__init__": {"config", "engine", "training", "evaluation"},
    "recipes": set(),
}  # fmt: skip


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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


@pytest.mark.parametrize("arguments", [["-c", "import pcrl"], ["-m", "pcrl", "--help"]])
def test_light_to_start(arguments):
    code = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True, encoding="utf-8", check=True, cwd=ROOT,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in code.stderr.splitlines()}
    assert not loaded & {"torch", "monai", "SimpleITK", "numba", "matplotlib"}
