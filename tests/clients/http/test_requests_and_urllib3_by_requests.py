"""The client of requests, recorded with a real server and replayed without it."""

from __future__ import annotations

import io

import pytest

from clients.http.four_ways import both

requests = pytest.importorskip("requests")
urllib3 = pytest.importorskip("urllib3")


@pytest.fixture
def line():
    """The client under test."""
    return "requests"


def test_only_adapters_based_on_httpadapter_are_recorded(runs, server):
    class Patient(requests.adapters.HTTPAdapter):
        def send(self, request, **options):
            return super().send(request, **{**options, "timeout": 3})

    class Fake(requests.adapters.BaseAdapter):
        def send(self, request, **_):
            response = requests.Response()
            response.status_code, response.url, response.raw = (
                299,
                request.url,
                io.BytesIO(),
            )
            return response

        def close(self):
            pass

    with requests.Session() as session:
        session.mount("http://", Patient())
        session.mount("fake://", Fake())
        assert session.get(f"{server.url}/users/1").status_code == 200
        assert session.get("fake://anything").status_code == 299
    assert runs.signatures == ["GET /users/1"]


def test_a_session_logs_in_and_keeps_cookies(runs, server):
    """Two requests answer a challenge; cookies keep their names and do not expire."""

    def talk(url):
        with requests.Session() as session:
            session.auth = requests.auth.HTTPDigestAuth("ann", "pass-word-1")
            session.get(f"{url}/cookies")
            return session.get(f"{url}/digest").status_code, session.cookies.keys()

    assert both(runs, server, talk) == ((200, ["session", "theme"]),) * 2
    assert runs.signatures == ["GET /cookies", "GET /digest", "GET /digest"]
    assert "pass-word-1" not in runs.text


def test_a_response_is_the_same_whether_urllib3_reads_it(runs, server):
    """A session without options is answered before urllib3, a stream behind it."""

    def talk(url):
        responses = []
        for page in ("users/1", "gzip", "latin1?a=%41%2f&b=[1]"):
            for stream in (False, True):
                response = requests.get(f"{url}/{page}", stream=stream)
                raw, headers = response.raw, dict(response.headers)
                del headers["Date"]  # The second may have changed.
                responses.append(
                    (
                        [response.status_code, response.reason, response.url],
                        [response.encoding, response.content, response.elapsed.days],
                        headers,
                        [
                            raw.version,
                            raw.version_string,
                            raw.status,
                            raw.retries.history,
                        ],
                        response.request.headers,
                    )
                )
        for plain, streamed in zip(responses[::2], responses[1::2], strict=True):
            assert plain == streamed
        return responses

    real, replayed = both(runs, server, talk)

    assert [one[:2] for one in real] == [one[:2] for one in replayed]


def test_what_stands_between_requests_and_its_connections_is_asked(
    runs, server, monkeypatch
):
    """So is a library for mocks of urllib3."""
    requests.get(f"{server.url}/users/1")
    runs.again("replay")
    pool = urllib3.connectionpool.HTTPConnectionPool
    mocked = urllib3.HTTPResponse(
        io.BytesIO(b"mocked"), status=200, preload_content=False
    )
    monkeypatch.setattr(pool, "urlopen", lambda *_, **__: mocked)

    assert requests.get(f"{server.url}/users/1").text == "mocked"
