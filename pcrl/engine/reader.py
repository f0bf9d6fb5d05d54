"""Reading foreign files from a process that has to go on: a worker reads, and may die of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from pcrl.datasets.dicom.header import DicomError
from pcrl.engine.errors import ReadError, ScanError
from pcrl.workers.fault import Fault
from pcrl.workers.limits import Limits, of_readers
from pcrl.workers.pool import Workers

Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Call:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    named: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Refused:
    kind: type[ReadError | ScanError | DicomError]
    words: str


class Reader:
    """Calls functions in a worker, and gives what they give; a context manager, at whose end the worker is gone.

        with Reader() as reader:
            scan = reader(path, read, path)

    Args:
        limits: of one call. None: those of one worker that may use what memory is free.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._workers: Workers[_Call, Any] = Workers(_carried_out, 1, limits or of_readers(1))

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.__exit__()

    def __call__(
        self, file: Path, function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Call a function of a module.

        Args:
            file: that is named if the worker dies of it.

        Raises:
            ReadError: of the function; or its worker died, took too long, or took too much memory.
            ScanError, DicomError: of the function.
        """
        result: Any = self._workers.call(_Call(function, args, kwargs))
        if isinstance(result, Fault):
            raise ReadError(f"{file}: {result.reason}")
        if isinstance(result, _Refused):
            raise result.kind(result.words)
        given: Result = result
        return given


def _carried_out(call: _Call) -> Any:
    try:
        return call.function(*call.arguments, **call.named)
    except (ReadError, ScanError, DicomError) as error:
        return _Refused(type(error), str(error))
    except OSError as error:
        return _Refused(
            ReadError, f"{error.filename or call.arguments[0]}: cannot be read: {error.strerror or error}"
        )
