"""What tests ask of the inside of the package, by names of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from email.parser import BytesParser
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest_mimic

FORMAT = 6

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
        "engine.anew",
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
    from pytest_mimic.values.outcome import load, store

    objects = _Objects()
    return load(json.loads(json.dumps(store(value, objects))), objects)


class _Objects(dict[str, bytes]):
    """The objects of a vault, in memory."""

    def write_object(self, suffix: str, chunks: Iterable[bytes | memoryview]) -> str:
        name = f"objects/{len(self)}.{suffix}"
        self[name] = b"".join(chunks)
        return name

    read_object = dict.__getitem__


class HttpMessage(NamedTuple):
    """A request or an answer as its bytes say it.

    Attributes:
        first: The three parts of its first line.
        headers: Its headers, in order.
        body: What follows the empty line.
    """

    first: tuple[str, str, str]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def of(cls, data: bytes) -> HttpMessage:
        head, _, body = data.partition(b"\r\n\r\n")
        line, _, fields = head.partition(b"\r\n")
        first = (*line.decode("latin-1").split(" ", 2), "", "")[:3]
        parsed = BytesParser().parsebytes(fields + b"\r\n\r\n", headersonly=True)
        return cls((first[0], first[1], first[2]), tuple(parsed.items()), body)

    @property
    def url(self) -> str:
        """The URL of a request, over TLS."""
        target = self.first[1]
        if "://" in target:
            return target
        host = {name.lower(): value for name, value in self.headers}["host"]
        return f"https://{host}{target}"


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}"


def hidden(
    kind: str, request: Any, answer: Any = None, *, redact: Sequence[str] = ()
) -> str:
    """Return the JSON text that stands in the vault for a call with its answer.

    | kind | request | answer |
    |---|---|---|
    | `http` | the bytes of a request | the bytes of an answer, decompressed |
    | `redis` | the words of a command, as bytes | a reply, as the client reads it |

    Args:
        kind: The kind of client.
        request: What is sent.
        answer: What comes back. None: an empty answer.
        redact: Lines of `mimic_redact`.
    """
    return _HIDES[kind](request, answer, redact)


def _http(request: bytes, answer: bytes | None, redact: Sequence[str]) -> str:
    from pytest_mimic.clients.http import answers, requests
    from pytest_mimic.clients.http.adapter import HttpAdapter
    from pytest_mimic.secrets.issued import CallMark, Scope, Secrets

    asked, answered = HttpMessage.of(request), HttpMessage.of(answer or OK)
    adapter, secrets, scope = HttpAdapter(), Secrets(redact, {}), Scope()
    sent = requests.read(asked.first[0], asked.url, asked.headers, asked.body)
    _, status, reason = answered.first
    head = answers.Head(int(status), reason, answered.headers)
    came = head.read([answered.body])
    hidden_request = secrets.hide_request(sent, scope, hide=adapter.hide_request)

    def hide(redactor: Any, answer: Any, stand_in: Any) -> Any:
        return adapter.hide_answer(redactor, answer, stand_in, hidden_request)

    hidden_answer = secrets.hide_answer(came, scope, CallMark("", "call"), hide=hide)
    label = adapter.label(hidden_request)
    return json.dumps([hidden_request, hidden_answer, label], ensure_ascii=False)


def _redis(request: Sequence[bytes], answer: Any, redact: Sequence[str]) -> str:
    from pytest_mimic.clients.redis import commands, replies
    from pytest_mimic.clients.redis.adapter import Redis
    from pytest_mimic.secrets.issued import CallMark, Scope, Secrets

    adapter, secrets, scope = Redis(), Secrets(redact, {}), Scope()
    asked = commands.read(request)
    came = replies.read([answer], [asked])
    hidden_request = secrets.hide_request(asked, scope, hide=adapter.hide_request)

    def hide(redactor: Any, answer: Any, stand_in: Any) -> Any:
        return adapter.hide_answer(redactor, answer, stand_in, hidden_request)

    hidden_answer = secrets.hide_answer(came, scope, CallMark("", "call"), hide=hide)
    return json.dumps([hidden_request, hidden_answer], ensure_ascii=False)


_HIDES: dict[str, Callable[..., str]] = {"http": _http, "redis": _redis}


def looks(text: str) -> set[str]:
    """Return what a text looks like as a whole: `uuid`, `ulid`, `token`, `moment`, `date`.

    `key` is among them where it holds a text that looks like a key.
    """
    from pytest_mimic.secrets.looks import keys_in
    from pytest_mimic.values.looks import made_anew

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
