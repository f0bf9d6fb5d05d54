"""Views made on the device by the peer of the end-to-end benchmark are what they are said to be."""

import torch
from feeds.on_device import views_of
from torch.nn import functional

from pcrl.config import load_recipe

STILL = [
    "views.flip_probability=0", "views.scale=[1, 1]", "views.angle=0", "corruption.blur_sigma=0",
    "corruption.noise_sigma=0", "corruption.log_gamma=0",
]  # fmt: skip


def batch(recipe, count=3):
    """Crops of several edges, in arrays as large as the largest box."""
    torch.manual_seed(0)
    found = []
    for views, boxes in ((2, recipe.views.global_boxes), (recipe.views.locals, recipe.views.local_boxes)):
        size = [max(edges) for edges in zip(*boxes, strict=True)]
        drawn = torch.randint(len(boxes), (count, views))
        found += [
            torch.randint(-1000, 1000, (count, views, *size), dtype=torch.int16),
            torch.tensor(boxes)[drawn],
        ]
    return found


def test_a_crop_is_resized_as_pytorch_does():
    recipe = load_recipe("cpu-3d", [*STILL, "corruption.swaps=0"])
    crops = batch(recipe)
    views = views_of(crops, recipe)
    for n in range(3):
        z, y, x = crops[1][n, 0].tolist()
        crop = (crops[0][n, 0, :z, :y, :x].float() + 1000) / 2000
        wanted = functional.interpolate(crop[None, None], recipe.views.global_shape, mode="trilinear")
        inner = (0, 0, *(slice(1, -1),) * 3)  # faces are mixed with what is outside of the crop
        torch.testing.assert_close(views.target[n, 0][inner[2:]], wanted[inner], rtol=0, atol=1e-5)
    assert views.globals.shape == (2, 3, 1, *recipe.views.global_shape)
    assert views.locals.shape == (6, 3, 1, *recipe.views.local_shape)
    torch.testing.assert_close(views.globals.mean(dim=(2, 3, 4, 5)), torch.zeros(2, 3), rtol=0, atol=1e-5)


def test_swaps_move_voxels_and_change_none():
    recipe = load_recipe("cpu-3d", [*STILL, "corruption.swaps=50"])
    views = views_of(batch(recipe), recipe)
    view, target = views.globals[0].flatten(1), views.target.flatten(1)
    assert (view - (target - target.mean(1, keepdim=True)) / target.std(1, keepdim=True)).abs().max() > 0.5
    normalised = (target - target.mean(1, keepdim=True)) / target.std(1, keepdim=True)
    torch.testing.assert_close(view.sort(1).values, normalised.sort(1).values, rtol=0, atol=1e-4)
