"""Tables and file names of the synthetic radiographs, as CheXpert and ChestX-ray14 publish theirs."""

from __future__ import annotations

from pcrl.datasets.layouts.images.chestxray import OTHER_LIST, TEST_LIST
from pcrl.datasets.layouts.images.chexpert import OBSERVATIONS
from pcrl.datasets.sample.radiographs.studies import Study

CHEXPERT, IMAGES = "CheXpert-v1.0-small", "images_001/images"
CHESTXRAY_SHAPE = (384, 384)
CHEXPERT_SHAPE = (320, 360)
"""Rows, columns."""
_OBSERVATION = {
    "effusion": "Pleural Effusion", "cardiomegaly": "Cardiomegaly", "lesion": "Lung Lesion",
    "consolidation": "Consolidation", "edema": "Edema", "atelectasis": "Atelectasis",
}  # fmt: skip
_OPACITIES = ("lesion", "consolidation", "edema", "atelectasis")
_FINDING = {
    "atelectasis": "Atelectasis", "cardiomegaly": "Cardiomegaly", "effusion": "Effusion", "lesion": "Nodule",
    "consolidation": "Consolidation", "edema": "Edema",
}  # fmt: skip
_FAINT = 0.15
"""Severity below which a finding is uncertain in CheXpert's training table."""
_FIRST_VALID = 64_540


def paths(study: Study) -> list[str]:
    """Files of a visit's views, below the tree."""
    if study.tree == "chestxray":
        return [f"{IMAGES}/{study.patient:08}_{study.number - 1:03}.png"]
    part, patient = ("valid", study.patient + _FIRST_VALID) if study.test else ("train", study.patient)
    return [
        f"{CHEXPERT}/{part}/patient{patient:05}/study{study.number}/view{n}_{view}.jpg"
        for n, view in enumerate(study.views, start=1)
    ]


def chexpert_tables(studies: list[Study]) -> dict[str, str]:
    """Path below the tree → text."""
    header = ",".join(("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *OBSERVATIONS)) + "\n"
    train, valid = [header], [header]
    for study in studies:
        labels = ",".join(_observations(study))
        for path, view in zip(paths(study), study.views, strict=True):
            line = f"{path},Unknown,0,{view.title()},{'PA' if view == 'frontal' else ''},{labels}\n"
            (valid if study.test else train).append(line)
    return {f"{CHEXPERT}/train.csv": "".join(train), f"{CHEXPERT}/valid.csv": "".join(valid)}


def chestxray_tables(studies: list[Study]) -> dict[str, str]:
    """Path below the tree → text."""
    header = (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]\n"
    )
    lines = [header]
    lists: dict[str, list[str]] = {OTHER_LIST: [], TEST_LIST: []}
    rows, columns = CHESTXRAY_SHAPE
    for study in studies:
        findings = "|".join(name for key, name in _FINDING.items() if key in study.findings) or "No Finding"
        image = paths(study)[0].rpartition("/")[2]
        lines.append(
            f"{image},{findings},{study.number - 1},{study.patient},0,,PA,{columns},{rows},0.8,0.8\n"
        )
        lists[TEST_LIST if study.test else OTHER_LIST].append(f"{image}\n")
    return {"Data_Entry_2017_v2020.csv": "".join(lines)} | {n: "".join(names) for n, names in lists.items()}


def _observations(study: Study) -> list[str]:
    """Labels as a reader gives them in `valid`, and as reports mention them in `train`: the absent only sometimes."""
    import numpy as np

    severity = {_OBSERVATION[name]: value for name, value in study.findings.items()}
    if opacities := [study.findings[name] for name in _OPACITIES if name in study.findings]:
        severity["Lung Opacity"] = max(opacities)
    if "cardiomegaly" in study.findings:
        severity["Enlarged Cardiomediastinum"] = study.findings["cardiomegaly"]
    if not severity:
        severity["No Finding"] = 1.0
    mentioned = np.random.default_rng(study.seed(2)).random(len(OBSERVATIONS)) < 0.4
    texts = []
    for name, absent in zip(OBSERVATIONS, mentioned, strict=True):
        if name in severity:
            texts.append("-1.0" if severity[name] < _FAINT and not study.test else "1.0")
        else:
            texts.append("0.0" if study.test or (absent and name != "No Finding") else "")
    return texts
