"""Damage to a cache, and what a verification says of it."""

from pcrl.engine.cache.lock import LOCK, WORKERS
from pcrl.engine.cache.verification.verify import verify_dataset
from pcrl.engine.images.ingest import run as images
from pcrl.engine.volumes.ingest import run, tasks
from pcrl.files import sha256_of


def faults(folder):
    """Name → faults of what a verification finds in a data set."""
    return {found.name: found.faults for found in verify_dataset(folder) if found.faults}


def flip(path, place, bit=0):
    """Flip a bit of the byte at a place; negative ones count from the end."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(bytes(content))


def read_in_this_process(monkeypatch):
    """Let an ingest read scans without other processes, which take seconds to start."""
    for module in (run, tasks, images):
        monkeypatch.setattr(module, "Workers", _Here)


class _Here:
    """As `pcrl.workers.pool.Workers`, without workers."""

    def __init__(self, function, *_):
        self.function = function

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, tasks):
        for task in tasks:
            yield task, self.function(task)

    in_order = run


def tree(folder):
    """Path → digest of everything below a folder, empty folders included, but the files that locks are held on."""
    return {
        str(path.relative_to(folder)): _content(path)
        for path in sorted(folder.rglob("*"))
        if path.name not in (LOCK, WORKERS)
    }


def _content(path):
    if path.is_symlink():
        return f"link to {path.readlink()}"
    return "folder" if path.is_dir() else sha256_of(path)
