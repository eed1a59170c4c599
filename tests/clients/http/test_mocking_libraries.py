"""Section 7: what a mocking library answers is left alone, and what it lets through is a call."""

from __future__ import annotations

import pytest

# How each library, with a block around the requests, answers one and lets the other go.
MOCKED = {
    "responses": """
        import requests, responses
        from responses import RequestsMock

        def ask():
            with RequestsMock() as mocked:
                mocked.get("http://rates.test/eur", body="mocked")
                mocked.add_passthru(URL)
                return [requests.get(url).text for url in URLS]
    """,
    "requests_mock": """
        import requests, requests_mock

        def ask():
            with requests_mock.Mocker() as mocked:
                mocked.get("http://rates.test/eur", text="mocked")
                mocked.get(f"{URL}/users/1", real_http=True)
                return [requests.get(url).text for url in URLS]
    """,
    "respx": """
        import httpx, respx

        def ask():
            with respx.mock as mocked:
                mocked.get("http://rates.test/eur").respond(text="mocked")
                mocked.route(host="127.0.0.1").pass_through()
                return [httpx.get(url).text for url in URLS]
    """,
    "respx, in tasks": """
        import asyncio, httpx, respx

        async def asked():
            async with respx.mock as mocked, httpx.AsyncClient() as client:
                mocked.get("http://rates.test/eur").respond(text="mocked")
                mocked.route(host="127.0.0.1").pass_through()
                return [(await client.get(url)).text for url in URLS]

        def ask():
            return asyncio.run(asked())
    """,
    "respx, at httpx": """
        import httpx, respx

        def ask():
            with respx.mock(using="httpx") as mocked:
                mocked.get("http://rates.test/eur").respond(text="mocked")
                mocked.route(host="127.0.0.1").pass_through()
                return [httpx.get(url).text for url in URLS]
    """,
}
TEST = """

        URL = "{url}"
        URLS = ["http://rates.test/eur", URL + "/users/1"]

        def test_rates():
            mocked, real = ask()
            assert mocked == "mocked"
            assert "Zo" in real
"""


@pytest.mark.parametrize("name", MOCKED)
def test_what_a_mocking_library_lets_through_is_a_call(project, server, name):
    """Of what it answers nothing is kept, and in a replay nothing is missing."""
    pytest.importorskip(name.partition(",")[0])
    project.ini("http")
    project.tests(MOCKED[name] + TEST.format(url=server.url))

    project.record().expect(passed=1, says=["1 call recorded"])
    server.stop()

    project.replay().expect(passed=1, says=["1 call replayed"], never=["missing"])
