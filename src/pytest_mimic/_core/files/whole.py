"""Writes a text file of the user whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pytest_mimic._core.files.patient import patient
from pytest_mimic.errors import MimicError


def write_whole(path: Path, text: str, *, label: str) -> None:
    """Write a file, which has its old content or the new one at any time. Its folder is made.

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
