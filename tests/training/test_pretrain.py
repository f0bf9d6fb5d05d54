"""`pretrain` as a library: what cannot be done leaves nothing behind, and what was killed goes on as it began."""

import pytest
import torch
from safetensors.torch import load_file

from pcrl.config import RecipeError, load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine.loading.ring import LoaderError
from pcrl.engine.volumes.ingest.plan import plan
from pcrl.engine.volumes.ingest.run import run
from pcrl.models.weights.published import WeightsError
from pcrl.training import run_folder
from pcrl.training.checkpoint import checkpoints
from pcrl.training.pretrain import pretrain
from pcrl.training.progress import Progress
from tests.helpers import patients

RECIPE = load_recipe("pcrlv2-3d", [*patients.TINY, "training.log_every=1"])


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    root = tmp_path_factory.mktemp("pretrain")
    patients.write_lits(root / "lits")
    list(run(plan(find("lits", root / "lits"), root / "cache", RECIPE), 1))
    return root / "cache"


def last_weights(folder):
    return load_file(checkpoints(folder / "checkpoints")[-1] / "weights.safetensors")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"overrides": ["training.batch_size=1000"]}, LoaderError, "do not fill one batch"),
        ({"overrides": ["objective.name=masked", "objective.edge=7"]}, RecipeError, r"objective\.edge"),
        ({"init": "nowhere"}, WeightsError, "is missing"),
    ],
)
def test_what_cannot_be_done_leaves_no_run(cache, tmp_path, change, error, said):
    call = {"recipe": RECIPE, "out": tmp_path / "run", "device": "cpu"} | change
    with pytest.raises(error, match=said):
        pretrain(cache, **call)
    assert not (tmp_path / "run").exists()


class Killed(Progress):
    def stepped(self, report):
        raise KeyboardInterrupt


@pytest.mark.slow
def test_killed_in_its_first_epoch_it_goes_on_with_the_weights_that_it_began_with(cache, tmp_path):
    first = pretrain(cache, recipe=RECIPE, out=tmp_path / "first", device="cpu").folder
    call = {"recipe": RECIPE, "init": str(first), "device": "cpu"}
    straight = pretrain(str(cache), out=str(tmp_path / "straight"), **call).folder
    with pytest.raises(KeyboardInterrupt):
        pretrain(cache, out=tmp_path / "killed", progress=Killed(), **call)
    killed = pretrain(cache, out=tmp_path / "killed", resume=True, device="cpu")
    assert killed.finished
    ours, theirs = last_weights(killed.folder), last_weights(straight)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_run_is_never_overwritten(cache, tmp_path):
    call = {"recipe": RECIPE, "out": tmp_path / "run", "device": "cpu"}
    pretrain(cache, datasets="lits", **call)
    before = last_weights(tmp_path / "run")
    with pytest.raises(run_folder.RunError, match="holds a run already"):
        pretrain(cache, init=tmp_path / "run", **call)
    with pytest.raises(run_folder.RunError, match="is a file"):
        pretrain(cache, **call | {"out": tmp_path / "run" / "run.json"})
    after = last_weights(tmp_path / "run")
    assert all(torch.equal(after[name], value) for name, value in before.items())
