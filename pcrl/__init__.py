"""pcrl: a data engine and trainer for PCRLv2, self-supervised pre-training on medical images.

    import pcrl

    pcrl.ingest("lits")
    pcrl.pretrain("cache")
    pcrl.evaluate("lits", fraction=0.1)

What is named here is loaded when it is first used, so that `import pcrl` costs nothing. `docs/api.md` shows all of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pcrl.config import load_recipe
    from pcrl.engine.cache.cache import Cache
    from pcrl.engine.ingest import ingest
    from pcrl.engine.loading.loader import Loader
    from pcrl.evaluation.external.evaluate import evaluate_elsewhere
    from pcrl.evaluation.predict.predict import predict
    from pcrl.evaluation.run.curve import curve
    from pcrl.evaluation.run.evaluate import evaluate
    from pcrl.training.pretrain import pretrain

__version__ = "0.1.0"
__all__ = [
    "Cache",
    "Loader",
    "__version__",
    "curve",
    "evaluate",
    "evaluate_elsewhere",
    "ingest",
    "load_recipe",
    "predict",
    "pretrain",
]

_HOMES = {
    "Cache": "pcrl.engine.cache.cache",
    "Loader": "pcrl.engine.loading.loader",
    "curve": "pcrl.evaluation.run.curve",
    "evaluate": "pcrl.evaluation.run.evaluate",
    "evaluate_elsewhere": "pcrl.evaluation.external.evaluate",
    "ingest": "pcrl.engine.ingest",
    "load_recipe": "pcrl.config",
    "predict": "pcrl.evaluation.predict.predict",
    "pretrain": "pcrl.training.pretrain",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pcrl' has no attribute {name!r}; there are {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
