"""A trace of some steps: what the host did, and the device."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, schedule

FOLDER = "profile"
STEPS = 10
_WARM_UP = 5
_KERNELS = 25
"""Lines of the table."""


class Profile:
    """Records ten steps, after the first few, into `profile/` of the run: `trace.json` for chrome://tracing or
    https://ui.perfetto.dev, `kernels.txt` with what took longest."""

    def __init__(self, out: Path, device: torch.device) -> None:
        self._folder, self._gpu = out / FOLDER, device.type == "cuda"
        kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if self._gpu else [])]
        plan = schedule(skip_first=_WARM_UP - 1, wait=0, warmup=1, active=STEPS, repeat=1)
        self._profile = profile(activities=kinds, schedule=plan, on_trace_ready=self._write)
        self._profile.start()

    def step(self) -> None:
        """A step is queued."""
        self._profile.step()

    def close(self) -> None:
        """Write what there is, if a run ends before."""
        self._profile.stop()

    def _write(self, found: profile) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        found.export_chrome_trace(str(self._folder / "trace.json"))
        order = "self_cuda_time_total" if self._gpu else "self_cpu_time_total"
        table = found.key_averages().table(sort_by=order, row_limit=_KERNELS, max_name_column_width=90)
        (self._folder / "kernels.txt").write_text(table + "\n", encoding="utf-8")
