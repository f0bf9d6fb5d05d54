"""From names of arms to arms with their weights, and whether these saw the test set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pcrl.config import OBJECTIVES, Model
from pcrl.engine.cache.cache import Cache
from pcrl.engine.fingerprints.fingerprints import Fingerprints
from pcrl.evaluation.arms.arm import AT_MOST, LONGER, Arm
from pcrl.evaluation.arms.runs import Pretrained, describe, newest_compatible, open_run
from pcrl.evaluation.leak.check import Allowed, Comparing, Seen, Verdict, check_leak
from pcrl.evaluation.records.errors import ProtocolError

ANOTHER_RUN = (
    "Give a run that did not (pcrl pretrain leaves test patients out by default; with --folds, give a run on other "
    "scans, or --arms scratch)"
)


@dataclass(frozen=True, slots=True)
class ChosenArms:
    """The arms of an evaluation.

    Args:
        model: the network whose encoder all of them have.
        weights: all that are used.
        notes: runs that were not used, and what a reader must know about the weights.
    """

    arms: tuple[Arm, ...]
    model: Model
    weights: tuple[Pretrained, ...]
    notes: tuple[str, ...]

    def saw_test(
        self,
        tested: Callable[[], Fingerprints],
        cache: Cache,
        allowed: Allowed,
        comparing: Comparing,
        instead: str = ANOTHER_RUN,
    ) -> Verdict:
        """Whether any pre-training that an arm begins with saw what is tested.

        Args:
            tested: gives what is tested; asked only where an arm begins with weights of a known run.
            cache: of the evaluation.
            comparing: is told when scans are compared that are not the same.
            instead: what else can be done where one did.

        Raises:
            RunError: what a run saw is not known any more.
            ProtocolError: one did, and `allowed` does not allow it.
        """
        begun_with = {arm.checkpoint for arm in self.arms}
        known = {
            str(weights.path): weights.record
            for weights in self.weights
            if weights.record is not None and weights.path in begun_with
        }
        if not known:
            return Verdict(False)
        scans = tested()
        verdicts = []
        for name, record in known.items():
            seen = Seen(f"the pre-training of {name}", record.seen(), frozenset(record.patients), instead)
            verdicts.append(check_leak(seen, scans, cache, allowed, comparing))
        notes = dict.fromkeys(note for verdict in verdicts for note in verdict.notes)
        return Verdict(any(verdict.saw for verdict in verdicts), tuple(notes))


def choose(
    kinds: Sequence[str],
    checkpoints: Sequence[Path],
    model: Model,
    runs: Path,
    cache: Path,
    controls: Mapping[str, Path] | None = None,
) -> ChosenArms:
    """The arms that are asked for, in that order; all others are compared with the first.

    Args:
        checkpoints: runs, checkpoints or imported weights, each an arm of its own; none: the newest run that fits.
        model: the network of the recipe; the encoder is that of the weights, where there are any.
        runs: where the newest run is looked for.
        controls: runs of arms that are named after an objective, if they are known; else the newest that fits.

    Raises:
        ProtocolError: no run fits, or weights are of another kind of network than others.
    """
    notes: list[str] = []
    used: list[Pretrained] = []
    controls_used: list[Pretrained] = []
    needed = [kind for kind in kinds if kind in ("pretrained", "permuted", "shuffled")]
    if needed or checkpoints:
        used = [open_run(path) for path in checkpoints] or [_newest(runs, model, None, cache, notes)]
        model = _same(used, model)
    main = used[0] if used else None
    arms: list[Arm] = []
    for kind in kinds:
        if kind == "pretrained":
            arms += [_pretrained(one, len(used) > 1) for one in used]
        elif kind == "scratch":
            arms.append(Arm("scratch", "random weights"))
        elif kind == "scratch-long":
            times = f"{LONGER} to {AT_MOST} times the epochs, until the validation score no longer improves"
            arms.append(Arm("scratch-long", f"random weights, {times}", longer=True))
        elif kind in OBJECTIVES:
            known = (controls or {}).get(kind)
            found = open_run(known) if known else _newest(runs, model, kind, cache, notes)
            controls_used.append(found)
            if main is not None:
                notes += _unlike(main, found, kind)
                _refuse_itself(main, found, kind)
            arms.append(Arm(kind, f"{found.path}, objective {kind}", found.state, found.path))
        else:
            assert main is not None
            what = (
                "its values permuted within each tensor"
                if kind == "permuted"
                else "trained on shuffled labels"
            )
            arms.append(
                Arm(
                    kind, f"{main.path}, {what}", main.state, main.path,
                    permuted=kind == "permuted", shuffled=kind == "shuffled",
                )
            )  # fmt: skip
    # Apart until here: whatever the order of the arms, a control is no pre-trained arm.
    used += controls_used
    for weights in used:
        if weights.unfinished:
            notes.append(
                f"the pre-training of {weights.path} is not finished: its last checkpoint so far, "
                f"{weights.unfinished}, is used"
            )
        if not weights.known:
            notes.append(
                f"it is not fully known on which patients {weights.path} was pre-trained: make sure that no test "
                "patient is among them"
            )
    names = [arm.name for arm in arms]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise ProtocolError(f"two checkpoints would both be the arm {doubled[0]}: rename one of the folders")
    return ChosenArms(tuple(arms), model, tuple(used), tuple(notes))


def _pretrained(weights: Pretrained, several: bool) -> Arm:
    name = checkpoint_arm(weights.path) if several else "pretrained"
    return Arm(
        name, f"{weights.path}; pre-training started from {weights.start}", weights.state, weights.path
    )


def checkpoint_arm(path: Path) -> str:
    """Name of the arm of a checkpoint where there are several of them."""
    path = path.resolve()
    in_run = path.parent.name == "checkpoints"
    return f"pretrained-{path.parent.parent.name}-{path.name}" if in_run else f"pretrained-{path.name}"


def _newest(runs: Path, model: Model, objective: str | None, cache: Path, notes: list[str]) -> Pretrained:
    found, passed_over = newest_compatible(runs, model, objective)
    if found is None:
        reasons = "".join(f"\n  not used: {reason}" for reason in passed_over)
        if objective is None:
            raise ProtocolError(
                f"no finished run in {runs} fits. Make one:\n  pcrl pretrain --cache {cache}\nor give --checkpoint "
                f"(in Python: checkpoints), or --arms scratch to train without pre-training{reasons}"
            )
        raise ProtocolError(
            f"no finished run in {runs} has the objective {objective}. Make one, with everything else as in the other "
            f"run:\n  pcrl pretrain --cache {cache} --set objective.name={objective}{reasons}"
        )
    notes.extend(f"not used: {reason}" for reason in passed_over)
    return found


def _same(used: Sequence[Pretrained], model: Model) -> Model:
    first = used[0]
    for one in used:
        if one.model.network != model.network:
            raise ProtocolError(
                f"{one.path} holds weights of {describe(one.model)}; this evaluation needs {describe(model)}"
            )
        if describe(one.model) != describe(first.model):
            raise ProtocolError(
                f"{one.path} is {describe(one.model)}, {first.path} {describe(first.model)}: no control arm fits "
                "both; evaluate them separately"
            )
    return first.model


def _refuse_itself(main: Pretrained, found: Pretrained, objective: str) -> None:
    """A run compared with itself differs by nothing, which would look like a result."""
    if found.path.resolve() == main.path.resolve():
        raise ProtocolError(
            f"the arms pretrained and {objective} are the same run, {main.path}: leave one of them out, or compare "
            "with the arm of another objective"
        )


def _unlike(main: Pretrained, control: Pretrained, objective: str) -> list[str]:
    """What makes the comparison with a control unfair."""
    if main.record is None or control.record is None:
        return [
            f"it is not known whether the run of the objective {objective} had the same scans and steps as {main.path}"
        ]
    differing = []
    if main.record.identity != control.record.identity:
        differing.append("scans")
    one, other = main.record.recipe.training, control.record.recipe.training
    differing += [
        key.replace("_", " ")
        for key in ("epochs", "samples_per_case", "batch_size", "learning_rate")
        if getattr(one, key) != getattr(other, key)
    ]
    if not differing:
        return []
    return [f"{control.path} differs from {main.path} in more than its objective: {', '.join(differing)}"]
