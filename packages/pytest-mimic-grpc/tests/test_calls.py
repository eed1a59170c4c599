"""Calls of gRPC on sync and asyncio channels: recorded, verified, and replayed without the service."""

from __future__ import annotations

import asyncio
import enum
import gc
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

pytest.importorskip("grpc_tools", reason="needs grpcio-tools")

import grpc
from google.protobuf.wrappers_pb2 import StringValue
from support.face import ISSUED
from support.grpc_server import TOKEN, protos, running_library, services
from support.placeholders import unmarked

from pytest_mimic.errors import MissingRecordingError, UnstorableOutcomeError


def wish(title, **fields):
    return protos.Wish(title=title, **fields)


def wishes(*titles):
    return (wish(title) for title in titles)


def titles(books):
    return [book.title for book in books]


def status(call):
    """Return how a call or an error of the client ended."""
    trailing = {
        key: value for key, value in call.trailing_metadata() if key != "session-token"
    }
    return call.code().name, call.details(), trailing


def fails(call):
    with pytest.raises(grpc.RpcError) as failed:
        call()
    assert isinstance(failed.value, grpc.Call)
    assert failed.value.code().name in str(failed.value)
    return status(failed.value)


COST = {"cost": "3", "x-bin": b"\x00\xff"}


def with_call(stub):
    response, call = stub.Find.with_call(wish("Emma"))
    return response.title, status(call), call.initial_metadata()[0]


def stream(stub):
    call = stub.List(wish("Emma", count=3))
    return titles(call), status(call), list(call)


def torn(stub):
    call = stub.List(wish("torn", count=2))
    return (
        next(call).title,
        next(call).title,
        fails(lambda: next(call)),
        fails(lambda: next(call)),
    )


def stopped(stub):
    call, ended = stub.List(wish("endless", count=10**9)), threading.Event()
    call.add_done_callback(lambda _: ended.set())
    found = next(call).title, next(call).title
    assert call.is_active()
    assert call.cancel()
    assert ended.wait(10)
    assert fails(lambda: next(call))[0] == "CANCELLED"
    assert not call.is_active()
    return found


def left(stub):
    return next(stub.List(wish("endless", count=10**9))).title


SYNC = {
    "unary": (lambda stub: stub.Find(wish("Emma")).title, "Emma"),
    "keywords": (
        lambda stub: (
            stub.Find(request=wish("Emma"), timeout=10, metadata=[("a", "b")]).title
        ),
        "Emma",
    ),
    "whole": (lambda stub: str(stub.Find(wish("whole"))), ...),
    "with_call": (with_call, ("Emma", ("OK", "", COST), ("server", "first"))),
    "error": (
        lambda stub: fails(lambda: stub.Find(wish("NOT_FOUND"))),
        ("NOT_FOUND", "no NOT_FOUND today", COST),
    ),
    "deadline": (
        lambda stub: fails(lambda: stub.Find(wish("late"), timeout=0.2))[0],
        "DEADLINE_EXCEEDED",
    ),
    "stream": (stream, (["Emma 0", "Emma 1", "Emma 2"], ("OK", "", {"cost": "4"}), [])),
    "torn stream": (
        torn,
        ("torn 0", "torn 1", *[("DATA_LOSS", "a page is torn", {"cost": "4"})] * 2),
    ),
    "stopped stream": (stopped, ("endless 0", "endless 1")),
    "left stream": (left, "endless 0"),
    "messages": (lambda stub: list(stub.Store(wishes("a", "b")).tags), ["a", "b"]),
}


@pytest.mark.parametrize("name", SYNC)
def test_a_call_on_a_sync_channel(name, stub, three_ways):
    use, wanted = SYNC[name]
    assert wanted in (..., three_ways(lambda: use(stub)))


# asyncio


async def async_status(call):
    trailing = {
        key: value
        for key, value in await call.trailing_metadata()
        if key != "session-token"
    }
    return (await call.code()).name, await call.details(), trailing


async def fails_later(call):
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return status(failed.value)


async def each(*titles):
    for title in titles:
        yield wish(title)


async def aio_unary(stub):
    call = stub.Find(wish("Emma"))
    book = await call
    return (
        book.title,
        await async_status(call),
        (await call.initial_metadata())["server"],
        call.done(),
    )


async def aio_stream(stub):
    call = stub.List(wish("Emma", count=2))
    return [book.title async for book in call], await async_status(call)


async def aio_read(stub):
    call = stub.List(wish("torn", count=1))
    found = (await call.read()).title
    return found, await fails_later(call.read())


async def aio_stopped(stub):
    call = stub.List(wish("endless", count=10**9))
    await asyncio.wait_for(call.initial_metadata(), 10)  # which come before the end
    found = (await call.read()).title
    assert call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call.read()
    return found, call.cancelled()


async def aio_left(stub):
    async for book in stub.List(wish("endless", count=10**9)):
        if book.title.endswith(" 1"):
            return book.title
    return None


async def aio_messages(stub):
    return list((await stub.Store(each("a"))).tags), list(
        (await stub.Store(wishes("b"))).tags
    )


async def aio_late(stub):
    return (await fails_later(stub.Find(wish("late"), timeout=0.2)))[0]


AIO = {
    "unary": (aio_unary, ("Emma", ("OK", "", COST), "first", True)),
    "error": (
        lambda stub: fails_later(stub.Find(wish("NOT_FOUND"))),
        ("NOT_FOUND", "no NOT_FOUND today", COST),
    ),
    "deadline": (aio_late, "DEADLINE_EXCEEDED"),
    "stream": (aio_stream, (["Emma 0", "Emma 1"], ("OK", "", {"cost": "4"}))),
    "read": (aio_read, ("torn 0", ("DATA_LOSS", "a page is torn", {"cost": "4"}))),
    "stopped stream": (aio_stopped, ("endless 0", True)),
    "left stream": (aio_left, "endless 1"),
    "messages": (aio_messages, (["a"], ["b"])),
}


@pytest.mark.parametrize("name", [*AIO, "intercepted"])
def test_a_call_on_an_asyncio_channel(name, library, three_ways):
    use, wanted = AIO[name.replace("intercepted", "unary")]

    async def main():
        interceptors = [Counter()] if name == "intercepted" else []
        async with grpc.aio.insecure_channel(
            library.target, interceptors=interceptors
        ) as channel:
            return await use(services.LibraryStub(channel))

    assert three_ways(lambda: asyncio.run(main())) == wanted


async def talk(library):
    async with grpc.aio.insecure_channel(library.target) as channel:
        services.LibraryStub(channel).Talk()


class Counter(grpc.aio.UnaryUnaryClientInterceptor):
    """An interceptor of the caller's, which stays real."""

    count = 0

    async def intercept_unary_unary(self, continuation, details, request):
        self.count += 1
        return await continuation(details, request)


async def write(library):
    async with grpc.aio.insecure_channel(library.target) as channel:
        await services.LibraryStub(channel).Store().write(wish("a"))


@pytest.mark.parametrize(
    "use",
    [talk, write, lambda stub: stub.Talk(wishes("a"))],
    ids=["asyncio", "written", "sync"],
)
def test_a_stream_in_both_directions_is_refused(runs, stub, library, use):
    with pytest.raises(
        UnstorableOutcomeError,
        match=r"both directions(.|\n)*name the function around it(.|\n)*"
        r"but then a replay needs the server: grpc exclude=/shop\.Library/",
    ):
        asyncio.run(use(library)) if use in (talk, write) else use(stub)


def test_a_call_that_ends_at_some_time_is_refused(runs, stub):
    with pytest.raises(
        UnstorableOutcomeError, match=r"future\(\) has no place in the order"
    ):
        stub.Find.future(wish("Emma"))


# Identity, secrets, channels


def test_other_messages_are_another_call(runs, stub):
    uses = [
        lambda title: stub.Find(wish(title)),
        lambda title: list(stub.List(wish(title, count=1))),
        lambda title: stub.Store(wishes("same", title)),
    ]
    for use in uses:
        use("a")
    runs.again("replay")
    for use in uses:
        with pytest.raises(MissingRecordingError, match=r"'a' recorded, 'b' now"):
            use("b")


def test_a_message_that_json_writes_as_one_value_is_recorded(runs):
    def get(request, _):
        return StringValue(value=f"{request.value}!")

    method = grpc.unary_unary_rpc_method_handler(
        get, StringValue.FromString, StringValue.SerializeToString
    )
    handlers = grpc.method_handlers_generic_handler("shop.Echo", {"Get": method})
    server = grpc.server(ThreadPoolExecutor(1), handlers=[handlers])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        echo = channel.unary_unary(
            "/shop.Echo/Get", StringValue.SerializeToString, StringValue.FromString
        )
        assert echo(StringValue(value="tea")).value == "tea!"
        server.stop(None).wait()
        runs.again("replay")

        assert echo(StringValue(value="tea")).value == "tea!"


def test_a_stream_read_further_than_its_recording_is_a_miss(runs, stub):
    left(stub)
    runs.again("replay")
    with pytest.raises(MissingRecordingError, match="further"):
        titles(stub.List(wish("endless", count=10**9)))


def test_a_placeholder_is_not_sent(runs, stub, library):
    """Not in a message, nor as bytes or a part of them, nor in metadata."""
    stub.Find(wish("Emma"))
    runs.again("replay")
    issued = stub.Find(wish("Emma")).api_key
    assert re.fullmatch(ISSUED, issued)
    runs.again("record")

    with pytest.raises(MissingRecordingError):
        stub.Find(wish("Persuasion", password=issued))
    for seal in (issued.encode(), b"seal:" + issued.encode()):
        with pytest.raises(MissingRecordingError):
            stub.Find(wish("Persuasion", seal=seal))
        with pytest.raises(MissingRecordingError):
            stub.Find(wish("Persuasion"), metadata=[("seal-bin", seal)])

    assert library.asked == ["Emma"]


def test_an_issued_secret_that_is_sent_as_bytes_is_the_same_call(runs, stub, library):
    issued = stub.Find(wish("Emma")).api_key
    assert stub.Find(wish("Persuasion", seal=issued.encode())).title == "Persuasion"
    library.stop()
    runs.again("replay")
    issued = stub.Find(wish("Emma")).api_key
    assert re.fullmatch(ISSUED, issued)
    assert stub.Find(wish("Persuasion", seal=issued.encode())).title == "Persuasion"


def test_a_hidden_binary_value_is_the_placeholder(runs, stub):
    runs.again("record", redact=["x-bin"])
    stub.Find(wish("Emma"))
    runs.again("replay", redact=["x-bin"])
    _, call = stub.Find.with_call(wish("Emma"))
    hidden = dict(call.trailing_metadata())["x-bin"]
    assert unmarked(hidden.decode()) == "<redacted>"


def test_a_verified_call_gives_the_secrets_of_the_real_one(runs, stub):
    stub.Find(wish("Emma"))
    runs.again("verify")
    assert stub.Find(wish("Emma")).api_key == f"sk-{TOKEN}"


def test_drift_names_the_field(runs, stub, library):
    uses = [
        lambda: stub.Find(wish("Emma")).id,
        lambda: [book.id for book in stub.List(wish("Emma", count=2))],
    ]
    recorded = [use() for use in uses]
    library.edition = 2
    runs.again("verify")
    assert [use() for use in uses] == recorded == [1, [1, 1]]
    drifts = runs.drifts()
    assert "response.id: '1' recorded, '2' now" in drifts
    assert re.search(r"responses?\[0\].id: '1' recorded, '2' now", drifts)


def first_of(call):
    """Read one message of a stream, and want no more."""
    book = next(call)
    call.cancel()
    return str(book.title)


def test_an_unreachable_service_is_drift(runs, stub, library):
    stub.Find(wish("Emma"))
    list(stub.List(wish("Emma", count=1)))
    assert first_of(stub.List(wish("Emma", count=3))) == "Emma 0"
    library.stop()
    runs.again("verify")
    assert first_of(stub.List(wish("Emma", count=3))) == "Emma 0"
    assert stub.Find(wish("Emma")).title == "Emma"
    assert titles(stub.List(wish("Emma", count=1))) == ["Emma 0"]
    assert runs.drifts().count("gave UNAVAILABLE") == 3


def test_a_stream_that_is_garbage_ends_with_its_test(runs, stub):
    """What the server says to its end does not count."""
    call = stub.List(wish("endless", count=10**9))
    next(call)
    del call
    gc.collect()
    runs.end_test()
    [answer] = runs.answers
    assert str(answer.data).count("title") == 1
    assert "code" not in answer.data


def test_a_longer_stream_is_drift(runs, library, stub):
    titles(stub.List(wish("Emma", count=2)))
    library.more = 1
    runs.again("verify")
    assert titles(stub.List(wish("Emma", count=2))) == ["Emma 0", "Emma 1"]
    assert re.search(r"responses?\[2\]", runs.drifts())


def test_a_cancelled_asyncio_call_waits_in_a_replay(runs, library):
    async def main():
        async with grpc.aio.insecure_channel(library.target) as channel:
            stub = services.LibraryStub(channel)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(stub.Find(wish("late")), 0.1)
            assert (await stub.Find(wish("Emma"))).title == "Emma"

    asyncio.run(main())
    library.is_late = False
    runs.again("verify")
    asyncio.run(main())
    assert runs.drifts() == ""
    runs.again("replay")
    library.stop()
    asyncio.run(main())


def test_a_thread_that_waits_for_an_answer_is_ended_with_its_test(runs, library, stub):
    given = []

    def find():
        with suppress(grpc.RpcError):  # The channel is closed at last.
            given.append(stub.Find(wish("late")))

    def start():
        thread = threading.Thread(target=find, daemon=True)
        thread.start()
        return thread

    thread = start()
    while "late" not in library.asked:
        thread.join(0.01)
    runs.end_test()
    assert len(runs.answers) == 1

    runs.again("replay")
    thread = start()
    while not runs.asked:
        thread.join(0.01)
    runs.end_test()
    thread.join()
    assert given == []


def test_channels_are_ready_in_a_replay(runs, monkeypatch):
    runs.again("replay")
    with grpc.insecure_channel("127.0.0.1:9") as channel:
        grpc.channel_ready_future(channel).result(timeout=30)

    async def main():
        async with grpc.aio.insecure_channel("127.0.0.1:9") as channel:
            await channel.channel_ready()
            return channel.get_state(try_to_connect=True)

    assert asyncio.run(main()) is grpc.ChannelConnectivity.READY


@pytest.mark.parametrize("mode", ["pass", "off"])
def test_calls_that_are_not_mimicked_are_real(runs, stub, library, mode):
    runs.again(mode)
    for use, _ in SYNC.values():
        use(stub)
    assert runs.answers == []
    assert library.asked


CLOSED = {
    "unary": lambda stub: stub.Find(wish("Emma")),
    "with call": lambda stub: stub.Find.with_call(wish("Emma")),
    "future": lambda stub: stub.Find.future(wish("Emma")),
    "stream": lambda stub: stub.List(wish("Emma", count=2)),
    "stream of requests": lambda stub: stub.Store(wishes("Emma")),
}
MODES = ["record", "replay", "verify"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_channel_refuses_calls(name, mode, runs, library):
    """It is grpc's own error, and nothing is recorded."""
    runs.again(mode)
    channel = grpc.insecure_channel(library.target)
    stub = services.LibraryStub(channel)
    channel.close()

    with pytest.raises(ValueError, match=r"Cannot invoke RPC.*[Cc]losed"):
        CLOSED[name](stub)

    assert runs.asked == []


@pytest.mark.parametrize("mode", MODES)
def test_a_closed_asyncio_channel_refuses_calls(mode, runs, library):
    runs.again(mode)

    async def use():
        channel = grpc.aio.insecure_channel(library.target)
        stub = services.LibraryStub(channel)
        await channel.close()
        with pytest.raises(grpc.aio.UsageError, match="closed"):
            await stub.Find(wish("Emma"))
        with pytest.raises(grpc.aio.UsageError, match="closed"):
            stub.List(wish("Emma", count=2))
        return channel.get_state()

    assert asyncio.run(use()) is grpc.ChannelConnectivity.SHUTDOWN
    assert runs.asked == []


def test_metadata_counts_by_its_value(runs, stub):
    """A member of an enumeration of texts is sent as its value, not as `str()` shows it."""

    class Region(str, enum.Enum):
        EU = "eu"

    stub.Find(wish("Emma"), metadata=[("region", Region.EU)])

    assert runs.asked[0].parts["metadata"] == {"region": "eu"}


def test_servers_on_asyncio_channels_are_told_apart(runs, library):
    async def ask(target):
        async with grpc.aio.insecure_channel(target) as channel:
            await services.LibraryStub(channel).Find(wish("Emma"))

    with running_library() as other:
        for target in (library.target, other.target, library.target):
            asyncio.run(ask(target))
    runs.again("replay")

    kept = b"".join(runs.files().values())
    assert re.findall(rb'"server": (\d)', kept) == [b"0", b"1", b"0"]
