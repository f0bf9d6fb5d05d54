"""What many GPUs would come to, from measured and stated parts. A model: nothing here has been run."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parts:
    """What the model is made of. Where a value comes from is said in `SOURCES`.

    Args:
        step_ms: one GPU with its share of the batch, without any other.
        batch: samples of a GPU.
        gradient_mb: what ranks exchange in one message at the end of a step.
        norm_messages: small messages in a step, which cannot wait: those of shared BatchNorms.
        jitter: by how much of itself a step of one GPU varies (standard deviation).
        local: GPUs of a machine.
        local_gbs, machine_gbs: GB/s of a GPU to the others of its machine, and of a machine to others.
        local_us, machine_us: latency of a small message within a machine, and for each doubling of machines.
        cores: of a machine.
        core_samples: samples a second that a core makes.
        cases, case_mb, samples_per_case: of the data set, in the cache.
        memory_gb: of a machine, for files that were read.
        storage_mbs: MB/s that the shared storage gives, to all machines together.
    """

    step_ms: float = 200.0
    batch: int = 32
    gradient_mb: float = 68.4
    norm_messages: int = 36
    jitter: float = 0.01
    local: int = 8
    local_gbs: float = 300.0
    machine_gbs: float = 25.0
    local_us: float = 25.0
    machine_us: float = 10.0
    cores: int = 64
    core_samples: float = 100.0
    cases: int = 888
    case_mb: float = 30.0
    samples_per_case: int = 16
    memory_gb: float = 256.0
    storage_mbs: float = 2000.0


SOURCES = {
    "step_ms": "assumed: 32 samples of 1,271 GFLOP at 200 TFLOP/s; `train_step.py` measures it",
    "batch": "the published batch",
    "gradient_mb": "counted: 17.1 million weights in float32",
    "norm_messages": "counted: 18 in the forward passes, at most as many in the backward, with norms = heads",
    "jitter": "assumed",
    "local": "a usual machine",
    "local_gbs": "two thirds of the 450 GB/s that NVLink 4 has each way, from NVIDIA's data sheet of the H100",
    "machine_gbs": "one InfiniBand HDR port of 200 Gbit/s",
    "local_us": "assumed, of a small all-reduce of NCCL",
    "machine_us": "assumed",
    "cores": "a usual machine",
    "core_samples": "assumed from 149 (lz4) and 111 (zstd) samples/s a core in `loader.md`",
    "cases": "LUNA16",
    "case_mb": "measured: a chest CT of the sample at 1 mm takes 25 to 29 MB (zstd)",
    "samples_per_case": "the published recipe",
    "memory_gb": "a usual machine, half of it",
    "storage_mbs": "assumed, of a small parallel file system",
}


@dataclass(frozen=True, slots=True)
class Modelled:
    """A training on so many GPUs.

    Args:
        gradients_ms, norms_ms, waiting_ms: added to a step: exchange, shared BatchNorms, waiting for the slowest.
        samples: a second, where nothing else holds up.
        efficiency: of so many times the samples of one GPU.
        loader: share of the cores' samples that is needed.
        storage: share of the storage's speed that an epoch needs whose files are not in memory.
        first_epoch_s: seconds for which the first epoch waits for storage.
        in_memory: whether each machine can keep what it reads, so that later epochs wait for nothing.
        steps: of an epoch.
    """

    gpus: int
    batch: int
    gradients_ms: float
    norms_ms: float
    waiting_ms: float
    samples: float
    efficiency: float
    loader: float
    storage: float
    first_epoch_s: float
    in_memory: bool
    steps: int

    @property
    def first_to_give_way(self) -> str:
        """What would be changed first."""
        if self.steps < 1:
            return "the data set: an epoch does not fill a batch"
        if self.steps < 10:
            return f"the data set: {self.steps} {'step' if self.steps == 1 else 'steps'} an epoch"
        if self.loader > 1:
            return "the cores: too few for the loader"
        if self.storage > 1 and not self.in_memory:
            return "the storage: machines cannot keep what they read"
        parts = {
            "exchange of gradients": self.gradients_ms,
            "shared BatchNorms": self.norms_ms,
            "the slowest GPU": self.waiting_ms,
        }
        name = max(parts, key=lambda each: parts[each])
        return f"none; the largest loss is {name}" if self.gpus > 1 else "none"


def modelled(parts: Parts, gpus: int) -> Modelled:
    """A training on so many GPUs, with the published batch on each."""
    here, machines = min(gpus, parts.local), math.ceil(gpus / parts.local)
    gradients = _ring(parts.gradient_mb, here, parts.local_gbs) + _ring(
        parts.gradient_mb, machines, parts.machine_gbs
    )
    latency = (parts.local_us if here > 1 else 0.0) + parts.machine_us * math.log2(machines)
    norms = parts.norm_messages * latency / 1e3 if gpus > 1 else 0.0
    # The largest of n normal numbers lies about so many deviations above their mean.
    waiting = parts.step_ms * parts.jitter * math.sqrt(2 * math.log(gpus)) if gpus > 1 else 0.0
    step = parts.step_ms + gradients + norms + waiting
    samples = gpus * parts.batch / step * 1e3
    epoch = parts.cases * parts.samples_per_case
    # A machine reads every case of which it makes at least one of the samples.
    seen = 1 - (1 - 1 / machines) ** parts.samples_per_case
    read_mb = machines * seen * parts.cases * parts.case_mb
    reading, training = read_mb / parts.storage_mbs, epoch / samples
    return Modelled(
        gpus,
        gpus * parts.batch,
        gradients,
        norms,
        waiting,
        samples,
        parts.step_ms / step,
        samples / (machines * parts.cores * parts.core_samples),
        reading / training,
        max(0.0, reading - training),
        seen * parts.cases * parts.case_mb / 1e3 < parts.memory_gb,
        epoch // (gpus * parts.batch),
    )


def _ring(megabytes: float, members: int, gigabytes_a_second: float) -> float:
    """Milliseconds of an all-reduce round a ring."""
    return 2 * (members - 1) / members * megabytes / gigabytes_a_second
