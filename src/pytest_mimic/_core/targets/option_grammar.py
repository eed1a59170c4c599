"""The options of a target: read from a line or from keywords, and checked.

A wrong option in a line of the ini file ends the run with one line, before any test.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._core.named_fields import NamedFields
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


def read_line_options(option_words: Sequence[str], target: str) -> dict[str, Any]:
    """Read options as a line has them, each `name` or `name=value`.

    Raises:
        TargetError: An option is unknown, is given twice or has a bad value. The
            message begins with `target`.
    """
    option_values: dict[str, Any] = {}
    for option_word in option_words:
        name, equals, text = option_word.partition("=")
        if name in option_values:
            raise TargetError(f"{target}: {name} is given twice")
        if name == "key":
            raise TargetError(
                f"{target}: key= takes a function, so it works in Python only"
            )
        # A word without `=` is a switch that is on: `sequence`.
        value = text if equals else None
        option_values[name] = _read_option(name or option_word, value, target)
    return option_values


def read_keyword_options(options: Mapping[str, object], target: str) -> dict[str, Any]:
    """Read options given by keyword, and drop those that are None.

    Raises:
        TargetError: As for `read_line_options`.
    """
    option_values = {}
    for name, value in options.items():
        # An unknown option is an error, with whatever value.
        if value is not None or name not in _OPTIONS:
            option_values[name] = _read_option(name, value, target)
    return option_values


def check_fit_of_options(target: str, options: Options) -> None:
    """Check that options fit the kind of target, which is a function or a client.

    Raises:
        TargetError: An option is for the other kind, or names a part that calls of this
            client do not have.
    """
    other_kind = "client"
    if is_client(target):
        other_kind = "function"
    for name, option in _OPTIONS.items():
        if option.target_kind == other_kind and getattr(options, name):
            raise TargetError(f"{target}: {name}= is an option of a {other_kind}")
    if is_client(target):
        _check_paths(target, options)


def _check_paths(client: str, options: Options) -> None:
    """Check that paths begin with a part of the client's calls, or of its answers.

    A misspelt path would leave out, or count, nothing.
    """
    from pytest_mimic._core.seam.base import parts_of_client_calls

    call_parts = parts_of_client_calls(client)
    for name in ("ignore", "match"):
        for path in getattr(options, name):
            if first_step(path) not in COMMON_PARTS:
                _check_part(f"{client}: {name}={path}", path, call_parts, "a call")
    outcome_parts = CLIENTS[client].outcome_parts
    if not outcome_parts:
        # An adapter of another distribution does not say what its answers have.
        return
    for path in options.volatile:
        _check_part(f"{client}: volatile={path}", path, outcome_parts, "an answer")


def _check_part(option: str, path: str, parts: Sequence[str], whole_path: str) -> None:
    """Raise TargetError unless a path begins with one of the parts of a call or answer.

    Args:
        option: The option as the message begins with it, `redis: match=databse`.
        path: Its path, `databse`.
        parts: The names of the parts that there are.
        whole_path: What has these parts, in words: `a call`.
    """
    part = first_step(path)
    if part not in (*parts, "*"):
        hint = did_you_mean(part, parts) or f" (it has {', '.join(parts)})"
        raise TargetError(f"{option} names no part of {whole_path}{hint}")


def first_step(path: str) -> str:
    """Return the argument, or part of a client's call, that a path begins with.

    `rows` of `rows[0].id`.
    """
    return re.split(r"[.\[]", path)[0]


def _read_option(name: str, value: object, target: str) -> object:
    """Read and check the value of one option.

    The value is None where a line has the option without a value, `sequence`.
    """
    if name not in _OPTIONS:
        hint = did_you_mean(name, _OPTIONS)
        hint = hint or f" (there are {', '.join(sorted(_OPTIONS))})"
        raise TargetError(f"{target}: there is no option {name}{hint}")
    option = _OPTIONS[name]
    try:
        return option.read(value)
    except (TypeError, ValueError, KeyError):
        # The message of the error would add nothing.
        value_text = repr(value)
        if value is None:
            value_text = "nothing"
        raise TargetError(
            f"{target}: {name}= takes {option.takes}, not {value_text}"
        ) from None


# One reader for each kind of option. A reader takes the value as a line has it (a text,
# or None for an option without a value) or as a keyword has it, and returns the field
# of `Options`. For a wrong value it raises TypeError, ValueError or KeyError, which
# `_read_option` turns into a message.


def _read_paths(value: object) -> tuple[str, ...]:
    """Read paths into arguments or outcomes: `rows[0].id,headers` or a list of them."""
    from pytest_mimic._core.types.option_paths import parse_path

    if isinstance(value, str) and "[" in value:
        # A comma in a quoted key, `rows['a,b']`, separates nothing.
        value = re.split(r""",(?![^\[\]]*['"]\])""", value)
    paths = _read_list(value)
    for path in paths:
        # A path is kept as its text. It is parsed here for the error of a wrong one, so
        # that `ignore=rows[` ends the run and not the first call.
        parse_path(path)
    return paths


def _read_list(value: object) -> tuple[str, ...]:
    """Read texts that are separated by commas, or that stand in a list."""
    # Each target and test reads the value again, which an iterator does not allow.
    if not isinstance(value, Iterable) or isinstance(value, Iterator):
        raise TypeError(value)
    parts: Iterable[object] = value
    if isinstance(value, str):
        parts = value.split(",")
    items = tuple(map(_read_text, parts))
    if not all(items):
        raise ValueError(value)
    return items


def _read_names(value: object) -> tuple[str, ...]:
    """Read names of arguments, which have no paths behind them."""
    names = _read_list(value)
    if not all(name.isidentifier() for name in names):
        raise ValueError(value)
    return names


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value.strip()


_WORDS_OF_SWITCHES = {"true": True, "yes": True, "false": False, "no": False}


def _read_switch(value: object) -> bool:
    """Read `sequence`, `sequence=no`, or True and False as keywords have them."""
    if value is None or isinstance(value, bool):
        return value is not False
    return _WORDS_OF_SWITCHES[_read_text(value).lower()]


def _read_tolerance(value: Any) -> float:
    """Read a number that is neither negative nor infinite; a bool is no number."""
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


class _Option(NamedFields):
    """One option of the table below: what lines, keywords and markers take for it.

    Attributes:
        read: The reader of the option's value, which returns the field of `Options`.
        takes: The values that the option takes, in words.
        target_kind: The kind of target that has the option, `function` or `client`;
            empty for both.
    """

    read: Callable[[Any], object]
    takes: str
    target_kind: str = ""


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
