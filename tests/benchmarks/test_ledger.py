"""Runs shared by two processes: each is done once, and both end with all of them."""

from __future__ import annotations

import multiprocessing
import time

import pytest
from transferring.ledger import Ledger
from transferring.settings import BUDGETS

BUDGET = BUDGETS["quick"]
RUNS = [f"run/{number}" for number in range(6)]


def work_through(folder, mine, answers):
    ledger = Ledger(folder, BUDGET)

    def stage():
        found = {}
        for name in RUNS:
            result = ledger.do(name, lambda: time.sleep(0.05) or {"by": mine})
            if result is not None:
                found[name] = result["by"]
        return found

    answers.put(ledger.together(stage))


def test_two_processes_do_each_run_once_and_know_all(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    processes = [spawn.Process(target=work_through, args=(tmp_path, mine, answers)) for mine in (1, 2)]
    for process in processes:
        process.start()
    first, second = answers.get(timeout=60), answers.get(timeout=60)
    for process in processes:
        process.join()
    assert first == second
    assert list(first) == RUNS
    tally = Ledger(tmp_path, BUDGET).tally()
    assert (sorted(tally["finished"]), tally["failed"], tally["aborted"]) == (RUNS, [], [])


def test_a_failed_run_is_tried_once_in_a_sitting_and_again_in_the_next(tmp_path, capsys):
    tries = []

    def fail():
        tries.append(1)
        raise ValueError("no")

    ledger = Ledger(tmp_path, BUDGET)
    assert ledger.together(lambda: ledger.do("run", fail)) is None
    assert len(tries) == 1
    assert ledger.tally()["failed"] == ["run"]
    assert "run failed: ValueError('no')" in capsys.readouterr().out
    assert Ledger(tmp_path, BUDGET).do("run", lambda: {"x": 1})["x"] == 1
    assert Ledger(tmp_path, BUDGET).tally()["failed"] == []


def test_runs_of_another_budget_are_refused(tmp_path):
    Ledger(tmp_path, BUDGET)
    with pytest.raises(SystemExit, match="another budget"):
        Ledger(tmp_path, BUDGETS["cpu"])
