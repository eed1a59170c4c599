"""Reads targets and their options, from lines and Python, or says what is wrong."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

from pytest_mimic.commands import as_value
from pytest_mimic.errors import TargetError, did_you_mean
from pytest_mimic.patch.clients import (
    CLIENT_NAMES,
    DISTRIBUTIONS,
    Texts,
    client_of,
)
from pytest_mimic.patch.holders import inside_of
from pytest_mimic.values.tree import steps_of

if TYPE_CHECKING:
    # Making this class takes longer than reading the lines of a run.

    OneOrSeveral = str | Sequence[str]

    class TargetOptions(TypedDict, total=False):
        """The options of a line of `mimic_functions`, as keyword arguments."""

        ignore: OneOrSeveral
        match: OneOrSeveral
        key: Callable[[Mapping[str, Any]], object]
        mutates: OneOrSeveral
        sequence: bool
        shared: bool
        rtol: float
        atol: float
        volatile: OneOrSeveral
        compare: Literal["exact", "shape"]
        only: OneOrSeveral
        exclude: OneOrSeveral


# These return nothing and fill an object: there is no outcome.
_FILLING_METHODS = frozenset({"__init__", "__post_init__", "__setstate__"})


class Options:
    """The options of a target. Each path stands as it was written, `rows.*.id`.

    Those that a marker, `mimic(...)` or a fixture gives are `in_python`.
    """

    # What a line does not say is as it stands here.
    ignore: Texts = ()
    match: Texts = ()
    key: Callable[[Mapping[str, Any]], object] | None = None
    mutates: Texts = ()
    sequence: bool | None = None
    rtol: float = 0.0
    atol: float = 0.0
    volatile: Texts = ()
    compare: Literal["exact", "shape"] = "exact"
    only: Texts = ()
    exclude: Texts = ()
    in_python: bool = False

    def __init__(self, **values: Any) -> None:
        vars(self).update(values)

    def updated(self, **values: Any) -> Options:
        """Return the options with other values for some."""
        return Options(**{**vars(self), **values})

    def inheriting(self, outer: Options) -> Options:
        """Return the options with what an outer line says of the same client."""
        names = ("compare", "rtol", "atol")
        values: dict[str, Any] = {name: getattr(outer, name) for name in names}
        values |= vars(self)
        for name in ("ignore", "match", "volatile"):
            paths = dict.fromkeys((*getattr(outer, name), *getattr(self, name)))
            values[name] = tuple(paths)
        return Options(**values)

    def text(self) -> str:
        """Return what decides the identity of a call, as a line has it.

        A function for `key` stands as the word alone.
        """
        words = []
        for name in ("ignore", "match"):
            paths = sorted(set(getattr(self, name)))
            if paths:
                words.append(_word(name, paths))
        if self.key is not None:
            words.append("key")
        return " ".join(words)

    def to_plain(self) -> dict[str, Any]:
        """Return the options that are set, as JSON has them."""
        plain = {}
        for name in _IN_LINES:
            value = getattr(self, name)
            if value != getattr(NO_OPTIONS, name):
                plain[name] = [*value] if isinstance(value, tuple) else value
        return plain


NO_OPTIONS = Options()


def defaults_of(target: str) -> Options:
    """Return the options that a line for a target has by itself."""
    client = client_of(target)
    return Options(**client.defaults) if client and client.defaults else NO_OPTIONS


def line_of(name: str, options: Options, **more: Iterable[str]) -> str:
    """Return a line of `mimic_functions`.

    `key` has no place there, and what the target has by itself needs none.

    Args:
        name: The target as it is written.
        options: The options that it has.
        more: What some of them have besides: `ignore=["body.id"]`.
    """
    for option, paths in more.items():
        together = dict.fromkeys([*getattr(options, option), *paths])
        options = options.updated(**{option: tuple(together)})
    plain, own = options.to_plain(), defaults_of(name).to_plain()
    words = [name]
    # Which calls it is about comes first: `only="POST /login" shared`.
    for option in dict.fromkeys(["only", "exclude", *plain]):
        if option in plain and plain[option] != own.get(option):
            words.append(_word(option, plain[option]))
    return " ".join(words)


def line_of_plain(name: str, plain: Any, **more: Iterable[str]) -> str:
    """Return a line with the options that `Options.to_plain` gave."""
    return line_of(name, Options(**plain), **more)


def _word(name: str, value: object) -> str:
    """Return an option as a line has it: `ignore=a,b`, `sequence`, `only="GET /a"`."""
    if value is True:
        return name
    if value is False:
        return "shared"  # the only switch
    text = ",".join(value) if isinstance(value, (tuple, list)) else str(value)
    return f"{name}={as_value(text)}"


class Target(NamedTuple):
    """A function, the functions of a module or a class, or a client.

    Attributes:
        module: The module of the function, `shop.api`; of a client its name, `httpx`.
        path: The names that lead to the function there, `("Client", "fetch")`; `"*"` as
            the last one means each public function. A client has none.
        options: What follows on the line.
        excluded: Whether the line leaves out what an earlier one took in.
        where: Where it stands, for messages: `pytest.ini, mimic_functions line 3`.
        is_one_of_several: Whether its options were given for several targets, so that
            they may name arguments which only the others have.
        is_optional: Whether it may name nothing: no line may.
    """

    module: str
    path: Texts = ()
    options: Options = NO_OPTIONS
    excluded: bool = False
    where: str = ""
    is_one_of_several: bool = False
    is_optional: bool = False

    @property
    def is_client(self) -> bool:
        """Whether the target is a client."""
        return not self.path

    @property
    def name(self) -> str:
        """The target as it is written, without options: `shop.api:Client.fetch`."""
        if self.is_client:
            return self.module
        return f"{self.module}:{'.'.join(self.path)}"

    def line(self, **more: Iterable[str]) -> str:
        """Return the line with more paths or names in some options: `ignore=["a"]`."""
        return line_of(self.name, self.options, **more)

    def error(self, problem: str) -> TargetError:
        """Return an error of one line that begins with where the target stands."""
        return TargetError(f"{self.where}: {problem}" if self.where else problem)


# -- from a line


def parse_target(line: str, where: str = "") -> Target | None:
    """Read a line of `mimic_functions`; a line that is only a comment gives None.

    Raises:
        TargetError: The line is not in the grammar, or an option is unknown, does not
            fit or has a bad value.
    """
    try:
        words = _words_of(line)
        if not words:
            return None
        target = _target_of_words(*words)._replace(where=where)
        _check_fit(target)
    except TargetError as error:
        raise Target("", where=where).error(error.what) from None
    return target


def _words_of(line: str) -> list[str]:
    """Return the words of a line as a shell reads them; a comment has none."""
    # `str.split` takes a twentieth of the time of shlex, and there may be thousands of
    # lines. They agree on printable ASCII without these signs.
    is_plain = line.isascii() and line.isprintable()
    if is_plain and not any(sign in line for sign in "'\"\\#"):
        return line.split()
    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        reason = str(error).lower()
        raise TargetError(f"{line.strip()} cannot be read: {reason}") from None


def _target_of_words(first: str, *option_words: str) -> Target:
    if first == "!":
        raise TargetError(
            "! must be followed by a target: write !package.module:function"
        )
    module, path = _module_and_path(first.removeprefix("!"))
    if not first.startswith("!"):
        return Target(module, path, read_options(option_words, first))
    if option_words:
        raise TargetError(f"{first} is an exclusion, which takes no options")
    if not path:
        raise TargetError(
            f"{first} excludes a client; to leave out its calls,"
            f" write {module} exclude=PATTERN"
        )
    return Target(module, path, excluded=True)


def _module_and_path(name: str) -> tuple[str, Texts]:
    """Return `shop.api` and `("Client", "fetch")` of `shop.api:Client.fetch`.

    A client is its own module and has no path.
    """
    module, _, dotted = name.partition(":")
    path = tuple(dotted.split("."))
    if _are_identifiers([*module.split("."), *path]):
        return module, path
    if client_of(name) is not None:
        return name, ()
    if name in DISTRIBUTIONS:
        raise TargetError(f"{name} has a distribution: install {DISTRIBUTIONS[name]}")
    hint = did_you_mean(name, CLIENT_NAMES)
    # Only `http.client` has a dot.
    is_like_client = hint and name.partition(".")[0] in ("http", name)
    if not is_like_client and "." in name and _are_identifiers(name.split(".")):
        # The function is the last name, or begins with its class: svc:Client.fetch.
        with_colon = re.sub(r"\.(?=[A-Z]|[^.]+$)", ":", name, count=1)
        raise TargetError(
            f"{name} has no colon before the function: write {with_colon}"
        )
    if not hint and name.isidentifier():
        # A library that sends its requests through one of them is none.
        hint = f" (clients are {', '.join(CLIENT_NAMES)})"
    raise TargetError(
        f"{name or repr(name)} is neither package.module:function nor a client{hint}"
    )


def _are_identifiers(names: list[str]) -> bool:
    """Return whether all parts are names of Python; the last may be `*`."""
    if names[-1] == "*":
        names = names[:-1]
    return all(name.isidentifier() for name in names)


def _check_fit(target: Target) -> None:
    """Check that the options fit a client, or a function which has an outcome.

    Raises:
        TargetError: An option is for the other kind, or a path begins with no part of
            the client's calls or answers: it would leave out, or count, nothing.
    """
    if not _FILLING_METHODS.isdisjoint(target.path):
        raise TargetError(
            f"{target.name} fills an existing object: name the function that makes the"
            " object"
        )
    other_kind = "function" if target.is_client else "client"
    for name, option in _OPTIONS.items():
        if option.only_of == other_kind and getattr(target.options, name):
            raise TargetError(f"{target.name}: {name}= is an option of a {other_kind}")
    for name in target.options.mutates:
        if name in target.options.ignore or "*" in target.options.ignore:
            raise TargetError(
                f"{target.name}: {name} stands in ignore= and mutates=, where only a"
                f" part of it may be ignored: ignore={name}.PART"
            )
    client = client_of(target.module) if target.is_client else None
    if client is None:
        return
    for part in ("ignore", "match", "volatile"):
        is_of_answer = part == "volatile"
        parts = client.answer if is_of_answer else client.parts
        for path in getattr(target.options, part):
            first = steps_of(path)[0]
            if parts and first not in (*parts, "*"):
                whole = "an answer" if is_of_answer else "a call"
                hint = did_you_mean(first, parts) or f" (it has {', '.join(parts)})"
                raise TargetError(
                    f"{target.name}: {part}={path} names no part of {whole}{hint}"
                )


# -- from Python


def as_targets(
    given: Iterable[str | Target | Callable[..., Any]],
    options: Mapping[str, Any] | None = None,
) -> list[Target]:
    """Return the targets that a marker, `mimic(...)` or a cassette names.

    Options by keyword replace those of the lines; None leaves them, and an exclusion
    takes none.

    Raises:
        TargetError: As for `parse_target`, or a function has no importable name.
    """
    targets = [one if isinstance(one, Target) else _target_of(one) for one in given]
    values = dict(
        _read_option(name, value)
        for name, value in (options or {}).items()
        if value is not None or name not in _OPTIONS
    )
    if not values:
        return targets
    are_several = len(targets) > 1
    for number, target in enumerate(targets):
        if not target.excluded:
            targets[number] = target._replace(
                options=target.options.updated(**values, in_python=True),
                is_one_of_several=are_several,
            )
            if not are_several:
                _check_fit(targets[number])
    return targets


def _target_of(given: str | Callable[..., Any]) -> Target:
    target = parse_target(given if isinstance(given, str) else _importable_name(given))
    if target is None:
        raise TargetError(f"{given!r} names no target")
    return target._replace(options=target.options.updated(in_python=True))


def _importable_name(given: Any) -> str:
    """Return `module:path` of a function, method or property.

    Raises:
        TargetError: It is none, or no name leads to it.
    """
    function = inside_of(given) or given
    module = getattr(function, "__module__", None)
    path = getattr(function, "__qualname__", None)
    name = f"{module}:{path}"
    if isinstance(given, type):
        raise TargetError(
            f"{name} is a class, which cannot be mimicked: name its methods, {name}.*"
        )
    if not callable(function) or not module or not path or "<" in path:
        raise TargetError(
            f"{given!r} is not a function with an importable name,"
            " give it as 'module:name'"
        )
    return name


# -- options


def read_options(words: Iterable[str], target: str = "") -> Options:
    """Read options as a line has them, each `name` or `name=value`.

    Raises:
        TargetError: One is unknown, is given twice or has a bad value.
    """
    values: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if name == "key":
            raise TargetError(
                f"{target}: key= takes a function, so it works in Python only"
            )
        option, value = _read_option(name or word, text if equals else None, target)
        if option in values:
            raise TargetError(f"{target}: {name} is given twice")
        values[option] = value
    own = defaults_of(target)
    return own.updated(**values) if values else own


def _read_option(name: str, value: object, target: str = "") -> tuple[str, Any]:
    """Read an option, and give its name and value; `shared` stands for `sequence=no`.

    None: a line has the option without a value, as `sequence`.
    """
    of_target = f"{target}: " if target else ""
    option = _OPTIONS.get(name)
    if option is None:
        hint = did_you_mean(name, _OPTIONS)
        hint = hint or f" (there are {', '.join(sorted(_OPTIONS))})"
        raise TargetError(f"{of_target}there is no option {name}{hint}")
    try:
        read = option.read(value)
    except (TypeError, ValueError, KeyError, SyntaxError):
        given = "nothing" if value is None else repr(value)
        raise TargetError(
            f"{of_target}{name}= takes {option.takes}, not {given}"
        ) from None
    return ("sequence", not read) if name == "shared" else (name, read)


# A reader takes what stands on a line (a text, or None without a value) or what Python
# gives. For a wrong value it raises TypeError, ValueError or KeyError.


def _read_list(value: object, is_right: Callable[[str], object] = bool) -> Texts:
    # Each target reads the value again, which an iterator does not allow.
    if not isinstance(value, Iterable) or isinstance(value, Iterator):
        raise TypeError(value)
    # A comma in brackets, `rows['a,b']`, separates nothing.
    items = re.split(r",(?![^\[]*\])", value) if isinstance(value, str) else value
    texts = tuple(str.strip(item) for item in items)
    if not all(map(is_right, texts)):
        raise ValueError(value)
    return texts


# A path is wrong where its steps cannot be read.
_read_paths = partial(_read_list, is_right=steps_of)
_read_names = partial(_read_list, is_right=str.isidentifier)


def _read_switch(value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return value is not False
    switches = {"true": True, "yes": True, "false": False, "no": False}
    return switches[str.lower(value)]


def _read_tolerance(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not 0 <= number < math.inf:
        raise ValueError(value)
    return number


def _read_function(value: object) -> object:
    if not callable(value):
        raise TypeError(value)
    return value


def _read_comparison(value: object) -> object:
    if value not in ("exact", "shape"):
        raise ValueError(value)
    return value


class _Option(NamedTuple):
    read: Callable[[Any], object]
    takes: str
    only_of: str = ""


_OPTIONS = {
    "ignore": _Option(_read_paths, "arguments or paths in them"),
    "match": _Option(_read_paths, "parts of a request", only_of="client"),
    "key": _Option(_read_function, "a function", only_of="function"),
    "mutates": _Option(_read_names, "names of arguments", only_of="function"),
    "sequence": _Option(_read_switch, "true or false"),
    "shared": _Option(_read_switch, "true or false"),
    "rtol": _Option(_read_tolerance, "a number that is not negative"),
    "atol": _Option(_read_tolerance, "a number that is not negative"),
    "volatile": _Option(_read_paths, "paths in the outcome"),
    "compare": _Option(_read_comparison, "exact or shape"),
    "only": _Option(_read_list, "patterns on calls"),
    "exclude": _Option(_read_list, "patterns on calls"),
}
# A function has no place in a line, and `shared` is another word.
_IN_LINES = tuple(name for name in _OPTIONS if name not in ("key", "shared"))
