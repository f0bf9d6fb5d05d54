"""Cores that may be used: no more than the process is bound to, and than its control groups allow."""

import os

import pytest

from pcrl.cores import usable_cores


@pytest.fixture
def host(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))


def machine(tmp_path, membership, limits):
    """A machine's list of groups, and the files that limit them."""
    (tmp_path / "cgroup").write_text(membership)
    for name, text in limits.items():
        file = tmp_path / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return usable_cores(tmp_path / "cgroup", tmp_path / "groups")


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(
    ("membership", "limits", "cores"),
    [
        ("0::/\n", {}, 16),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 16),
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "10000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "6400000 100000\n"}, 16),
        ("0::/pod/box\n", {"pod/box/cpu.max": "max 100000\n", "pod/cpu.max": "400000 100000\n"}, 4),
        ("0::/gone/on/the/host\n", {"cpu.max": "300000 100000\n"}, 3),
        ("4:cpu,cpuacct:/job\n", {"cpu/job/cpu.cfs_quota_us": "500000\n", "cpu/job/cpu.cfs_period_us": "100000\n"}, 5),
        ("4:cpu,cpuacct:/job\n", {"cpu/job/cpu.cfs_quota_us": "-1\n", "cpu/job/cpu.cfs_period_us": "100000\n"}, 16),
    ],
)  # fmt: skip
def test_the_strictest_limit_counts(tmp_path, membership, limits, cores):
    assert machine(tmp_path, membership, limits) == cores


@pytest.mark.usefixtures("host")
def test_without_control_groups_the_affinity_counts(tmp_path):
    assert usable_cores(tmp_path / "none", tmp_path) == 16
