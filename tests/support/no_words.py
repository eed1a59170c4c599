"""Takes the words out of what the plugin says, to show that no decision reads them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import pytest

from pytest_mimic._core import commands
from pytest_mimic._core.tree import call_labels, difference_words
from pytest_mimic.errors import CorruptRecordingError, MimicError


def digest(*fields: object) -> str:
    """Return digits that stand for fields."""
    text = repr(fields).encode("utf-8", "replace")
    return f"#{blake2b(text, digest_size=6).hexdigest()}"


@contextmanager
def without_words() -> Iterator[None]:
    """Let each error, remedy and label be a digest of its fields in this block."""
    with pytest.MonkeyPatch.context() as patch:
        _patch_errors(patch)
        for name in ("line", "pytest", "mimic", "for_tests"):
            patch.setattr(commands.Commands, name, _worded_by_fields)
        for module, function in (
            (call_labels, "call_label"),
            (call_labels, "label_of_recorded_call"),
            (difference_words, "difference_lines"),
        ):
            is_list = function == "difference_lines"
            _replace(patch, getattr(module, function), _lines if is_list else digest_of)
        yield


def _patch_errors(patch: pytest.MonkeyPatch) -> None:
    fields = MimicError._fields
    patch.setattr(MimicError, "what", property(lambda self: digest(*fields(self))))
    patch.setattr(MimicError, "fact_lines", lambda self: [digest(self.facts)])
    patch.setattr(MimicError, "remedy_lines", lambda self: [digest(self.remedies)])
    patch.setattr(MimicError, "__str__", lambda self: digest(*fields(self)))
    patch.setattr(CorruptRecordingError, "__str__", MimicError.__str__)


def digest_of(*fields: object, **others: object) -> str:
    return digest(fields, sorted(others.items(), key=lambda item: item[0]))


def _lines(*fields: object, **others: object) -> list[str]:
    return [digest_of(*fields, **others)]


def _worded_by_fields(self: Any, *fields: object, **others: object) -> str:
    return digest_of(self, *fields, **others)


def _replace(patch: pytest.MonkeyPatch, original: Any, other: Any) -> None:
    """Put another function wherever a module of the package holds this one."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "pytest_mimic":
            for attribute, value in list(vars(module).items()):
                if value is original:
                    patch.setattr(module, attribute, other)
