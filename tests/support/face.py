"""The tests' one door to the package that is installed: either tree, by the same names.

Two trees answer to `pytest_mimic` for a while: that of `src/`, whose vault has format 5, and
that of `next/`, whose vault has format 6. Nothing else in the tests asks which one it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from email.parser import BytesParser
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest_mimic

# Asked without an import: a room that is not built yet is no reason to fail.
TREE = "root" if find_spec("pytest_mimic._core") else "next"
IS_ROOT = TREE == "root"
FORMAT = 5 if IS_ROOT else 6

# The folder of the package, for those who put another copy in its place.
PACKAGE = Path(pytest_mimic.__path__[0])
# What stands in place of a secret that nobody issued.
PLACEHOLDER = "<redacted>" if IS_ROOT else "mimic-redacted"
# What stands in place of an issued one, as a pattern.
ISSUED = r"<redacted:[0-9a-z-]+>" if IS_ROOT else r"mimic-redacted-[0-9a-z]+-[0-9a-z]+"

# The beginnings of the names of modules that a plain replay does not import.
NOT_IN_A_REPLAY = tuple(
    f"pytest_mimic.{name}"
    for name in (
        (
            "_clients",
            "_core.outcome",
            "_core.redact",
            "_core.tree",
            "_tools.cli",
            "_tools.page",
        )
        if IS_ROOT
        else (
            "values.libraries",
            "values.pickles",
            "values.differences",
            "values.drawing",
            "secrets",
            "clients",
            "cli",
        )
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
    if IS_ROOT:
        from pytest_mimic._core.outcome.outcome import Value

        return _through_a_vault(Value(value)).value
    return _through_objects(value)


def raised_and_back(error: Exception) -> BaseException:
    """Return an exception as a replay raises it.

    Raises:
        UnstorableOutcomeError: It is refused.
    """
    if IS_ROOT:
        from pytest_mimic._core.outcome.outcome import Raised

        back: BaseException = _through_a_vault(Raised(error)).error
        return back
    return _through_objects(error)


def _through_objects(value: Any) -> Any:
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


def _through_a_vault(outcome: Any) -> Any:
    from unit.memory_store import NAME, recorded

    from pytest_mimic._core.vault import Vault

    recording = Vault(recorded(outcome)).read(NAME)
    assert recording is not None
    return recording.outcomes[0].load()


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
    | `sql` | a statement and its parameters | names of columns and rows |
    | `redis` | the words of a command, as bytes | a reply, as the client reads it |

    Args:
        kind: The kind of client.
        request: What is sent.
        answer: What comes back. None: an empty answer.
        redact: Lines of `mimic_redact`.
    """
    hide = _ROOT_HIDES if IS_ROOT else _NEXT_HIDES
    return hide[kind](request, answer, redact)


def _http_in_root(request: bytes, answer: bytes | None, redact: Sequence[str]) -> str:
    from unit.clients.runs import Runs

    from pytest_mimic._clients.http.http_calls import (
        HttpAdapter,
        HttpRequest,
        RequestTaker,
    )
    from pytest_mimic._clients.http.responses import ExchangeRecorder

    asked, answered = HttpMessage.of(request), HttpMessage.of(answer or OK)
    runs = Runs(HttpAdapter("client"))
    runs.again("record", redact=redact)
    taken = HttpRequest(asked.first[0], asked.url, asked.headers, asked.body)
    recorder = ExchangeRecorder(RequestTaker(runs.port).begin(taken))
    version, status, reason = answered.first
    recorder.start(int(status), reason, version, answered.headers)
    recorder.chunks.append(answered.body)
    recorder.complete()
    return runs.text


def _sql_in_root(request: Any, answer: Any, redact: Sequence[str]) -> str:
    from pytest_mimic._clients.sql.rows_and_errors import Rows
    from pytest_mimic._clients.sql.statement_calls import StatementCall
    from pytest_mimic._core.redact.redactor import Redactor

    redactor = Redactor(redact)
    statement, parameters = request
    call = StatementCall(statement, parameters, database=0, redactor=redactor)
    columns, rows = answer or ([], [])
    read = Rows(rows, columns)
    read.store(call.hidden_columns(columns), redactor)
    return json.dumps([call.call.parts, columns, read.stored_rows], default=str)


def _redis_in_root(request: Sequence[bytes], answer: Any, redact: Sequence[str]) -> str:
    from pytest_mimic._clients.redis.redis_commands import describe_commands
    from pytest_mimic._clients.redis.replies import store_reply
    from pytest_mimic._core.redact.redactor import Redactor

    redactor = Redactor(redact)
    words = [*request]
    call = describe_commands([words], database=0, protocol=2, redactor=redactor)
    return json.dumps([call.parts, store_reply(answer, words, redactor)], default=str)


def _http_in_next(request: bytes, answer: bytes | None, redact: Sequence[str]) -> str:
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


def _sql_in_next(request: Any, answer: Any, redact: Sequence[str]) -> str:
    raise NotImplementedError("clients/sql of next")


def _redis_in_next(request: Sequence[bytes], answer: Any, redact: Sequence[str]) -> str:
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


_ROOT_HIDES: dict[str, Callable[..., str]] = {
    "http": _http_in_root,
    "sql": _sql_in_root,
    "redis": _redis_in_root,
}
_NEXT_HIDES: dict[str, Callable[..., str]] = {
    "http": _http_in_next,
    "sql": _sql_in_next,
    "redis": _redis_in_next,
}


def looks(text: str) -> set[str]:
    """Return what a text looks like as a whole: `uuid`, `ulid`, `token`, `moment`, `date`.

    `key` is among them where it holds a text that looks like a key.
    """
    if IS_ROOT:
        from pytest_mimic._core.redact.texts_like_keys import keys_in
        from pytest_mimic._core.tree.made_anew import pieces

        whole = [
            piece
            for piece in pieces(text)
            if (piece.start, piece.end) == (0, len(text))
        ]
        found = {piece.kind.value for piece in whole}
        return found | ({"key"} if any(keys_in(text)) else set())
    from pytest_mimic.secrets.looks import keys_in as keys_of_next
    from pytest_mimic.values.looks import look_of

    look = look_of(text)
    return ({look} if look else set()) | ({"key"} if any(keys_of_next(text)) else set())


def placeholder_of_variable(name: str) -> str:
    """Return what stands for the value of a variable of the environment."""
    if IS_ROOT:
        return f"<{name}>"
    return f"{PLACEHOLDER}-{name.replace('_', '-')}"


def unpacked(pickle_file: bytes) -> bytes:
    """Return the pickle in a file of the vault with its buffers, as plain bytes."""
    if IS_ROOT:
        from pytest_mimic._core.outcome.pickle_file import stream_and_buffers

        return b"".join(map(bytes, stream_and_buffers(memoryview(pickle_file))))
    return pickle_file


def forget_client(name: str) -> None:
    """Let the next run look for the adapter of a client anew, in the same process."""
    if IS_ROOT:
        from pytest_mimic._core.seam.registry import CLIENTS

        CLIENTS.pop(name, None)


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
    if IS_ROOT:
        from pytest_mimic._core.target_options import Options
        from pytest_mimic._core.targets.target import parse_target
    else:
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
    if IS_ROOT:
        from pytest_mimic._core.targets.pattern import Selector

        return bool(Selector(only=only, exclude=exclude).takes(signature, host))
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
    module = "pytest_mimic._tools.cli.main" if IS_ROOT else "pytest_mimic.cli.main"
    main: Callable[[list[str]], Any] = import_module(module).main
    return main
