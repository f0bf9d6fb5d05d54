"""Builds of torch and cuDNN that are known to be slow, or wrong, are named."""

import pytest
import torch

from pcrl.training.stepping.builds import Build, build_of, known_faults

GOOD = {"torch": (2, 10, 0), "cudnn": 91100, "gpu": "NVIDIA H100", "capability": (9, 0)}


@pytest.mark.parametrize(
    ("change", "dimensions", "said"),
    [
        ({}, 3, None),
        ({"torch": (2, 9, 1)}, 3, "torch 2.9 computes 3D convolutions in bfloat16 without cuDNN"),
        ({"torch": (2, 9, 0), "cudnn": 91500}, 3, "torch 2.9 computes"),
        ({"torch": (2, 9, 1), "cudnn": 91500}, 3, None),
        ({"torch": (2, 9, 0)}, 2, None),
        ({"torch": (2, 13)}, 3, None),
        ({"cudnn": 90800}, 3, "cuDNN 9.8.0 can give wrong results"),
        ({"cudnn": 91002}, 3, "cuDNN 9.10.2 can give wrong results"),
        ({"cudnn": 90701}, 3, None),
        ({"cudnn": 91002}, 2, None),
        ({"cudnn": 0}, 3, None),
        ({"capability": (7, 5), "gpu": "Tesla T4"}, 2, "Tesla T4 does not multiply matrices in bfloat16"),
    ],
)
def test_known_faults(change, dimensions, said):
    found = known_faults(Build(**GOOD | change), dimensions)
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_this_gpu_is_known():
    build = build_of(torch.device("cuda"))
    assert build.torch[0] >= 2
    assert build.capability >= (5, 0)
