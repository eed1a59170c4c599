"""The interface between a client and the engine.

An adapter has edges, the functions of a client that are replaced. Here are the classes
of adapters, of their calls, and the rule which says that a call has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from types import GeneratorType, MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from pytest_mimic._core.seam.registry import CLIENTS, is_client
from pytest_mimic._core.seam.registry import Edge as Edge
from pytest_mimic.errors import TargetError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.seam.call_secrets import Secrets

    class RealStep(Protocol):
        """A step that is not to replay, as `recording` ends it."""

        def running(self) -> AbstractContextManager[None]:
            """Return a context manager whose block is part of the call."""
            ...

        def finish(self, plain: object, /) -> None:
            """Complete the call with plain data without secrets."""

        def abandon(self, error: BaseException | None = None, /) -> None:
            """End the call without an outcome."""

        def answers(self, error: BaseException, /) -> bool:
            """Return whether the caller gets the recorded outcome for the error."""
            ...


# The statuses of HTTP by which a server refuses credentials, or says that it is too
# slow or too busy. At another time, it gives another answer: a failing test keeps none
# of these.
_FAILING_STATUSES = (401, 403, 407, 408, 425, 429)


def _no_outcome(_error: Exception) -> None:
    """Give no plain data: an exception is no outcome."""


@contextmanager
def recording(
    step: RealStep | None, store_error: Callable[[Exception], object] = _no_outcome
) -> Iterator[None]:
    """Return the block for the original function.

    Inside the block, the edge gives the answer to `step.finish`. An exception that ends
    the block ends the step, too. To verify, the block then ends without the exception,
    as the caller gets the recorded outcome.

    Args:
        step: A step that is not to replay; None for a call that is left out.
        store_error: Returns an exception as plain data, which is the outcome. If it
            returns None, nothing is recorded.
    """
    if step is None:
        yield
        return
    try:
        with step.running():
            yield
    except BaseException as error:
        # An exception that is no `Exception`, such as a cancellation, is no answer of
        # the service: nothing is recorded of it here.
        stored_error = store_error(error) if isinstance(error, Exception) else None
        if stored_error is None:
            step.abandon(error)
        else:
            step.finish(stored_error)
        # While the call is verified, the edge goes on with the recorded outcome.
        if not step.answers(error):
            raise


class ClientCall(NamedTuple):
    """One call at an edge, described in plain data without secrets.

    Attributes:
        signature: `VERB resource`, `GET /users/1`.
        parts: The call's parts by name (`method`, `query`, `body`, …); names are those
            of `Adapter.parts`.
        identity: The names of the parts that count by default; `ignore=` removes some,
            `match=` adds others.
        described: The parts as messages show them and as they are stored beside the
            recording.
        host: The host that `only=` and `exclude=` compare with their patterns; None for
            a client without hosts.
        shared: Whether the recording belongs to no test, so that all tests share it.
            The identity alone finds the recording, in any order.
        secrets: Returns the secrets of this call. Its description is without them,
            wherever they stand. None: the adapter hides the secrets itself.
        sent_secrets: If `secrets` is None, the secret values that the call sends, each
            with the name for which it is secret. None of them is stored.
        needs_earlier: Whether it can be sent only after earlier calls, which were
            replayed: on the connection that they opened, or with the secret that they
            issued. A miss names `--mimic-rerecord`.
    """

    signature: str
    parts: dict[str, Any]
    identity: Sequence[str]
    described: dict[str, Any]
    host: str | None = None
    shared: bool = False
    secrets: Callable[[], Secrets] | None = None
    sent_secrets: Mapping[str, str] = MappingProxyType({})
    needs_earlier: bool = False


class Adapter:
    """An adapter for one client library.

    A subclass declares the edges of its client and the parts of its calls.

    Attributes:
        name: The client's name in target lines, which is also the name of its module. A
            client can be used where that module can be found.
        parts: The names of a call's parts, which `ignore=` and `match=` may use.
        implied: By a part that `ignore=` names: the parts that are left out with it.
            `{"body": ("format",)}`: the format of a body does not count without it.
        exact: The parts of what `comparable` returns whose values count even with
            `compare=shape`.
        recorded_as: The name under which recordings lie, if clients of one kind share
            them: `http`. By default, the client's name.
        covers: The clients whose calls a line takes, if these are not the client's own.
        keeps_state: The service keeps what calls do to it, as a database does. While
            recording, what wider fixtures send is sent each time.
        waits: The edges call `Step.wait` or `Step.wait_async` for a recorded call that
            waited (`Step.waits`). By default, `Step.outcome` waits in place of the
            edges, as a thread does.
    """

    parts: ClassVar[tuple[str, ...]] = ()
    implied: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    exact: ClassVar[frozenset[str]] = frozenset()
    recorded_as: ClassVar[str] = ""
    covers: tuple[str, ...] = ()
    keeps_state: ClassVar[bool] = False
    waits: ClassVar[bool] = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.kind: str = self.recorded_as or name

    def edges(self) -> Sequence[Edge]:
        """Return the functions of the client that are replaced, each with its wrapper.

        A client that connects before its first call has an edge for that as well, see
        `Port.opens`.
        """
        raise NotImplementedError

    def matched(
        self, parts: dict[str, Any], names: Sequence[str], redactor: Redactor
    ) -> dict[str, Any]:
        """Return the parts that count in imported recordings.

        They are chosen by the words that another tool has for the parts, not by the
        option `match=`.
        """
        raise NotImplementedError

    def comparable(self, outcome: Any, other_outcome: Any = None, /) -> Any:  # noqa: ARG002 - for subclasses
        """Return the part of an outcome that verifying compares, by default all of it.

        By it, a recorded answer may also stay where its call is recorded again, and
        `rekey` may join two recordings.

        Args:
            outcome: The plain data that `Step.finish` was given.
            other_outcome: The plain data of the other outcome of the same call, with
                which `outcome` is compared. None: the call raised another time,
                or all of `outcome` is to be compared.
        """
        return outcome

    def is_read_further(self, outcome: Any, other_outcome: Any, /) -> bool:  # noqa: ARG002 - for subclasses
        """Return whether an answer that was left early was read further another time.

        With `sequence=no`, one recording serves all readers: in a run, an answer never
        replaces one that was read further. By default, answers are read whole.

        Args:
            outcome: The plain data that `Step.finish` was given, read further or not.
            other_outcome: The plain data of another answer to the same call, which may
                have been left early. If it was read to its end, nothing was read
                further.
        """
        return False

    def failure(self, outcome: object, /) -> str | None:
        """Return how an exchange failed, `failed (reading)` or `gave 503`, or None.

        A failing test keeps no failed exchange. By default, an exchange has failed if
        its plain data has an `error`, or a `status` of 401, 403, 407, 408, 425, 429,
        500 or more.
        """
        if not isinstance(outcome, dict):
            return None
        error = outcome.get("error")
        status = outcome.get("status")
        if error is not None:
            words = _words_of_error(error)
            # The head of the answer came, and its body broke off.
            if words != "failed" and status is not None:
                words = f"gave {status}, then {words}"
            return words
        if isinstance(status, int) and (status >= 500 or status in _FAILING_STATUSES):
            return f"gave {status}"
        return None


def _words_of_error(error: object) -> str:
    """Return how a call failed, in words for lists and reports, by its stored error.

    | `type` of the error | words |
    |---|---|
    | a class, `builtins:FileNotFoundError` | `raised FileNotFoundError` |
    | a kind of the adapter, `reading` | `failed (reading)` |
    | none | `failed` |
    """
    error_type = error.get("type") if isinstance(error, dict) else None
    if not isinstance(error_type, str):
        return "failed"
    module, _, class_name = error_type.rpartition(":")
    return f"raised {class_name}" if module else f"failed ({error_type})"


# -- adapters by name


def load_adapter(name: str) -> Adapter:
    """Return the adapter of a client by its name, without importing the client.

    Raises:
        TargetError: No distribution has such an adapter, or the adapter of another
            distribution cannot be imported.
    """
    if not is_client(name):
        raise TargetError(
            f"{name}: no installed distribution has an adapter for this client"
        )
    client = CLIENTS[name]
    module, _, class_name = client.adapter.partition(":")
    try:
        adapter = getattr(import_module(module), class_name)(name)
        if not isinstance(adapter, Adapter):
            raise TypeError("it is no pytest_mimic.client.Adapter")
    except Exception as error:
        # A fault of an adapter of ours is shown with its whole traceback.
        if client.is_bundled:
            raise
        reason = f"{type(error).__name__}: {error}"
        raise TargetError(
            f"{name}: its adapter {client.adapter} cannot be loaded ({reason})"
        ) from error
    return adapter


def parts_of_client_calls(name: str) -> tuple[str, ...]:
    """Return the parts of a client's calls: which paths its line may name.

    The table knows the parts of the clients of pytest-mimic. The adapter of another
    distribution is loaded and asked for them.
    """
    parts = CLIENTS[name].call_parts if is_client(name) else ()
    return parts or load_adapter(name).parts


# -- one body for the sync and the async method of a client

Steps = Generator[Any, Any, Any]


def sync_method(begin: Callable[..., Any], *first: Any) -> Callable[..., Any]:
    """Return a method that gives what `begin` returns, or the result of its generator.

    Args:
        begin: The body of the method. As a generator, it yields what an async method
            would await.
        first: The first arguments of `begin`, before those of the method.
    """
    begin_call = partial(begin, *first)

    def method(*args: Any, **kwargs: Any) -> Any:
        result_or_steps = begin_call(*args, **kwargs)
        if type(result_or_steps) is GeneratorType:
            return run_sync(result_or_steps)
        return result_or_steps

    return method


def async_method(begin: Callable[..., Any], *first: Any) -> Callable[..., Any]:
    """Return an async method that gives what `begin` returns.

    If `begin` is a generator, each awaitable that it yields is awaited, and the method
    gives the result of the generator. The arguments are those of `sync_method`.
    """
    begin_call = partial(begin, *first)

    async def method(*args: Any, **kwargs: Any) -> Any:
        result_or_steps = begin_call(*args, **kwargs)
        if type(result_or_steps) is GeneratorType:
            return await run_async(result_or_steps)
        return result_or_steps

    return method


def waiting(value: object) -> Steps:
    """Make the steps of a body that only waits for a value, and gives it.

    In an async method the value is an awaitable, in a sync method the result itself.
    """
    return (yield value)


def run_sync(steps: Steps) -> object:
    """Return the result of a method's body. Each value that it yields is sent back.

    In a sync method, `value = yield f()` in the body is just `value = f()`.
    """
    try:
        value = next(steps)
        while True:
            value = steps.send(value)
    except StopIteration as end:
        return end.value


async def run_async(steps: Steps) -> object:
    """Return the result of a method's body.

    Each awaitable that it yields is awaited, and its result sent back: `value = yield
    f()` in the body is `value = await f()`.
    """
    try:
        awaitable = next(steps)
        while True:
            try:
                value = await awaitable
            except BaseException as error:
                # The body handles it where it yielded, a cancellation, too.
                awaitable = steps.throw(error)
            else:
                awaitable = steps.send(value)
    except StopIteration as end:
        return end.value
