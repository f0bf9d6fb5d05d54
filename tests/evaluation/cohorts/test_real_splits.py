"""On the published tables in full: no patient is on two sides, nor in pre-training and a test, at any fraction."""

from pathlib import Path

import pytest

from pcrl.config import load_recipe
from pcrl.datasets.catalog import find
from pcrl.engine import splits
from pcrl.engine.cache.images.dataset import CachedImages, ImageSetRecord
from pcrl.engine.cache.images.table import TABLE, write_table
from pcrl.engine.selection.images import select_images
from pcrl.engine.selection.select import held_patients
from pcrl.evaluation.cohorts.image_cohort import image_cohort
from tests.helpers.published_tables import unpack

RECIPE = load_recipe("pcrlv2-2d")
pytestmark = pytest.mark.slow


def as_ingested(wheel, table, to, name):
    """The data set as if all its images had been there."""
    unpack(wheel, table, to)
    source = to.parent
    if name == "chexpert":
        # The wheel has no valid.csv: every hundredth patient stands for it.
        lines = to.read_text(encoding="utf-8").splitlines(keepends=True)
        of_test = [line for line in lines[1:] if int(line.partition("/patient")[2][:5]) % 100 == 0]
        (source / "valid.csv").write_text(lines[0] + "".join(of_test).replace("/train/", "/valid/"))
        (source / "train.csv").write_text("".join(line for line in lines if line not in set(of_test)))
    else:
        names = [line.split(",")[0] for line in to.read_text(encoding="utf-8").splitlines()[1:]]
        (source / "test_list.txt").write_text("\n".join(n for n in names if int(n[:8]) % 5 == 0))
    found = find(name, source)
    assigned, _ = splits.assign(found.images, found.shares)
    folder = source / "cache" / name
    folder.mkdir(parents=True)
    record = ImageSetRecord(
        format=1, name=name, recipe=RECIPE, label_names=found.label_names, split_seed=0, shares=found.shares
    )
    write_table(
        folder / TABLE,
        found.label_names,
        (
            [
                n,
                i.name,
                i.path,
                i.patient,
                i.study,
                i.view,
                assigned[i.name],
                0,
                1,
                1,
                1,
                1,
                f"{n:064}",
                "",
                "",
                "",
                "",
            ]
            + ["" if label is None else label for label in i.labels]
            for n, i in enumerate(found.images)
        ),
    )
    return CachedImages(folder, record)


@pytest.mark.parametrize(
    ("name", "table", "file", "images", "shares"),
    [
        ("chestxray", "Data_Entry_2017_v2020.csv.gz", "Data_Entry_2017_v2020.csv", 112_120, (0.7, 0.1, 0.2)),
        ("chexpert", "chexpert_train.csv.gz", "train.csv", 223_414, (0.94, 0.05, 0.01)),
    ],
)
def test_no_patient_on_two_sides(wheel, tmp_path, name, table, file, images, shares):
    found = as_ingested(wheel, table, Path(tmp_path) / name / file, name)
    assert len(found.table) == images
    chosen = select_images([found], held_patients([], [found]), RECIPE)
    positions = chosen.sets[0][1]
    seen = {found.table.patients[n] for n in positions}
    assert len(positions) + chosen.held_back == images
    counted = [len({found.table.patients[n] for n in found.table.where(s)}) for s in ("train", "val", "test")]
    for count, share in zip(counted, shares, strict=True):
        assert count / sum(counted) == pytest.approx(share, abs=0.01)
    for seed in range(3):
        smaller = set()
        for fraction in (0.01, 0.1, 1.0):
            cohort = image_cohort(found, fraction, seed)
            train, validation, test = (
                set(cohort.patients(rows)) for rows in (cohort.train, cohort.validation, cohort.test)
            )
            assert not train & test
            assert not train & validation
            assert not validation & test
            assert not seen & (test | validation)
            assert train <= seen
            assert smaller < train
            assert len(train) == pytest.approx(fraction * counted[0], abs=0.01 * counted[0] + 1)
            smaller = train
