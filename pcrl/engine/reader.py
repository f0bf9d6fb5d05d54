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


@dataclass(frozen=True, slots=True)
class _Failed:
    """An error of the system."""

    number: int | None
    words: str
    file: str | None


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
        result = self._called(file, _Call(function, args, kwargs))
        if isinstance(result, _Failed):
            raise ReadError(f"{result.file or file}: cannot be read: {result.words}")
        given: Result = result
        return given

    def write(
        self, file: Path, function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """As a call, for a function that reads a file to write another.

        Raises:
            OSError: as the function does; it is about what is written.
            ReadError, ScanError, DicomError: as a call.
        """
        result = self._called(file, _Call(function, args, kwargs))
        if isinstance(result, _Failed):
            raise OSError(result.number, result.words, result.file)
        given: Result = result
        return given

    def _called(self, file: Path, call: _Call) -> Any:
        result = self._workers.call(call)
        if isinstance(result, Fault):
            raise ReadError(f"{file}: {result.reason}")
        if isinstance(result, _Refused):
            raise result.kind(result.words)
        return result


def _carried_out(call: _Call) -> Any:
    try:
        return call.function(*call.arguments, **call.named)
    except (ReadError, ScanError, DicomError) as error:
        return _Refused(type(error), str(error))
    except OSError as error:
        return _Failed(error.errno, error.strerror or str(error), error.filename)
