"""Candidates of LUNA16's tables: where they are, what they hit, and what is wrong with a table."""

import numpy as np
import pytest

from pcrl.datasets.case import LayoutError
from pcrl.engine.cache.cache import Cache
from pcrl.evaluation.tasks.candidates.candidates import read_candidates
from tests.helpers.luna import tree as luna_tree
from tests.helpers.luna.tree import ingested

SERIES = "1.2.0"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("luna")
    nodules = luna_tree.write_luna(root / "luna", 4)
    return nodules, ingested(root / "luna", root / "cache")


def one(tmp_path, candidates, annotations, excluded=()):
    """A data set of one scan with tables of (x, y, z, value)."""
    luna_tree.write_luna(tmp_path / "luna", 1)
    for name, value, rows in (
        ("candidates_V2.csv", "class", candidates),
        ("annotations.csv", "diameter_mm", annotations),
        ("evaluationScript/annotations/annotations_excluded.csv", "diameter_mm", excluded),
    ):
        luna_tree.write_table(tmp_path / "luna" / name, value, [[SERIES, *row] for row in rows])
    return ingested(tmp_path / "luna", tmp_path / "cache")


def test_centres_are_where_the_nodules_are_seen(tree):
    nodules, dataset = tree
    candidates, found = read_candidates(dataset)
    assert len(found) == sum(map(len, nodules.values())) == 6
    for case, centre, diameter in zip(found.case, found.centre, found.diameter, strict=True):
        assert diameter == luna_tree.DIAMETER
        # On the cache's grid of 1 mm, also where the scan runs against x and y: bright in the middle, dark beyond.
        image = dataset.cases[case].voxels.read()[0]
        record = dataset.cases[case].record
        z, y, x = np.rint(centre).astype(int)
        hu = image * record.intensities[0].slope + record.intensities[0].intercept
        assert hu[z, y, x] > 350
        bright = np.argwhere(hu[z - 8 : z + 9, y - 8 : y + 9, x - 8 : x + 9] > -200).mean(axis=0)
        assert np.abs(bright + np.array([z - 8, y - 8, x - 8]) - centre).max() < 0.3
    assert len(candidates) == 6 * 2 + 4 * 7
    assert not candidates.notes


def test_what_a_candidate_hits(tree):
    _, dataset = tree
    candidates, found = read_candidates(dataset)
    assert np.array_equal(candidates.label, candidates.nodule >= 0)
    assert np.array_equal(np.bincount(candidates.nodule[candidates.label]), [2] * 6)
    assert np.array_equal(candidates.case[candidates.label], found.case[candidates.nodule[candidates.label]])
    assert candidates.excluded.sum() == 4
    assert np.array_equal(candidates.hits[:, 1], candidates.nodule[candidates.hits[:, 0]])
    assert list(candidates.line[:3]) == [2, 3, 4]
    assert np.array_equal(candidates.rows_in([1]), np.flatnonzero(candidates.case == 1))


def test_a_hit_is_nearer_than_half_the_diameter(tmp_path):
    x, y, z = luna_tree.world((20, 20, 20))
    rows = [(x + d, y, z, int(d < 3)) for d in (0, 2.9, 3.0, 3.1)]
    disputed = [(x + 20, y, z, -1)]
    rows += [(x + 20 + d, y, z, 0) for d in (4.9, 5.0)]
    # Two nodules that overlap: the second candidate hits both, and is nearer to the other one.
    annotations = [(x, y, z, 6), (x + 4, y, z, 6)]
    candidates, _ = read_candidates(one(tmp_path, rows, annotations, disputed))
    assert candidates.nodule.tolist() == [0, 1, 1, 1, -1, -1]
    assert candidates.hits.tolist() == [[0, 0], [1, 0], [1, 1], [2, 1], [3, 1]]
    assert candidates.excluded.tolist() == [False] * 4 + [True, False]


@pytest.mark.slow
def test_a_repeated_candidate_counts_once(tmp_path):
    x, y, z = luna_tree.world((20, 20, 20))
    rows = [(x, y, z, 1), (x + 9, y, z, 0), (x, y, z, 1), (f"{x:.3f}0", y, z, 1)]
    candidates, _ = read_candidates(one(tmp_path, rows, [(x, y, z, 6)]))
    assert candidates.line.tolist() == [2, 3]
    assert "2 candidates are listed twice in candidates_V2.csv" in candidates.notes[0]


def test_what_does_not_fit_together_is_counted(tmp_path):
    x, y, z = luna_tree.world((20, 20, 20))
    rows = [(x, y, z, 0), (x + 9, y, z, 1), (x + 900, y, z, 0)]
    dataset = one(tmp_path, rows, [(x, y, z, 6)])
    with (dataset.folder / "tables/candidates_V2.csv").open("a") as file:
        file.write("9.9,0,0,0,1\n9.9,1,0,0,1\n9.8,0,0,0,1\n")
    (dataset.folder / "tables/annotations_excluded.csv").unlink()
    absent, unexcluded, no_hit, hit, outside = read_candidates(dataset)[0].notes
    assert absent.endswith("3 candidates of 2 scans")
    assert "annotations_excluded.csv" in unexcluded
    assert no_hit.startswith("1 candidates of class 1")
    assert hit.startswith("1 candidates of class 0")
    assert outside.startswith("1 candidates lie outside")


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        (
            "candidates_V2.csv",
            "seriesuid,coordX,coordY,class\n",
            r"candidates_V2\.csv, line 1: no column coordZ",
        ),
        ("candidates_V2.csv", f"{SERIES},1,2,x,1\n", r"candidates_V2\.csv, line 2, column coordZ: found 'x'"),
        ("candidates_V2.csv", f"{SERIES},1,2,3,2\n", r"line 2, column class: found 2, expected 0 or 1"),
        ("candidates_V2.csv", f"{SERIES},1,2,3,1\n{SERIES},1,2,3,0\n", r"line 3, column class: .* line 2"),
        (
            "annotations.csv",
            f"{SERIES},1,2,3,nan\n",
            r"annotations\.csv, line 2, column diameter_mm: found 'nan'",
        ),
    ],
)
def test_a_bad_table_is_named(tree, tmp_path, name, text, named):
    folder = one(tmp_path, [], []).folder
    value = "class" if name.startswith("c") else "diameter_mm"
    head = "" if text.startswith("seriesuid") else f"seriesuid,coordX,coordY,coordZ,{value}\n"
    (folder / "tables" / name).write_text(head + text)
    (folder / "files.json").unlink()  # by which it would be known that the table has changed
    with pytest.raises(LayoutError, match=named):
        read_candidates(Cache(tmp_path / "cache").dataset("luna"))


def test_missing_tables_say_what_to_do(tmp_path):
    dataset = one(tmp_path, [], [])
    assert len(read_candidates(dataset)[0]) == 0
    (dataset.folder / "tables/candidates_V2.csv").rename(dataset.folder / "tables/candidates.csv")
    assert len(read_candidates(dataset)[0]) == 0
    (dataset.folder / "tables/candidates.csv").unlink()
    with pytest.raises(LayoutError, match=r"no candidates_V2.csv, but annotations.csv, .*pcrl ingest"):
        read_candidates(dataset)
