"""How two grids differ, in words."""

from __future__ import annotations

from pcrl.engine.geometry.grid import Grid


def difference(grid: Grid, other: Grid, name: str) -> str:
    """How a grid differs from that of `name`."""
    if grid.shape != other.shape:
        return f"it has {size(grid)} voxels, {name} {size(other)} (z, y, x)"
    return f"it lies elsewhere than {name}: {places(grid, other)}"


def places(grid: Grid, other: Grid) -> str:
    """Two places of equally many voxels; directions are told only where nothing else differs."""
    if (grid.origin, grid.spacing) == (other.origin, other.spacing):
        return f"directions {grid.direction} and {other.direction}"
    return (
        f"origin {_mm(grid.origin)} and spacing {_mm(grid.spacing)} against {_mm(other.origin)} and "
        f"{_mm(other.spacing)} mm (z, y, x)"
    )


def size(grid: Grid) -> str:
    """Voxels of a grid: `48×64×64`."""
    return "×".join(str(n) for n in grid.shape)


def _mm(vector: tuple[float, float, float]) -> str:
    return "(" + ", ".join(f"{v:.1f}" for v in vector) + ")"
