"""Gives what a call of a function gives: recorded, or made for real and recorded."""

from __future__ import annotations

import marshal
from collections.abc import Awaitable, Iterable, Sequence
from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic.engine.calls import Body, raised_in
from pytest_mimic.engine.real import Real
from pytest_mimic.engine.verifying import differences_of, state_differences
from pytest_mimic.errors import (
    CorruptRecordingError,
    MimicError,
    StaleRecordingError,
    UnstorableOutcomeError,
)
from pytest_mimic.functions.layers import (
    Awaited,
    StreamBody,
    is_outcome,
    layer_of,
    to_async,
)
from pytest_mimic.values.outcome import (
    Chunks,
    Objects,
    Seen,
    copies_of,
    shelve,
    store,
)
from pytest_mimic.values.tree import Node, Tree, is_tagged, texts_in
from pytest_mimic.values.walk import deeply
from pytest_mimic.vault.names import object_name
from pytest_mimic.vault.recording import MALFORMED, Entry

if TYPE_CHECKING:
    from mmap import mmap

    from pytest_mimic.engine.events import EventKind
    from pytest_mimic.engine.place import Place
    from pytest_mimic.functions.plans import FunctionCall
    from pytest_mimic.patch.clients import Function


class FunctionReplay:
    """The recorded outcome of a call, as its caller gets it.

    Args:
        call: The call.
        place: Its place.
        objects: Where the large parts of the outcome are.
        really: Makes the call for real, should its stream be read further.

    Attributes:
        entry: The recording.
        body: What the caller gets.

    Raises:
        CorruptRecordingError: A part of it is damaged. The error is noted.
    """

    def __init__(
        self,
        call: FunctionCall,
        place: Place,
        objects: Objects,
        really: Function,
    ) -> None:
        self.entry = place.recorded
        self._call = call
        self._place = place
        self._really = really
        self._objects = objects
        self._after = self.entry.after
        if self._after or _refers(self.entry.body):
            call.folders = call.states.folders
        self.body: Any = place.body()
        if not (self.entry.end or _is_whole(self.body)):
            raise place.damaged("it is not what a function gives")

    def play(self, layers: Sequence[str]) -> Any:
        """Give the outcome, or what has to be awaited or read to come to it."""
        __tracebackhide__ = True
        if not layers:
            self._place.wait()
            return self._end(self.body)
        if layers[0] == "await":
            return self._in_coroutine(layers[1:])
        if layers[0] == "stream":
            return self.items(is_async=False)
        return to_async(self.items(is_async=True))

    async def _in_coroutine(self, layers: Sequence[str]) -> Any:
        __tracebackhide__ = True
        if layers:
            return self.play(layers)
        await self._place.wait_async()
        return self._end(self.body)

    def items(self, *, is_async: bool) -> StreamBody:
        """Give the recorded items, and then the recorded end, as the reader asks."""
        __tracebackhide__ = True
        try:
            for item in self.body.get("items", ()):
                yield from replayed_item(self._place, self.load(item))
            if is_async:
                yield Awaited(self._place.wait_async())
            else:
                self._place.wait()
        finally:
            self._place.leave()
            self._set_states()
        if "items" not in self.body:
            return self._end(self.body)
        if "last" in self.body:
            return self._end(self.body["last"])
        further = self._place.further()
        if further is None:
            raise self._place.read_further()
        real = Real(self._call.plan.run, further)
        rest = RealCall(self._call, real, self._really)
        return (yield from rest.read_on(self.body["items"]))

    def _end(self, body: Any) -> Any:
        __tracebackhide__ = True
        self._set_states()
        if "raised" not in body:
            return self.load(body["value"])
        error = self.load(body["raised"])
        if not isinstance(error, Exception):
            raise self._place.damaged("what was raised is no exception")
        raise error

    def _set_states(self) -> None:
        after, self._after = self._after, {}
        if not after:
            return
        try:
            states = self.states_in(after)
            states.pop(after.get("$result"), None)
            self._call.states.apply(states, after.get("$gone", []))
        except StaleRecordingError as error:
            raise self._place.outdated(error) from None
        except MALFORMED as error:
            raise self._place.damaged(f"{type(error).__name__}: {error}") from None

    def states_in(self, after: Node) -> dict[Any, Any]:
        """Make the states of arguments after a call, by the names of their parts.

        Raises:
            StaleRecordingError: Other parts of the arguments are one now.
            MimicError: They cannot be made. The error is noted.
        """
        shared, folders = self._call.states.shared, self._call.folders
        if after and after.get("$shared", "") != shared:
            raise StaleRecordingError("other parts of its arguments are one object now")
        states: dict[Any, Any] = self.load(Entry(after=after).states)
        if "$result" in after:
            result = after["$result"]
            folders.named_parts = {**folders.named_parts, result: states[result]}
        return states

    def load(self, tree: Tree) -> Any:
        """Make a recorded value.

        Raises:
            MimicError: None can be made. The error is noted.
        """
        plan = self._call.plan
        try:
            return copies_of(
                tree,
                self._objects,
                self._call.folders,
                forbid=plan.run.settings.forbids_pickles,
                load_imports=plan.load_imports,
            )()
        except StaleRecordingError as error:
            raise self._place.outdated(error) from None
        except MimicError as error:
            if isinstance(error, CorruptRecordingError) and not error.file:
                reason = f"{error.what}: {', '.join(error.facts)}"
                raise self._place.damaged(reason) from None
            error.facts = (f"it is an outcome of {plan.target}", *error.facts)
            raise self._place.refused(error) from None


def replayed_item(place: Place, item: object) -> StreamBody:
    """Give an item, and refuse what the reader sends or throws, unless it stops.

    The items that follow may depend on that.
    """
    try:
        sent = yield item
    except BaseException as thrown:
        if not is_outcome(thrown):
            raise
        sent = thrown
    if sent is not None:
        error = UnstorableOutcomeError(
            f"{place.call.label()} cannot be mimicked: a value is sent or thrown into"
            " it",
            remedies=[("name a function inside or around it that is only called", "")],
        )
        raise place.refused(error) from None


class RealCall:
    """A call that runs for real: it is recorded, or compared with its recording.

    One that is compared gives its caller what is recorded.

    Args:
        call: The call.
        real: The call as the engine makes it.
        really: Makes the call.
    """

    # What its caller gets, if that is not what the call gives now.
    _replay: FunctionReplay | None = None
    _has_graph = False

    def __init__(self, call: FunctionCall, real: Real, really: Function) -> None:
        self._call = call
        self._place = place = real.place
        self._real = real
        self._really = really
        self._plan = call.plan
        self._objects: Objects = call.plan.run.vault
        from pytest_mimic.functions.effects import Effects  # a replay has none

        self._effects = Effects(call, real)
        if place.decision != "run":
            self._objects = _InMemory(call.plan.run.vault)
            self._replay = FunctionReplay(call, place, self._objects, really)
        self._layers: list[str] = []
        # The names under which the outcome has secrets, in their order.
        self._in_clear: dict[str, None] = {}
        # Of a stream, its items so far.
        self._read: Body = {}
        real.fingerprints = self._fingerprints
        call.watch()

    def perform(self) -> Any:
        """Make the call, and give what its caller gets."""
        __tracebackhide__ = True
        try:
            with self._effects:
                result = self._really()
        except BaseException as error:
            if self._end_by(error, is_awaited=False):
                raise
            return self._replayed()
        return self._follow(result)

    def _follow(self, result: Any) -> Any:
        """Give a result, or what has to be awaited or read to come to it."""
        __tracebackhide__ = True
        layer = layer_of(result)
        if not layer:
            self._complete("value", result)
            return self._replayed() if self._replay else result
        self._layers.append(layer)
        if layer == "await":
            return self._await(result)
        relay = self._relay(result)
        next(relay)  # One that nobody reads is closed, too.
        return relay if layer == "stream" else to_async(relay, result)

    def _replayed(self, *layers: str) -> Any:
        """Give what is recorded, in layers that the real call has not given."""
        __tracebackhide__ = True
        assert self._replay is not None
        left = self._replay.entry.layers[len(self._layers) :]
        return self._replay.play((*layers, *left))

    async def _await(self, coroutine: Awaitable[Any]) -> Any:
        __tracebackhide__ = True
        try:
            with self._effects:
                result = await coroutine
        except BaseException as error:
            if self._end_by(error, is_awaited=True):
                raise
            return await self._replayed("await")
        entry = self._place.entry
        if entry is not None and entry.hangs and "items" not in entry.body:
            # It is answered now, and its caller gets what was recorded: no answer.
            self._complete("value", result)
            return await self._replayed("await")
        return self._follow(result)

    def read_on(self, read: Sequence[Tree]) -> StreamBody:
        """Give the items of a real stream that come behind the replayed items.

        Args:
            read: What was recorded, and given.

        Raises:
            MissingRecordingError: The stream does not begin so now.
        """
        with self._effects:
            stream = self._really()
        self._layers.append(layer_of(stream))
        relay = self._relay(stream, read)
        next(relay)
        return (yield from relay)

    def _relay(self, stream: Any, read: Sequence[Tree] = ()) -> StreamBody:
        """Give the items of a real stream, and keep them as far as its reader wants.

        To verify, it is read as far as its recording goes, and that is given. Of items
        that its reader has read already, none is given.
        """
        __tracebackhide__ = True
        place, replay = self._place, self._replay
        is_async = self._layers[-1] == "astream"
        items: list[Tree] = []
        self._read["items"] = items
        # The engine is not to hold this call, which holds the arguments.
        self._real.so_far = lambda: {"items": [*items]}
        # Whether the stream is an outcome, as far as it was read.
        is_whole = True
        try:
            yield
            while replay is None or len(items) < _length_of(replay.body):
                is_whole = False
                try:
                    with self._effects:
                        if is_async:
                            item = yield Awaited(anext(stream))
                        else:
                            item = next(stream)
                except (StopIteration, StopAsyncIteration) as stop:
                    value = getattr(stop, "value", None)
                    self._complete("value", value)
                    if replay is None:
                        return value
                    break
                except BaseException as error:
                    if self._end_by(error, is_awaited=is_async):
                        raise
                    break
                # The stream may change the item later.
                items.append(self._stored_item(item))
                is_whole = True
                if len(items) <= len(read):
                    if items[-1] != read[len(items) - 1]:
                        place.leave()
                        raise place.read_further()
                elif replay is None:
                    yield from replayed_item(place, item)
        finally:
            if isinstance(stream, GeneratorType):
                # What the stream does when it is closed is a part of the call.
                with self._effects:
                    stream.close()
            if is_whole and place.is_open:
                self._complete("", None)
        assert replay is not None
        return (yield from replay.items(is_async=is_async))

    def _stored_item(self, item: object) -> Tree:
        states = self._call.states
        if states.folders.named_parts and states.are_in(item):
            error = UnstorableOutcomeError(
                f"what {self._plan.target} gave cannot be stored",
                ["an item is a part of an argument, which may change until the end"],
                [("give copies", "")],
            )
            raise self._place.refused(error)
        return self._store(item, "gave", "result")

    # -- the end

    def _end_by(self, error: BaseException, *, is_awaited: bool) -> bool:
        """End the call with an error; return whether its caller gets it."""
        if is_outcome(error):
            self._complete("raised", error)
            return self._replay is None
        noted = isinstance(error, MimicError)
        self._real.abandon(None if noted else error, self._read, is_awaited=is_awaited)
        return True

    def _complete(self, end: Literal["value", "raised", ""], outcome: object) -> None:
        """Keep an outcome, or compare it.

        Args:
            end: How the call has ended; of a stream empty, where its reader wanted no
                more.
            outcome: What it has returned or raised.

        Raises:
            MimicError: It is refused. The error is noted.
        """
        try:
            self._plan.refuse_replaced(self._real.mocked)
            is_stream = bool(self._read)
            self._call.refuse_changes(is_stream=is_stream)
            states, gone = self._call.states.changes(
                self._plan.target, is_stream=is_stream
            )
        except MimicError as error:
            raise self._place.refused(error) from error.__cause__
        body, after = self._stored(end, outcome, states)
        if gone:
            after["$gone"] = gone
        if after and self._call.states.shared:
            after["$shared"] = self._call.states.shared
        if self._read:
            last: Body = {"last": body} if body else {}
            body = {**self._read, **last}
        if self._replay is None:
            self._record(body, after)
        else:
            self._compare(self._replay, body, after, outcome)

    def _stored(
        self, end: str, outcome: object, states: dict[str, Any]
    ) -> tuple[Body, Node]:
        """Store the end of a call and the states that it has left, as one tree.

        What both hold stays one.
        """
        verb, name = "returned", "result"
        if end == "raised":
            verb, name = "raised", "exception"
        if not self._call.folders.named_parts:
            return ({end: self._store(outcome, verb, name)} if end else {}), {}
        while name in states:
            name += "_"
        whole = {**states, name: outcome} if end else states
        tree: Any = self._store(whole, verb, "")
        body: Body = {}
        beside: Node = {}
        if end and is_tagged(tree):
            body[end] = {"$after": name}
            beside["$result"] = name
        elif end:
            body[end] = tree.pop(name)
        after: Any = shelve(tree, self._objects) if tree else {}
        return body, {**after, **beside}

    def _record(self, body: Body, after: Node) -> None:
        plan, place = self._plan, self._place
        left_out = self._effects.facts()
        if self._has_graph:
            left_out = (*left_out, _GRAPH)
        self._real.complete(
            body,
            layers=tuple(self._layers),
            after=after,
            hidden=self._call.shown[1],
            asked=tuple(sorted(self._real.asked_clients)),
            unrepeated=left_out,
        )
        add = partial(place.told.add, entry=place.entry, shown=plan.target)
        for fact in left_out:
            verb, _, what = fact.partition(" ")
            if verb == "wrote":
                add("wrote", cause=f"{plan.target} {what}")
            elif verb == "drew" and plan.is_shared:
                add("drew", cause=f"{plan.target} ({what})")
        if self._in_clear:
            add("kept in clear", cause=f"{plan.target} {', '.join(self._in_clear)}")
        for version in self._call.folders.versions:
            add("bound", cause=version)
        if place.entry is not None:  # another owner was first
            objects, really = self._objects, self._really
            self._replay = FunctionReplay(self._call, place, objects, really)

    def _fingerprints(self) -> dict[str, str]:
        """Give those of the source, and of what the call has reached and read."""
        plan, inputs = self._plan, ""
        if plan.source and plan.run.settings.inputs != "ignore":
            # Code in C may have read those that its arguments name.
            files = self._effects.read | self._call.named_files
            inputs = plan.inputs.store(self._call.reached, frozenset(files))
        return {"source": plan.source, "inputs": inputs}

    def _compare(
        self,
        replay: FunctionReplay,
        body: Body,
        after: Node,
        outcome: object,
    ) -> None:
        """Note how an outcome differs, and mix its volatile parts into the recorded."""
        options, entry = self._call.options, replay.entry
        failed = ""
        if raised_in(body) and not raised_in(replay.body):
            failed = f"the real call raised {type(outcome).__name__}"
        folders = self._call.folders
        # What is recorded last: it is what the caller gets.
        now, old = map(replay.states_in, (after, entry.after))
        differing = state_differences(old, now, options, folders)
        differences = differing + differences_of(
            replay.body,
            body,
            replay.load,
            options,
            folders,
            is_read_alike=entry.layers == tuple(self._layers),
        )
        replay.body = self._real.compare(replay.body, body, differences, failed=failed)

    def _store(self, value: object, verb: str, name: str) -> Tree:
        """Return what is stored of a part of the outcome.

        Raises:
            UnstorableOutcomeError: It cannot be kept. The error is noted.
        """
        folders, run = self._call.folders, self._plan.run
        folders.has_graph = False
        try:
            tree = store(
                value,
                self._objects,
                folders,
                self._mask,
                forbid=run.settings.forbids_pickles,
                name=name,
                look=_Looking(self),
            )
        except UnstorableOutcomeError as error:
            error.what = f"what {self._plan.target} {verb} cannot be stored"
            raise self._place.refused(error) from error.__cause__
        if folders.has_graph:
            self._has_graph = True
            folders.left_out["the graph of its gradients"] = None
        environment = run.secrecy.secrets.environment
        hidden: Tree = deeply(lambda: environment.hide(tree))
        if self._replay is None and hidden != tree:
            run.add_event("redacted", self._call.label())
        self._tell("left out", [*folders.left_out])
        self._tell("unmoved", [repr(self._mask(text)) for text in folders.unmoved])
        folders.left_out.clear()
        folders.unmoved.clear()
        return hidden

    def _look(self, tree: Tree, *, is_pickle: bool) -> Seen | None:
        """Note what is kept in clear, and refuse a secret that nobody sees."""
        secrecy = self._plan.run.secrecy
        if self._replay is None:
            asked = self._call.tree if self._call.shown[1] else {}
            found = deeply(lambda: secrecy.kept_in_clear(tree, asked))
            self._in_clear.update(dict.fromkeys(found))
        if not is_pickle:
            return None
        for path, text in texts_in(tree) if secrecy.secrets.environment else ():
            variable = secrecy.secrets.variable_in(text)
            if variable:
                what = f"the value of {variable}, which only a pickle would keep"
                return Seen(path, what, _WITHOUT_VALUE)
        return None

    def _shown(self, tree: Tree) -> Tree:
        """Return a tree as it may be shown, without the secrets of the arguments."""
        secrecy, asked = self._plan.run.secrecy, self._call.tree
        (_, view), _ = secrecy.without_secrets([asked, tree])
        return secrecy.masked(view)

    def _look_at_bytes(self, chunks: Chunks) -> Seen | None:
        variable = self._plan.run.secrecy.secrets.variable_in_bytes(chunks)
        what = f"the value of {variable}, which stands in an array or a pickle"
        return Seen((), what, _WITHOUT_VALUE) if variable else None

    def _mask(self, text: str) -> str:
        masked = self._plan.run.secrecy.secrets.masked_text(text)
        # Bytes are to stay ASCII.
        return text if masked == text else masked.replace("…", "...")

    def _tell(self, kind: EventKind, parts: Sequence[str]) -> None:
        """Let the summary say in which parts what is stored differs from the real."""
        target = self._plan.target
        if parts and self._replay is None:
            cause = f"{target}: {', '.join(parts)}"
            self._plan.run.add_event(
                kind, target, cause=cause, identity=self._call.identity
            )


_GRAPH = "gave a graph of gradients"
_WITHOUT_VALUE = "return data in which it does not stand"


class _Looking:
    """Sees what is kept of one outcome."""

    def __init__(self, outcome: Any) -> None:
        self._see = outcome._look
        self.at_bytes = outcome._look_at_bytes
        self.is_absent = outcome._plan.is_absent_in_a_replay
        self.shown = outcome._shown

    def __call__(self, tree: Tree, *, is_pickle: bool) -> Seen | None:
        seen: Seen | None = self._see(tree, is_pickle=is_pickle)
        return seen


def _refers(body: Body) -> bool:
    """Tell whether an outcome may name a part of the arguments."""
    try:
        return b"$after" in marshal.dumps(body)
    except ValueError:  # It is very deep.
        return True


def _is_whole(body: Node) -> bool:
    """Return whether a recorded outcome has the form of what a function gives."""
    ended: Any = body
    if "items" in body:
        ended = body.get("last", {"value": None})
    has_items = isinstance(body.get("items", []), list)
    has_end = isinstance(ended, dict) and ("value" in ended or "raised" in ended)
    return has_items and has_end


def _length_of(body: Node) -> int:
    """Return how many items a recorded stream has, its end included."""
    return len(body.get("items", ())) + ("items" not in body or "last" in body)


class _InMemory:
    """Keeps the objects of a call that is only compared; the vault has the others."""

    def __init__(self, vault: Objects) -> None:
        self._vault = vault
        self._kept: dict[str, bytes] = {}

    def write_object(self, suffix: str, chunks: Iterable[bytes | memoryview]) -> str:
        content = b"".join(chunks)
        name = object_name(suffix, [content])
        self._kept[name] = content
        return name

    def read_object(self, name: str) -> bytes | mmap:
        kept = self._kept.get(name)
        return self._vault.read_object(name) if kept is None else kept
