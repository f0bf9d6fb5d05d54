"""How every kernel is compiled; decided here and nowhere else.

No GIL, cached on disk where there is a folder for it, no bounds checks, division as NumPy does it, and `noalias`: the
promise that no array argument overlaps another that is written. Numba has that flag, for its own parallel loops, but
does not offer it. Without it LLVM must assume that a store may change what the next gather reads, and leaves such loops
scalar: the trilinear gather then takes 2.6 times as long.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, overload

from numba import njit
from numba.core.cpu import CPUTargetOptions
from numba.core.options import TargetOptions

CPUTargetOptions.noalias = TargetOptions.Mapping("noalias")

Function = TypeVar("Function", bound=Callable[..., Any])


@overload
def kernel(function: Function) -> Function: ...
@overload
def kernel(*, signature: str = ..., inline: bool = ...) -> Callable[[Function], Function]: ...
def kernel(function: Any = None, *, signature: str | None = None, inline: bool = False) -> Any:
    """Compile a function when it is first called, or at once for a `signature`.

    Args:
        inline: put its body where it is called, before types are known.
    """
    options: dict[str, Any] = {
        "nogil": True,
        "cache": True,
        "boundscheck": False,
        "error_model": "numpy",
        "noalias": True,
        "inline": "always" if inline else "never",
    }
    signatures = (signature,) if signature else ()

    def compiled(body: Any) -> Any:
        try:
            return njit(*signatures, **options)(body)
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
        _note_no_cache()
        return njit(*signatures, **(options | {"cache": False}))(body)

    return compiled if function is None else compiled(function)


@cache
def _note_no_cache() -> None:
    """Say once, and not in each process that helps, why every start takes as long as the first."""
    # A process that is being started does not know its parent yet.
    is_starting = getattr(multiprocessing.current_process(), "_inheriting", False)
    if multiprocessing.parent_process() is None and not is_starting:
        logging.getLogger("pcrl").warning(
            "neither the folder that pcrl is installed in nor a cache folder of this user can be written: kernels are "
            "compiled anew at every start, which takes about a minute. To keep them, set NUMBA_CACHE_DIR to a folder "
            "that can be written"
        )
