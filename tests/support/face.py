"""What tests ask of the inside of the package, by names of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest_mimic

FORMAT = 8

# The folder of the package, for those who put another copy in its place.
PACKAGE = Path(pytest_mimic.__path__[0])
# What stands in place of a secret that nobody issued.
PLACEHOLDER = "mimic-redacted"
# What stands in place of an issued one, as a pattern.
ISSUED = r"mimic-redacted-[0-9a-z]+-[0-9a-z]+"

# The beginnings of the names of modules that a plain replay does not import.
NOT_IN_A_REPLAY = tuple(
    f"pytest_mimic.{name}"
    for name in (
        "engine.cassettes",
        "engine.nearest",
        "run.cassette_fixtures",
        "run.remarks",
        "run.verdicts",
        "values.libraries",
        "values.pickles",
        "values.differences",
        "values.drawing",
        "secrets",
        "clients",
        "cli",
    )
)


def _plugin() -> ModuleType:
    return import_module("pytest_mimic.plugin")


plugin = _plugin()


def fingerprint(value: object) -> str:
    """Return the identity of a value.

    Raises:
        UnstableIdentityError: It has none.
    """
    return str(pytest_mimic.fingerprint(value))


def there_and_back(value: Any) -> Any:
    """Return a value as a replay gives it: stored, and read again.

    Raises:
        UnstorableOutcomeError: It is refused.
    """
    from pytest_mimic.values.outcome import copies_of

    tree, objects = stored(value)
    return copies_of(tree, _Objects(objects))()


def stored(value: Any) -> tuple[Any, dict[str, bytes]]:
    """Return what stands in the vault for an outcome: its JSON, and its objects by name.

    Raises:
        UnstorableOutcomeError: It is refused.
    """
    from pytest_mimic.values.outcome import store

    objects = _Objects()
    return json.loads(json.dumps(store(value, objects))), objects


def loaded(tree: Any, objects: dict[str, bytes]) -> Any:
    """Return what a replay makes of JSON and objects, with pickles forbidden.

    Raises:
        CorruptRecordingError: Nothing can be made of them.
    """
    from pytest_mimic.values.outcome import copies_of

    return copies_of(tree, _Objects(objects), forbid=True)()


class _Objects(dict[str, bytes]):
    """The objects of a vault, in memory."""

    def write_object(self, suffix: str, chunks: Iterable[bytes | memoryview]) -> str:
        name = f"objects/{len(self)}.{suffix}"
        self[name] = b"".join(chunks)
        return name

    read_object = dict.__getitem__


def looks(text: str) -> set[str]:
    """Return what a text looks like as a whole: `uuid`, `ulid`, `token`, `moment`, `date`.

    `key` is among them where it holds a text that looks like a key.
    """
    from pytest_mimic.secrets.keys import keys_in
    from pytest_mimic.values.made_anew import made_anew

    found = {made_anew(text).rpartition(" ")[2].lower()} - {""}
    return found | ({"key"} if any(keys_in(text)) else set())


def placeholder_of_variable(name: str) -> str:
    """Return what stands for the value of a variable of the environment."""
    return f"{PLACEHOLDER}-{name.replace('_', '-')}"


class Line(NamedTuple):
    """A line of `mimic_functions` as it was understood.

    Attributes:
        name: The target without options: `shop.api:fetch`, `http`.
        is_excluded: Whether the line begins with `!`.
        options: The options that the line gives, by name.
    """

    name: str
    is_excluded: bool
    options: dict[str, Any]


def line(text: str) -> Line | None:
    """Return a line of `mimic_functions`; None: it has nothing but a comment.

    Raises:
        TargetError: It is not in the grammar.
    """
    from pytest_mimic.patch.targets import Options, parse_target

    target = parse_target(text)
    if target is None:
        return None
    unset = Options()
    options = {
        name: value
        for name, value in vars_of(target.options).items()
        if value != getattr(unset, name)
    }
    return Line(target.name, target.excluded, options)


def vars_of(record: Any) -> dict[str, Any]:
    """Return the fields of a named tuple, or of an object."""
    fields: Iterable[str] = getattr(record, "_fields", None) or vars(record)
    return {name: getattr(record, name) for name in fields}


def takes(
    signature: str,
    host: str | None = None,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> bool:
    """Return whether patterns of `only` and `exclude` take a call, `GET /users/1`."""
    from pytest_mimic.patch.patterns import Patterns

    return bool(Patterns(only, exclude).takes(signature, host))


def command(argv: Sequence[str]) -> int:
    """Run `pytest-mimic` with these words in this process, and return its exit code."""
    return int(_main()([*argv]) or 0)


def _main() -> Callable[[list[str]], Any]:
    """Return the function of the console script.

    A checkout that is on the path but not installed has none.
    """
    scripts = entry_points(group="console_scripts", name="pytest-mimic")
    for script in scripts:
        found: Callable[[list[str]], Any] = script.load()
        return found
    main: Callable[[list[str]], Any] = import_module("pytest_mimic.cli.main").main
    return main
