"""Targets: the grammar of one line, and the functions or clients that it names, or why it can name none."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partialmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.modules import closest_module, file_of_module, module_exists
from pytest_mimic._core.seam.registry import CLIENTS, is_client
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.targets.binding import argument_names
from pytest_mimic._core.targets.options import (
    check_kind,
    first_step,
    read_keyword_options,
    read_line_options,
    target_error,
)
from pytest_mimic._core.words import did_you_mean
from pytest_mimic.errors import TargetError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_mimic._core.targets.options import TargetOptions

# Quotes, escapes and comments in a line. A printable line in ASCII has no blanks that only `str.split` takes for such.
_MARKS = frozenset("'\"\\#")


# Most lines have none, and share these.
_NO_OPTIONS = Options()


class Target:
    """A function, the functions of a module or class, or a client that is to be mimicked.

    Args:
        line_or_function: A line as in `mimic_functions` (`shop.api:fetch_rates ignore=session`),
            or the function itself.
        options: The options by keyword. They override those in the line. None leaves an option as
            it is, and an exclusion ignores all of them.

    Attributes:
        module: `shop.api`; for a client its client, `httpx`.
        path: The names that lead to the function in the module, `("Client", "fetch")`. `"*"` as the
            last one means every public function. Empty for a client.
        excluded: Whether it excludes what an earlier target included (`!shop.api:helper`).
        options: See `Options`.
        is_shared: Whether the options were given for several targets together. Not every target
            then needs to have each argument that they name.
        origin: The place where it was written, for messages: `pytest.ini, mimic_functions line 3`.

    Raises:
        TargetError: The line is not in the grammar, an option is unknown or has a bad value, or
            the function has no importable name.
    """

    module: str
    path: tuple[str, ...]
    excluded: bool
    options: Options
    is_shared: bool
    origin: str

    def __init__(
        self, line_or_function: str | Callable[..., object], **options: Unpack[TargetOptions]
    ) -> None:
        if isinstance(line_or_function, str):
            words = _split_line(line_or_function, "")
            if not words:
                raise target_error("", f"{line_or_function!r} names no target")
        else:
            words = [_importable_name(line_or_function)]
        self._fill(words, options, "")

    def _fill(self, words: list[str], keywords: Mapping[str, object], origin: str) -> None:
        name = words[0]
        excluded = name.startswith("!")
        if excluded and words[1:]:
            raise target_error(origin, f"{name} is an exclusion, which takes no options", target=name)
        given = {**read_line_options(words[1:], name, origin), **read_keyword_options(keywords, name, origin)}
        options = Options(**given) if given and not excluded else _NO_OPTIONS
        self.module, self.path = _parse_name(name.removeprefix("!"), origin)
        check_kind(name, options, origin)
        self.excluded, self.options = excluded, options
        self.is_shared, self.origin = False, origin

    def _with(self, options: Mapping[str, object], *, is_shared: bool) -> Target:
        """Return a copy in which these options replace its own. An exclusion ignores them."""
        given = read_keyword_options(options, self.name)
        chosen = self.options if self.excluded else self.options._replace(**given)
        copy = object.__new__(Target)
        vars(copy).update(vars(self), options=chosen, is_shared=is_shared)
        if not is_shared:
            check_kind(copy.name, chosen)
        return copy

    def misfit(self, function: Callable[..., object]) -> str:
        """Return a message about an argument that its options name and the function lacks, or an empty string."""
        named = [(name, path) for name in ("ignore", "content") for path in getattr(self.options, name)]
        known = argument_names(function) if named and not self.is_shared and self.path[-1] != "*" else None
        if known is None:
            return ""
        for option, path in named:
            name = first_step(path)
            if name not in known:
                hint = did_you_mean(name, known) or f" (it has {', '.join(known) or 'none'})"
                return f"{option}={path} names no argument{hint}"
        return ""

    @property
    def is_client(self) -> bool:
        """Whether it names a client library instead of functions."""
        return not self.path

    @property
    def name(self) -> str:
        """`shop.api:Client.fetch`, or `httpx` for a client."""
        return f"{self.module}:{'.'.join(self.path)}" if self.path else self.module

    def __str__(self) -> str:
        return f"!{self.name}" if self.excluded else self.name


def parse_target(line: str, *, origin: str = "") -> Target | None:
    """Read one line of `mimic_functions`. A line that holds only a comment gives None. TargetError: as for `Target`."""
    words = _split_line(line, origin)
    if not words:
        return None
    target = object.__new__(Target)
    target._fill(words, {}, origin)
    return target


def missing_module(target: Target) -> TargetError | None:
    """Return an error with the closest module there is, or None if the target's module can be found.

    Neither it nor its parents are imported.
    """
    if module_exists(target.module):
        return None
    if target.is_client:
        package = {"grpc": "grpcio"}.get(target.module, target.module)
        what, install = f"the client {target.module} is not installed", f"pip install {package}"
        return TargetError(what, remedies=[f"to install it: {install}"], target=target.name)
    hint = closest_module(target.module)
    what = f"{target} does not exist: there is no module {target.module}{hint}"
    return target_error(target.origin, what, target=target.name)


def replaced_client(target: Target) -> TargetError | None:
    """Return an error if another distribution has taken the place of a client, or None. Nothing is imported."""
    if target.excluded or target.module not in ("http", "requests", "urllib3"):
        return None
    file = file_of_module("urllib3")
    if file is None or not Path(file).with_name("backend").is_dir():
        return None
    what = (
        f"{target.module}: urllib3-future stands in the place of urllib3, and its requests cannot be recorded: "
        "pip uninstall urllib3-future && pip install --force-reinstall urllib3"
    )
    return target_error(target.origin, what, target=target.name)


def as_targets(
    given: Iterable[str | Target | Callable[..., Any]], options: Mapping[str, Any] | None = None
) -> list[Target]:
    """Return targets for lines, functions and Targets, each with these options. TargetError: as for `Target`."""
    targets = [one if isinstance(one, Target) else Target(one) for one in given]
    if not options:
        return targets
    return [target._with(options, is_shared=target.is_shared or len(targets) > 1) for target in targets]


def _split_line(line: str, origin: str) -> list[str]:
    # As shlex does, in a twentieth of its time.
    if line.isascii() and line.isprintable() and _MARKS.isdisjoint(line):
        return line.split()
    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        raise target_error(origin, f"{line.strip()} cannot be read: {str(error).lower()}") from error


def _parse_name(name: str, origin: str) -> tuple[str, tuple[str, ...]]:
    """Return the module and the path in it, which is empty for a client."""
    if is_client(name):
        return name, ()
    module, _, path = name.partition(":")
    names = tuple(path.split("."))
    parts = (*module.split("."), *(names[:-1] if names[-1] == "*" else names))
    if all(part.isidentifier() for part in parts):
        return module, names
    what = (
        f"{name or repr(name)} is neither package.module:function nor a client{did_you_mean(name, CLIENTS)}"
    )
    if name in _DRIVERS:
        what = f"{name} is recorded through sqlalchemy: write sqlalchemy, or name your function that queries"
    elif name in _MEANT:
        what = f"{name} is recorded through {_MEANT[name]}: write {_MEANT[name]}"
    raise target_error(origin, what, target=name)


def _importable_name(thing: object) -> str:
    """Return the name by which a function can be imported.

    Raises:
        TargetError: It is not a function, or no name leads to it.
    """
    if isinstance(thing, type):
        name = f"{thing.__module__}:{thing.__qualname__}"
        what = f"{name} is a class, which cannot be mimicked, name its methods: {name}.*"
        raise target_error("", what, target=name)
    function: Any = thing
    if isinstance(thing, property):
        function = thing.fget
    elif isinstance(thing, (staticmethod, classmethod)):
        function = thing.__func__
    elif isinstance(thing, (cached_property, partialmethod)):
        function = thing.func
    module = getattr(function, "__module__", None)
    path = getattr(function, "__qualname__", None)
    if not callable(function) or not isinstance(module, str) or not isinstance(path, str):
        what = f"{thing!r} is not a function with an importable name, give it as 'package.module:name'"
        raise target_error("", what)
    if "<" in path:
        raise target_error("", f"{path} in {module} is local or a lambda, and cannot be imported by its name")
    # random.randint is a method bound to an object in the module random: its name there is the importable one.
    name = getattr(function, "__name__", "")
    held = getattr(sys.modules.get(module), "__dict__", {}).get(name)
    return f"{module}:{name if held is function else path}"


# What a line names to record what a library sends.
_MEANT = {
    **dict.fromkeys("anthropic cohere google groq litellm mistralai ollama openai".split(), "http"),
    **dict.fromkeys("github huggingface_hub slack_sdk stripe twilio urllib".split(), "http"),
    **dict.fromkeys("aioboto3 aiobotocore boto3 botocore s3fs".split(), "http"),
    **dict.fromkeys("postgres postgresql psycopg3".split(), "sqlalchemy"),
}
_DRIVERS = "aiomysql aiosqlite asyncpg oracledb pg8000 psycopg psycopg2 pymysql pyodbc sqlite3".split()
