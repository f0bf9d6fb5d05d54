"""The organs of a virtual anatomy: where each lies, its shape, what it looks like inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcrl.datasets.sample.virtual.shapes import Field, Mask, Space, branches, curve

AIR, FAT, GAS, LUNG, BONE = -1000.0, -100.0, -900.0, -840.0, 260.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A patient's build in mm, and how much contrast agent there is, from 0 to 1."""

    half_width: float
    half_depth: float
    fat: float
    enhancement: float


class Draft:
    """A patient in the making: organs are added one by one, and what is there first stays.

    Args:
        space: the patient's coordinates; every place and radius below is in its mm.
    """

    def __init__(self, space: Space, frame: Frame) -> None:
        self.space, self.frame, self.rng = space, frame, space.rng
        self.hu = np.full(space.shape, AIR, np.float32)
        self.label: NDArray[np.uint8] = np.zeros(space.shape, np.uint8)
        self._free: Mask = np.ones(space.shape, bool)
        self._wide, self._deep = frame.half_width / 122, frame.half_depth / 93

    def density(self) -> float:
        """HU of a soft organ: one distribution for all organs, so that density does not tell which it is."""
        return float(45 + 55 * self.frame.enhancement + self.rng.normal(0, 14))

    def body(self) -> None:
        """Skin and fat, a ring of muscle with ribs in it, and the cavity, full of fat with strands."""
        space, frame = self.space, self.frame
        radius = np.hypot(space.y / frame.half_depth, space.x / frame.half_width)
        radius += space.smooth(0.015, 25)
        ring = frame.fat / frame.half_depth
        self.hu[radius < 1] = FAT
        wall = (radius < 1 - ring) & (radius > 0.9 - ring)
        self.hu[wall] = self.density() - 15
        ribs = wall & (np.sin(space.z / 4.5 + space.y / 9 + self.rng.uniform(0, 6)) > 0.75) & (space.z > -10)
        self.hu[ribs] = BONE
        self._free = radius <= 0.9 - ring
        self.hu[self._free] = (FAT + 15 + space.smooth(18, 5))[self._free]

    def diaphragm_and_lungs(self) -> None:
        """Two lungs above domes; what lies above the domes is no place for organs."""
        space, top = self.space, self.rng.uniform(58, 78)
        for side in (-1, 1):
            distance = np.square((space.x - side * 58 * self._wide) / 75) + np.square(space.y / 85)
            lung = self._free & (space.z > top + 4 * side - 42 * distance) & (side * space.x > 12)
            self.hu[lung] = (LUNG + space.smooth(25, 6))[lung]
            start = (top + 30, 5, side * 35)
            points, radii = branches(start, (-0.3, 0.2, side), 22, 3.5, 3, self.rng)
            vessel = lung & (space.tube(points * self._sides(), radii) < 1)
            self.hu[vessel] = 40
            self._free &= ~lung

    def spine_and_muscles(self) -> None:
        """Vertebrae with discs, and the muscles beside them, as dense as organs."""
        space, y = self.space, 66 * self._deep
        spine = np.hypot(space.y - y, space.x) < self.rng.uniform(17, 21)
        disc = spine & (np.sin(space.z / 5.2 + self.rng.uniform(0, 6)) > 0.8)
        self._put(spine, BONE + space.smooth(40, 5), 0)
        self.hu[disc] = 75
        for side in (-1, 1):
            muscle = np.hypot((space.y - y + 6) / 1.1, space.x - side * 32) < np.clip(19 - space.z / 9, 6, 24)
            self._put(muscle, self.density() + space.smooth(6, 8), 0)

    def great_vessels(self, value: int) -> None:
        """Aorta and vena cava, which fork low in the abdomen, and the arteries of the kidneys."""
        back, fork = 38 * self._deep, self.rng.uniform(-85, -55)
        for x, radius in ((10.0, self.rng.uniform(8, 11)), (-16.0, self.rng.uniform(9, 13))):
            low = (fork, back, x)
            parts = [curve([(100, back, x), low], 2)]
            parts += [curve([low, (-110, back - 15, x + side * 32)], 2) for side in (-1, 1)]
            radii = [np.full(len(part), radius * (1 if n == 0 else 0.75)) for n, part in enumerate(parts)]
            if x > 0:
                parts += [curve([(-22, back, x), (-28, back + 5, side * 45)], 2) for side in (-1, 1)]
                radii += [np.full(len(part), 4.5) for part in parts[3:]]
            mask = self.space.tube(np.concatenate(parts) * self._sides(), np.concatenate(radii)) < 1
            self._put(mask, np.float32(self.density() + 8), value)

    def kidney(self, value: int, side: int) -> None:
        """A bean: bright cortex, darker pyramids, fat where the vessels come in."""
        space, z = self.space, -28 + self.rng.normal(0, 8) + 4 * side
        centre = (z, 38 * self._deep, side * 60 * self._wide)
        bean = space.ellipsoid(centre, (52, 24, 27), (side * 20, 0, -8), 0.06)
        hilum = space.ellipsoid((z, 32 * self._deep, side * 42 * self._wide), (20, 12, 14), wobble=0.1)
        inner = self.density() + np.where(bean > 0.7, 18, -16) + 10 * np.sin(space.z / 5)
        self._put((bean < 1) & (hilum > 1), inner + space.smooth(4, 5), value)

    def liver(self, value: int) -> None:
        """A large right lobe, a thin left one over the middle; fine texture, a tree of vessels."""
        space = self.space
        right = space.ellipsoid((8, -4, -58 * self._wide), (70, 66 * self._deep, 52), (0, 0, 10))
        left = space.ellipsoid((22, -36 * self._deep, -8), (34, 30 * self._deep, 58), (0, 12, 0))
        density = self.density()
        inner = density + space.smooth(5, 4)
        points, radii = branches((-8, 6, -28), (0.4, -0.2, -1), 36, 5.5, 4, self.rng)
        tree = space.tube(points * self._sides(), radii) < 1
        inner[tree] = density + self.rng.uniform(-30, 40)
        self._put(np.minimum(right, left) < 1, inner, value)

    def spleen(self, value: int) -> None:
        """Flat, against the left wall, striped as spleens are early after contrast agent."""
        space = self.space
        outer = space.ellipsoid((24, 30 * self._deep, 74 * self._wide), (50, 38, 25), (20, 0, 12))
        dent = space.ellipsoid((22, 10 * self._deep, 46 * self._wide), (40, 26, 16))
        stripes = 11 * np.sin((space.z + space.y + space.smooth(9, 10)) / 4.2)
        self._put((outer < 1) & (dent > 1), self.density() + stripes, value)

    def stomach(self, value: int, empty: bool) -> None:
        """A hook from under the left dome to the middle: wall, grainy content, gas in front if there is room."""
        places = [(58, 8, 44), (30, -8, 62), (0, -34, 52), (-14, -44, 18), (-4, -40, -10)]
        moved = np.asarray(places) * (1, self._deep, self._wide) + self.rng.normal(0, 6, (5, 3))
        points = curve(moved.tolist(), 2)
        radii = np.interp(np.linspace(0, 1, len(points)), [0, 0.3, 0.7, 1], [23, 27, 19, 11])
        inside = self.space.tube(
            points * self._sides(), radii * self.rng.uniform(0.85, 1.15) * (0.55 if empty else 1)
        )
        inside += self.space.smooth(0.08, 12)
        content = self.density() + self.space.smooth(16, 5)
        inner = np.where(inside > 0.78, self.density() + 6, content)
        level = self.rng.uniform(-70, -30)
        inner[(inside <= 0.78) & (self.space.y < level * self._deep) & (not empty)] = GAS
        self._put(inside < 1, inner, value)

    def bowel(self, value: int) -> None:
        """A wide colon along both flanks and across, with pockets; loops of thin bowel between."""
        rng = self.rng
        flank, front = 86 * self._wide, -48 * self._deep
        places = [(-95, 5, -flank), (-30, -5, -flank), (-42, front, -30), (-46, front, 30), (-18, 0, flank)]
        colon = curve([*places, (-95, 8, flank)], 2) + rng.normal(0, 1, 3)
        pockets = 14 + 2.5 * np.sin(np.arange(len(colon)) / 3.5)
        self._loop(colon + rng.normal(0, 5, 3), pockets * rng.uniform(0.8, 1.15), value, gas_above=0.4)
        for _ in range(int(rng.integers(3, 6))):
            at = np.array([rng.uniform(-85, -35), rng.uniform(-40, 15) * self._deep, rng.uniform(-60, 60)])
            turns = [at]
            for _ in range(9):
                at = np.clip(at + rng.normal(0, 24, 3), (-100, -55 * self._deep, -75), (-22, 25, 75))
                turns.append(at)
            path = curve(np.asarray(turns).tolist(), 2)
            self._loop(path, np.full(len(path), rng.uniform(7, 11)), value, gas_above=1.3)

    def lesions(self, values: list[int]) -> None:
        """A few round ones, denser or less dense, inside the organs named; they belong to their organ."""
        for _ in range(int(self.rng.poisson(2.5))):
            value = values[int(self.rng.integers(len(values)))]
            inside = np.argwhere(self.label == value)
            if len(inside):
                at = inside[int(self.rng.integers(len(inside)))]
                grid = np.ogrid[tuple(slice(0, n) for n in self.space.shape)]
                square = sum(
                    np.square((axis - c) * self.space.spacing) for axis, c in zip(grid, at, strict=True)
                )
                ball = (square < self.rng.uniform(5, 14) ** 2) & (self.label == value)
                self.hu[ball] += self.rng.choice([-1, 1]) * self.rng.uniform(25, 60)

    def _loop(
        self, points: NDArray[np.float64], radii: NDArray[np.float64], value: int, gas_above: float
    ) -> None:
        inside = self.space.tube(points * self._sides(), radii)
        content = self.density() + self.space.smooth(20, 6)
        folds = 14 * np.sin((self.space.x + self.space.z) / 3.5)
        inner = np.where(inside > 0.65, self.density() + folds, content)
        bubble = (inside <= 0.65) & (self.space.smooth(1, 12) > gas_above)
        inner[bubble] = GAS
        self._put(inside < 1, inner, value)

    def _put(self, mask: Mask, hu: Field | np.float32, value: int) -> None:
        """Fill what is still free of `mask`; no organ takes from another."""
        where = mask & self._free
        self.hu[where] = np.broadcast_to(hu, self.space.shape)[where]
        self.label[where] = value
        self._free = self._free & ~where

    def _sides(self) -> NDArray[np.float64]:
        # Tubes are put on the grid itself, so they have to be mirrored as the space is.
        mirrored = self.space.x[0, 0, 0] > self.space.x[0, 0, -1]
        return np.array([1.0, 1.0, -1.0 if mirrored else 1.0])
