"""The client of requests, recorded with a real server and replayed without it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from support.http_server import Server

from unit.clients.http.four_ways import both, same
from unit.clients.runs import Runs

requests = pytest.importorskip("requests")
urllib3 = pytest.importorskip("urllib3")


@pytest.fixture
def line() -> str:
    """The client under test."""
    return "requests"


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


def test_an_uploaded_file_is_at_its_end_after_a_replay(runs: Runs, server: Server) -> None:
    """Sending it again is the same call."""

    def talk(url: str) -> list[Any]:
        with io.BytesIO(b"one time") as file:
            answers = [requests.post(f"{url}/echo", data=file).json()["body"] for _ in range(2)]
            return [*answers, file.tell()]

    assert both(runs, server, talk) == (["one time", "", 8],) * 2


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


def test_a_missing_certificate_is_recorded(runs: Runs) -> None:
    def ask() -> None:
        with pytest.raises(OSError, match="invalid path: /gone") as caught:
            requests.get("https://127.0.0.1:1/", verify="/gone.pem")
        assert type(caught.value) is OSError

    ask()
    runs.again("replay")

    ask()


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_an_unknown_proxy_gives_its_error_again(runs: Runs, server: Server, scheme: str) -> None:
    def talk(url: str) -> tuple[str, str]:
        with pytest.raises(requests.exceptions.ProxyError) as found:
            requests.get(f"{url}/users/1", proxies={"http": f"{scheme}proxy.invalid"})
        failed = found.value.args[0]
        return type(failed.reason).__name__, failed.pool.host

    assert same(runs, server, talk) == ("ProxyError", "proxy.invalid")
