"""Files replaced whole or not at all, also while another process has them open.

The files of `--mimic-report` and `--mimic-usage` are written so. Those of the vault are
written by `_core/vault/folder.py`, which uses `patient`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from time import sleep
from typing import ParamSpec, TypeVar

from pytest_mimic.errors import MimicError

_P = ParamSpec("_P")
_T = TypeVar("_T")
# The pauses between attempts, in seconds: two in all. Readers and writers of a vault
# keep a file open for less than a millisecond, virus scanners and search indexers for
# longer.
_PAUSES_OF_ATTEMPTS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, *[0.1] * 19)

# How many bytes of a file tell whether an option has written it, and how many bytes a
# file's name may have.
_BYTES_OF_KIND = 4096
_LONGEST_NAME = 255


def patient(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Return a function that repeats a file operation until Windows allows it.

    On Windows, a file that another process has open cannot be replaced or deleted, and
    one that is being replaced or deleted cannot be opened. Python reports this as a
    lack of permission. Elsewhere, the function itself is returned.
    """
    if os.name != "nt":
        return function

    @wraps(function)
    def repeating(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        for pause in _PAUSES_OF_ATTEMPTS:
            try:
                return function(*args, **kwargs)
            except PermissionError:
                sleep(pause)
        return function(*args, **kwargs)

    return repeating


def write_whole(path: Path, text: str, *, label: str) -> None:
    """Write a file, which has its old content or the new one at any time.

    `--mimic-report` and `--mimic-usage` write theirs so, at the end of a run. The
    folder of the file is made. A link stays, and the file that it leads to is written.
    A device or a pipe stays, too, and gets the text.

    Raises:
        MimicError: The file cannot be written. The message has the file's label.
    """
    try:
        target = Path(os.path.realpath(path))
        if is_device_or_pipe(target):
            target.write_text(text, encoding="utf-8", newline="\n")
        else:
            _replace(target, text)
    except OSError as reason:
        raise MimicError(f"cannot write {label}: {reason.strerror or reason}") from None


def is_device_or_pipe(path: Path) -> bool:
    """Check whether a path is a device, a pipe or a socket.

    What is written goes into it: no file may replace it.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _replace(path: Path, text: str) -> None:
    """Write a file under another name beside it, and rename that to the file."""
    temporary_file = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    if len(os.fsencode(temporary_file.name)) > _LONGEST_NAME:
        temporary_file = path.with_name(f".mimic-{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        temporary_file.write_text(text, encoding="utf-8", newline="\n")
        patient(temporary_file.replace)(path)
    except OSError:
        with suppress(OSError):
            temporary_file.unlink()
        raise


def refuse_other_kinds(
    path: Path, is_ours: Callable[[bytes], bool], *, option: str
) -> None:
    """Check that an option may replace a file, before the run begins.

    It may if there is no file, if the file is empty or one of ours, or if it is a
    device or a pipe. So `--mimic-report tests/test_a.py` loses no test.

    Args:
        path: The file, or a link to it.
        is_ours: Whether a file that begins with these bytes is one that the option has
            written.
        option: The option, for the message.

    Raises:
        MimicError: The file is of another kind, or cannot be read.
    """
    try:
        if is_device_or_pipe(path) or not path.exists():
            return
        with path.open("rb") as file:
            start = file.read(_BYTES_OF_KIND)
    except OSError as reason:
        raise MimicError(f"{option}={path}: {reason.strerror or reason}") from None
    if start and not is_ours(start):
        raise MimicError(
            f"{option} would overwrite {path}, which is another kind of file"
        )
