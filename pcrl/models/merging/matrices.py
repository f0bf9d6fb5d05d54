"""Constant matrices from which merged kernels are made: one axis written down, the rest are Kronecker products.

On an axis, output voxel 2q + a (a is its parity) sees the fine voxels 2q + a + d − 1 through taps d of the convolution.
They lie in the coarse voxels q + a − 1 and q + a: taps t = 0 and 1 of the merged kernel. Tap t of parity a is the
coefficient 2t + a of a product of polynomials: the convolution's three taps times the up-sampling's two, in reverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor

Rows = Sequence[Sequence[float]]

# A product of degrees 2 and 1 is known from its values at 0, 1, −1 and infinity (Toom and Cook): 4 products an axis
# instead of 6, which is 64 products of matrices instead of 216 in three dimensions.
_CONV_VALUES: Rows = [[1, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 1]]
_UP_VALUES: Rows = [[0, 1], [1, 1], [-1, 1], [1, 0]]
_COEFFICIENTS: Rows = [[1, 0, 0, 0], [0, 0.5, -0.5, -1], [-1, 0.5, 0.5, 0], [0, 0, 0, 1]]
# The nearest voxel: the other polynomial is 1 + x, so that coefficients are sums of taps.
_NEAREST: Rows = [[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]]
# Which taps of the convolution meet a voxel, for the first, an inner and the last voxel of an axis.
_MET: Rows = [[0, 1, 1], [1, 1, 1], [1, 1, 0]]


def conv_values(dims: int) -> Tensor:
    """(4^dims, 3^dims): values at the points, from the taps of the convolution."""
    return _power(_CONV_VALUES, dims)


def up_values(dims: int) -> Tensor:
    """(4^dims, 2^dims): values at the points, from the taps of the transposed convolution."""
    return _power(_UP_VALUES, dims)


def coefficients(dims: int) -> Tensor:
    """(4^dims, 4^dims): the merged kernel, parities before taps, from the products at the points."""
    return _parities_first(_power(_COEFFICIENTS, dims), dims)


def nearest(dims: int) -> Tensor:
    """(4^dims, 3^dims): the merged kernel, parities before taps, from the taps of the convolution."""
    return _parities_first(_power(_NEAREST, dims), dims)


def met(dims: int) -> Tensor:
    """(3^dims, 3^dims): which taps of the convolution meet voxels, for each kind of place."""
    return _power(_MET, dims)


def _power(rows: Rows, dims: int) -> Tensor:
    one = torch.tensor(rows, dtype=torch.float32)
    product = one
    for _ in range(dims - 1):
        product = torch.kron(product, one)
    return product


def _parities_first(matrix: Tensor, dims: int) -> Tensor:
    """Rows (t, a, s, b, …) to (a, b, …, t, s, …)."""
    apart = matrix.unflatten(0, (2,) * (2 * dims))
    order = chain(range(1, 2 * dims, 2), range(0, 2 * dims, 2), [2 * dims])
    sorted_rows: Tensor = apart.permute(*order).flatten(0, -2)
    return sorted_rows.contiguous()
