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


def test_an_unknown_encoding_is_left_to_the_client(runs: Runs, server: Server) -> None:
    def talk(url: str) -> list[Any]:
        seen: list[Any] = [requests.get(f"{url}/two_gzips").content]
        with pytest.raises(requests.exceptions.ContentDecodingError) as caught:
            seen.append(requests.get(f"{url}/no_gzip").content)
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


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_an_unknown_proxy_gives_its_error_again(runs: Runs, server: Server, scheme: str) -> None:
    def talk(url: str) -> tuple[str, str]:
        with pytest.raises(requests.exceptions.ProxyError) as found:
            requests.get(f"{url}/users/1", proxies={"http": f"{scheme}proxy.invalid"})
        failed = found.value.args[0]
        return type(failed.reason).__name__, failed.pool.host

    assert same(runs, server, talk) == ("ProxyError", "proxy.invalid")
