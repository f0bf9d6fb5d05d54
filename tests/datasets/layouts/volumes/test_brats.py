"""BraTS trees of the years, made of empty files: names in, cases out."""

import pytest

from pcrl.datasets.case import LayoutError
from pcrl.datasets.catalog import find

EARLIER = ("t1", "t1ce", "t2", "flair", "seg")
LATER = ("t1n", "t1c", "t2w", "t2f", "seg")


def touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def earlier(folder, name, kinds=EARLIER, ending=".nii.gz"):
    touch(folder / name, *(f"{name}_{kind}{ending}" for kind in kinds))


def later(folder, name, kinds=LATER):
    touch(folder / name, *(f"{name}-{kind}.nii.gz" for kind in kinds))


def test_2018_has_its_channels_in_one_order(tmp_path):
    earlier(tmp_path / "HGG", "Brats18_2013_10_1")
    earlier(tmp_path / "HGG", "Brats18_2013_2_1")
    earlier(tmp_path / "LGG", "Brats18_TCIA09_141_1", EARLIER[::-1])
    found = find("brats", tmp_path)
    assert [case.name for case in found.cases] == [
        "Brats18_2013_2_1", "Brats18_2013_10_1", "Brats18_TCIA09_141_1",
    ]  # fmt: skip
    for case in found.cases:
        assert case.patient == case.name
        assert case.modality == "mr"
        assert [p.name for p in case.channels] == [f"{case.name}_{kind}.nii.gz" for kind in EARLIER[:4]]
        assert case.label.name == f"{case.name}_seg.nii.gz"
    assert found.label_names == {1: "necrotic core", 2: "oedema", 4: "enhancing tumour"}
    assert not found.notes


@pytest.mark.parametrize(
    ("folder", "name", "ending"),
    [
        ("MICCAI_BraTS_2019_Data_Training/HGG", "BraTS19_2013_0_1", ".nii.gz"),
        ("MICCAI_BraTS2020_TrainingData", "BraTS20_Training_001", ".nii"),
        ("a/b/c", "BraTS2021_00000", ".nii.gz"),
    ],
)
def test_other_years_at_any_depth(tmp_path, folder, name, ending):
    earlier(tmp_path / folder, name, ending=ending)
    assert [case.name for case in find("brats", tmp_path).cases] == [name]


def test_time_points_of_later_names_are_one_patients(tmp_path):
    for name in ("BraTS-GLI-00001-000", "BraTS-GLI-00001-001", "BraTS-GLI-00002-000"):
        later(tmp_path, name)
    found = find("brats", tmp_path)
    assert [case.patient for case in found.cases] == [
        "BraTS-GLI-00001", "BraTS-GLI-00001", "BraTS-GLI-00002",
    ]  # fmt: skip
    assert [p.name[-10:-7] for p in found.cases[0].channels] == ["t1n", "t1c", "t2w", "t2f"]
    assert found.label_names == {1: "necrotic core", 2: "oedema", 3: "enhancing tumour"}
    (tmp_path / "patients.csv").write_text("case,patient\nBraTS-GLI-00002-000,BraTS-GLI-00001\n")
    assert {case.patient for case in find("brats", tmp_path).cases} == {"BraTS-GLI-00001"}


def test_what_is_missing_is_named(tmp_path):
    earlier(tmp_path, "BraTS20_Training_001")
    earlier(tmp_path, "BraTS20_Training_002", ("t1", "t2", "seg"))
    earlier(tmp_path, "BraTS20_Training_355", EARLIER[:4])
    # So it is published.
    touch(tmp_path / "BraTS20_Training_355", "W39_1998.09.19_Segm.nii")
    found = find("brats", tmp_path)
    assert [(case.name, case.label is not None) for case in found.cases] == [
        ("BraTS20_Training_001", True), ("BraTS20_Training_355", False),
    ]  # fmt: skip
    unlabelled, stray = found.notes
    assert [one.name for one in found.unreadable] == ["BraTS20_Training_002"]
    assert "BraTS20_Training_002 has no t1ce, flair; it has seg, t1, t2" in found.unreadable[0].reason
    assert "unlabelled: BraTS20_Training_355" in unlabelled
    assert "W39_1998.09.19_Segm.nii" in stray


def test_nothing_whole_says_what_is_missing(tmp_path):
    earlier(tmp_path, "Brats18_A_1", ("t1", "t1ce", "flair", "seg"))
    with pytest.raises(LayoutError, match=r"(?s)Expected:.*Brats18_A_1 has no t2"):
        find("brats", tmp_path)


def test_two_namings_in_one_tree_are_refused(tmp_path):
    earlier(tmp_path / "old", "BraTS2021_00000")
    later(tmp_path / "new", "BraTS-GLI-00000-000")
    with pytest.raises(
        LayoutError, match=r"two namings: BraTS2021_00000.* is 4, and BraTS-GLI-00000-000.* is 3"
    ):
        find("brats", tmp_path)


@pytest.mark.parametrize("challenge", ["PED", "GoAT", "MEN-RT"])
def test_label_values_that_names_do_not_tell_are_asked_for(tmp_path, challenge):
    later(tmp_path, f"BraTS-{challenge}-00001-000")
    found = find("brats", tmp_path)
    assert found.label_names == {}
    assert f"label values of BraTS-{challenge} mean differs" in found.notes[-1]
    text = "value,name\n1,enhancing tumour\n2,non-enhancing tumour\n3,cystic component\n4,oedema\n"
    (tmp_path / "labels.csv").write_text(text)
    found = find("brats", tmp_path)
    assert found.label_names[4] == "oedema"
    assert not found.notes


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("0,oedema", "line 3: value is '0', expected a whole number from 1 on"),
        ("1,oedema", "line 3: value 1 is listed a second time"),
        ("2,swelling", "line 3: name is 'swelling', expected one of necrotic core"),
    ],
)
def test_bad_tables_of_label_values_are_named(tmp_path, row, named):
    later(tmp_path, "BraTS-PED-00001-000")
    (tmp_path / "labels.csv").write_text(f"value,name\n1,necrotic core\n{row}\n")
    with pytest.raises(LayoutError, match=named):
        find("brats", tmp_path)


def test_challenges_whose_values_differ_are_not_taken_together(tmp_path):
    for challenge in ("GLI", "MET"):
        later(tmp_path, f"BraTS-{challenge}-00001-000")
    assert len(find("brats", tmp_path).cases) == 2
    later(tmp_path, "BraTS-PED-00001-000")
    with pytest.raises(LayoutError, match="BraTS-PED-00001-000 and BraTS-GLI-00001-000, whose label values"):
        find("brats", tmp_path)


def test_a_channel_in_two_places_is_refused(tmp_path):
    earlier(tmp_path / "HGG", "Brats18_A_1")
    touch(tmp_path / "elsewhere", "Brats18_A_1_t2.nii")
    with pytest.raises(LayoutError, match=r"has t2 twice: .*HGG.* and .*elsewhere"):
        find("brats", tmp_path)


def test_other_layouts_send_here(tmp_path):
    earlier(tmp_path / "HGG", "Brats18_A_1")
    with pytest.raises(LayoutError, match="--layout brats"):
        find("lits", tmp_path)


def grades(tmp_path):
    found = find("brats", tmp_path)
    assert found.strata == "grade"
    return {case.name: case.stratum for case in found.cases}, found.notes


@pytest.mark.parametrize("above", ["", "MICCAI_BraTS_2018_Data_Training"])
def test_folders_say_the_grade(tmp_path, above):
    earlier(tmp_path / above / "HGG", "Brats18_2013_10_1")
    earlier(tmp_path / above / "LGG", "Brats18_TCIA09_141_1")
    earlier(tmp_path / above / "other", "Brats18_X_1")
    assert grades(tmp_path)[0] == {
        "Brats18_2013_10_1": "HGG", "Brats18_TCIA09_141_1": "LGG", "Brats18_X_1": "",
    }  # fmt: skip


def test_the_table_of_names_says_the_grade(tmp_path):
    for number in (1, 2, 3, 4):
        earlier(tmp_path / "training", f"BraTS20_Training_00{number}", ending=".nii")
    (tmp_path / "training/name_mapping.csv").write_text(
        "Grade,BraTS_2017_subject_ID,BraTS_2018_subject_ID,TCGA_TCIA_subject_ID,BraTS_2019_subject_ID,"
        "BraTS_2020_subject_ID\n"
        "HGG,Brats17_CBICA_AAB_1,Brats18_CBICA_AAB_1,NA,BraTS19_CBICA_AAB_1,BraTS20_Training_001\n"
        "LGG,NA,NA,NA,NA,BraTS20_Training_002\n"
        "NA,NA,NA,NA,NA,BraTS20_Training_003\n"
        "HGG,NA,NA,NA,NA,BraTS20_Training_999\n"
    )
    # As it is published, without a grade.
    (tmp_path / "training/survival_info.csv").write_text(
        "Brats20ID,Age,Survival_days,Extent_of_Resection\nBraTS20_Training_001,60.463,289,GTR\n"
    )
    found, notes = grades(tmp_path)
    assert list(found.values()) == ["HGG", "LGG", "", ""]
    assert not notes


def test_two_grades_of_a_case_are_none_and_it_is_named(tmp_path):
    earlier(tmp_path / "HGG", "BraTS19_A_1")
    (tmp_path / "survival_data.csv").write_text("BraTS19ID;GRADE\nBraTS19_A_1;lgg\n")
    found, (note,) = grades(tmp_path)
    assert found == {"BraTS19_A_1": ""}
    assert "BraTS19_A_1 (HGG in its folder HGG, LGG in survival_data.csv)" in note


def test_a_grade_in_other_words_says_nothing_against_a_folder(tmp_path):
    earlier(tmp_path / "HGG", "BraTS19_A_1")
    earlier(tmp_path / "more", "BraTS19_B_1")
    (tmp_path / "clinical.csv").write_text("case,Grade\nBraTS19_A_1,4\nBraTS19_B_1,iv\n")
    found, notes = grades(tmp_path)
    assert found == {"BraTS19_A_1": "HGG", "BraTS19_B_1": "IV"}
    assert not notes


def test_the_folder_that_is_given_says_the_grade(tmp_path):
    earlier(tmp_path / "LGG", "BraTS19_A_1")
    assert grades(tmp_path / "LGG")[0] == {"BraTS19_A_1": "LGG"}


def test_a_table_of_grades_that_cannot_be_read_is_named_and_costs_no_case(tmp_path):
    earlier(tmp_path, "BraTS19_A_1")
    (tmp_path / "name_mapping.csv").write_text("Grade,ID\nHGG\n")
    (tmp_path / "empty.csv").touch()
    found, (note,) = grades(tmp_path)
    assert found == {"BraTS19_A_1": ""}
    assert "name_mapping.csv, line 2: found 1 cells" in note
