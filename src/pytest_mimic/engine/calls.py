"""A call: what is known of it, its place, and what its outcome says of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from copy import copy
from functools import lru_cache
from typing import Any

from pytest_mimic.engine.decide import Decision, Reason, Recorded
from pytest_mimic.engine.events import Json
from pytest_mimic.errors import MimicError
from pytest_mimic.patch.targets import Options, line_of
from pytest_mimic.values.identity import identity_of
from pytest_mimic.values.outcome import Objects, unshelve
from pytest_mimic.values.tree import Node, Path, Tree, paths_of
from pytest_mimic.vault.recording import MALFORMED, Entry

_NOT_ALLOWED = frozenset({401, 403, 407})
_FAILED_STATUS = _NOT_ALLOWED | {408, 425, 429}
_NETWORK = frozenset(
    """
    BrokenPipeError ConnectionAbortedError ConnectionError ConnectionRefusedError
    ConnectionResetError TimeoutError
    """.split()
)
_GONE = frozenset({404, 410})
# Of gRPC: nobody may ask, or the service cannot answer now.
_FAILED_CODES = frozenset(
    """
    ABORTED DATA_LOSS DEADLINE_EXCEEDED INTERNAL PERMISSION_DENIED RESOURCE_EXHAUSTED
    UNAUTHENTICATED UNAVAILABLE UNKNOWN
    """.split()
)

Body = dict[str, Any]
"""What a call gave: one of `value`, `raised`, `items` (with `last`) or `answer`."""

SameBodies = Callable[..., bool]
"""Compares two outcomes under options of a line."""


class Call:
    """What is known of a call before it is made; heirs are of functions and clients.

    Attributes:
        target: `shop.api:fetch`, or the kind of client: http, sql, redis, grpc, mcp.
        is_function: Whether it is one of a function; else of a client.
        identity: The digest of what counts.
        described: What the recording keeps of it: arguments, or the request.
        signature: `GET /users/1`; of a function its target.
        in_log: Whether it has a place in its owner's log; else all tests share it.
        is_of_all: Whether all tests share it whatever owns calls now, a cassette too.
        conversation: The kind of client whose later calls follow from it; empty: none.
        options: Those of its line.
        line: Those of them that count, as its recording keeps them.
        line_name: How its line names the target: `httpx`.
        has_effect: Whether it may change what later real calls find (SQL, Redis).
        hides_anew: Whether today's names may hide other parts than those of old.
        content: The parts in which an imported call may differ.
        shared_answer: The file of what all tests share, and the answer in it, where
            these were looked for; None: they were not.
        same_bodies: Compares two outcomes as verifying does, and holds nothing of the
            call; None: all of them counts.
    """

    identity = ""
    described: Tree
    is_function = False
    is_of_all = False
    has_effect = False
    hides_anew = False
    content: Sequence[str] = ()
    shared_answer: tuple[str, Entry | None] | None = None
    same_bodies: SameBodies | None = None

    def __init__(self, target: str, options: Options, *, in_log: bool) -> None:
        self.target = self.signature = self.line_name = target
        self.options = options
        self.line = _line_of(options)
        self.in_log = in_log
        self.conversation = target if in_log and not self.is_function else ""

    def whole(self) -> Tree:
        """Give the same with the parts that a recording keeps by their digest."""
        return self.described

    def label(self) -> str:
        """Give it as messages and lists name it: with its model and last words, say."""
        raise NotImplementedError

    def stale_parts(self, entry: Entry) -> list[str]:  # noqa: ARG002
        """Give what makes a recording stale: the target, or what it has reached."""
        return []

    def new_arguments(self, entry: Entry) -> list[str]:  # noqa: ARG002
        """Give the arguments that its function has got since an entry was recorded."""
        return []

    def is_renamed(self, entry: Entry) -> bool:  # noqa: ARG002
        """Whether its function has made a recording under another name."""
        return False

    def identity_before(self, names: Collection[str]) -> str:  # noqa: ARG002
        """Give the identity that it had when its function took these arguments alone.

        Empty: it is another call than any of then.
        """
        return ""

    def counted(
        self,
        described: Tree,
        options: Options | None = None,  # noqa: ARG002
    ) -> Tree:
        """Give what counts of what a recording keeps, of the line or under options."""
        return described

    def rehidden(self, request: Any) -> Any:
        """Give a recorded request without what today's names hide."""
        return request

    def senders(self, request: Tree) -> list[str]:  # noqa: ARG002
        """Give the issued tokens of a request that do not count.

        They tell equal calls of a log apart.
        """
        return []

    def tokens(self) -> list[str]:
        """Give what stands for issued secrets in it as it would be sent."""
        return []

    @property
    def has_samples(self) -> bool:
        """Whether equal calls have an answer each, if all tests share them."""
        return not (self.is_function or self.is_of_all)

    def line_with(self, **more: Iterable[str]) -> str:
        """Give its line, with more paths in some options."""
        return line_of(self.line_name, self.options, **more)

    def line_to_share(self) -> str:
        """Give the line with which all tests share it."""
        return line_of(self.line_name, self.options.updated(sequence=False))

    def facts_of_line(self) -> dict[str, Json]:
        """Give the facts of an event from which its line can be written."""
        return {"line": self.line_name, "options": self.options.to_plain()}

    @property
    def asked(self) -> Tree:
        """What it asks: of a function the arguments, with their secrets."""
        return self.described

    def identity_with(self, asked: Tree) -> str:
        """Give the identity that the call has with other arguments or requests."""
        return identity_of(self.target, self.counted(asked))

    def asking(self, asked: Tree) -> Call:
        """Give the call as it is with other arguments, or another request."""
        if asked is self.asked:
            return self
        other = copy(self)
        other.identity = self.identity_with(asked)
        return other

    def volatile_paths(self, more: Sequence[str] = ()) -> list[Path]:
        """Give the paths of `volatile=`, and more, in what the call gives."""
        paths = paths_of((*self.options.volatile, *more))
        # Those in a value begin inside of it, those in a stream with `items`.
        return [*paths, *(("value", *path) for path in paths)]


@lru_cache(maxsize=1024)
def _line_of(options: Options) -> str:
    return options.text()


# -- its place

Key = tuple[str, str]
"""What makes calls equal: the identity, and the options of the line that count."""


def most_first(arguments: Collection[frozenset[str]]) -> list[frozenset[str]]:
    """Give what a function took at several times, in the same order in each run."""
    return sorted(arguments, key=lambda names: (-len(names), sorted(names)))


def key_of(call: Call | Entry) -> Key:
    """Give what a call has in common with equal calls."""
    return call.identity, call.line


class Slot:
    """What becomes of a call, where its recording is, and what it gave.

    A slot lasts as long as its owner. So it keeps nothing of the call itself, which
    may hold large arguments.

    Attributes:
        decision: What becomes of the call, or why it is refused.
        recorded: What is recorded at its place.
        entry: The recording, if there is one.
        name: The file.
        key: What equal calls have.
        index: The recorded call of the log that it is; None: none.
        stands_in_log: Whether it is of a log that stands, and is made anew as a whole.
        is_real: Whether the call runs for real and is recorded.
        at: When it began, among the calls of the log, and when it ended.
        has_ended: Whether it has ended, in a log.
        blank: The entry of a call that runs for real, without an outcome. It holds
            the place of the call in the log if the call is not recorded.
        outcome: What it gave, if it ran for real and is recorded.
        former_file: The file of another line from which it is replayed; empty: its own.
    """

    has_ended = False
    stands_in_log = False
    blank: Entry | None = None
    outcome: Entry | None = None
    former_file: str = ""

    def __init__(
        self,
        name: str,
        key: Key,
        recorded: Recorded,
        entry: Entry | None,
        decision: Decision | Reason,
        index: int | None,
    ) -> None:
        self.name = name
        self.key = key
        self.recorded = recorded
        self.entry = entry
        self.decision = decision
        self.is_real = decision == "run"
        self.index = index
        self.at: list[int] = []


def entry_of(call: Call, described: Any = None, **facts: Any) -> Entry:
    """Give the entry of a call, with what it asks and what else is known of it."""
    facts["arguments" if call.is_function else "request"] = described
    return Entry(
        target=call.target,
        identity=call.identity,
        signature="" if call.is_function else call.signature,
        line=call.line,
        python=call.options.in_python,
        **facts,
    )


def kept_parts(call: Call, entry: Entry, objects: Objects) -> Tree:
    """Give what counts of a recording; nothing: it was edited to what is no request."""
    if entry.request is None:
        return entry.arguments or {}
    try:
        return call.counted(unshelve(entry.request, objects))
    except (MimicError, *MALFORMED):
        return {}


# -- what its outcome says


def answer_of(body: Body) -> Node:
    """Give the answer of a client by its parts; nothing: it is none of a client."""
    answer = body.get("answer")
    return answer if isinstance(answer, dict) else {}


def failed_exchange(body: Body) -> str:
    """Say how the answer of a client has failed: `status 503`, `timeout of reading`."""
    answer = answer_of(body)
    error = answer.get("error")
    if isinstance(error, dict) and "kind" in error:
        return str(error["kind"])
    if answer.get("code") in _FAILED_CODES:
        return str(answer["code"])
    status = _status_of(body)
    is_failed = status in _FAILED_STATUS or status >= 500
    return f"status {status}" if is_failed else ""


def raised_in(body: Body) -> str:
    """Say what a call has raised: `raised ConnectionError`; empty: nothing.

    A client raises the error that its server has answered with, and a stream what has
    ended it.
    """
    raised = _raised_of(body)
    if raised is not None:
        return f"raised {_class_of(raised) or 'an exception'}"
    raised = answer_of(body).get("raised")
    if not isinstance(raised, dict):
        return ""
    return f"raised {str(raised.get('class')).replace(':', '.')}"


def kept_failure(body: Body) -> str:
    """Say which error of the network an outcome is, of a client or of a function."""
    if _class_of(_raised_of(body)) in _NETWORK:
        return raised_in(body)
    return failed_exchange(body)


def _raised_of(body: Body) -> Tree:
    """Give what a function, or the stream that it gave, has raised; None: nothing."""
    last = body.get("last")
    return last.get("raised") if isinstance(last, dict) else body.get("raised")


def _class_of(raised: Tree) -> str:
    """Give the name of the class of a stored exception."""
    if not isinstance(raised, dict):
        return ""
    view = raised.get("view", raised)  # It may be a pickle.
    name = next(iter(view), "") if isinstance(view, dict) else ""
    return name.rpartition(":")[2]


def is_gone(body: Body) -> bool:
    """Whether a service says that it does not know what was asked for."""
    return _status_of(body) in _GONE


def is_worth_a_wait(body: Body) -> bool:
    """Whether clients wait after such an answer, and try again."""
    return bool(failed_exchange(body)) and _status_of(body) not in _NOT_ALLOWED


def _status_of(body: Body) -> int:
    status = answer_of(body).get("status")
    return status if isinstance(status, int) else 0


def recorded_at(call: Call, entry: Entry | None, *, is_own: bool) -> Recorded:
    """Say what stands at the place of a call.

    Args:
        call: The call.
        entry: What is recorded there.
        is_own: Whether it is its own: not that of the last equal call again.
    """
    if entry is None:
        return "none"
    if entry.end == "empty":
        return "empty"
    if call.stale_parts(entry):
        return "stale"
    return "fresh" if is_own else "repeats"
