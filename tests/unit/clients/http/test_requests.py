"""The client of requests, recorded with a real server and replayed without it."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from support.http_server import EVENTS, NOWHERE, Server

from pytest_mimic.errors import MissingRecordingError
from unit.clients.http.four_ways import both, same
from unit.clients.runs import Runs

requests = pytest.importorskip("requests")
urllib3 = pytest.importorskip("urllib3")


@pytest.fixture
def line() -> str:
    """The client under test."""
    return "requests"


def shown(response: Any) -> dict[str, Any]:
    """Return what an application sees of a response, without its date."""
    # A compressed body comes back in the same encoding, of another length.
    hidden = ("Date", "Content-Length" if "Content-Encoding" in response.headers else "")
    return {
        "status": response.status_code,
        "reason": response.reason,
        "version": response.raw.version,
        "headers": [(name, value) for name, value in response.headers.items() if name not in hidden],
        "content": response.content,
        "encoding": response.encoding,
        "url": response.url,
        "history": [old.status_code for old in response.history],
        "ok": response.ok,
    }


@pytest.mark.promise("sync and async clients replay")
@pytest.mark.parametrize(
    "page", ["users/1", "pretty", "text", "binary", "nothing", "gzip", "deflate", "html", "old", "missing"]
)
def test_a_replayed_response_looks_like_the_real_one(runs: Runs, server: Server, page: str) -> None:
    real, replayed = both(runs, server, lambda url: requests.get(f"{url}/{page}"))

    assert shown(real) == shown(replayed)
    assert replayed.elapsed.total_seconds() >= 0
    assert replayed.request.method == "GET"
    assert isinstance(replayed.raw, type(real.raw))
    assert replayed.raw.headers["Server"] == real.raw.headers["Server"]
    assert (replayed.raw.closed, replayed.raw.read()) == (real.raw.closed, real.raw.read())


def test_a_head_response_keeps_its_length(runs: Runs, server: Server) -> None:
    real, replayed = both(runs, server, lambda url: requests.head(f"{url}/users/1"))

    assert shown(real) == shown(replayed)
    assert int(replayed.headers["Content-Length"]) > 0


@pytest.mark.promise("streamed bodies and server-sent events replay chunk by chunk")
@pytest.mark.parametrize("page", ["events", "packed_events", "packed_lines", "chunks"])
def test_a_stream_replays_chunk_by_chunk(runs: Runs, server: Server, page: str) -> None:
    def talk(url: str) -> list[bytes]:
        with requests.get(f"{url}/{page}", stream=True) as response:
            return list(response.iter_content(None))

    real, replayed = both(runs, server, talk)

    assert [chunk.replace(b"tok-4711-event", b"<redacted>") for chunk in real] == replayed
    assert len(replayed) > 2


@pytest.mark.parametrize(("page", "size"), [("long", 1000), ("long?way=html", None), ("long?way=gzip", None)])
def test_a_reader_can_stop_at_the_same_place(runs: Runs, server: Server, page: str, size: int | None) -> None:
    """It reads the same chunks as while recording, whatever the body."""

    def talk(url: str) -> list[bytes]:
        with requests.get(f"{url}/{page}", stream=True) as response:
            return list(islice(response.iter_content(size), 3))

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert len(replayed) == 3


@pytest.mark.parametrize(
    "read",
    [
        lambda response: list(response.iter_lines()),
        lambda response: list(response.iter_content(3)),
        lambda response: list(response.iter_content(None)),
        lambda response: response.raw.read(decode_content=True),
        lambda response: [response.raw.read(5), response.raw.read()],
        lambda response: list(response.raw.stream(4, decode_content=True)),
        lambda response: response.json(),
    ],
    ids=["lines", "content", "content as it comes", "raw", "raw parts", "raw stream", "json"],
)
def test_all_ways_to_read_a_stream_work(runs: Runs, server: Server, read: Callable[[Any], Any]) -> None:
    def talk(url: str) -> Any:
        with requests.get(f"{url}/users/1", stream=True) as response:
            return read(response)

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert runs.plain[0]["body"] == {"json": {"id": 1, "name": "Zoë", "page": None}}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_unknown_encoding_is_left_to_the_client(runs: Runs, server: Server, stream: bool) -> None:
    def talk(url: str) -> list[Any]:
        seen: list[Any] = [requests.get(f"{url}/two_gzips", stream=stream).content]
        with pytest.raises(requests.exceptions.ContentDecodingError) as caught:
            seen.append(requests.get(f"{url}/no_gzip", stream=stream).content)
        return [*seen, str(caught.value)]

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert real[0] == b"one, two"


@pytest.mark.parametrize(
    "read",
    [
        lambda response: response.content,
        lambda response: list(response.iter_content(None)),
        lambda response: list(response.iter_content(4)),
        lambda response: response.raw.read(),
        lambda response: response.raw.readinto(bytearray(50)) and response.raw.read(),
        lambda response: response.raw.read1(50) if hasattr(response.raw, "read1") else None,
    ],
    ids=["whole", "content as it comes", "content", "raw", "into", "read1"],
)
def test_a_response_that_ends_early_ends_early_again(
    runs: Runs, server: Server, read: Callable[[Any], Any]
) -> None:
    def talk(url: str) -> Any:
        with requests.get(f"{url}/short", stream=True) as response:
            try:
                end = read(response)  # urllib3 1 does not always mind
            except (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError) as error:
                end = str(error)
            return response.headers["Content-Length"], end

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert real[0] == "100"


def test_recording_does_not_delay_chunks(runs: Runs, server: Server) -> None:
    """The application has the beginning before the server sends the rest."""
    with requests.get(f"{server.url}/stall", stream=True, timeout=5) as response:
        assert response.raw.read(13) == b"the beginning"

    [plain] = runs.plain
    assert (plain["end"], plain["body"]) == ("stopped", {"text": "the beginning"})


def test_reading_further_than_recorded_is_a_miss(runs: Runs, server: Server) -> None:
    with requests.get(f"{server.url}/events", stream=True) as response:
        assert next(response.iter_content(None)).decode() == EVENTS[0]
    runs.again("replay")

    with requests.get(f"{server.url}/events", stream=True) as response:
        chunks = response.iter_content(None)
        assert next(chunks).decode() == EVENTS[0]
        with pytest.raises(MissingRecordingError, match="read further"):
            next(chunks)


def test_uploads_are_sent_and_identify_the_call(runs: Runs, server: Server) -> None:
    def parts() -> Iterator[bytes]:
        yield b'{"half": '
        yield b"1}"

    def talk(url: str) -> list[str]:
        answers = [
            requests.post(f"{url}/echo", data=parts()),
            requests.post(f"{url}/echo", data=io.BytesIO(b"from a file")),
            requests.post(f"{url}/echo", data="text a"),
            requests.post(
                f"{url}/echo", files={"f": ("n.txt", io.BytesIO(b"text"))}, data={"password": "pass-word-1"}
            ),
        ]
        return [answer.json()["body"] for answer in answers]

    real, replayed = both(runs, server, talk)

    assert real[:3] == replayed[:3] == ['{"half": 1}', "from a file", "text a"]
    assert "pass-word-1" in real[3]
    assert "pass-word-1" not in runs.text
    assert runs.calls[0].parts["body"] == {"half": 1}
    file = {"filename": "n.txt", "type": None, "content": "text"}
    assert runs.calls[3].parts["body"] == {"f": file, "password": "<redacted>"}


def test_an_uploaded_file_is_at_its_end_after_a_replay(runs: Runs, server: Server) -> None:
    """Sending it again is the same call."""

    def talk(url: str) -> list[Any]:
        with io.BytesIO(b"one time") as file:
            answers = [requests.post(f"{url}/echo", data=file).json()["body"] for _ in range(2)]
            return [*answers, file.tell()]

    assert both(runs, server, talk) == (["one time", "", 8],) * 2


def test_a_pipe_is_sent_and_identifies_the_call(runs: Runs, server: Server) -> None:
    def talk(url: str) -> Any:
        reading, writing = os.pipe()
        with open(reading, "rb") as file:
            with open(writing, "wb") as other:
                other.write(b"through a pipe")
            return requests.post(f"{url}/echo", data=file).json()["body"]

    assert both(runs, server, talk) == ("through a pipe", "through a pipe")
    assert runs.calls[0].parts["body"] == "through a pipe"


def test_a_body_whose_read_of_nothing_reads_everything_is_sent(runs: Runs, server: Server) -> None:
    class Body(io.BytesIO):
        def read(self, size: int | None = None, /) -> bytes:
            return super().read(size or None)

    def talk(url: str) -> Any:
        return requests.post(f"{url}/echo", data=Body(b"whole"), timeout=5).json()["body"]

    assert both(runs, server, talk) == ("whole", "whole")


def test_each_redirect_is_a_call(runs: Runs, server: Server) -> None:
    """Cookies reach the jar and the next request, and the history is complete."""

    def talk(url: str) -> Any:
        with requests.Session() as session:
            response = session.get(f"{url}/redirect")
            return (
                response.status_code,
                [old.status_code for old in response.history],
                list(session.cookies.keys()),
            )

    real, replayed = both(runs, server, talk)

    assert real == replayed == (200, [302], ["hop"])
    assert [call.signature for call in runs.calls[:2]] == ["GET /redirect", "GET /landing"]


def test_a_redirect_can_send_the_body_again(runs: Runs, server: Server) -> None:
    def talk(url: str) -> str:
        return requests.post(f"{url}/again", data=io.BytesIO(b"twice")).json()["body"]  # type: ignore[no-any-return]

    assert both(runs, server, talk) == ("twice", "twice")


def test_cookies_keep_names_and_do_not_expire(runs: Runs, server: Server) -> None:
    def talk(url: str) -> Any:
        with requests.Session() as session:
            response = session.get(f"{url}/cookies")
            return dict(session.cookies), dict(response.cookies)

    real, replayed = both(runs, server, talk)

    cookies = {"session": "cookie-secret-123", "theme": "dark"}
    hidden = dict.fromkeys(cookies, "<redacted>")
    assert (real, replayed) == ((cookies, cookies), (hidden, hidden))


def test_authentication_and_hooks_are_real(runs: Runs, server: Server) -> None:
    seen = []

    def talk(url: str) -> int:
        hooks = {"response": lambda response, **_: seen.append(response.status_code)}
        response = requests.get(f"{url}/private?said=pass-word-2", auth=("me", "pass-word-2"), hooks=hooks)
        return response.status_code  # type: ignore[no-any-return]

    assert both(runs, server, talk) == (200, 200)
    assert seen == [200, 200]
    assert "bWU6cGFzcy13b3JkLTI" not in runs.text


def test_only_adapters_based_on_httpadapter_are_recorded(runs: Runs, server: Server) -> None:
    class Patient(requests.adapters.HTTPAdapter):  # type: ignore[misc, name-defined]
        def send(self, request: Any, **options: Any) -> Any:
            return super().send(request, **{**options, "timeout": 3})

    class Fake(requests.adapters.BaseAdapter):  # type: ignore[misc, name-defined]
        def send(self, request: Any, **_: Any) -> Any:
            response = requests.Response()
            response.status_code, response.url, response.raw = 299, request.url, io.BytesIO()
            return response

        def close(self) -> None:
            pass

    with requests.Session() as session:
        session.mount("http://", Patient())
        session.mount("fake://", Fake())
        assert session.get(f"{server.url}/users/1").status_code == 200
        assert session.get("fake://anything").status_code == 299
    assert [call.signature for call in runs.calls] == ["GET /users/1"]


def test_a_proxy_does_not_change_the_call(runs: Runs, server: Server) -> None:
    def talk(url: str) -> Any:
        return requests.get("http://elsewhere.example/users/1", proxies={"http": url}).json()["id"]

    assert both(runs, server, talk) == (1, 1)
    assert runs.calls[0].host == "elsewhere.example"


def test_a_response_without_a_connection_is_recorded(runs: Runs, server: Server) -> None:
    """An adapter has read it."""
    urllib3 = pytest.importorskip("urllib3")

    class Buffering(requests.adapters.HTTPAdapter):  # type: ignore[misc, name-defined]
        def build_response(self, request: Any, raw: Any) -> Any:
            buffered = urllib3.HTTPResponse(
                body=io.BytesIO(raw.read(decode_content=False)),
                headers=raw.headers,
                status=raw.status,
                preload_content=False,
            )
            return super().build_response(request, buffered)

    def talk(url: str) -> Any:
        with requests.Session() as session:
            session.mount("http://", Buffering())
            return session.get(f"{url}/gzip").json()

    assert both(runs, server, talk) == ({"packed": True}, {"packed": True})


def test_a_response_read_by_its_adapter_is_recorded(runs: Runs, server: Server) -> None:
    class Eager(requests.adapters.HTTPAdapter):  # type: ignore[misc, name-defined]
        def build_response(self, request: Any, raw: Any) -> Any:
            response = super().build_response(request, raw)
            sizes.append(len(response.content))
            return response

    sizes: list[int] = []

    def talk(url: str) -> Any:
        with requests.Session() as session:
            session.mount("http://", Eager())
            return [session.get(f"{url}/{page}").text for page in ("gzip", "users/1", "html")]

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert sizes[:3] == sizes[3:]
    assert real[0] == '{"packed": true}'


def test_a_revalidated_response_is_recorded_as_the_server_sent_it(runs: Runs, server: Server) -> None:
    """CacheControl turns a 304 into the response of its cache."""
    cachecontrol = pytest.importorskip("cachecontrol")

    def talk(url: str) -> list[Any]:
        with cachecontrol.CacheControl(requests.Session()) as session:
            responses = [session.get(f"{url}/tagged") for _ in range(3)]
            return [(each.status_code, each.json(), each.from_cache) for each in responses]

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert [from_cache for *_, from_cache in real] == [False, True, True]
    assert [plain["status"] for plain in runs.plain] == [200, 304, 304]
    assert len(server.seen) == 3


def test_an_adapter_may_refuse_or_replace_a_response(runs: Runs, server: Server) -> None:
    """What it does is no part of the recording, and happens again on replay."""

    class Strict(requests.adapters.HTTPAdapter):  # type: ignore[misc, name-defined]
        def build_response(self, request: Any, raw: Any) -> Any:
            response = super().build_response(request, raw)
            if response.status_code == 404:
                raise LookupError(response.json()["error"])
            response.status_code, response.reason = 299, "Mine"
            return response

    def talk(url: str) -> list[Any]:
        with requests.Session() as session:
            session.mount("http://", Strict())
            with pytest.raises(LookupError, match="not found"):
                session.get(f"{url}/no_such_page")
            responses = [session.get(f"{url}/{page}") for page in ("users/1", "nothing", "gzip")]
            return [(each.status_code, each.reason, each.text) for each in responses]

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert [plain["status"] for plain in runs.plain] == [404, 200, 204, 200]


def test_a_response_from_an_adapters_own_pool_is_recorded(runs: Runs, server: Server) -> None:
    """It does not come from a connection of the standard library."""

    class Pool:
        def urlopen(self, url: str, **_: Any) -> Any:
            body, headers = io.BytesIO(url.encode()), {"X-Pool": "own"}
            return urllib3.HTTPResponse(body, headers, 200, preload_content=False)

    class Own(requests.adapters.HTTPAdapter):  # type: ignore[misc, name-defined]
        def cert_verify(self, *_: Any) -> None:
            pass

        def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
            return Pool()

    def talk(url: str) -> Any:
        with requests.Session() as session:
            session.mount("http://", Own())
            response = session.get(f"{url}/pooled")
            return response.text, response.headers["X-Pool"]

    assert both(runs, server, talk) == (("/pooled", "own"), ("/pooled", "own"))


def test_streamed_uploads_of_requests_toolbelt_are_recorded(runs: Runs, server: Server) -> None:
    toolbelt = pytest.importorskip("requests_toolbelt")

    def talk(url: str) -> list[Any]:
        form = toolbelt.MultipartEncoder(
            {"n": "1", "file": ("a.txt", io.BytesIO(b"text" * 50_000), "text/plain")}
        )
        sent: list[int] = []
        watched = toolbelt.MultipartEncoderMonitor(form, lambda monitor: sent.append(monitor.bytes_read))
        response = requests.post(f"{url}/echo", data=watched, headers={"Content-Type": watched.content_type})
        lines = toolbelt.streaming_iterator.StreamingIterator(8, iter([b"one\n", b"two\n"]))
        body = requests.post(f"{url}/echo", data=lines).json()["body"]
        return [len(response.json()["body"]) > 200_000, sent[-1] == form.len, body]

    assert both(runs, server, talk) == ([True, True, "one\ntwo\n"], [True, True, "one\ntwo\n"])
    assert runs.calls[0].parts["format"] == "multipart"


def test_the_raw_response_of_a_read_body_is_at_its_end(runs: Runs, server: Server) -> None:
    def talk(url: str) -> Any:
        raw = requests.get(f"{url}/cookies").raw
        return [raw.status, raw.read(), hasattr(raw, "no_such_attribute"), raw.closed]

    assert both(runs, server, talk) == ([200, b"", False, True], [200, b"", False, True])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_raw_response_has_the_retries_of_its_adapter(runs: Runs, server: Server, stream: bool) -> None:
    def talk(url: str) -> list[Any]:
        with requests.Session() as session:
            session.mount("http://", requests.adapters.HTTPAdapter(max_retries=3))
            retries = session.get(f"{url}/users/1", stream=stream).raw.retries
            return [retries.total, retries.history]

    assert both(runs, server, talk) == ([3, ()], [3, ()])


def test_a_body_longer_than_a_buffer_is_recorded(runs: Runs, server: Server) -> None:
    def talk(url: str) -> Any:
        with requests.post(f"{url}/echo", data="long" * 9000, stream=True) as response:
            return [len(part) for part in response.iter_content(10_000)], response.raw.tell()

    real, replayed = both(runs, server, talk)

    assert real == replayed
    assert real[1] > 36_000


def test_retries_of_urllib3_are_one_call(runs: Runs, server: Server) -> None:
    retry = pytest.importorskip("urllib3").Retry(total=3, status_forcelist=[503], backoff_factor=0)

    def talk(url: str) -> int:
        with requests.Session() as session:
            session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
            return session.get(f"{url}/flaky").json()["try"]  # type: ignore[no-any-return]

    assert both(runs, server, talk) == (3, 3)
    assert (len(runs.calls), len(server.seen)) == (1, 3)


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("hang", "ReadTimeout"),
        ("refuse", "ConnectionError"),
        ("broken", "ChunkedEncodingError"),
        ("short", "ChunkedEncodingError"),
        ("stall", "ConnectionError"),
    ],
)
def test_client_errors_are_recorded(runs: Runs, server: Server, page: str, name: str) -> None:
    def hurry(response: Any, **_: Any) -> None:
        # The body alone has to hurry: its beginning may take its time.
        if response.raw.connection is not None:
            response.raw.connection.sock.settimeout(0.2)

    limits: dict[str, Any] = {"hang": {"timeout": 0.2}, "stall": {"hooks": {"response": hurry}}}

    def talk(url: str) -> tuple[str, str]:
        with pytest.raises(requests.RequestException) as caught:
            requests.get(f"{url}/{page}", **limits.get(page, {}))
        return type(caught.value).__name__, str(caught.value).partition("port=")[0]

    if page == "short" and requests.packages.urllib3.__version__ < "2":
        pytest.skip("urllib3 1 does not mind a body that is too short")
    real, replayed = both(runs, server, talk)

    assert real[0] == replayed[0] == name


def test_a_missing_certificate_is_recorded(runs: Runs) -> None:
    def ask() -> None:
        with pytest.raises(OSError, match="invalid path: /gone") as caught:
            requests.get("https://127.0.0.1:1/", verify="/gone.pem")
        assert type(caught.value) is OSError

    ask()
    runs.again("replay")

    ask()


def test_a_refused_connection_keeps_its_text_without_secrets(runs: Runs) -> None:
    url = f"{NOWHERE}/users/1?api_key=key-in-url-77"
    with pytest.raises(requests.ConnectionError, match="key-in-url-77"):
        requests.get(url)
    runs.again("replay")

    with pytest.raises(requests.ConnectionError, match="refused") as caught:
        requests.get(url)
    assert caught.value.request.method == "GET"
    assert "key-in-url-77" not in runs.text


def test_a_broken_stream_replays_its_beginning_and_breaks(runs: Runs, server: Server) -> None:
    def talk(url: str) -> list[bytes]:
        chunks = []
        with (
            requests.get(f"{url}/broken", stream=True) as response,
            pytest.raises(requests.exceptions.ChunkedEncodingError),
        ):
            chunks.extend(response.iter_content(None))
        return chunks

    assert both(runs, server, talk) == ([b"first", b"second"], [b"first", b"second"])


def test_a_wrong_argument_gives_its_complaint_again(runs: Runs, server: Server) -> None:
    """And it counts as a call, so that the next one gets its own answer."""

    def talk(url: str) -> Any:
        with pytest.raises(ValueError, match="Timeout value"):
            requests.get(f"{url}/users/1", timeout="soon")
        return requests.get(f"{url}/users/1").json()

    real, replayed = both(runs, server, talk)

    assert real == replayed


class Alarm(Exception):
    """The exception of a test's signal handler."""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals")
@pytest.mark.parametrize("kind", [Alarm, KeyboardInterrupt])
def test_an_interrupted_body_is_not_recorded(runs: Runs, server: Server, kind: type[BaseException]) -> None:
    def ring(*_: object) -> None:
        raise kind

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with requests.get(f"{server.url}/stall", stream=True) as response:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(kind):
                response.raw.read(50)
    finally:
        signal.signal(signal.SIGALRM, before)

    assert (runs.plain, runs.abandoned) == ([], 1)


def test_verifying_compares_status_and_body(runs: Runs, server: Server) -> None:
    requests.get(f"{server.url}/users/1")
    requests.get(f"{server.url}/flaky")
    runs.again("verify")

    requests.get(f"{server.url}/users/1")
    assert not runs.drifts()
    assert requests.get(f"{server.url}/flaky").json() == {"try": 1}
    assert "body.try: 1 recorded, 2 now" in runs.drifts()
    assert server.seen == ["GET /users/1", "GET /flaky"] * 2


@pytest.mark.parametrize("mode", ["off", "pass"])
def test_an_excluded_call_is_real(runs: Runs, server: Server, mode: Any) -> None:
    runs.again(mode)

    assert requests.get(f"{server.url}/users/1").json()["id"] == 1
    assert runs.plain == []


def test_a_proxy_of_an_unknown_scheme_gives_its_complaint_again(runs: Runs, server: Server) -> None:
    def talk(url: str) -> str:
        with pytest.raises(requests.exceptions.InvalidURL) as found:
            requests.get(f"{url}/users/1", proxies={"http": "nope://proxy.test"})
        return str(found.value)

    assert same(runs, server, talk).count("nope") == 1


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_an_unknown_proxy_gives_its_error_again(runs: Runs, server: Server, scheme: str) -> None:
    def talk(url: str) -> tuple[str, str]:
        with pytest.raises(requests.exceptions.ProxyError) as found:
            requests.get(f"{url}/users/1", proxies={"http": f"{scheme}proxy.invalid"})
        failed = found.value.args[0]
        return type(failed.reason).__name__, failed.pool.host

    assert same(runs, server, talk) == ("ProxyError", "proxy.invalid")


def test_an_unknown_host_is_an_error_again_where_no_pool_can_be_made(runs: Runs, server: Server) -> None:
    urls = iter(["/"])  # enough to send

    class Adapter(requests.adapters.HTTPAdapter):  # type: ignore[misc, name-defined]
        def request_url(self, *_: Any) -> str:
            return next(urls)

    def talk(_: str) -> str:
        with requests.Session() as session:
            session.mount("http://", Adapter())
            with pytest.raises(requests.exceptions.ConnectionError) as found:
                session.get("http://nobody.invalid/")
        return str(found.value)

    assert "'nobody.invalid'" in both(runs, server, talk)[1]
