"""Files replaced whole or not at all, also while another process has them open."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from time import sleep
from typing import ParamSpec, TypeVar

from pytest_mimic.errors import MimicError

_P = ParamSpec("_P")
_T = TypeVar("_T")
# In seconds, two in all. Readers and writers of a vault keep a file open for less than
# a millisecond, virus scanners and search indexers for longer.
_PAUSES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, *[0.1] * 19)


def patient(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Return a function that repeats a file operation which Windows refuses for a moment.

    There, a file that another process has open cannot be replaced or deleted, and one
    that is being replaced or deleted
    cannot be opened. Python reports this as a lack of permission. Elsewhere, the
    function itself is returned.
    """
    if os.name != "nt":
        return function

    @wraps(function)
    def repeating(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for pause in _PAUSES:
            try:
                return function(*args, **kwargs)
            except PermissionError:
                sleep(pause)
        return function(*args, **kwargs)

    return repeating


def write_whole(path: Path, text: str, *, label: str) -> None:
    """Write a file, which has its old content or the new one at any time.

    Its folder is made.

    Raises:
        MimicError: It cannot be written. The message names it by its label.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8", newline="\n")
        patient(beside.replace)(path)
    except OSError as reason:
        with suppress(OSError):
            beside.unlink()
        raise MimicError(f"cannot write {label}: {reason.strerror or reason}") from None
