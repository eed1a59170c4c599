"""Targets: the grammar of a line, and what it names, or why it can name nothing.

A line is read here at the start of a run, before any module is imported. Whether a
module has the function, `_core/patch/find.py` says later.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from pytest_mimic._core.identity.binding import argument_names
from pytest_mimic._core.modules import hint_of_closest_module, module_exists
from pytest_mimic._core.named_fields import NamedFields
from pytest_mimic._core.seam.registry import CLIENTS, is_client
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.targets.option_grammar import (
    check_fit_of_options,
    first_step,
    read_keyword_options,
    read_line_options,
)
from pytest_mimic._core.words import did_you_mean
from pytest_mimic.errors import TargetError

# The marks of quotes, escapes and comments in a line. A line with such a mark is split
# by `shlex`, which is slow. In a printable line of ASCII, `str.split` takes the same
# characters for blanks as `shlex`.
_MARKS_OF_SHELL_WORDS = frozenset("'\"\\#")

# Most lines have no options, and share these.
_NO_OPTIONS = Options()

# Names that people may write in a line of `mimic_functions` for a client, by the client
# that records the calls: the error for `openai` says to write `http`.
_MISTAKEN_NAMES_BY_CLIENT = {
    "http": (
        "aioboto3 aiobotocore anthropic boto3 botocore cohere github google groq"
        " huggingface_hub litellm mistralai ollama openai s3fs slack_sdk stripe twilio"
        " urllib".split()
    ),
    "sqlalchemy": (
        "aiomysql aiosqlite asyncpg oracledb pg8000 postgres postgresql psycopg"
        " psycopg2 psycopg3 pymysql pyodbc sqlite3".split()
    ),
}
_CLIENT_BY_MISTAKEN_NAME: dict[str, str] = {}
for _client, _names in _MISTAKEN_NAMES_BY_CLIENT.items():
    _CLIENT_BY_MISTAKEN_NAME.update(dict.fromkeys(_names, _client))


class Target(NamedFields):
    """A function, the functions of a module or class, or a client to be mimicked.

    Attributes:
        module: The module of the function, `shop.api`; for a client the name of the
            client, `httpx`.
        path: The names that lead to the function in the module, `("Client", "fetch")`.
            `"*"` as the last one means every public function. Empty for a client.
        options: What follows the name on the line, `ignore=session sequence`.
        excluded: Whether the target excludes what an earlier one included
            (`!shop.api:helper`).
        is_shared: Whether the options were given for several targets together. Not
            every target then needs to have each argument that the options name.
        origin: The place where the target was written, for messages: `pytest.ini,
            mimic_functions line 3`.
    """

    module: str
    path: tuple[str, ...] = ()
    options: Options = _NO_OPTIONS
    excluded: bool = False
    is_shared: bool = False
    origin: str = ""

    def error(self, problem: str) -> TargetError:
        """Return an error in one line that begins with where the target was written."""
        return TargetError(_behind_origin(problem, self.origin))

    def message_about_argument(self, function: Callable[..., object]) -> str:
        """Return a message about an argument that options name and a function lacks.

        A line with such an argument is refused when its module is imported: `ignore=`
        would leave out nothing. `ignore=sesion names no argument (did you mean
        session?)`. The text is empty if the function has all of them.
        """
        options_and_paths = [("ignore", path) for path in self.options.ignore]
        options_and_paths += [("content", path) for path in self.options.content]
        if not options_and_paths or self.is_shared or self.path[-1] == "*":
            # The options of several functions name arguments that only some have.
            return ""
        names_of_arguments = argument_names(function)
        if names_of_arguments is None:
            # The function has `**extra`, which takes an argument of any name.
            return ""
        for option, path in options_and_paths:
            name = first_step(path)
            if name not in names_of_arguments:
                hint = did_you_mean(name, names_of_arguments)
                hint = hint or f" (it has {', '.join(names_of_arguments) or 'none'})"
                return f"{option}={path} names no argument{hint}"
        return ""

    @property
    def is_client(self) -> bool:
        """Whether the target names a client library instead of functions."""
        return not self.path

    @property
    def name(self) -> str:
        """The target as it is written, without options: `shop.api:Client.fetch`.

        The name of the client, for one: `httpx`.
        """
        if not self.path:
            return self.module
        return f"{self.module}:{'.'.join(self.path)}"

    def __str__(self) -> str:
        return f"!{self.name}" if self.excluded else self.name


# Many tests are marked with the same line.
@lru_cache(maxsize=1_000)
def parse_target(line: str, *, origin: str = "") -> Target | None:
    """Read one line of `mimic_functions`. A line that holds only a comment gives None.

    Raises:
        TargetError: The line is not in the grammar, or an option is unknown or has a
            bad value.
    """
    try:
        line_words = _split_line(line)
        if not line_words:
            return None
        return _parse_words(line_words, origin)
    except TargetError as error:
        raise TargetError(_behind_origin(error.what, origin)) from None


def _behind_origin(problem: str, origin: str) -> str:
    """Return what is wrong with a line, behind the place where the line was written.

    `pytest.ini, mimic_functions line 3: …`; without a place, the problem alone.
    """
    if not origin:
        return problem
    return f"{origin}: {problem}"


def _parse_words(line_words: list[str], origin: str) -> Target:
    """Read the words of a line: a name, perhaps behind `!`, and options."""
    target_word, *option_words = line_words
    name = target_word.removeprefix("!")
    excluded = name != target_word
    if excluded and not name:
        raise TargetError(
            "! leaves out a target, and names none: write !package.module:function"
        )
    if excluded and option_words:
        raise TargetError(f"{target_word} is an exclusion, which takes no options")
    option_values = read_line_options(option_words, name)
    module, path = _parse_name(name)
    if excluded and not path:
        raise TargetError(
            f"{target_word} excludes a client, leave out its calls:"
            f" {name} exclude=PATTERN"
        )
    options = _NO_OPTIONS
    if option_values:
        options = Options(**option_values)
    check_fit_of_options(name, options)
    return Target(module, path, options, excluded, origin=origin)


def as_targets(
    lines: Iterable[str | Target | Callable[..., Any]],
    options: Mapping[str, Any] | None = None,
) -> list[Target]:
    """Return the targets that a marker, a fixture or a cassette names.

    Each of the `lines` is a line, a function, or a target already.

    The options, given by keyword, replace the target's own. An exclusion ignores the
    options. An option that is None stays as the target has it.

    Raises:
        TargetError: As for `parse_target`, or a function has no importable name.
    """
    targets = []
    for line in lines:
        target = line if isinstance(line, Target) else _target_of(line)
        targets.append(target)
    if not options:
        return targets
    are_several = len(targets) > 1
    return [_with_options(target, options, is_shared=are_several) for target in targets]


def _with_options(
    target: Target, options: Mapping[str, Any], *, is_shared: bool
) -> Target:
    """Return a target with further options, perhaps given for several together."""
    option_values = read_keyword_options(options, target.name)
    is_shared = is_shared or target.is_shared
    all_options = target.options
    if not target.excluded:
        all_options = all_options._replace(**option_values)
    if not is_shared:
        # Options for several targets together may be meant for the others.
        check_fit_of_options(target.name, all_options)
    return target._replace(options=all_options, is_shared=is_shared)


def absent_clients(targets: Iterable[Target]) -> list[str]:
    """Return the names of the clients among targets that are not installed.

    A run goes on without them: its first line and its summary name them, and their
    recordings are not judged as unused. A line that excludes one (`!redis`) names none.
    """
    # As keys, the names stand once each, in the order of the targets.
    absent: dict[str, None] = {}
    for target in targets:
        is_wanted = target.is_client and not target.excluded
        if is_wanted and not module_exists(target.module):
            absent[target.module] = None
    return list(absent)


def missing_module(target: Target) -> TargetError | None:
    """Return the error for a target whose module is not installed or misspelt.

    The error of a function names the closest module there is; that of a client, the
    command that installs it. None: the target's module can be found.

    Neither the module nor its parents are imported.
    """
    if module_exists(target.module):
        return None
    if target.is_client:
        package = target.module
        if package == "grpc":
            # The module has another name than the distribution.
            package = "grpcio"
        problem = f"the client {target.module} is not installed"
        remedy = f"to install it: pip install {package}"
        return TargetError(problem, remedies=[remedy])
    hint = hint_of_closest_module(target.module)
    return target.error(
        f"{target} does not exist: there is no module {target.module}{hint}"
    )


def replaced_client(target: Target) -> TargetError | None:
    """Return the error for a target whose client another distribution has replaced.

    urllib3-future installs itself as the module `urllib3`. None: the client is there.
    No module is imported.
    """
    # The line `http` takes the requests of all clients, and so those of urllib3.
    needs_urllib3 = target.module in ("http", "requests", "urllib3")
    if target.excluded or not needs_urllib3:
        return None
    # Only urllib3-future has this module. Without it, the line can be mimicked.
    if not module_exists("urllib3.backend"):
        return None
    return target.error(
        f"{target.module}: urllib3-future stands in the place of urllib3, "
        "and its requests cannot be recorded: "
        "pip uninstall urllib3-future && pip install --force-reinstall urllib3"
    )


def _target_of(line: str | Callable[..., Any]) -> Target:
    """Return the target of a line, or of a function by the name that leads to it."""
    text = line if isinstance(line, str) else _importable_name(line)
    target = parse_target(text)
    if target is None:
        # A line of the ini file may hold a comment alone; one in Python is a mistake.
        raise TargetError(f"{line!r} names no target")
    return target


def _split_line(line: str) -> list[str]:
    """Return the words of a line, as a shell would read them.

    A comment has no words.
    """
    # A line without quotes and comments is split in a twentieth of shlex's time.
    if line.isascii() and line.isprintable() and _MARKS_OF_SHELL_WORDS.isdisjoint(line):
        return line.split()
    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        raise TargetError(
            f"{line.strip()} cannot be read: {str(error).lower()}"
        ) from error


def _parse_name(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the module of a target's name, and the path in that module.

    The path of a client is empty: `shop.api:Client.fetch` gives `shop.api` and
    `("Client", "fetch")`, and `httpx` gives `httpx` and `()`.
    """
    if is_client(name):
        return name, ()
    module, _, path = name.partition(":")
    names = tuple(path.split("."))
    if _are_identifiers((*module.split("."), *names)):
        return module, names
    # From here on, the name is wrong, and only the best hint is looked for.
    client = _CLIENT_BY_MISTAKEN_NAME.get(name)
    if client is not None:
        raise TargetError(f"{name} is recorded through {client}: write {client}")
    hint = did_you_mean(name, CLIENTS)
    # Only `http.client` has a dot.
    is_like_client = bool(hint) and name.partition(".")[0] in ("", "http", name)
    if not is_like_client:
        with_colon = _with_colon(name)
        if with_colon:
            raise TargetError(
                f"{name} has no colon before the function: write {with_colon}"
            )
    raise TargetError(
        f"{name or repr(name)} is neither package.module:function nor a client{hint}"
    )


def _are_identifiers(names: Sequence[str]) -> bool:
    """Check whether each step of a target's name is an identifier of Python.

    The last step may also be `*`, as in `shop.api:Client.*`.
    """
    *_, last_name = names
    if last_name == "*":
        names = names[:-1]
    return all(name.isidentifier() for name in names)


def _with_colon(name: str) -> str:
    """Return the target that a dotted name stands for.

    The text is empty if the name has no dot, or is no name of Python.

    svc.fetch         →  svc:fetch
    svc.Client.fetch  →  svc:Client.fetch
    """
    names = name.split(".")
    if len(names) < 2 or not _are_identifiers(names):
        return ""
    # The names of modules are written in small letters, and those of classes begin with
    # a capital one. Without a class, the last part is the function.
    path_start = len(names) - 1
    for index, name_part in enumerate(names[1:], 1):
        if name_part[:1].isupper():
            path_start = index
            break
    module = ".".join(names[:path_start])
    path = ".".join(names[path_start:])
    return f"{module}:{path}"


def _importable_name(function_or_class: Any) -> str:
    """Return the name by which the function that `mimic(...)` got can be imported.

    Args:
        function_or_class: A function, a method or a property. A class is refused.

    Raises:
        TargetError: It is not a function, or no name leads to it.
    """
    if isinstance(function_or_class, type):
        name = f"{function_or_class.__module__}:{function_or_class.__qualname__}"
        raise TargetError(
            f"{name} is a class, which cannot be mimicked, name its methods: {name}.*"
        )
    function = function_or_class
    if isinstance(function_or_class, property):
        function = function_or_class.fget
    elif isinstance(function_or_class, cached_property):
        function = function_or_class.func
    module = getattr(function, "__module__", None)
    path = getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(path, str):
        raise _error_without_name(function_or_class)
    if not callable(function):
        raise _error_without_name(function_or_class)
    if "<" in path:
        raise TargetError(
            f"{path} in {module} is local or a lambda, "
            "and cannot be imported by its name"
        )
    # `random.randint` is a method bound to an object in the module random. Its
    # qualified name is `Random.randint`, and its name in the module the importable one.
    name = getattr(function, "__name__", "")
    namespace = getattr(sys.modules.get(module), "__dict__", {})
    if namespace.get(name) is function:
        return f"{module}:{name}"
    return f"{module}:{path}"


def _error_without_name(given_target: object) -> TargetError:
    """Return the error for what was given as a function, and is none with a name."""
    return TargetError(
        f"{given_target!r} is not a function with an importable name,"
        " give it as 'module:name'"
    )
