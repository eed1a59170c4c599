"""The options of a target: read from a line or from keywords, and checked."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._core.seam.registry import (
    CLIENTS,
    COMMON_PARTS,
    OUTCOME_PARTS,
    is_bundled,
    kind_of,
    load_adapter,
    parts_of,
)
from pytest_mimic._core.target_options import Options
from pytest_mimic.errors import TargetError

if TYPE_CHECKING:
    from typing import TypedDict

    class TargetOptions(TypedDict, total=False):
        """The options by keyword. None leaves an option as it is."""

        ignore: str | Iterable[str] | None
        match: str | Iterable[str] | None
        key: Callable[[Mapping[str, Any]], object] | None
        sequence: bool | None
        content: str | Iterable[str] | None
        rtol: float | None
        atol: float | None
        volatile: str | Iterable[str] | None
        compare: Literal["exact", "shape"] | None
        only: str | Iterable[str] | None
        exclude: str | Iterable[str] | None


def target_error(origin: str, what: str, **data: str) -> TargetError:
    """Return an error about a target, in one line that begins with the place where the target was written."""
    return TargetError(f"{origin}: {what}" if origin else what, **data)


def read_line_options(words: Sequence[str], target: str, origin: str) -> dict[str, Any]:
    """Read options as a line has them, each `name` or `name=value`.

    Raises:
        TargetError: An option is unknown, is given twice or has a bad value.
    """
    given: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not name:
            raise target_error(origin, f"{target}: there is no option {word or repr(word)}", target=target)
        if name in given:
            raise target_error(origin, f"{target}: {name} is given twice", target=target, option=name)
        if name == "key":
            what = f"{target}: key= takes a function, so it works in Python only"
            raise target_error(origin, what, target=target)
        if name not in _READERS:
            raise _unknown(name, target, origin, _READERS.keys() - {"key"})
        given[name] = _read(name, text if equals else None, target, origin)
    return given


def read_keyword_options(options: Mapping[str, object], target: str, origin: str = "") -> dict[str, Any]:
    """Read options given by keyword, and drop those that are None. Messages begin with `origin` and `target`.

    Raises:
        TargetError: An option is unknown or has a bad value.
    """
    return {
        name: _read(name, value, target, origin)
        for name, value in options.items()
        if value is not None or name not in _READERS
    }


def check_kind(target: str, options: Options, origin: str = "") -> None:
    """Check that options fit the kind of target, which is a function or a client.

    Raises:
        TargetError: An option is for the other kind, or names a part that calls of this client do not have.
    """
    is_client = target in CLIENTS
    for name in ("key", "content") if is_client else ("match",):
        if getattr(options, name):
            what = f"{target}: {name}= is an option of {'a function' if is_client else 'a client'}"
            raise target_error(origin, what, target=target, option=name)
    if not is_client:
        return
    if not is_bundled(target):
        try:
            load_adapter(target)
        except TargetError as error:
            raise target_error(origin, error.what, target=target) from None
    for name in ("ignore", "match"):
        for path in getattr(options, name):
            parts, part = parts_of(target), first_step(path)
            if part not in (*parts, *COMMON_PARTS, "*"):
                from pytest_mimic._core.words import did_you_mean

                hint = did_you_mean(part, parts) or f" (it has {', '.join(parts)})"
                what = f"{target}: {name}={path} names no part of a call{hint}"
                raise target_error(origin, what, target=target, option=name)
    for path in options.volatile if kind_of(target) == "http" else ():
        part = first_step(path)  # perhaps a key in each event of a stream
        if part not in OUTCOME_PARTS:
            from difflib import get_close_matches

            for meant in get_close_matches(part, OUTCOME_PARTS, 1, 0.8):
                what = f"{target}: volatile={path} names no part of an outcome (did you mean {meant}?)"
                raise target_error(origin, what, target=target, option="volatile")


def first_step(path: str) -> str:
    """Return the argument or part that a path begins with: `rows` of `rows[0].id`."""
    return re.split(r"[.\[]", path)[0]


def _unknown(name: str, target: str, origin: str, known: Iterable[str]) -> TargetError:
    """Return the error for an option that does not exist, with the closest one, or else all of them."""
    from pytest_mimic._core.words import did_you_mean

    hint = did_you_mean(name, known) or f" (there are {', '.join(sorted(known))})"
    return target_error(origin, f"{target}: there is no option {name}{hint}", target=target, option=name)


def _read(name: str, value: object, target: str, origin: str) -> object:
    """Read and check one option. None means that a line has it without a value."""
    if name not in _READERS:
        raise _unknown(name, target, origin, _READERS)
    read, wanted = _READERS[name]
    try:
        return read(value)
    except (TypeError, ValueError, KeyError):  # their messages would add nothing
        shown = "nothing" if value is None else repr(value)
        if isinstance(value, Iterator):
            shown = "an iterator, which can be read only once"
        what = f"{target}: {name}= takes {wanted}, not {shown}"
        raise target_error(origin, what, target=target, option=name) from None


def _read_paths(value: object) -> tuple[str, ...]:
    from pytest_mimic._core.identity.ignore import parse_path

    if isinstance(value, str) and "[" in value:
        # A comma in a quoted key, `rows['a,b']`, separates nothing.
        value = re.split(r""",(?![^\[\]]*['"]\])""", value)
    paths = _read_list(value)
    for path in paths:
        parse_path(path)
    return paths


def _read_list(value: object) -> tuple[str, ...]:
    # Each target and test reads the value again, which an iterator does not allow.
    if not isinstance(value, Iterable) or isinstance(value, Iterator):
        raise TypeError(value)
    items = tuple(_read_text(item) for item in (value.split(",") if isinstance(value, str) else value))
    if not all(items):
        raise ValueError(value)
    return items


def _read_names(value: object) -> tuple[str, ...]:
    names = _read_list(value)
    if not all(name.isidentifier() for name in names):
        raise ValueError(value)
    return names


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value.strip()


def _read_switch(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return value is not False
    return {"true": True, "yes": True, "false": False, "no": False}[_read_text(value).lower()]


def _read_tolerance(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError(value)
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(value)
    return number


def _read_function(value: object) -> object:
    if not callable(value):
        raise TypeError(value)
    return value


_COMPARISONS = {"exact": "exact", "shape": "shape"}
# For each option: the function that reads its value, and the words for what it takes.
_READERS: dict[str, tuple[Callable[[object], object], str]] = {
    "ignore": (_read_paths, "arguments or paths in them"),
    "match": (_read_paths, "parts of a request"),
    "key": (_read_function, "a function"),
    "sequence": (_read_switch, "true or false"),
    "content": (_read_names, "names of arguments"),
    "rtol": (_read_tolerance, "a number that is not negative"),
    "atol": (_read_tolerance, "a number that is not negative"),
    "volatile": (_read_paths, "paths in the outcome"),
    "compare": (lambda value: _COMPARISONS[_read_text(value)], "exact or shape"),
    "only": (_read_list, "patterns on calls"),
    "exclude": (_read_list, "patterns on calls"),
}
