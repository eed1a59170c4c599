"""What an adapter of a client is made of.

Provisional: it may change in a minor version, with a line in the changelog.

What an adapter must do:

- name the functions in which its client meets the network (`Adapter.edges`), the
  lowest that see a whole request, so that the client's own code runs in a replay;
- read each request and each answer into plain data: JSON in which a name stands beside
  each value, so that one walk hides what is secret. Nothing in it is hidden before;
- begin each call at its port, and follow the mode of the exchange: `replay`, or the
  real call within `running()` and then `finish`. An error of the service is an answer,
  `{"error": {"kind": ..., "text": ...}}`; any other leaves nothing behind;
- give an answer back as the client's own object, from plain data alone. A `build` that
  raises says that the recording is damaged; an error that it returns is raised;
- never import the client: where an edge runs, the client is imported.

The smallest adapter, for a module `sensor` whose function `read` asks a device:

    from functools import wraps
    from pytest_mimic.client import Adapter, Edge

    class SensorAdapter(Adapter):
        name = kind = "sensor"

        def edges(self, port):
            def wrap(original):
                @wraps(original)
                def read(room):
                    exchange = port.begin({"command": "READ", "room": room})
                    if exchange is None:  # a call that no line takes
                        return original(room)
                    if exchange.mode == "replay":
                        return exchange.replay()["celsius"]
                    with exchange.running():
                        answer = {"celsius": original(room)}
                    return exchange.finish(answer)["celsius"]
                return read
            return [Edge("sensor", ("read",), wrap)]

        def signature(self, request):
            return f"{request['command']} {request['room']}"

A distribution offers it as an entry point of the group `pytest_mimic.clients`, whose
name is the line: `sensor = "mimic_sensor:SensorAdapter"`.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import (
    Awaitable,
    Callable,
    Coroutine,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from functools import cached_property, partial
from marshal import dumps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_mimic.engine.activations import Activations, ClientLine
from pytest_mimic.engine.begin import begin
from pytest_mimic.engine.calls import (
    Call,
    failed_exchange,
    is_gone,
    is_worth_a_wait,
    raised_in,
)
from pytest_mimic.engine.nesting import Unmimicked
from pytest_mimic.engine.place import Place
from pytest_mimic.engine.real import Real
from pytest_mimic.engine.refusals import RERECORD
from pytest_mimic.engine.secrecy import Sender
from pytest_mimic.engine.verifying import rules_of
from pytest_mimic.errors import (
    CorruptRecordingError,
    MimicError,
    Remedy,
    UnstorableOutcomeError,
)
from pytest_mimic.patch.clients import Edge, Function, around
from pytest_mimic.patch.targets import Options, line_of
from pytest_mimic.secrets.issued import BY_FORM, SecretScope, texts_in
from pytest_mimic.secrets.keys import keys_in
from pytest_mimic.secrets.placeholders import OWN, is_placeholder, mark_of, number_of
from pytest_mimic.secrets.redactor import Redactor, StandIn
from pytest_mimic.values.outcome import Objects, unshelve
from pytest_mimic.values.tree import Path, Tree, below, paths_of, without
from pytest_mimic.values.walk import deeply
from pytest_mimic.vault.recording import MALFORMED

if TYPE_CHECKING:
    from pytest_mimic.engine.events import Event
    from pytest_mimic.engine.owners import Owner
    from pytest_mimic.engine.run import Run
    from pytest_mimic.values.differences import Difference

__all__ = [
    "Adapter",
    "CorruptRecordingError",
    "Edge",
    "Exchange",
    "Function",
    "MimicError",
    "Path",
    "Plain",
    "Port",
    "Redactor",
    "StandIn",
    "around",
    "at_once",
    "bytes_of",
    "fields",
    "is_placeholder",
    "number_of",
    "raised",
    "text_or_base64",
]

Plain = dict[str, Any]
"""A request or an answer: JSON in which a name stands beside each value."""


# Longer requests are rarely equal, and a run keeps so many others.
_LONGEST_PLAIN = 4_000
_MANY = 1_000


class Adapter:
    """How one client is recorded. Each method has a default but `edges`.

    Attributes:
        name: The line that names the client.
        kind: The kind of client: one conversation for all clients of a kind.
        has_effect: Whether a fixture's calls are made for real in each recording run.
        head: The parts of an answer that say how the call went, which compare=shape
            compares as they are.
        sent_back: The paths of what verifying does not compare, and its client sends.
        unlike: By the path of a part: what to do where two requests of one owner are
            equal only because secrets in it are hidden. The second is refused.
        content: The parts of a request in which an imported call may differ: the tool
            that made it did not compare them.
        is_session: Whether each call belongs to a session, so that its place in a log
            counts whatever a line says of `sequence`.
    """

    name = ""
    kind = ""
    has_effect = False
    head: Sequence[str] = ()
    sent_back: Sequence[str] = ()
    content: Sequence[str] = ()
    is_session = False
    unlike: Mapping[str, str] = MappingProxyType({})

    def open(self, run: Run, activations: Activations) -> Iterable[Edge]:
        """Return the edges for one run."""
        return self.edges(Port(self, run, activations))

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return the functions in which the client meets the network."""
        raise NotImplementedError

    def signature(self, request: Plain) -> str:
        """Return the name of a request: `GET /users/1`."""
        raise NotImplementedError

    def is_of_all(self, request: Plain) -> bool:  # noqa: ARG002
        """Return whether a client asks by itself, whoever comes first.

        All tests share such a request, and no pattern of a line leaves it out.
        """
        return False

    def is_of_line(self, name: str, request: Plain) -> bool:  # noqa: ARG002
        """Return whether a line of a name is for a request of this kind.

        One that opens a channel, and is not answered once, is for none.
        """
        return True

    def of_line(self, name: str) -> Adapter:  # noqa: ARG002
        """Return the adapter by whose rules a line of a name compares answers."""
        return self

    def host(self, request: Plain) -> str | None:  # noqa: ARG002
        """Return the host that patterns name, with its port if it has a port."""
        return None

    def parts(self, request: Plain) -> Plain:
        """Return a stored request by the parts that `ignore=` and `match=` name."""
        return request

    def counted(self, parts: Plain, matched: Sequence[str]) -> Plain:  # noqa: ARG002
        """Return what counts of the parts.

        Args:
            parts: Those of a request.
            matched: The paths of `match=`.
        """
        return parts

    def uncounted(self, now: Plain, recorded: Plain) -> list[str]:  # noqa: ARG002
        """Return the paths of what differs from a recorded request, and does not count.

        Args:
            now: A request, as it is stored.
            recorded: That of the recording that answers it.
        """
        return []

    def hide_request(
        self, redactor: Redactor, request: Plain, stand_in: StandIn
    ) -> Plain:
        """Return a request without its secrets."""
        hidden: Plain = redactor.hide(request, stand_in)
        return hidden

    def hide_answer(
        self,
        redactor: Redactor,
        answer: Plain,
        stand_in: StandIn,
        request: Plain,  # noqa: ARG002
    ) -> Plain:
        """Return an answer without its secrets.

        Args:
            redactor: Knows the secret names.
            answer: The answer.
            stand_in: Gives what stands in place of a secret.
            request: What was asked, as it is stored.
        """
        hidden: Plain = redactor.hide(answer, stand_in)
        return hidden

    def comparable(self, answer: Plain, other: Plain) -> Plain:  # noqa: ARG002
        """Return what verifying compares of an answer.

        Args:
            answer: The recorded answer, or the real one.
            other: The one that it is compared with.
        """
        return answer

    def is_opaque(self, plain: Plain) -> bool:  # noqa: ARG002
        """Return whether a request or an answer is bytes that nobody can search."""
        return False

    def places_of(self, path: Path) -> list[Path]:
        """Return where a part that `volatile=` names stands, stored and compared."""
        return [path]

    def spent(self, answer: Plain) -> tuple[str, dict[str, int]]:  # noqa: ARG002
        """Return which language model has answered, and the tokens that it has counted.

        Their kinds are `in`, `out`, and `cached` for those of `in` that a cache had.
        """
        return "", {}


class Port:
    """Where the edges of an adapter take their calls.

    Attributes:
        run: The run.
    """

    def __init__(self, adapter: Adapter, run: Run, activations: Activations) -> None:
        self.run = run
        self._adapter = adapter
        self._activations = activations
        # By line and request: calls without secrets. Equal requests are then one
        # `Call`, which outlives its owner.
        self._plain_calls: dict[Hashable, ClientCall] = {}

    @property
    def is_unseen(self) -> bool:
        """Whether what runs now is a part of a call that is made for real."""
        return self.run.is_unseen()

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """A block in which no call or process is one of the test."""
        before = self.run.nesting.enter(Unmimicked())
        try:
            yield
        finally:
            self.run.nesting.leave(before)

    @property
    def replays(self) -> bool:
        """Whether a line takes calls of the client, and none is made for real."""
        return self.run.mode == "replay" and self.takes()

    def takes_any(self, *clients: str) -> bool:
        """Return whether any line takes calls of some other client now."""
        return any(map(self._activations.any_line, clients))

    def refuse(
        self, what: str, facts: Iterable[str], remedies: Iterable[Remedy]
    ) -> MimicError:
        """Give the error, noted already, of what cannot be recorded at all."""
        error = UnstorableOutcomeError(what, facts, remedies)
        self.run.note_error(error)
        return error

    def begin(
        self,
        request: Plain,
        *clients: str,
        numbered: Mapping[str, Hashable] = MappingProxyType({}),
        server: str | None = None,
    ) -> Exchange | None:
        """Begin a call. None: it runs for real, and nobody looks at it.

        Args:
            request: What is asked, with its secrets.
            clients: Who sends it, the outermost first, if it is not the client of this
                adapter. What the line of one leaves out is for the next.
            numbered: What goes into the request as a number, by name: the address of a
                database, say, as the order in which the owner has first used it.
            server: Where the server is, if it is not the host of the request:
                `localhost:8000`, or `unix:/run/app.sock`.

        Raises:
            MissingRecordingError: It has no recording, and may not run; or it holds the
                placeholder of a secret, and would be sent.
            CorruptRecordingError: Its recording is damaged.
        """
        run = self.run
        line = self._line(request, clients, server)
        if line is None:
            return None
        owner = line.cassette or run.innermost
        call, scope = self._call(request, line, numbered)
        if call.own:
            self._note_sender(call, owner)
        if run.mode in ("record", "rerecord"):
            call.note_secrets()
        begun, real = self._begin(call, line)
        if real is not None:
            self._refuse_unfilled(request, begun)
        return Exchange(self._adapter.of_line(line.name), begun, real, scope, run)

    def _begin(self, call: Call, line: ClientLine) -> tuple[Place, Real | None]:
        return begin(self.run, call, line.cassette)

    def body_search(
        self, request: Plain, *clients: str, server: str | None = None
    ) -> Callable[[bytes], bytes] | None:
        """Return what a body yet unread passes through if no line takes its call.

        To read a body that is still made would change what its server gets, so it is
        searched piece by piece. None: a line takes the call.
        """
        if self._line(request, clients, server) is not None:
            return None
        if self._is_inside(server or self._adapter.host(request)):
            return bytes
        end = b""

        def searched(piece: bytes) -> bytes:
            nonlocal end
            end = (end + piece)[-_LONGEST_PLAIN - len(piece) :]
            self._refuse_unfilled({**request, "body": {"text": end.decode("latin-1")}})
            return piece

        return searched

    def takes(self) -> bool:
        """Return whether any line takes calls of this client now."""
        return not self.run.is_unseen() and self.takes_any(self._adapter.name)

    def will_run(self) -> bool:
        """Return whether the next call of this client runs for real, whatever it is."""
        line = self._activations.any_line(self._adapter.name)
        return line is not None and self.run.will_run(line.cassette)

    def has_next(self, request: Plain, *, numbered: Mapping[str, Hashable]) -> bool:
        """Return whether a call that begins now has a recording of its own."""
        line = self._activations.any_line(self._adapter.name)
        if line is None or not self.takes():
            return False
        call, _ = self._call(request, line, numbered)
        return self.run.has_next(call, line.cassette)

    def _line(
        self, request: Plain, clients: tuple[str, ...], server: str | None
    ) -> ClientLine | None:
        """Return the line that takes a call; None: it runs for real."""
        host = self._adapter.host(request)
        if self._is_inside(server or host):
            return None
        adapter = self._adapter
        if adapter.is_of_all(request):
            return self._activations.any_line(adapter.name)
        for client in clients or (adapter.name,):
            # Most lines take every call, and ask for no signature.
            signature = partial(adapter.signature, request)
            is_of = partial(adapter.is_of_line, request=request)
            line = self._activations.line_for(client, signature, host, is_of)
            if line is not None:
                return line
        self._refuse_unfilled(request)
        return None

    def _is_inside(self, host: str | None) -> bool:
        """Return whether nobody looks at calls, or they go to a server of this run."""
        run = self.run
        return run.is_unseen() or (host is not None and run.is_own_server(host))

    def _call(
        self, request: Plain, line: ClientLine, numbered: Mapping[str, Hashable]
    ) -> tuple[ClientCall, SecretScope]:
        """Return a call, and its owner's secrets."""
        run, secrets = self.run, self.run.secrecy.secrets
        cassette = line.cassette
        owner = cassette or run.innermost
        if owner.name and numbered:
            numbers = {name: owner.number(name, key) for name, key in numbered.items()}
            request = {**request, **numbers}
        scope = run.secrecy.scope(owner, run.innermost if cassette else None)
        # Equal requests are usual, and one that holds no secret is the same call.
        data = _data_of(request)
        key = line.name, line.options, data
        call = self._plain_calls.get(key)
        if call is not None:
            texts = texts_in(request)
            if secrets.knows_none_in("\n".join(texts), scope):
                scope.sent.update(texts)
                return call, scope
        call = ClientCall(self._adapter, request, line, scope, run)
        is_short = 0 < len(data) < _LONGEST_PLAIN
        is_plain = (
            is_short and not (call.own or call.stands) and OWN.encode() not in data
        )
        if is_plain and call.described == request:
            if len(self._plain_calls) >= _MANY:
                self._plain_calls.clear()
            self._plain_calls[key] = call
        return call, scope

    def _refuse_unfilled(self, request: Plain, place: Place | None = None) -> None:
        """Refuse to send a request with a placeholder in it.

        Args:
            request: The request.
            place: That of its call. None: no line takes it.
        """
        run = self.run
        unfilled = run.secrecy.secrets.tokens_in(request)
        if not unfilled:
            return
        if place is not None:
            place.leave()
            call, owner = place.call, place.owner
        else:
            owner = run.innermost
            line = ClientLine(self._adapter.name, Options(), None)
            scope = run.secrecy.scope(owner)
            call = ClientCall(self._adapter, request, line, scope, run)
        is_left_out = place is None
        refusal = run.refusals.unfilled(
            call, unfilled[0], owner, is_left_out=is_left_out
        )
        raise run.refuse(refusal, call)

    def _note_sender(self, call: ClientCall, owner: Owner) -> None:
        """Note with which keys an equal call was made before.

        Raises:
            UnstableIdentityError: With others, and all tests would share one recording.
        """
        run, own = self.run, call.own
        is_in_log = call.in_log or owner.kind == "cassette"
        if run.mode not in ("record", "rerecord"):
            # A replay needs no key, and in a log it goes by the order.
            paths = own.items()
            own = {key: path for key, path in paths if not path.startswith("headers.")}
            if is_in_log or not own:
                return
        name = owner.name if is_in_log else ""
        of_call = (name, call.identity)
        # What is signed differs in each request of one sender.
        unsigned = [re.sub("[ ,]Signature=[^,]*", "", value) for value in own]
        hashes = frozenset(map(hash, unsigned))
        unlike = self._adapter.unlike
        hidden = frozenset(value for value, path in own.items() if path in unlike)
        sender = Sender(of_call, hashes, _headers_of(call.described), hash(hidden))
        if run.secrecy.is_other_content(sender):
            way = next(unlike[path] for path in own.values() if path in unlike)
            raise run.refuse(run.refusals.equal_when_hidden(call, way), call)
        path = run.secrecy.other_sender(sender)
        if path is None:
            return
        names = [path.rpartition(".")[2] for path in own.values()]
        keys = ", ".join(dict.fromkeys(names))
        if not is_in_log:
            refusal = run.refusals.second_sender(call, keys, path)
            raise run.refuse(refusal, call)
        run.add_event(
            "told apart by order",
            call.label(),
            what=f"was sent with a different {keys}",
            paths=[path] if path else [],
            **call.facts_of_line(),
        )


class ClientCall(Call):
    """A request of a client, without its secrets.

    Args:
        adapter: That of the client.
        request: What is asked, with its secrets.
        line: The line that takes it.
        scope: What its owner's calls have shown.
        run: The run.

    Attributes:
        own: The paths of the application's own secrets in it, by their values.
        pieces: What it holds of issued tokens that no replay can send.
        stands: What is no secret in it, since an answer held it in clear.
    """

    def __init__(
        self,
        adapter: Adapter,
        request: Plain,
        line: ClientLine,
        scope: SecretScope,
        run: Run,
    ) -> None:
        in_log = adapter.is_session or line.options.sequence is not False
        super().__init__(adapter.kind, line.options, in_log=in_log)
        self.line_name = line.name
        self.is_of_all = adapter.is_of_all(request)
        self.has_effect = adapter.has_effect
        self.hides_anew = bool(run.secrecy.lines)
        self.content = adapter.content
        self.same_bodies = partial(_same_answers, adapter.of_line(line.name), run.vault)
        self._adapter = adapter
        self._request = request
        self._secrets = run.secrecy.secrets
        self._run = run
        self.own: dict[str, str] = {}
        self.pieces: set[str] = set()
        self.stands: set[str] = set()
        hide = partial(
            self._secrets.hide_request,
            request,
            scope,
            hide=adapter.hide_request,
            own=self.own,
            pieces=self.pieces,
            stands=self.stands,
        )
        self.described: Plain = deeply(hide)
        self.signature = adapter.signature(self.described)
        self.identity = self.identity_with(self.described)

    def label(self) -> str:
        return self._secrets.label(self.target, self.described, self.signature)

    def counted(self, described: Any, options: Options | None = None) -> Tree:
        return parts_that_count(self._adapter, described, options or self.options)

    def rehidden(self, request: Any) -> Any:
        scope = SecretScope()
        scope.receive(lambda: request)
        hide = self._adapter.hide_request
        return self._secrets.hide_request(request, scope, hide=hide)

    def volatile_paths(self, more: Sequence[str] = ()) -> list[Path]:
        more = (*self.options.volatile, *self._adapter.sent_back, *more)
        paths = volatile_paths(self._adapter, self.options.updated(volatile=more))
        return [("answer", *path) for path in paths]

    def note_secrets(self) -> None:
        """Name what looks like a key, and what no replay can send."""
        run, label = self._run, self.label()
        for piece in sorted(self.pieces):
            run.add_event("sent in part", label, what=f"sends {piece}")
        keys = "\n".join(key for key, path in self.own.items() if path == BY_FORM)
        for shown, mark in keys_in(keys, self._secrets.names.accepted):
            run.add_event("looks secret", label, what=shown, mark=mark)

    def line_to_share(self) -> str:
        options = self.options.updated(sequence=False)
        if self.conversation:
            pattern = self._secrets.pattern_of(self.signature)
            options = options.updated(only=(pattern,))
        return line_of(self.line_name, options)

    def senders(self, request: Tree) -> list[str]:
        return self._secrets.tokens_in(_headers_of(request))

    def tokens(self) -> list[str]:
        return self._secrets.tokens_in(self._request)


def _same_answers(
    adapter: Adapter, objects: Objects, old: Plain, new: Plain, options: Options
) -> bool:
    """Compare two stored outcomes as verifying does."""
    recorded: Any = unshelve(old.get("answer", {}), objects)
    real: Any = unshelve(new.get("answer", {}), objects)
    return not differing_answers(adapter, recorded, real, options)


def _as_it_is(answer: Plain) -> Plain:
    return answer


class Exchange:
    """One call of a client: a request, and the answer that its caller gets.

    Attributes:
        mode: `replay`: nothing is sent. Else the call is made inside of `running()`.
        call: What is known of the call.
    """

    def __init__(
        self,
        adapter: Adapter,
        place: Place,
        real: Real | None,
        scope: SecretScope,
        run: Run,
    ) -> None:
        self.mode = place.decision
        self.call = place.call
        self._place = place
        self._real = real
        self._adapter = adapter
        self._run = run
        self._secrets = run.secrecy.secrets
        self._scope = scope
        self._number = scope.count(place.call.identity)

    @property
    def real(self) -> Real:
        """The block around its real call, which may be entered again for each part."""
        assert self._real is not None
        return self._real

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self._place.is_open

    @property
    def is_shared(self) -> bool:
        """Whether all tests share its recording."""
        return self._place.is_shared

    @property
    def asked_before(self) -> Plain:
        """The recorded request; empty: nothing is recorded."""
        request: Any = self._place.entry and self._place.entry.request
        return request or {}

    @cached_property
    def recorded(self) -> Plain:
        """The recorded answer, in which placeholders stand for secrets."""
        answer = self._place.body().get("answer", {})
        assert isinstance(answer, dict)
        return answer

    @property
    def hangs(self) -> bool:
        """Whether no end was recorded, so that its caller waits in vain."""
        return self._place.entry is not None and self._place.entry.hangs

    def replay(self, build: Callable[[Plain], Any] = _as_it_is) -> Any:
        """Return the recorded answer when the call may end.

        Args:
            build: Makes the client's own object of it, or the error that it raises; an
                answer of which nothing can be made is damaged.

        Raises:
            CorruptRecordingError: It was edited to what no client can be given.
        """
        return at_once(self.replay_async(build, is_task=False))

    async def answer(
        self,
        send: Callable[[], Awaitable[Plain]],
        build: Callable[[Plain], Any],
        *,
        is_task: bool,
    ) -> Any:
        """Return what the caller gets of the recorded answer, or of the real answer.

        Args:
            send: Makes the real call, and returns its answer.
            build: As for `replay`.
            is_task: Whether a task waits for it; else a thread does (see `at_once`).
        """
        if self.mode == "replay":
            return await self.replay_async(build, is_task=is_task)
        with self.running():
            answer = await send()
        if not self.hangs:
            return self.finish(answer, build)
        self.finish(answer)
        return await self.replay_async(build, is_task=is_task)

    async def replay_async(
        self, build: Callable[[Plain], Any] = _as_it_is, *, is_task: bool = True
    ) -> Any:
        """As `replay`, for a task."""
        if self.hangs:
            await self.wait(is_task=is_task)
        found = self._rebuilt(build)
        await self.wait(is_task=is_task)
        return raised(found)

    async def wait(self, *, is_task: bool) -> None:
        """Wait until the replayed call may end, in a task or in a thread."""
        if not (self.is_open or self.hangs):
            return
        if is_task:
            await self._place.wait_async()
        else:
            self._place.wait()

    def replay_at_once(self, build: Callable[[Plain], Any] = _as_it_is) -> Any:
        """Return the recorded answer at once, as `replay` gives it."""
        return raised(self._rebuilt(build))

    def _rebuilt(self, build: Callable[[Plain], Any]) -> Any:
        """Return what a client is given, or the error that it raises."""
        answer, entry = self.recorded, self._place.recorded
        if self._run.mode in ("record", "rerecord"):
            # What is sent for real later holds the real secret.
            answer = self._secrets.with_real(answer, self._scope)
        self._scope.receive(partial(unshelve, entry.body, self._run.vault))
        found = self.built(build, answer)
        self._note_tokens(self._place.told.replayed, answer)
        if self._run.mode == "replay" and not entry.imported:
            self._note_uncounted(entry.request)
        return found

    def _note_uncounted(self, recorded: Any) -> None:
        """Name what differs from the recorded request, and does not count."""
        call: Any = self.call
        found = self._adapter.uncounted(call.described, recorded or {})
        if not found:
            return
        options = call.options
        named = paths_of([one.lower() for one in (*options.match, *options.ignore)])
        for path in found:
            rest = [named]
            for step in path.split("."):
                rest.append(below(rest[-1], step))
            if not any(() in paths for paths in rest):
                self._run.add_event(
                    "differs",
                    call.label(),
                    cause=path.rpartition(".")[2],
                    paths=[path],
                    **call.facts_of_line(),
                )

    def _note_tokens(self, row: Event | None, answer: Plain) -> None:
        """Note in the row of a call what a language model has counted."""
        model, tokens = self._adapter.spent(answer)
        if tokens and row is not None:
            row.facts["tokens"] = tokens.get("in", 0) + tokens.get("out", 0)
            row.facts["by kind"] = {**tokens}
            row.facts["model"] = model

    def built(self, build: Callable[[Plain], Any], answer: Plain) -> Any:
        """Return what a client is given of a recorded answer, or the error.

        Raises:
            CorruptRecordingError: Nothing can be made of it.
        """
        try:
            return build(answer)
        except MALFORMED as error:
            raise self._place.damaged(f"{type(error).__name__}: {error}") from None

    @contextmanager
    def running(self) -> Iterator[None]:
        """The real call. A call that ends by an error leaves its place empty."""
        try:
            with self.real:
                yield
        except BaseException as error:
            self.real.abandon(error)
            raise

    def finish(self, answer: Plain, build: Callable[[Plain], Any] = _as_it_is) -> Any:
        """Keep or compare the real answer, and return the answer that the caller gets.

        That is the real one while recording; while verifying the recorded one, with
        the real secrets, and the real values at the paths of `volatile=`.

        Args:
            answer: The real answer.
            build: Makes the client's own object of it, or the error that it raises.
        """
        if self.mode != "run":
            return raised(self.built(build, self._verified(answer)))
        stored = self.stored(answer)
        self._note(stored, is_hidden=stored != answer)
        self._scope.give(lambda: stored)
        self.real.complete({"answer": stored})
        self._note_tokens(self._place.told.recorded, stored)
        if self._place.entry is not None:
            return self.replay_at_once(build)  # another owner was first
        return raised(build(answer))

    def _verified(self, answer: Plain) -> Plain:
        """Compare a real answer, and return the answer for the client."""
        adapter, recorded = self._adapter, self.recorded
        if self.hangs and not recorded:
            self.real.compare({}, {}, [])
            return recorded
        before: Plain = {"answer": recorded}
        now: Plain = {"answer": answer}
        new_failure = _new_failure(before, now)
        stored = self.stored(answer, recorded)
        for given in (before, {"answer": stored}):  # of both, the caller gets parts
            self._scope.give(partial(dict, given))
        options = self.call.options
        found = differing_answers(adapter, recorded, stored, options, is_verified=True)
        if self.hangs:
            # What had not come when it was recorded is no part that differs.
            found = [one for one in found if not one.is_new]
        outcome: Any = self.real.compare(
            before, {"answer": stored}, found, failed=new_failure
        )
        with_real: Plain = self._secrets.with_real(outcome["answer"], self._scope)
        return with_real

    def stored(self, answer: Plain, recorded: Plain | None = None) -> Plain:
        """Return an answer as it is stored, and note what it issues."""
        call = self.call
        name = self._place.owner.name if call.in_log else ""
        mark = mark_of(name, call.identity, self._number)
        request: Any = call.described
        hide_answer = partial(
            self._secrets.hide_answer,
            answer,
            self._scope,
            mark,
            hide=partial(self._adapter.hide_answer, request=request),
            recorded=recorded,
        )
        hidden: Plain = deeply(hide_answer)
        return hidden

    def _note(self, stored: Plain, *, is_hidden: bool) -> None:
        """Name what nobody can search, and what a replay will give placeholders for."""
        run, call = self._run, self.call
        kept: list[Any] = [call.described, stored]
        if any(map(self._adapter.is_opaque, kept)):
            run.add_event("not searched", call.label())
        for name in self._secrets.hidden_names(stored) if is_hidden else ():
            run.add_event("hidden", call.signature, cause=name, option=RERECORD)

    def progress(self, so_far: Callable[[], Plain]) -> None:
        """Let the end of the test keep what has come until then."""
        self.real.so_far = lambda: {"answer": self.stored(so_far())}

    def leave(self) -> None:
        """End a call whose answer nobody reads on."""
        self._place.leave()

    def read_further(self) -> MimicError:
        """Give the error, noted already, of an answer read beyond what is recorded."""
        return self._place.read_further()

    def abandon(self, error: BaseException | None, answer: Plain | None = None) -> None:
        """End a call without a whole answer: it was cancelled, or it failed."""
        body: Plain = {} if answer is None else {"answer": self.stored(answer)}
        self.real.abandon(error, body)

    def refuse(self, facts: Iterable[str], remedies: Iterable[Remedy]) -> MimicError:
        """Give the error, noted already, of a call that cannot be recorded.

        Args:
            facts: Why not.
            remedies: What to do: pairs of words, and of what can be pasted.
        """
        self.leave()
        what = f"{self.call.label()} cannot be recorded"
        error = UnstorableOutcomeError(what, facts, remedies)
        self._run.note_error(error)
        return error


def at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine gives in a thread, which waits for no task."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a request of a thread waits for a task")


def _data_of(request: Plain) -> bytes:
    """Return bytes that only equal requests have; none: it has parts of odd classes."""
    try:
        return dumps(request)
    except ValueError:
        return b""


def raised(found: Any) -> Any:
    """Return what a client is given, or raise it if it is an error."""
    if isinstance(found, BaseException):
        raise found
    return found


def parts_that_count(adapter: Adapter, request: Plain, options: Options) -> Tree:
    """Return what counts of a stored request under a line."""
    parts = adapter.parts(request)
    matched = [path.removeprefix("headers.") for path in options.match]
    # A request that has no query at all is the same as one whose query is left out.
    left = {name: part for name, part in parts.items() if name not in options.ignore}
    return without(adapter.counted(left, matched), paths_of(options.ignore))


def _headers_of(request: Any) -> dict[str, str]:
    """Return the headers of a request, or the metadata of a request of gRPC."""
    parts = request if isinstance(request, dict) else {}
    headers = parts.get("headers", parts.get("metadata", {}))
    return headers if isinstance(headers, dict) else {}


def differing_answers(
    adapter: Adapter,
    recorded: Plain,
    stored: Plain,
    options: Options,
    *,
    is_verified: bool = False,
    sides: tuple[str, str] = ("recorded", "now"),
) -> list[Difference]:
    """Return where two stored answers differ.

    Args:
        adapter: That of their client.
        recorded: The one.
        stored: The other.
        options: Those of the line.
        is_verified: Whether only that counts which both readers have read.
        sides: What the two are called.
    """
    # A replay compares nothing.
    from pytest_mimic.values.differences import differences

    volatile = volatile_paths(adapter, options)
    rules = rules_of(options)._replace(volatile=volatile, sides=sides)
    old = adapter.comparable(recorded, stored if is_verified else recorded)
    new = adapter.comparable(stored, recorded if is_verified else stored)
    found = differences(old, new, rules)
    if rules.shape:
        exact = differences(old, new, rules._replace(shape=False))
        in_head = [one for one in exact if one.steps[0] in adapter.head]
        found = in_head + [one for one in found if one.steps[0] not in adapter.head]
    if ("status",) in [one.steps for one in found]:
        # Of another status nothing else is compared.
        return [one for one in found if one.steps[0] in ("status", "error")]
    return found


def volatile_paths(adapter: Adapter, options: Options) -> tuple[Path, ...]:
    """Return the paths of `volatile=`, wherever they stand in an answer."""
    paths: list[Path] = []
    for path in paths_of(options.volatile):
        paths += adapter.places_of(path)
    return tuple(paths)


def _new_failure(before: Plain, now: Plain) -> str:
    """Return how a real call has failed; empty: it has not, or as when recorded."""
    error = now["answer"].get("error", {})
    if error.get("class") and not error.get("kind"):
        return f"the real call raised {error['class'].removeprefix('builtins.')}"
    raised_now = raised_in(now)
    if raised_now and "raised" not in before["answer"]:
        return f"the real call {raised_now}"
    failed, failed_before = failed_exchange(now), failed_exchange(before)
    if not failed or failed == failed_before:
        return ""
    # What asks for an error may get another one.
    if (failed_before or is_gone(before)) and not is_worth_a_wait(now):
        return ""
    if error:
        return f"the real call failed ({failed})"
    return f"the real call gave {failed.removeprefix('status ')}"


# -- bytes in plain data, pairs of names and values


def text_or_base64(data: bytes) -> Any:
    """Return the text of bytes (UTF-8), or `{"$base64": "/w=="}`."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"$base64": b64encode(data).decode()}


def bytes_of(plain: Any) -> bytes:
    """Return the bytes that `text_or_base64` has read, or what stands for them.

    Raises:
        ValueError: They are neither.
    """
    text = plain["$base64"] if isinstance(plain, dict) else plain
    is_text = isinstance(plain, str) or is_placeholder(text)
    return text.encode() if is_text else b64decode(text, validate=True)


def fields(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return pairs by name. Several values of a name are a list."""
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: one if len(one) > 1 else one[0] for name, one in found.items()}
