"""A trace of some steps: what the host did, and the device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, schedule

FOLDER = "profile"
STEPS = 10
_WARM_UP = 5
_WARM_UP_GPU = 30
"""Steps before those. On a GPU a graph is compiled when its level is first drawn."""
_KERNELS = 25
"""Lines of the table."""


class Profile:
    """Records ten steps, after the first few, into `profile/` of the run: `trace.json` for chrome://tracing or
    https://ui.perfetto.dev, `kernels.txt` with what took longest.

    Args:
        note: is told if a run ends before.
    """

    def __init__(self, out: Path, device: torch.device, note: Callable[[str], None]) -> None:
        self._folder, self._gpu, self._note = out / FOLDER, device.type == "cuda", note
        self._kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if self._gpu else [])]
        self._first = _WARM_UP_GPU if self._gpu else _WARM_UP
        self._profile: profile | None = None
        self._written = False

    def step(self) -> None:
        """A step is queued."""
        if self._profile is None:
            plan = schedule(skip_first=self._first - 2, wait=0, warmup=1, active=STEPS, repeat=1)
            self._profile = profile(activities=self._kinds, schedule=plan, on_trace_ready=self._write)
            self._profile.start()
        else:
            self._profile.step()

    def close(self) -> None:
        """End it; what was recorded of a run that ends within is written."""
        if self._profile is not None:
            self._profile.stop()
        if not self._written:
            self._note(f"the run ended before step {self._first}: there is no profile")

    def _write(self, found: profile) -> None:
        self._written = True
        self._folder.mkdir(parents=True, exist_ok=True)
        found.export_chrome_trace(str(self._folder / "trace.json"))
        order = "self_cuda_time_total" if self._gpu else "self_cpu_time_total"
        table = found.key_averages().table(sort_by=order, row_limit=_KERNELS, max_name_column_width=90)
        (self._folder / "kernels.txt").write_text(table + "\n", encoding="utf-8")
