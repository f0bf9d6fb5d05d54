"""What every objective keeps: a file of its name, its own modules trained and checkpointed, a forward that compiles."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from pcrl.config import OBJECTIVES, load_recipe
from pcrl.training import objectives
from pcrl.training.objectives.build import build_objective
from pcrl.training.objectives.objective import Keys, Loss, Moment, Objective, Reading, Views
from pcrl.training.optimizers.build import build_optimizer
from pcrl.training.records import checkpoint
from pcrl.training.records.checkpoint import Position, trained
from pcrl.training.trainer import initial_state

SMALL = [
    "views.global_shape=[8, 16, 16]",
    "views.local_shape=[8, 8, 8]",
    "views.locals=2",
    "model.width=4",
    "model.levels=3",
]
MASKED = [*SMALL, "objective.name=masked", "objective.edge=4"]


def recipe_of(name):
    return load_recipe("pcrlv2-3d", MASKED if name == "masked" else [*SMALL, f"objective.name={name}"])


def views_of(recipe):
    torch.manual_seed(0)
    images = torch.rand(2, 2, 1, *recipe.views.global_shape)
    return Views(images, torch.rand_like(images[0]), torch.rand(2, 2, 1, *recipe.views.local_shape))


def draws_of(objective):
    drawn = objective.draw(Keys(5, np.arange(2, dtype=np.uint64)))
    return {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in drawn.items()}


def test_every_objective_has_a_file_of_its_name():
    folder = Path(objectives.__path__[0])
    shared = {"__init__", "objective", "build", "pyramid"}
    assert {path.stem for path in folder.glob("*.py")} - shared == set(OBJECTIVES)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_it_logs_can_be_read_and_looked_at(name):
    recipe = recipe_of(name)
    network, objective = initial_state(recipe, None)
    views, draws = views_of(recipe), draws_of(objective)
    outputs = objective(network, views, draws)
    loss = objective.loss(outputs, views, draws, Moment(1, 10))
    readings = objective.readings()
    assert list(loss.scalars) == list(readings)
    assert readings["loss"].shown
    assert all(reading.text.endswith(".") for reading in readings.values())
    assert loss.total.requires_grad
    pictures = objective.pictures(outputs, views, draws)
    assert all(picture.shape == views.target.shape for picture in pictures.values())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_its_forward_part_is_one_graph(name):
    """What is compiled has no break in it, and gives what the plain one gives, up to rounding."""
    recipe = recipe_of(name)
    network, objective = initial_state(recipe, None)
    network.eval()
    views, draws = views_of(recipe), draws_of(objective)
    compiled = torch.compile(objective, backend="eager", fullgraph=True)
    plain, graph = (one(network, views, draws) for one in (objective, compiled))
    torch.testing.assert_close(
        objective.loss(graph, views, draws, Moment(0, 1)).total,
        objective.loss(plain, views, draws, Moment(0, 1)).total,
    )


class MovingTarget(Objective):
    """As BYOL has it: a network of its own that follows the trained one, and a layer that is trained beside it."""

    def __init__(self, recipe, network):
        super().__init__()
        self.target = copy.deepcopy(network.encoder).requires_grad_(False)
        self.predictor = nn.Linear(network.encoder.channels[-1], network.encoder.channels[-1])

    def forward(self, network, views, draws):
        online = self.predictor(network.encoder(views.globals[0])[-1].mean(dim=(2, 3, 4)))
        with torch.no_grad():
            target = self.target(views.globals[1])[-1].mean(dim=(2, 3, 4))
        return online, target

    def loss(self, outputs, views, draws, moment):
        total = -torch.nn.functional.cosine_similarity(*outputs).mean()
        return Loss(total, {"loss": total})

    def readings(self):
        return {"loss": Reading("Agreement with the target network; lower is better.", shown=True)}

    def after_step(self, network, moment):
        with torch.no_grad():
            for mine, theirs in zip(self.target.parameters(), network.encoder.parameters(), strict=True):
                mine.lerp_(theirs, 0.1)

    def pictures(self, outputs, views, draws):
        return {"view 1": views.globals[0]}


def steps(network, objective, optimizer, recipe, count):
    for _ in range(count):
        views = views_of(recipe)
        loss = objective.loss(objective(network, views, {}), views, {}, Moment(0, 1))
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
        objective.after_step(network, Moment(0, 1))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_modules_of_its_own_are_trained_moved_and_checkpointed(tmp_path, optimizer):
    recipe = load_recipe(
        "pcrlv2-3d", [*SMALL, f"training.optimizer={optimizer}", "training.learning_rate=0.1"]
    )

    def fresh():
        network, _ = initial_state(recipe, None)
        torch.manual_seed(3)
        objective = MovingTarget(recipe, network)
        found = [parameter for _, parameter in trained(network, objective)]
        return network, objective, build_optimizer(found, recipe.training)

    straight = fresh()
    names = [name for name, _ in trained(*straight[:2])]
    assert {"objective.predictor.weight", "objective.predictor.bias"} < set(names)
    assert not any("target" in name for name in names)
    before = straight[1].target.levels[0].first.conv.weight.clone()
    steps(*straight, recipe, 2)
    assert not torch.equal(straight[1].target.levels[0].first.conv.weight, before)
    path = checkpoint.save(tmp_path, Position(0, 2), recipe.model, *straight)
    assert "predictor.weight" in load_file(path / "objective.safetensors")
    resumed = fresh()
    assert checkpoint.load(path, *resumed) == Position(0, 2)
    for run in (straight, resumed):
        steps(*run, recipe, 2)
    for one, other in zip(straight[:2], resumed[:2], strict=True):
        assert all(
            torch.equal(a, b)
            for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        )


def test_objectives_without_modules_leave_no_file(tmp_path):
    recipe = recipe_of("pcrlv2")
    network, objective = initial_state(recipe, None)
    optimizer = build_optimizer([p for _, p in trained(network, objective)], recipe.training)
    path = checkpoint.save(tmp_path, Position(0, 0), recipe.model, network, objective, optimizer)
    assert sorted(file.name for file in path.iterdir()) == [
        "files.json",
        "position.json",
        "weights.json",
        "weights.safetensors",
    ]


def test_building_an_objective_leaves_the_network_as_it_is():
    recipe = recipe_of("masked")
    network, _ = initial_state(recipe, None)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    build_objective(recipe, network)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
