"""Records and replays the calls of functions: values, coroutines and streams."""

from __future__ import annotations

import functools
import sys
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Sequence,
)
from contextlib import AbstractContextManager, nullcontext
from math import inf
from pathlib import Path
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol
from unittest import SkipTest
from weakref import finalize

from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.inputs import Inputs, Opened
from pytest_mimic.engine.mocks import Mocks
from pytest_mimic.engine.mocks import refusal as refusal_of_mocks
from pytest_mimic.engine.project import Project
from pytest_mimic.engine.verifying import rules_of
from pytest_mimic.errors import (
    CorruptRecordingError,
    MimicError,
    UnstorableOutcomeError,
)
from pytest_mimic.patch.targets import Target, steps_of
from pytest_mimic.values.binding import Binder
from pytest_mimic.values.identity import (
    CallRules,
    arguments_of,
    identity_of,
    quick_identity,
    quick_key,
)
from pytest_mimic.values.outcome import Objects, load, player, store
from pytest_mimic.values.places import stamps_of
from pytest_mimic.values.source import innermost, source_fingerprint
from pytest_mimic.values.tree import Tree, cut

if TYPE_CHECKING:
    from pytest_mimic.engine.events import Event
    from pytest_mimic.engine.owners import Owner
    from pytest_mimic.engine.run import Run
    from pytest_mimic.engine.steps import Step
    from pytest_mimic.values.differences import Difference
    from pytest_mimic.vault.recording import Entry

NOT_PLAYED: Any = object()
"""Stands for a call that has no player; any other object may be a recorded value."""


class Policy(Protocol):
    """The ini options that decide about calls of functions."""

    @property
    def rootdir(self) -> Path: ...
    @property
    def source(self) -> Literal["strict", "ignore"]: ...
    @property
    def inputs(self) -> Literal["warn", "strict", "ignore"]: ...
    @property
    def pickle(self) -> Literal["listed", "forbid"]: ...


class FunctionPlan:
    """How one covering mimics a function.

    Attributes:
        target: The name under which its calls are recorded, `shop.api:fetch`.
        function: The original.
        line: The target that covers it.
        cassette: The cassette that takes its calls.
        forbids_pickles: Whether nothing may be unpickled.
        players: By plain arguments, what gives a recorded value again and again.
    """

    def __init__(
        self,
        run: Run,
        policy: Policy,
        project: Project,
        inputs: Inputs,
        mocks: Mocks,
        target: str,
        function: Callable[..., Any],
        line: Target,
        cassette: Owner | None = None,
    ) -> None:
        self.run = run
        self._policy = policy
        self._project = project
        self._inputs = inputs
        self._mocks = mocks
        self.target = target
        self.function = function
        self.line = line
        self.cassette = cassette
        self.forbids_pickles = policy.pickle == "forbid"
        options = line.options
        self.has_rules = bool(options.ignore or options.key or options.content)
        self.players: dict[bytes, _Player] = {}
        self._version = 0
        # The version of the mocks of which the function has reached none.
        self._without_mocks = -1

    @functools.cached_property
    def binder(self) -> Binder:
        return Binder(self.function)

    @functools.cached_property
    def rules(self) -> CallRules:
        options, binder = self.line.options, self.binder
        defaults = binder.defaults.items()
        return CallRules(
            ignore=tuple(steps_of(path) for path in options.ignore),
            key=options.key,
            content=frozenset(options.content),
            parameters=frozenset(binder.names),
            extra=binder.extra,
            unset={name: one for name, one in defaults if type(one) is object},
        )

    @property
    def own_line(self) -> Target:
        """A line that names this function alone, with the options of its line."""
        if self.line.path[-1] != "*":
            return self.line
        module, _, path = self.target.partition(":")
        return self.line._replace(module=module, path=tuple(path.split(".")))

    @functools.cached_property
    def source(self) -> str:
        """The fingerprint of the function's source, if it is one of the project."""
        function = innermost(self.function)
        if function is None or not self._project.has(function.__code__.co_filename):
            return ""
        return source_fingerprint(function) or ""

    def is_stale(self, entry: Entry, label: Callable[[], str]) -> str:
        """Say what has changed since a call was recorded, or give an empty text.

        Raises:
            CorruptRecordingError: The list of what it reached is damaged.
        """
        is_old = entry.source and self.source and entry.source != self.source
        if is_old and self._policy.source == "strict":
            return self.target
        if self._policy.inputs != "strict":
            return ""
        try:
            lines = [f"{name} has changed" for name in self._changed_inputs(entry)]
        except CorruptRecordingError as error:
            if self.run.mode != "record":
                raise
            lines = [error.what]
        return "\n".join([f"what {label()} reaches or reads", *lines]) if lines else ""

    def warn_of_inputs(self, entry: Entry) -> None:
        """Let the summary say what has changed that a replayed call reached or read."""
        if self._policy.inputs != "warn" or not entry.inputs:
            return
        run = self.run
        try:
            changed = self._changed_inputs(entry)
        except CorruptRecordingError as error:
            changed = [error.what]
        for name in changed:
            run.events.add(
                "inputs changed",
                self.target,
                test=run.test,
                what=name,
                identity=entry.identity,
            )

    def _changed_inputs(self, entry: Entry) -> list[str]:
        if not entry.inputs:
            return []
        return self._inputs.changed(entry.inputs, self.run.vault)

    def told(self, error: MimicError) -> MimicError:
        """Return an error of an outcome, in words that name the function."""
        if not isinstance(error, CorruptRecordingError) or error.damage != "forbidden":
            return error
        return CorruptRecordingError(
            f"mimic_pickle = forbid: the outcome of {self.target} is a pickle",
            [error.file],
            [("to load it all the same", "mimic_pickle = listed")],
            file=error.file,
            damage=error.damage,
        )

    def opened(self) -> AbstractContextManager[None]:
        """Collect what a call that is recorded opens for reading."""
        return Opened() if self._notes_inputs else nullcontext()

    def list_inputs(self, arguments: Tree, opened: object) -> str:
        """Store the list of what a call has reached and read, and give its name."""
        if not isinstance(opened, Opened):
            return ""
        listed = self._inputs.listed(self.target, arguments, opened.files)
        return self.run.vault.write_object("json", [listed]) if listed else ""

    @property
    def _notes_inputs(self) -> bool:
        return self._policy.inputs != "ignore" and bool(self.source)

    def refuse_mocks(self, arguments: Callable[[], Tree]) -> None:
        """Refuse a call of which all tests would share an outcome made with a mock.

        Raises:
            UnstableIdentityError: A test has replaced what its code reaches.
        """
        has_place = self.cassette is not None or self.line.options.sequence
        if not has_place and self._mocks.held():
            replaced = self._mocks.reached_by(self.target, arguments())
            if replaced:
                raise refusal_of_mocks(self.target, replaced)
        self._without_mocks = self._mocks.version

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, object]:
        """Return the arguments by name.

        Raises:
            TypeError: They do not fit the signature of the function itself.
        """
        try:
            return self.binder(args, kwargs)
        except TypeError:
            # `functools.wraps` shows the signature of the function inside; the
            # decorator may take more.
            if not hasattr(self.function, "__wrapped__"):
                raise
            return {"args": args, "kwargs": kwargs}

    def quick_identity(self, bound: dict[str, object]) -> str | None:
        """Return the identity of a call with few plain arguments, which all count."""
        if self.has_rules:
            return None
        return quick_identity(self.target, bound, self.run.places.starts)

    def play(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the recorded value of a call by the shortest way, or `NOT_PLAYED`."""
        run = self.run
        if self._version != run.version:
            self.players.clear()
            return NOT_PLAYED
        try:
            bound = self.binder(args, kwargs)
        except TypeError:
            return NOT_PLAYED
        key = quick_key(bound, run.places.starts)
        player = None if key is None else self.players.get(key)
        # Of plain arguments, none reaches a mock that the function does not reach.
        is_looked_at = self._without_mocks == self._mocks.version
        if player is None or not is_looked_at or run.passes():
            return NOT_PLAYED
        return player.play()

    def keep_player(
        self, step: Step, bound: dict[str, object], make: Callable[[], object]
    ) -> None:
        """Answer calls that equal a replayed one by the shortest way from now on."""
        run = self.run
        is_shown = run.events.shows_calls
        if step.replayed is None or not step.is_lasting or is_shown or self.has_rules:
            return
        key = quick_key(bound, run.places.starts)
        if key is not None:
            self._version = run.version
            self.players[key] = _Player(run, step.replayed, make)


class _Player:
    """Gives the value of one recorded call again and again, and counts that."""

    __slots__ = ("_make", "_replayed", "_run")

    def __init__(self, run: Run, replayed: Event, make: Callable[[], object]) -> None:
        self._run = run
        self._replayed = replayed
        self._make = make

    def play(self) -> object:
        run = self._run
        self._replayed = run.events.again(self._replayed, run.test)
        return self._make()


def perform(
    plan: FunctionPlan, args: tuple[Any, ...], kwargs: dict[str, Any], kind: str = ""
) -> Any:
    """Give what a call gives: a value, or what has to be awaited or read for it.

    Args:
        plan: How the function is mimicked.
        args: The arguments by position.
        kwargs: The arguments by name.
        kind: How the caller comes to what it gets, whatever was recorded: `await`,
            `stream` or `astream`; empty: it takes what the function gives.

    Raises:
        MimicError: The call is refused.
        Exception: What the function raises, or has raised.
    """
    __tracebackhide__ = True
    run = plan.run
    if run.passes():
        return plan.function(*args, **kwargs)
    arguments = _Arguments(plan, plan.bind(args, kwargs))
    step = run.begin(_call_of(plan, arguments), plan.cassette)
    if step.mode == "replay":
        if step.entry is not None:
            plan.warn_of_inputs(step.entry)
        return _Replay(step, plan, arguments).give(kind)
    return _Real(step, plan, arguments).perform(args, kwargs)


def _call_of(plan: FunctionPlan, arguments: _Arguments) -> Call:
    sequence = plan.line.options.sequence
    return Call(
        target=plan.target,
        kind="function",
        identity=arguments.identity,
        options=plan.line.options,
        signature=plan.target,
        in_log=plan.cassette is not None if sequence is None else sequence,
        describe=lambda: arguments.hidden[0],
        label=arguments.label,
        is_stale=lambda entry: plan.is_stale(entry, arguments.label),
    )


class _Arguments:
    """The arguments of one call, as they are before it.

    Attributes:
        identity: The digest of the call.
        bound: The arguments by name.
        places: The paths that they name.

    Raises:
        UnstableIdentityError: A part of them has no identity. The error is noted.
    """

    def __init__(self, plan: FunctionPlan, bound: dict[str, object]) -> None:
        __tracebackhide__ = True  # An error of `key=` is the user's.
        self._plan = plan
        self.bound = bound
        self.places = plan.run.places.of_call()
        identity = plan.quick_identity(bound)
        self._are_plain = identity is not None
        try:
            self.identity = identity or identity_of(plan.target, self.tree)
            plan.refuse_mocks(lambda: self.tree)
        except MimicError as error:
            plan.run.note(error)
            raise

    @functools.cached_property
    def tree(self) -> dict[str, Tree]:
        """What of them counts. No call can change what is plain."""
        __tracebackhide__ = True
        return self._tree_now()

    def _tree_now(self) -> dict[str, Tree]:
        __tracebackhide__ = True
        plan = self._plan
        return arguments_of(plan.target, self.bound, plan.rules, self.places)

    @functools.cached_property
    def hidden(self) -> tuple[Tree, tuple[str, ...]]:
        """What a recording keeps of them, and the paths of secrets that it does not."""
        tree, paths = self._plan.run.secrecy.without_secrets(self.tree)
        return cut(tree), paths

    def label(self) -> str:
        """Return the call as messages name it."""
        from pytest_mimic.values.labels import call_label  # a replay names no call

        plan = self._plan
        return call_label(plan.target, plan.run.secrecy.masked(self.tree))

    def _that_count(self) -> dict[str, object]:
        rules = self._plan.rules
        return {
            name: value
            for name, value in self.bound.items()
            if () not in rules.paths_in(name)
        }

    def watch(self) -> None:
        """Note what the call may not change, and what it may move."""
        from pytest_mimic.values.advancing import states_of  # few replays need it

        values = self._that_count()
        self._stamps = stamps_of(values)
        self._states = {} if self._are_plain else states_of(values)

    def refuse_changes(self) -> dict[str, Tree]:
        """Return the states of streams and generators that the call has moved.

        Raises:
            MutatedInputError: It has changed an argument, or a file that one names.
        """
        values = self._that_count()
        files = self.places.changed_files(self._stamps, stamps_of(values))
        if self._are_plain and not files:
            return {}
        from pytest_mimic.values.advancing import set_states, states_of

        moved = {
            name: state
            for name, state in states_of(values).items()
            if state != self._states.get(name)
        }
        # What the call has moved is not compared: a replay moves it, too.
        set_states(values, {name: self._states[name] for name in moved})
        try:
            tree = self._tree_now()
        finally:
            set_states(values, moved)
        if files or identity_of(self._plan.target, tree) != self.identity:
            from pytest_mimic.values.messages import mutation  # only errors need it

            raise mutation(self._plan.own_line, self.tree, tree, files)
        return moved

    def set_states(self, states: dict[str, Tree]) -> None:
        """Leave streams and generators as the recorded call has left them."""
        if states:
            from pytest_mimic.values.advancing import set_states

            set_states(self._that_count(), states)


# -- what a call gives


def _is_outcome(error: BaseException) -> bool:
    """Return whether an exception is an outcome, and no sign of being cut short."""
    cut_short: list[type[BaseException]] = [SkipTest, MimicError]
    futures = sys.modules.get("concurrent.futures")
    if futures is not None:
        cut_short.append(futures.CancelledError)
    pytest = sys.modules.get("pytest")
    if pytest is not None:
        # Unlike the other signs of pytest, `exit` raises an `Exception`.
        cut_short.append(pytest.exit.Exception)
    return isinstance(error, Exception) and not isinstance(error, tuple(cut_short))


def _layer_of(result: object) -> str:
    """Return how a caller comes to what a result stands for; empty: it is a value."""
    if isinstance(result, CoroutineType):
        return "await"
    if isinstance(result, AsyncGeneratorType):
        return "astream"
    cls: Any = type(result)
    if not hasattr(cls, "__next__"):
        return ""
    is_stream = isinstance(result, GeneratorType) or _only_iterates(cls)
    return "stream" if is_stream else ""


@functools.lru_cache(maxsize=1024)
def _only_iterates(cls: Any) -> bool:
    """Return whether objects of a class in C give items and do nothing else.

    So do `map`, `zip`, `iter(...)` and those of `itertools`. A file or a cursor has
    methods of its own.
    """
    members: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        members.update(vars(base))
    is_in_c = type(members["__next__"]).__name__ == "wrapper_descriptor"
    public = [member for name, member in members.items() if name[:1] != "_"]
    # A class method, `chain.from_iterable`, makes another such iterator.
    makers = [m for m in public if type(m).__name__ == "classmethod_descriptor"]
    return is_in_c and len(public) == len(makers)


class _Awaited(NamedTuple):
    """What the body of a stream yields to have it awaited."""

    awaitable: Awaitable[Any]


async def _to_async(
    body: Generator[Any, Any, Any], real: AsyncGenerator[Any, Any] | None = None
) -> AsyncGenerator[Any, Any]:
    """Give what the body of a stream yields, and await for it what it needs."""
    try:
        item = next(body)
        while True:
            try:
                if type(item) is _Awaited:
                    sent = await item.awaitable
                else:
                    sent = yield item
            except BaseException as thrown:
                item = body.throw(thrown)
            else:
                item = body.send(sent)
    except StopIteration:
        return
    finally:
        if real is not None:
            await real.aclose()


def _given(step: Step, plan: FunctionPlan, item: object) -> Generator[Any, Any, None]:
    """Give an item, and refuse what the reader sends or throws, unless it stops.

    The items that follow may depend on that.
    """
    try:
        sent = yield item
    except BaseException as thrown:
        if not _is_outcome(thrown):
            raise
        sent = thrown
    if sent is not None:
        step.abandon(None)
        error = UnstorableOutcomeError(
            f"{step.call.label()} cannot be mimicked: its reader sends or throws"
            " something into it",
            remedies=[("name a function inside or around it that is only called", "")],
        )
        plan.run.note(error)
        raise error from None


class _Replay:
    """Gives the recorded outcome of a call.

    Args:
        step: The call.
        plan: How its function is mimicked.
        arguments: Its arguments.
        body: The outcome to give. Default: what is recorded.
        objects: Where the objects of the outcome are. Default: the vault.
    """

    def __init__(
        self,
        step: Step,
        plan: FunctionPlan,
        arguments: _Arguments,
        *,
        body: dict[str, Tree] | None = None,
        objects: Objects | None = None,
    ) -> None:
        assert step.entry is not None
        self._step = step
        self._plan = plan
        self._arguments = arguments
        self._given = body
        self._objects = objects or plan.run.vault
        self._after = step.entry.after
        self._layers = step.entry.layers

    def give(self, kind: str = "", *, inside: int = 0) -> Any:
        """Give what the recorded call gave.

        Args:
            kind: The layer in which its caller takes it, whatever was recorded.
            inside: How many of the layers the caller has taken already.
        """
        __tracebackhide__ = True
        layers = self._layers[inside:]
        if kind and layers[:1] != (kind,):
            layers = (kind, *layers)
        return self._follow(layers)

    def _body(self) -> dict[str, Any]:
        return self._step.body() if self._given is None else self._given

    def _follow(self, layers: Sequence[str]) -> Any:
        __tracebackhide__ = True
        if not layers:
            self._step.wait()
            return self._end(self._body())
        if layers[0] == "await":
            return self._await(layers[1:])
        if layers[0] == "stream":
            return self.items(is_async=False)
        return _to_async(self.items(is_async=True))

    async def _await(self, layers: Sequence[str]) -> Any:
        __tracebackhide__ = True
        if layers:
            return self._follow(layers)
        await self._step.wait_async()
        return self._end(self._body())

    def items(self, *, is_async: bool) -> Generator[Any, Any, Any]:
        """Give the recorded items, and then the recorded end, as the reader asks."""
        __tracebackhide__ = True
        body = self._body()
        try:
            for item in body.get("items", ()):
                yield from _given(self._step, self._plan, self._load(item))
            if is_async:
                yield _Awaited(self._step.wait_async())
            else:
                self._step.wait()
        finally:
            self._step.leave()
            self._arguments.set_states(self._after)
        if "items" not in body:
            return self._end(body)
        if "last" not in body:
            raise self._step.read_further()
        return self._end(body["last"])

    def _end(self, body: dict[str, Tree]) -> Any:
        __tracebackhide__ = True
        self._arguments.set_states(self._after)
        if "raised" in body:
            raise self._load(body["raised"])
        value, make = self._loaded(body["value"])
        if not self._after and self._layers in ((), ("await",)):
            self._plan.keep_player(self._step, self._arguments.bound, make)
        return value

    def _load(self, tree: Tree) -> Any:
        value, _ = self._loaded(tree)
        return value

    def _loaded(self, tree: Tree) -> tuple[Any, Callable[[], object]]:
        """Return a recorded value, and what makes another copy of it."""
        plan, places = self._plan, self._arguments.places
        try:
            make = player(tree, self._objects, places, forbid=plan.forbids_pickles)
            return make(), make
        except MimicError as error:
            told = plan.told(error)
            plan.run.note(told)
            raise told from error.__cause__


class _Items:
    """The items of a real stream, as far as they were read."""

    def __init__(self) -> None:
        self.stored: list[Tree] = []

    def body(self) -> dict[str, Tree]:
        return {"items": list(self.stored)}


class _Real:
    """A call that runs for real: it is recorded, or compared with its recording."""

    def __init__(self, step: Step, plan: FunctionPlan, arguments: _Arguments) -> None:
        self._step = step
        self._plan = plan
        self._arguments = arguments
        self._is_recorded = step.mode == "run"
        vault = plan.run.vault
        self._objects: Objects = vault if self._is_recorded else _InMemory(vault)
        self._layers: list[str] = []
        self._items: _Items | None = None
        # What is recorded, with the real values of volatile parts.
        self._recorded_body: dict[str, Tree] | None = None
        self._opened = plan.opened() if self._is_recorded else nullcontext()
        arguments.watch()

    def perform(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the function, and give what its caller gets."""
        __tracebackhide__ = True
        try:
            with self._step.running(), self._opened:
                result = self._plan.function(*args, **kwargs)
        except BaseException as error:
            if self._end_by(error, is_awaited=False):
                raise
            return self._recorded()
        return self._follow(result)

    def _follow(self, result: Any) -> Any:
        """Give a result, or what has to be awaited or read to come to it."""
        __tracebackhide__ = True
        layer = _layer_of(result)
        if not layer:
            self._complete("value", result)
            return result if self._is_recorded else self._recorded()
        self._layers.append(layer)
        if layer == "await":
            return self._await(result)
        body = self._relay(result, is_async=layer == "astream")
        performed: object = body if layer == "stream" else _to_async(body, result)
        # At the exit of the process, the run has ended.
        finalize(performed, self._end_unread).atexit = False
        return performed

    async def _await(self, coroutine: Awaitable[Any]) -> Any:
        __tracebackhide__ = True
        try:
            with self._step.running(), self._opened:
                result = await coroutine
        except BaseException as error:
            if self._end_by(error, is_awaited=True):
                raise
            return self._recorded()
        entry = self._step.entry
        if entry is not None and entry.end:
            # It is answered now, and its caller gets what was recorded: no answer.
            self._complete("value", result)
            await self._step.wait_async()
        return self._follow(result)

    def _relay(self, stream: Any, *, is_async: bool) -> Generator[Any, Any, Any]:
        """Give the items of a real stream, and keep them as far as its reader wants.

        To verify, it is read as far as its recording goes, and that is given.
        """
        __tracebackhide__ = True
        step = self._step
        items = self._items = _Items()
        step.progress(items.body)
        most = inf if self._is_recorded else _length_of(step.body())
        # Whether the stream is an outcome, as far as it was read.
        is_whole = True
        try:
            while len(items.stored) < most:
                is_whole = False
                try:
                    with step.running(), self._opened:
                        if is_async:
                            item = yield _Awaited(anext(stream))
                        else:
                            item = next(stream)
                except (StopIteration, StopAsyncIteration) as stop:
                    value = getattr(stop, "value", None)
                    self._complete("value", value)
                    if self._is_recorded:
                        return value
                    break
                except BaseException as error:
                    if self._end_by(error, is_awaited=is_async):
                        raise
                    break
                # The stream may change the item later.
                items.stored.append(self._store(item, "gave"))
                is_whole = True
                if self._is_recorded:
                    yield from _given(step, self._plan, item)
        finally:
            if isinstance(stream, GeneratorType):
                # What the stream does when it is closed is a part of the call.
                with step.running(), self._opened:
                    stream.close()
            if is_whole:
                self._complete("", None)
        return (yield from self._replay().items(is_async=is_async))

    def _end_unread(self) -> None:
        """End the call of a stream that nobody holds, and nobody has read."""
        if self._items is None:
            self._items = _Items()
            self._plan.run.when_safe(functools.partial(self._complete, "", None))

    def _recorded(self) -> Any:
        """Give what is recorded, in the layers that the real call has not given."""
        __tracebackhide__ = True
        return self._replay().give(inside=len(self._layers))

    def _replay(self) -> _Replay:
        return _Replay(
            self._step,
            self._plan,
            self._arguments,
            body=self._recorded_body,
            objects=self._objects,
        )

    def _end_by(self, error: BaseException, *, is_awaited: bool) -> bool:
        """End the call with an error; return whether its caller gets it."""
        if _is_outcome(error):
            self._complete("raised", error)
            return self._is_recorded
        # What is not awaited cannot be cancelled: something inside of it was.
        body = self._items.body() if self._items is not None else {}
        self._step.abandon(error if is_awaited else None, body)
        return True

    def _complete(self, end: str, content: object) -> None:
        """Keep an outcome, or compare it.

        Args:
            end: How the call has ended: `value` or `raised`; of a stream also empty,
                where its reader wanted no more.
            content: What it has returned or raised.

        Raises:
            MimicError: It is refused. The error is noted.
        """
        step = self._step
        try:
            after = self._arguments.refuse_changes()
        except MimicError as error:
            self._refuse(error)
            raise
        body: dict[str, Tree] = {}
        if end:
            verb = "returned" if end == "value" else "raised"
            body[end] = self._store(content, verb)
        if self._items is not None:
            items, last = self._items.body(), body
            body = {**items, "last": last} if last else items
        if self._is_recorded:
            arguments, hidden = self._arguments.hidden
            layers = tuple(self._layers)
            step.complete(
                body,
                source=self._plan.source,
                inputs=self._plan.list_inputs(arguments, self._opened),
                layers=layers,
                after=after,
                hidden=hidden,
            )
        else:
            failed = ""
            if end == "raised" and not _has_raised(step.body()):
                failed = f"the real call raised {type(content).__name__}"
            step.check(self._differences(body), failed=failed)
            paths = [steps_of(path) for path in self._plan.line.options.volatile]
            # The paths in a value begin inside of it, those in a stream with `items`.
            paths += [("value", *path) for path in paths]
            self._recorded_body = step.with_volatile(step.body(), body, paths)

    def _refuse(self, error: MimicError) -> None:
        """End the call without an outcome, and let the error fail the test."""
        self._step.abandon(None)
        self._plan.run.note(error)

    def _store(self, value: object, verb: str) -> Tree:
        """Return what is stored of a part of the outcome.

        Raises:
            UnstorableOutcomeError: It cannot be kept. The error is noted.
        """
        try:
            return store(value, self._objects, self._arguments.places, self._hide)
        except UnstorableOutcomeError as error:
            what = f"what {self._plan.target} {verb} cannot be stored"
            told = UnstorableOutcomeError(what, error.facts, error.remedies)
            self._refuse(told)
            raise told from error.__cause__

    def _hide(self, tree: Tree) -> Tree:
        """Return an outcome without the secrets of the environment."""
        run = self._plan.run
        hidden: Tree = run.secrecy.secrets.hide_environment(tree)
        if hidden != tree and self._is_recorded:
            label = self._arguments.label()
            run.events.add("redacted", label, test=run.test, what="the environment")
        return hidden

    def _differences(self, real: dict[str, Any]) -> list[Difference]:
        """Return where the real outcome differs from the recorded one."""
        assert self._step.entry is not None
        recorded: dict[str, Any] = self._step.body()
        if self._step.entry.layers != tuple(self._layers):
            return [_of_another_kind(recorded, real)]
        return self._differences_in(recorded, real)

    def _differences_in(
        self, recorded: dict[str, Any], real: dict[str, Any]
    ) -> list[Difference]:
        # A replay compares nothing.
        from pytest_mimic.values.verify import outcome_differences

        rules, places = rules_of(self._plan.line.options), self._arguments.places
        if "items" in recorded and "items" in real:
            items, items_now = recorded["items"], real["items"]
            found = outcome_differences(
                [self._loaded(item) for item in items],
                [self._loaded(item) for item in items_now],
                rules,
                places,
                step="items",
            )
            if found:
                return found
        if recorded.keys() != real.keys():
            return [_of_another_kind(recorded, real)]
        if "last" in recorded:
            return self._differences_in(recorded["last"], real["last"])
        if "items" in recorded:
            return []
        ((_, old), (_, new)) = *recorded.items(), *real.items()
        return outcome_differences(self._loaded(old), self._loaded(new), rules, places)

    def _loaded(self, tree: Tree) -> object:
        places, forbid = self._arguments.places, self._plan.forbids_pickles
        try:
            return load(tree, self._objects, places, forbid=forbid)
        except MimicError as error:
            self._refuse(error)
            raise


def _has_raised(body: dict[str, Any]) -> bool:
    return "raised" in body or "raised" in body.get("last", {})


def _of_another_kind(recorded: dict[str, Any], real: dict[str, Any]) -> Difference:
    from pytest_mimic.values.differences import MISSING, Difference

    fact = f"{_told(recorded)} when recorded, {_told(real)} now"
    return Difference("", MISSING, MISSING, fact)


def _told(body: dict[str, Any]) -> str:
    """Say how a call has ended: `returned 'tea'`, `gave 2 items, raised ...`."""
    from pytest_mimic.values.drawing import line

    words = []
    for key, tree in body.items():
        if key == "items":
            words.append(f"gave {len(tree)} item{'s' * (len(tree) != 1)}")
        elif key == "last":
            words.append(_told(tree))
        else:
            words.append(f"{'returned' if key == 'value' else 'raised'} {line(tree)}")
    return ", ".join(words)


class _InMemory:
    """Keeps the objects of a call that is only compared, before those of a vault."""

    def __init__(self, vault: Objects) -> None:
        self._vault = vault
        self._kept: dict[str, bytes] = {}

    def write_object(self, suffix: str, chunks: Iterable[bytes | memoryview]) -> str:
        name = f"{len(self._kept)}.{suffix}"
        self._kept[name] = b"".join(chunks)
        return name

    def read_object(self, name: str) -> bytes:
        kept = self._kept.get(name)
        return self._vault.read_object(name) if kept is None else kept


def _length_of(body: dict[str, Any]) -> int:
    """Return how many items a recorded stream has, its end counted as one more."""
    return len(body.get("items", ())) + ("items" not in body or "last" in body)
