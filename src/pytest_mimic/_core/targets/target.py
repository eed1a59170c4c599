"""Targets: the grammar of one line, and the functions or clients that it names, or why it can name none."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from pytest_mimic._core.modules import closest_module, module_exists
from pytest_mimic._core.seam.registry import CLIENTS, is_client
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.targets.binding import argument_names
from pytest_mimic._core.targets.options import (
    check_kind,
    first_step,
    read_keyword_options,
    read_line_options,
)
from pytest_mimic._core.words import did_you_mean
from pytest_mimic.errors import TargetError

# Quotes, escapes and comments in a line. A printable line in ASCII has no blanks that
# only `str.split` takes for such.
_MARKS = frozenset("'\"\\#")

# Most lines have none, and share these.
_NO_OPTIONS = Options()

# What a line names to record what a library sends.
_MEANT = {
    **dict.fromkeys(
        "anthropic cohere google groq litellm mistralai ollama openai".split(), "http"
    ),
    **dict.fromkeys(
        "github huggingface_hub slack_sdk stripe twilio urllib".split(), "http"
    ),
    **dict.fromkeys("aioboto3 aiobotocore boto3 botocore s3fs".split(), "http"),
    **dict.fromkeys(
        "aiomysql aiosqlite asyncpg oracledb pg8000 postgres postgresql".split(),
        "sqlalchemy",
    ),
    **dict.fromkeys(
        "psycopg psycopg2 psycopg3 pymysql pyodbc sqlite3".split(), "sqlalchemy"
    ),
}


class Target(NamedTuple):
    """A function, the functions of a module or class, or a client that is to be mimicked.

    Attributes:
        module: `shop.api`; for a client its client, `httpx`.
        path: The names that lead to the function in the module, `("Client", "fetch")`.
            `"*"` as the
            last one means every public function. Empty for a client.
        excluded: Whether it excludes what an earlier target included
            (`!shop.api:helper`).
        is_shared: Whether the options were given for several targets together. Not
            every target
            then needs to have each argument that they name.
        origin: The place where it was written, for messages: `pytest.ini,
            mimic_functions line 3`.
    """

    module: str
    path: tuple[str, ...] = ()
    options: Options = _NO_OPTIONS
    excluded: bool = False
    is_shared: bool = False
    origin: str = ""

    def error(self, problem: str) -> TargetError:
        """Return an error in one line, which begins with the place where the target was written."""
        return TargetError(f"{self.origin}: {problem}" if self.origin else problem)

    def misfit(self, function: Callable[..., object]) -> str:
        """Return a message about an argument that its options name and the function lacks, or an empty string."""
        named = [
            (name, path)
            for name in ("ignore", "content")
            for path in getattr(self.options, name)
        ]
        known = (
            argument_names(function)
            if named and not self.is_shared and self.path[-1] != "*"
            else None
        )
        wrong = [
            (option, path)
            for option, path in named
            if known is not None and first_step(path) not in known
        ]
        if known is None or not wrong:
            return ""
        option, path = wrong[0]
        hint = (
            did_you_mean(first_step(path), known)
            or f" (it has {', '.join(known) or 'none'})"
        )
        return f"{option}={path} names no argument{hint}"

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


@lru_cache(maxsize=1_000)  # many tests are marked with the same line
def parse_target(line: str, *, origin: str = "") -> Target | None:
    """Read one line of `mimic_functions`. A line that holds only a comment gives None.

    Raises:
        TargetError: The line is not in the grammar, or an option is unknown or has a
            bad value.
    """
    try:
        words = _split_line(line)
        if not words:
            return None
        name, excluded = words[0].removeprefix("!"), words[0].startswith("!")
        if excluded and words[1:]:
            raise TargetError(f"{words[0]} is an exclusion, which takes no options")
        given = read_line_options(words[1:], name)
        module, path = _parse_name(name)
        if excluded and not path:
            raise TargetError(
                f"{words[0]} excludes a client, leave out its calls: {name} exclude=PATTERN"
            )
        target = Target(
            module,
            path,
            Options(**given) if given else _NO_OPTIONS,
            excluded,
            origin=origin,
        )
        check_kind(name, target.options)
    except TargetError as error:
        raise TargetError(f"{origin}: {error.what}" if origin else error.what) from None
    return target


def as_targets(
    given: Iterable[str | Target | Callable[..., Any]],
    options: Mapping[str, Any] | None = None,
) -> list[Target]:
    """Return targets for lines, functions and targets, each with these options, which replace its own.

    An exclusion ignores them. None leaves an option as it is.

    Raises:
        TargetError: As for `parse_target`, or a function has no importable name.
    """
    targets = [one if isinstance(one, Target) else _target_of(one) for one in given]
    if not options:
        return targets
    are_several, found = len(targets) > 1, []
    for one in targets:
        read = read_keyword_options(options, one.name)
        chosen = one.options if one.excluded else one.options._replace(**read)
        found.append(
            one._replace(options=chosen, is_shared=one.is_shared or are_several)
        )
        if not found[-1].is_shared:
            check_kind(one.name, chosen)
    return found


def absent_clients(targets: Iterable[Target]) -> list[str]:
    """Return the names of the clients among targets that are not installed."""
    clients = dict.fromkeys(
        one.module for one in targets if one.is_client and not one.excluded
    )
    return [name for name in clients if not module_exists(name)]


def missing_module(target: Target) -> TargetError | None:
    """Return an error with the closest module there is, or None if the target's module can be found.

    Neither it nor its parents are imported.
    """
    if module_exists(target.module):
        return None
    if target.is_client:
        package = {"grpc": "grpcio"}.get(target.module, target.module)
        what, install = (
            f"the client {target.module} is not installed",
            f"pip install {package}",
        )
        return TargetError(what, remedies=[f"to install it: {install}"])
    hint = closest_module(target.module)
    return target.error(
        f"{target} does not exist: there is no module {target.module}{hint}"
    )


def replaced_client(target: Target) -> TargetError | None:
    """Return an error if another distribution has taken the place of a client, or None.

    Nothing is imported.
    """
    is_urllib3 = (
        target.module in ("http", "requests", "urllib3") and not target.excluded
    )
    if not is_urllib3 or not module_exists("urllib3.backend"):
        return None
    return target.error(
        f"{target.module}: urllib3-future stands in the place of urllib3, and its requests cannot be recorded: "
        "pip uninstall urllib3-future && pip install --force-reinstall urllib3"
    )


def _target_of(given: str | Callable[..., Any]) -> Target:
    target = parse_target(given if isinstance(given, str) else _importable_name(given))
    if target is None:
        raise TargetError(f"{given!r} names no target")
    return target


def _split_line(line: str) -> list[str]:
    # As shlex does, in a twentieth of its time.
    if line.isascii() and line.isprintable() and _MARKS.isdisjoint(line):
        return line.split()
    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        raise TargetError(
            f"{line.strip()} cannot be read: {str(error).lower()}"
        ) from error


def _parse_name(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the module and the path in it, which is empty for a client."""
    if is_client(name):
        return name, ()
    module, _, path = name.partition(":")
    names = tuple(path.split("."))
    parts = (*module.split("."), *(names[:-1] if names[-1] == "*" else names))
    if all(part.isidentifier() for part in parts):
        return module, names
    if name in _MEANT:
        raise TargetError(
            f"{name} is recorded through {_MEANT[name]}: write {_MEANT[name]}"
        )
    hint = did_you_mean(name, CLIENTS)
    raise TargetError(
        f"{name or repr(name)} is neither package.module:function nor a client{hint}"
    )


def _importable_name(thing: Any) -> str:
    """Return the name by which a function can be imported.

    Raises:
        TargetError: It is not a function, or no name leads to it.
    """
    if isinstance(thing, type):
        name = f"{thing.__module__}:{thing.__qualname__}"
        raise TargetError(
            f"{name} is a class, which cannot be mimicked, name its methods: {name}.*"
        )
    function = thing.fget if isinstance(thing, property) else thing
    function = thing.func if isinstance(thing, cached_property) else function
    module = getattr(function, "__module__", None)
    path = getattr(function, "__qualname__", None)
    if (
        not callable(function)
        or not isinstance(module, str)
        or not isinstance(path, str)
    ):
        raise TargetError(
            f"{thing!r} is not a function with an importable name, give it as 'module:name'"
        )
    if "<" in path:
        raise TargetError(
            f"{path} in {module} is local or a lambda, and cannot be imported by its name"
        )
    # random.randint is a method bound to an object in the module random: its name there
    # is the importable one.
    name = getattr(function, "__name__", "")
    held = getattr(sys.modules.get(module), "__dict__", {}).get(name)
    return f"{module}:{name if held is function else path}"
