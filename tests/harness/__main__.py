"""`make harness`: every promise with full counts; the table in docs/reliability.md says what came out."""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.harness.scenes import scenes
from tests.harness.soak import soak
from tests.helpers.command import ROOT

PAGE, BEGIN, END = ROOT / "docs/reliability.md", "<!-- counts: begin -->", "<!-- counts: end -->"


def main():
    """Run what is asked for, and write the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--kills", type=int, default=50, help="SIGKILLs that hit, of each scene")
    asked.add_argument("--fuzz", type=int, default=300, help="mutations of each kind of file")
    asked.add_argument("--minutes", type=float, default=60, help="of soak")
    asked.add_argument("--only", default="", help="scenes whose name has this in it; nothing is written then")
    asked.add_argument("--seed", type=int, default=0)
    options = asked.parse_args()
    rows, failed = [], False
    with tempfile.TemporaryDirectory(prefix="pcrl-harness-") as scratch:
        for scene in scenes(Path(scratch)):
            if options.only not in scene.name:
                continue
            ways = [("at random", scene.killed(options.kills, options.seed))]
            if not scene.name.startswith("ingest"):  # The suite has all points of an ingest.
                ways.append(("before each step on files", scene.killed_at_points()))
            for how, outcome in ways:
                failed |= bool(outcome.differing)
                said = "; ".join(outcome.differing[:3]) or "as undisturbed"
                rows.append((f"{scene.name}, killed {how}", f"{outcome.kills} SIGKILLs", said))
                print(*rows[-1], sep=": ", flush=True)
        if options.only in "soak":
            soaked = soak(options.minutes, Path(scratch), options.seed)
            failed |= not soaked.flat
            often = f"{soaked.rounds} rounds in {soaked.minutes:.0f} minutes"
            rows.append(
                ("soak: ingest, loader and prediction, each with a fault, in one process", often, str(soaked))
            )
            print(*rows[-1], sep=": ", flush=True)
    if options.only:
        sys.exit(failed)
    which = "fuzz or damaged_record or kills"
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n2", "--dist=loadfile", "-k", which, "tests"],
        cwd=ROOT,
        env=os.environ | {"PCRL_FUZZ": str(options.fuzz), "PCRL_EVERY_POINT": "1"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    failed |= found.returncode != 0
    print(found.stdout[-3000:])
    rows.append(
        (
            "damaged files and records",
            f"{options.fuzz} mutations of each",
            found.stdout.strip().splitlines()[-1],
        )
    )
    _write(rows, " ".join(["python -m tests.harness", *sys.argv[1:]]))
    sys.exit(failed)


def _write(rows, command):
    """Put the table where the page has a place for it."""
    day, where = (
        datetime.date.today(),
        f"{platform.system()}, Python {platform.python_version()}, {os.cpu_count()} cores",
    )
    lines = [f"`{command}`, {day}, {where}:", "", "| what | how often | what came out |", "|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text("\n".join([before + BEGIN, *lines, END + after]), encoding="utf-8")


if __name__ == "__main__":
    main()
