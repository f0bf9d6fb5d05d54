"""Kernels whose results are the same bits every time."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


@contextmanager
def kernels(deterministic: bool, device: torch.device) -> Iterator[None]:
    """Within it, kernels of a GPU are chosen by measuring, or, if asked for, only such as give the same bits again."""
    if device.type != "cuda":
        yield
        return
    backend = torch.backends.cudnn
    before = backend.benchmark, torch.are_deterministic_algorithms_enabled()
    backend.benchmark = not deterministic
    if deterministic:
        os.environ.setdefault(_WORKSPACE, ":4096:8")
        # Max-pooling is named as not deterministic, as windows that overlap are added up in any order.
        # Those of volumes do not overlap.
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="max_pool3d_with_indices_backward_cuda", category=UserWarning
            )
            yield
    finally:
        backend.benchmark = before[0]
        torch.use_deterministic_algorithms(before[1])
