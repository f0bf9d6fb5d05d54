"""Each task is named once, and what its entry names is there."""

import subprocess
import sys
from pathlib import Path

import pytest

from pcrl.config import ImageRecipe, VolumeRecipe
from pcrl.evaluation.records.errors import ProtocolError
from pcrl.evaluation.tasks.registry import TASKS, entry_of, named

ROOT = Path(__file__).parents[3]
TORCH_FREE = (
    *(f"pcrl.evaluation.records.{path.stem}" for path in (ROOT / "pcrl/evaluation/records").glob("*.py")),
    "pcrl.evaluation.tasks.registry",
    "pcrl.evaluation.run.folders",
)


@pytest.mark.parametrize("task", TASKS)
def test_what_an_entry_names_is_there(task):
    entry = TASKS[task]
    assert entry.name == task
    assert all(callable(named(reference)) for reference in (entry.cohorts, entry.opens, entry.predicts))
    assert all(f"pcrl eval {task} " in example for example in entry.examples)
    assert entry.about.partition("\n")[0].endswith((".", "scans."))
    for option in entry.options:
        assert option.default in option.choices


def test_an_option_of_two_tasks_is_one():
    options = {}
    for option in (option for entry in TASKS.values() for option in entry.options):
        assert options.setdefault(option.name, option) == option


def test_options_of_a_task_are_completed_and_those_of_others_refused():
    assert TASKS["lits"].with_defaults({}) == {"target": "liver"}
    assert TASKS["chexpert"].with_defaults({"views": "all"}) == {
        "views": "all",
        "uncertain": "published",
        "subgroups": "none",
    }
    with pytest.raises(ProtocolError, match="lits has no --views"):
        TASKS["lits"].with_defaults({"views": "all"})
    with pytest.raises(ProtocolError, match="--target spleen: lits has liver, tumour"):
        TASKS["lits"].with_defaults({"target": "spleen"})
    with pytest.raises(ProtocolError, match="no task 'liver'; there are lits, brats"):
        entry_of("liver")


def test_records_and_registry_load_nothing_heavy():
    code = f"import sys; import {', '.join(TORCH_FREE)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, cwd=ROOT
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"torch", "monai", "numba", "SimpleITK", "matplotlib", "zarr", "numpy"}


def test_new_settings_of_fine_tuning_leave_stored_recipes_as_they_were():
    volumes, images = VolumeRecipe(name="v"), ImageRecipe(name="i")
    stored = volumes.model_dump(mode="json")
    assert "augmentation" not in stored["finetuning"]
    assert "jitter" not in stored["candidates"]
    assert "aspect" not in images.model_dump(mode="json")["finetuning"]
    turned = VolumeRecipe.model_validate(
        stored | {"finetuning": stored["finetuning"] | {"augmentation": {"angle": 30}}}
    )
    assert turned.model_dump(mode="json")["finetuning"]["augmentation"]["angle"] == 30
    assert VolumeRecipe.model_validate(turned.model_dump(mode="json")) == turned


@pytest.mark.parametrize(
    ("option", "good", "bad"),
    [
        ("views", ("frontal", "all"), ("", "frontal,all", "side")),
        (
            "uncertain",
            ("ones", "Edema=zeros", "ones,Edema=zeros,Lung Opacity=ignore"),
            ("", "maybe", "ones,zeros", "Edema=maybe", "=ones", "Edema="),
        ),
        ("subgroups", ("none", "all", "sex,age", "sex, projection"), ("", "weight", "sex,weight", "sex=all")),
    ],
)
def test_values_that_can_be_meant(option, good, bad):
    known = {one.name: one for one in TASKS["chexpert"].options}[option]
    assert all(known.accepts(value) for value in good)
    assert not any(known.accepts(value) for value in bad)
