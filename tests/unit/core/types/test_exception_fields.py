"""Which fields in C of a builtin exception count, since its arguments do not tell them."""

from __future__ import annotations

import pytest

from pytest_mimic._core.types.exception_fields import exception_fields, fields_in_c


def set_later(error: Exception, **fields: object) -> Exception:
    """Return an exception whose fields were set after it was made."""
    for name, value in fields.items():
        setattr(error, name, value)
    return error


ERRORS = {
    "by its arguments": (OSError(2, "gone", "a"), ("filename", "filename2")),
    "set later": (
        set_later(OSError(2, "gone"), errno=5),
        ("filename", "filename2", "errno"),
    ),
    "of the class and its base": (
        set_later(BlockingIOError(11, "busy"), characters_written=7),
        ("filename", "filename2", "characters_written"),
    ),
    "a name of None": (AttributeError("gone"), ()),
    "a name": (AttributeError("gone", name="a"), ("name",)),
    "no fields": (set_later(ValueError("gone"), field=1), ()),
}


@pytest.mark.parametrize(("error", "names"), ERRORS.values(), ids=ERRORS)
def test_fields_count_that_the_arguments_do_not_tell(
    error: Exception, names: tuple[str, ...]
) -> None:
    assert exception_fields(error) == names


def test_a_class_has_the_fields_of_all_of_its_bases() -> None:
    assert set(fields_in_c(BlockingIOError)) == {
        *("errno", "strerror", "filename", "filename2", "characters_written"),
    }
