"""Records of evaluations as reports get them: segmentation, classification, detection, and one with nothing in it."""

import io
import math

import numpy as np
from PIL import Image

from pcrl.evaluation.records.curve_point import CurvePoint
from pcrl.evaluation.records.results import (
    ArmResult,
    CaseRow,
    Comparison,
    Line,
    Metric,
    Picture,
    Results,
    Row,
    Run,
    Side,
)

ARMS = ("pre-trained", "frozen", "from scratch")
GAINS = (0.0, -0.05, -0.09)
HOSTILE = "<script>alert(1)</script></style><!-- \"' & ]]> ${x} {{ 7*7 }}"
DICE = Metric(name="dice", title="Dice", main=True)
HD95 = Metric(name="hd95", title="HD95", unit="mm", better="lower")
AUROC = Metric(name="auroc", title="AUROC", main=True)
BRIER = Metric(name="brier", title="Brier score", better="lower")
CPM = Metric(name="cpm", title="CPM", main=True)


def spread(values, rng, resamples=400):
    """Mean, standard deviation and interval over patients, of values where they are defined."""
    values = np.array([value for value in values if value is not None])
    drawn = rng.choice(values, (resamples, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(values.mean()), float(values.std(ddof=1)), (float(low), float(high))


def runs(arm, rng, seeds=2, folds=(None,), epochs=40):
    found = []
    for seed in range(seeds):
        for fold in folds:
            done = epochs - int(rng.integers(0, 12)) * (seed % 2)
            losses = 0.2 + 0.9 * np.exp(-np.arange(done) / (6 + 3 * arm)) + rng.normal(0, 0.015, done)
            every = np.arange(1, done, 2)
            scores = 0.86 + GAINS[arm] - 0.5 * np.exp(-every / 7) + rng.normal(0, 0.01, len(every))
            best = int(np.argmax(scores))
            found.append(
                Run(
                    seed=seed,
                    fold=fold,
                    learning_rate=1e-3,
                    rates_tried={"0.001": float(scores[best]), "0.0003": float(scores[best]) - 0.02},
                    losses=tuple(losses.tolist()),
                    validations=tuple(zip(every.tolist(), scores.tolist(), strict=True)),
                    criterion="mean Dice of validation patients",
                    chosen_epoch=int(every[best]),
                    stopped="early" if done < epochs else "limit",
                    training_patients=19,
                    validation_patients=2,
                    seconds=float(rng.uniform(200, 5000)),
                    folder=f"runs/{ARMS[arm].replace(' ', '_')}/seed{seed}",
                )
            )
    return tuple(found)


def record(**changes):
    base = {
        "task": "lits",
        "dataset": "lits",
        "command": "pcrl eval lits --fraction 0.1 --from-scratch --frozen --seeds 2 --checkpoint runs/first",
        "created": "2025-03-14T10:22:05+01:00",
        "seconds": 8123.4,
        "protocol": {
            "fraction": 0.2,
            "validation": "budget",
            "seeds": 2,
            "folds": None,
            "learning_rates": [1e-3, 3e-4],
        },
        "patients": "training 19; validation 2; test 12",
        "training_patients": 19,
        "validation_patients": 2,
        "test_patients": 12,
        "notes": (),
        "transductive": False,
        "virtual": 0,
        "metrics": (DICE, HD95),
        "arms": (),
        "comparisons": (),
        "lines": (),
        "pictures": (),
        "splits": (),
        "recipe": {"seed": 0, "model": {"name": "unet3d", "width": 32}, "finetuning": {"rate": 1e-3}},
        "versions": {"pcrl": "0.1.0", "torch": "2.6.0", "numpy": "2.2.1"},
        "machine": "Linux 6.1, 16 cores, one NVIDIA H100",
    }
    return Results(**{**base, **changes})


def about(arm):
    words = (
        "PCRLv2 on 623 volumes, 240 epochs",
        "the same, encoder frozen",
        "random weights, the same decoder",
    )
    return {"name": ARMS[arm], "about": words[arm], "checkpoint": None if arm == 2 else "runs/first/last.pt"}


def segmentation(folder=None):
    """Two regions, three arms, 12 patients, two seeds; pictures are written to `folder`, one is missing."""
    rng = np.random.default_rng(7)
    labels = {"liver": 0.9, "tumour": 0.62}
    base = {label: np.clip(rng.normal(at, 0.1, 12), 0.05, 0.98) for label, at in labels.items()}
    arms, scores = [], {}
    for arm in range(3):
        rows, cases = [], []
        for label in labels:
            dice = np.clip(base[label] + GAINS[arm] + rng.normal(0, 0.02, 12), 0, 1).tolist()
            hd95 = [None if value < 0.4 else 40 * (1 - value) + float(rng.uniform(0, 5)) for value in dice]
            scores[arm, label] = dice
            cases += [
                CaseRow(
                    case=f"volume-{n:03d}",
                    patient=f"patient-{n:03d}",
                    virtual=False,
                    label=label,
                    values={"dice": dice[n], "hd95": hd95[n]},
                )
                for n in range(12)
            ]
            for metric, values in (("dice", dice), ("hd95", hd95)):
                value, sd, interval = spread(values, rng)
                counts = {"undefined": values.count(None)} if metric == "hd95" else {}
                rows.append(
                    Row(
                        label=label,
                        metric=metric,
                        value=value,
                        by_seed={0: value + 0.004, 1: value - 0.004},
                        sd=sd,
                        interval=interval,
                        patients=12,
                        counts=counts,
                    )
                )
        arms.append(ArmResult(**about(arm), runs=runs(arm, rng), rows=tuple(rows), cases=tuple(cases)))
    comparisons = []
    for label in labels:
        for arm in (1, 2):
            difference = np.subtract(scores[0, label], scores[arm, label])
            value, _, interval = spread(difference.tolist(), rng)
            comparisons.append(
                Comparison(
                    label=label,
                    metric="dice",
                    arm=ARMS[0],
                    minus=ARMS[arm],
                    difference=value,
                    interval=interval,
                    p=0.0005 if arm == 2 else 0.021,
                    p_holm=0.002 if arm == 2 else 0.042,
                    by_seed={0: value + 0.011, 1: value - 0.011},
                    patients=12,
                )
            )
    pictures = [
        Picture(
            arm=ARMS[arm],
            label="liver",
            rank=rank,
            case=f"volume-{n:03d}",
            metric="dice",
            value=scores[arm, "liver"][n],
            file=f"pictures/{arm}-{rank}.{'jpg' if rank == 'best' else 'png'}",
        )
        for arm in (0, 2)
        for n, rank in enumerate(("worst", "median", "best"))
    ]
    if folder is not None:
        for n, picture in enumerate(pictures[:-1]):
            paint(folder / picture.file, n)
    splits = [
        Side(
            seed=seed,
            fold=None,
            train=tuple(f"volume-{100 + n + 3 * seed:03d}" for n in range(19)),
            validation=tuple(f"volume-{90 + n:03d}" for n in range(9)),
            test=tuple(f"volume-{n:03d}" for n in range(12)),
        )
        for seed in (0, 1)
    ]
    return record(
        arms=tuple(arms), comparisons=tuple(comparisons), pictures=tuple(pictures), splits=tuple(splits)
    )


def paint(path, number):
    """A picture like those of overlays."""
    y, x = np.mgrid[:120, :330]
    gray = 60 + 90 * (((x % 110 - 55) / 45) ** 2 + ((y - 60) / 40) ** 2 < 1) + 8 * number
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(gray.astype(np.uint8)).save(path)


def classification():
    """Five findings, three arms, 150 patients with up to two images; virtual and transductive."""
    rng = np.random.default_rng(8)
    labels = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
    arms, lines = [], []
    rates = np.linspace(0, 1, 400)
    for arm in range(3):
        rows = []
        areas = [0.88 - 0.03 * n + GAINS[arm] for n in range(5)]
        for label, area in [*zip(labels, areas, strict=True), ("mean", float(np.mean(areas)))]:
            counts = {} if label == "mean" else {"positives": 40, "negatives": 183}
            interval = (area - 0.04, min(area + 0.035, 1))
            rows.append(
                Row(
                    label=label,
                    metric="auroc",
                    value=area,
                    by_seed={0: area + 0.002, 1: area - 0.002},
                    interval=interval,
                    patients=150,
                    counts=counts,
                )
            )
            rows.append(Row(label=label, metric="brier", value=0.3 - area / 5, patients=150, counts=counts))
            if label != "mean":
                y = rates ** (1 / area - 1)
                lines.append(
                    Line(kind="roc", arm=ARMS[arm], label=label, x=tuple(rates.tolist()), y=tuple(y.tolist()))
                )
        cases = tuple(
            CaseRow(
                case=f"patient{n:05d}/study1/view{view}_frontal.jpg",
                patient=f"patient{n:05d}",
                virtual=n % 2 == 0,
                label=label,
                values={"probability": float(rng.random()), "truth": float(rng.integers(0, 2))},
            )
            for n in range(150)
            for view in range(1, 1 + n % 2 + 1)
            for label in labels
        )
        arms.append(ArmResult(**about(arm), runs=runs(arm, rng), rows=tuple(rows), cases=cases))
    comparisons = [
        Comparison(
            label="mean",
            metric="auroc",
            arm=ARMS[0],
            minus=ARMS[arm],
            difference=-GAINS[arm],
            interval=(-GAINS[arm] - 0.06, -GAINS[arm] + 0.06),
            p=0.12 if arm == 1 else 0.012,
            p_holm=0.12 if arm == 1 else 0.024,
            by_seed={0: -GAINS[arm] + 0.01, 1: -GAINS[arm] - 0.01},
            patients=150,
        )
        for arm in (1, 2)
    ]
    return record(
        task="chexpert",
        dataset="chexpert",
        metrics=(AUROC, BRIER),
        arms=tuple(arms),
        comparisons=tuple(comparisons),
        lines=tuple(lines),
        transductive=True,
        virtual=112,
        patients="training 1200; validation 60; test 150",
        test_patients=150,
        notes=(
            "Labels without a positive among the training images: Lung Lesion.",
            "No study was left out.",
        ),
    )


def detection():
    """Nodules of ten folds, three arms, FROC."""
    rng = np.random.default_rng(9)
    arms, lines = [], []
    for arm in range(3):
        x = np.concatenate([[0.0], np.geomspace(0.02, 5.0 + 6 * arm, 60)])
        y = np.where(x > 0, 0.95 + GAINS[arm] - 0.35 * np.exp(-x * (1.5 - arm / 3)), 0)
        lines.append(
            Line(kind="froc", arm=ARMS[arm], label="nodule", x=tuple(x.tolist()), y=tuple(y.tolist()))
        )
        value = 0.81 + GAINS[arm]
        row = Row(
            label="nodule",
            metric="cpm",
            value=value,
            interval=(value - 0.05, value + 0.04),
            patients=88,
            counts={"nodules": 112, "scans": 88},
        )
        cases = tuple(
            CaseRow(
                case=f"1.3.6.1.4.1.14519.5.2.1.6279.6001.{n:039d}",
                patient=f"s{n}",
                virtual=False,
                label="nodule",
                values={"found": float(rng.integers(0, 3)), "false_positives": float(rng.integers(0, 20))},
            )
            for n in range(88)
        )
        folds = runs(arm, rng, seeds=1, folds=(0, 1, 2))
        arms.append(ArmResult(**about(arm), runs=folds, rows=(row,), cases=cases))
    return record(
        task="luna", dataset="luna", metrics=(CPM,), arms=tuple(arms), lines=tuple(lines), test_patients=88
    )


def tiny(name=HOSTILE):
    """One arm, one patient, nothing defined, and every text hostile."""
    run = Run(
        seed=0,
        fold=None,
        learning_rate=1e-3,
        rates_tried={name: None},
        losses=(),
        validations=(),
        criterion=name,
        chosen_epoch=0,
        stopped="limit",
        training_patients=1,
        seconds=0.2,
        folder=name,
    )
    arm = ArmResult(
        name=name,
        about=name,
        checkpoint=name,
        runs=(run,),
        rows=(Row(label=name, metric="dice", value=None, patients=1, counts={name: 1}),),
        cases=(
            CaseRow(case=name, patient=name, virtual=True, label=name, values={"dice": None, name: None}),
        ),
    )
    side = Side(seed=0, fold=0, train=(name,), validation=(), test=(name,))
    rank = {"arm": name, "label": name, "rank": "best", "case": name, "metric": name, "value": 0.5}
    return record(
        task=name, dataset=name, command=name, created=name, patients=name, notes=(name,), machine=name,
        virtual=1, metrics=(Metric(name="dice", title=name, unit=name, main=True),), arms=(arm,), splits=(side,),
        comparisons=(Comparison(
            label=name, metric="dice", arm=name, minus=name, difference=0.0, interval=None, p=None, patients=1
        ),),
        lines=(
            Line(kind="roc", arm=name, label=name, x=(), y=()), Line(kind="froc", arm=name, label=name, x=(), y=()),
        ),
        pictures=(Picture(**rank, file=name),),
        protocol={name: name}, recipe={name: {name: [name]}}, versions={name: name},
    )  # fmt: skip


def curve():
    """Three arms at 1, 5, 10, 50 and 100 % of the labels, of two regions."""
    points = []
    for label, top in (("liver", 0.94), ("tumour", 0.66)):
        for arm, gain in zip(ARMS, GAINS, strict=True):
            for fraction in (0.01, 0.05, 0.1, 0.5, 1.0):
                patients = math.ceil(92 * fraction)
                value = top - (0.3 - 2 * gain) / math.sqrt(patients)
                points.append(
                    CurvePoint(
                        task="lits",
                        dataset="lits",
                        arm=arm,
                        fraction=fraction,
                        training_patients=patients - patients // 8,
                        validation_patients=patients // 8,
                        labelled_patients=patients,
                        seeds=2,
                        metric="dice",
                        label=label,
                        value=value,
                        interval=(value - 0.06, value + 0.04),
                        patients=12,
                        folder=f"../lits {fraction:g}",
                    )
                )
    return points


def png():
    """The bytes of a small PNG."""
    with io.BytesIO() as file:
        Image.new("L", (4, 4)).save(file, "png")
        return file.getvalue()
