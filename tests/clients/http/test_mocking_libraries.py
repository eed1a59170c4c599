"""Section 7: what a mocking library answers is left alone, and what it lets through is a call."""

from __future__ import annotations

from importlib.util import find_spec

# How each library, with a block around the requests, answers one and lets the other go.
MOCKED = {
    "responses": """
        import responses

        def ask():
            with responses.RequestsMock() as mocked:
                mocked.get("http://rates.test/eur", body="mocked")
                mocked.add_passthru(URL)
                return [requests.get(url).text for url in URLS]
    """,
    "requests_mock": """
        import requests_mock

        def ask():
            with requests_mock.Mocker() as mocked:
                mocked.get("http://rates.test/eur", text="mocked")
                mocked.get(f"{URL}/users/1", real_http=True)
                return [requests.get(url).text for url in URLS]
    """,
    "respx": """
        import respx

        def ask():
            with respx.mock as mocked:
                mocked.get("http://rates.test/eur").respond(text="mocked")
                mocked.route(host="127.0.0.1").pass_through()
                return [httpx.get(url).text for url in URLS]

        async def asked():
            async with respx.mock as mocked, httpx.AsyncClient() as client:
                mocked.get("http://rates.test/eur").respond(text="mocked")
                mocked.route(host="127.0.0.1").pass_through()
                return [(await client.get(url)).text for url in URLS]

        def ask_in_tasks():
            return asyncio.run(asked())

        def ask_at_httpx():
            with respx.mock(using="httpx") as mocked:
                mocked.get("http://rates.test/eur").respond(text="mocked")
                mocked.route(host="127.0.0.1").pass_through()
                return [httpx.get(url).text for url in URLS]
    """,
}
TEST = """
        URL = os.environ["API"]
        URLS = ["http://rates.test/eur", URL + "/users/1"]

        @pytest.mark.parametrize("way", {"ask", "ask_in_tasks", "ask_at_httpx"} & {*globals()})
        def test_rates(way):
            mocked, real = globals()[way]()
            assert mocked == "mocked"
            assert "Zo" in real
"""


def test_what_a_mocking_library_lets_through_is_a_call(project):
    """Of what it answers nothing is kept, and in a replay nothing is missing."""
    found = [name for name in MOCKED if find_spec(name)]
    for name in found:
        project[f"test_{name}.py"] = MOCKED[name] + TEST
    project.ini("http")

    with project.shop():
        recorded = project.record()
    count = {"responses": 1, "requests_mock": 1, "respx": 3}
    calls = sum(count[name] for name in found)
    recorded.expect(passed=calls, says=[f"{calls} calls recorded"])

    says = [f"{calls} calls replayed"]
    project.replay().expect(passed=calls, says=says, never=["missing"])
