"""Files of `torch.save`, read without executing what a pickle may ask for."""

from __future__ import annotations

import argparse
import pickle
import re
from pathlib import Path

import torch


class WeightsError(ValueError):
    """A file that does not hold the weights it should; the message names it and says what to do."""


def load(path: Path, hint: str) -> object:
    """What `torch.save` wrote, on the CPU.

    Args:
        hint: what to give instead, for messages.

    Raises:
        WeightsError: missing, damaged, no checkpoint, or one that would execute code.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such file. {hint}")
    try:
        # The one class of the published files that is not a tensor; everything else in a pickle is refused.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: refused: it is no checkpoint, or reading it would execute code stored in it; only tensors, plain "
            f"values and argparse.Namespace are allowed{_culprit(error)}. {hint}"
        ) from error
    except Exception as error:
        # Wide on purpose: damaged bytes end in any error of the unpickler (KeyError, struct.error, AssertionError, …).
        raise WeightsError(
            f"{path}: damaged, truncated or no PyTorch file ({type(error).__name__}: {_first_line(error)}). {hint}, "
            "or copy it again"
        ) from error


def _culprit(error: pickle.UnpicklingError) -> str:
    """What the file asked for; the rest of torch's message advises to switch the protection off."""
    found = re.search(r"GLOBAL (\S+)", str(error))
    return f" (it asks for {found.group(1)})" if found else ""


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no details"])[0]
