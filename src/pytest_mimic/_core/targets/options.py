"""The options of a target: read from a line or from keywords, and checked."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic._core.seam.registry import CLIENTS, COMMON_PARTS, is_client
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.words import did_you_mean
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


def read_line_options(words: Sequence[str], target: str) -> dict[str, Any]:
    """Read options as a line has them, each `name` or `name=value`.

    Raises:
        TargetError: An option is unknown, is given twice or has a bad value. The
            message begins with `target`.
    """
    given: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if name in given:
            raise TargetError(f"{target}: {name} is given twice")
        if name == "key":
            raise TargetError(
                f"{target}: key= takes a function, so it works in Python only"
            )
        given[name] = _read(name or word, text if equals else None, target)
    return given


def read_keyword_options(options: Mapping[str, object], target: str) -> dict[str, Any]:
    """Read options given by keyword, and drop those that are None.

    Raises:
        TargetError: As for `read_line_options`.
    """
    values = {}
    for name, value in options.items():
        # An unknown option is an error, with whatever value.
        if value is not None or name not in _OPTIONS:
            values[name] = _read(name, value, target)
    return values


def check_kind(target: str, options: Options) -> None:
    """Check that options fit the kind of target, which is a function or a client.

    Raises:
        TargetError: An option is for the other kind, or names a part that calls of this
            client do not have.
    """
    has_client = is_client(target)
    other = "function" if has_client else "client"
    for name, option in _OPTIONS.items():
        if option.kind == other and getattr(options, name):
            raise TargetError(f"{target}: {name}= is an option of a {other}")
    if has_client:
        _check_paths(target, options)


def _check_paths(client: str, options: Options) -> None:
    """Check that paths begin with a part of the client's calls, or of its answers."""
    from pytest_mimic._core.seam.base import parts_of

    parts = parts_of(client)
    for name in ("ignore", "match"):
        for path in getattr(options, name):
            if first_step(path) not in COMMON_PARTS:
                _check_word(f"{client}: {name}={path}", path, parts, "a call")
    answer = CLIENTS[client].answer
    if not answer:
        # An adapter of another distribution does not say what its answers have.
        return
    for path in options.volatile:
        _check_word(f"{client}: volatile={path}", path, answer, "an answer")


def _check_word(what: str, path: str, words: Sequence[str], whole: str) -> None:
    """Raise TargetError unless a path begins with one of the words for parts."""
    word = first_step(path)
    if word not in (*words, "*"):
        hint = did_you_mean(word, words) or f" (it has {', '.join(words)})"
        raise TargetError(f"{what} names no part of {whole}{hint}")


def first_step(path: str) -> str:
    """Return the argument or part that a path begins with: `rows` of `rows[0].id`."""
    return re.split(r"[.\[]", path)[0]


def _read(name: str, value: object, target: str) -> object:
    """Read and check one option. None means that a line has it without a value."""
    if name not in _OPTIONS:
        hint = did_you_mean(name, _OPTIONS)
        hint = hint or f" (there are {', '.join(sorted(_OPTIONS))})"
        raise TargetError(f"{target}: there is no option {name}{hint}")
    option = _OPTIONS[name]
    try:
        return option.read(value)
    except (TypeError, ValueError, KeyError):
        # Their messages would add nothing.
        shown = "nothing" if value is None else repr(value)
        raise TargetError(
            f"{target}: {name}= takes {option.takes}, not {shown}"
        ) from None


def _read_paths(value: object) -> tuple[str, ...]:
    from pytest_mimic._core.types.opening import parse_path

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
    parts = value.split(",") if isinstance(value, str) else value
    items = tuple(map(_read_text, parts))
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


_SWITCHES = {"true": True, "yes": True, "false": False, "no": False}


def _read_switch(value: object) -> bool:
    if value is None or isinstance(value, bool):
        return value is not False
    return _SWITCHES[_read_text(value).lower()]


def _read_tolerance(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not 0 <= number < math.inf:
        raise ValueError(value)
    return number


def _read_function(value: object) -> object:
    if not callable(value):
        raise TypeError(value)
    return value


def _read_comparison(value: object) -> str:
    text = _read_text(value)
    if text not in ("exact", "shape"):
        raise ValueError(value)
    return text


class _Option(NamedTuple):
    """What lines, keywords, markers and fixtures take for one option.

    Attributes:
        read: Reads its value, which is one of `Options`.
        takes: What it takes, in words.
        kind: `function` or `client`, of which it is an option; empty for both.
    """

    read: Callable[[Any], object]
    takes: str
    kind: str = ""


_OPTIONS = {
    "ignore": _Option(_read_paths, "arguments or paths in them"),
    "match": _Option(_read_paths, "parts of a request", "client"),
    "key": _Option(_read_function, "a function", "function"),
    "sequence": _Option(_read_switch, "true or false"),
    "content": _Option(_read_names, "names of arguments", "function"),
    "rtol": _Option(_read_tolerance, "a number that is not negative"),
    "atol": _Option(_read_tolerance, "a number that is not negative"),
    "volatile": _Option(_read_paths, "paths in the outcome"),
    "compare": _Option(_read_comparison, "exact or shape"),
    "only": _Option(_read_list, "patterns on calls"),
    "exclude": _Option(_read_list, "patterns on calls"),
}
