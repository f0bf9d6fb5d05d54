"""One of several processes that train together in float64: `python worker.py RANK FOLDER`.

Trains as 4, then 3, then 2 of them, and leaves the weights of each rank in the folder.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import distributed, nn

from pcrl.config import load_recipe
from pcrl.kernels.streams import stream
from pcrl.models.networks import build
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Keys, Moment, Views
from pcrl.training.optimizers.build import build_optimizer
from pcrl.training.ranks.exchange import Exchange
from pcrl.training.ranks.norms import NORMS, share_norms
from pcrl.training.ranks.world import World
from pcrl.training.stepping.step import Stepper
from tests.helpers import scans

BATCH, STEPS = 12, 20
FEW = 3
"""Steps of images, whose deepest norms see one value a sample: rounding grows tenfold with every step."""
SIZES = (4, 3, 2)
RECIPES = {
    "volumes": ("pcrlv2-3d", [*scans.VIEWS, "model.width=4", "model.levels=2"]),
    "images": (
        "pcrlv2-2d",
        ["model.width=8", "views.global_shape=[32, 32]", "views.local_shape=[32, 32]", "views.locals=1"],
    ),
}


def trained(kind, norms, world, steps, stop_at=None):
    """Weights, statistics and losses after some steps with this rank's share of the same batches."""
    name, settings = RECIPES[kind]
    recipe = load_recipe(name, [*settings, f"training.batch_size={BATCH}", "training.learning_rate=0.01"])
    torch.manual_seed(0)
    network = build(recipe.model).double().train()
    objective = build_objective(recipe, network).double().train()
    if world.size > 1 and norms:
        share_norms(network, norms)
    parameters = list(network.parameters())
    exchange = Exchange(world, parameters, (network, objective))
    optimizer = build_optimizer(parameters, recipe.training)
    stepper = Stepper(network, objective, optimizer, recipe.training, exchange, torch.device("cpu"))
    share = BATCH // world.size
    own = slice(world.rank * share, (world.rank + 1) * share)
    generator, losses, stopped = torch.Generator().manual_seed(1), [], None
    for number in range(steps):
        shape, small, channels = recipe.views.global_shape, recipe.views.local_shape, network.in_channels
        globals_ = torch.rand(2, BATCH, channels, *shape, generator=generator, dtype=torch.float64)
        target = torch.rand(BATCH, channels, *shape, generator=generator, dtype=torch.float64)
        locals_ = torch.rand(
            recipe.views.locals, BATCH, channels, *small, generator=generator, dtype=torch.float64
        )
        views = Views(globals_[:, own], target[own], locals_[:, own])
        keys = Keys(stream(7, number), np.arange(BATCH, dtype=np.uint64)[own])
        done = stepper.step(views, keys, Moment(number // 10, 2, number % 10, 10), number == stop_at)
        losses.append(done.values[0].item())
        if done.stop and stopped is None:
            stopped = number
    state = {name: value.clone() for name, value in network.state_dict().items()}
    return state, exchange.mean(torch.tensor(losses, dtype=torch.float64)), stopped


def main():
    rank, folder = int(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    for size in SIZES:
        if rank >= size:
            break
        distributed.init_process_group("gloo", f"file://{folder}/meet-{size}", rank=rank, world_size=size)
        world = World(rank, size, rank, size)
        found = {
            "volumes": trained("volumes", NORMS, world, STEPS),
        }
        if size == 3:
            found["images"] = trained("images", NORMS, world, FEW)
        else:
            # Only the last rank wishes to stop.
            wish = 3 if rank == size - 1 else None
            found["heads"] = trained("volumes", (nn.BatchNorm1d,), world, 8, stop_at=wish)
        torch.save(found, folder / f"{size}-{rank}.pt")
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
