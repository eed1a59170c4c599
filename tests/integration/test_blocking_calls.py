"""A tool that finds blocking calls in event loops finds those of the application only."""

from __future__ import annotations

import pytest

pytest.importorskip("blockbuster", reason="needs blockbuster")

# Activated before the vault is used, as an autouse fixture does it.
CONFTEST = """
    import pytest
    from blockbuster import blockbuster_ctx

    @pytest.fixture(autouse=True)
    def no_blocking_calls():
        with blockbuster_ctx():
            yield
"""


@pytest.mark.parametrize("mode", ["--mimic-verify", "--mimic-rerecord", "--mimic-live"])
def test_the_vaults_own_file_access_is_not_found(project, mode):
    project.ini()
    project.conftest(CONFTEST)
    project.module("""
        import asyncio

        async def fetch(city):
            await asyncio.sleep(0)
            return {"city": city, "rows": ["a long line"] * 500, "when": {1, 2}}

        async def stream(city):
            for letter in city:
                yield letter

        def look(city):
            return (city,)
    """)
    project.tests("""
        import asyncio
        import pytest
        import shop
        from pytest_mimic import MissingRecordingError, mimic

        @mimic("shop:*")
        def test_all():
            async def main():
                both = await asyncio.gather(shop.fetch("Oslo"), shop.fetch("Oslo"))
                return both, [letter async for letter in shop.stream("Rome")], shop.look("Rome")

            both, letters, looked = asyncio.run(main())
            assert both[0]["city"] == "Oslo"
            assert (letters, looked) == (["R", "o", "m", "e"], ("Rome",))

        def test_a_miss(pytestconfig):
            async def main():
                with mimic("shop:*"), pytest.raises(MissingRecordingError):
                    await shop.fetch("Bergen")

            if not (pytestconfig.option.mimic_record or pytestconfig.option.mimic_rerecord or pytestconfig.option.mimic_live):
                asyncio.run(main())

        def test_a_cassette(mimic_auto):
            async def main():
                with mimic_auto(targets=["shop:*"]):
                    return await shop.fetch("Bern")

            assert asyncio.run(main())["city"] == "Bern"
    """)

    project.run("--mimic-record").expect(passed=3)
    project.run().expect(passed=3)
    project.run(mode, process=True).expect(passed=3)


def test_a_blocking_call_of_the_application_is_found(project):
    project.ini("shop:fetch")
    project.conftest(CONFTEST)
    project.module("""
        import os

        async def fetch(city):
            return len(os.listdir("."))
    """)
    project.test('asyncio.run(shop.fetch("Oslo"))')

    project.run("--mimic-record", process=True).expect(
        failed=1, says=["BlockingError: Blocking call to os.listdir"]
    )


@pytest.mark.parametrize("client", ["httpx", "aiohttp"])
def test_a_clients_own_file_access_is_not_found(project, client):
    pytest.importorskip(client)
    from support.http_server import running_server

    sessions = {
        "httpx": "async with httpx.AsyncClient() as client:\n        return (await client.get(url)).json()",
        "aiohttp": (
            "async with aiohttp.ClientSession() as client, client.get(url) as response:\n        return await response.json()"
        ),
    }
    project.ini(f"{client} ignore=port")
    # httpx imports trio when it is used, which runs a process.
    project.conftest(CONFTEST + ("\n    import httpcore\n" if client == "httpx" else ""))
    project.tests(
        f"import asyncio, os\nimport {client}\n\nasync def get(url):\n    {sessions[client]}\n\n"
        'def test_it():\n    assert asyncio.run(get(os.environ["API"] + "/users/1"))["id"] == 1\n'
    )

    with running_server() as server:
        project.run("--mimic-record", process=True, env={"API": server.url}).expect(passed=1)
    project.run(process=True, env={"API": "http://127.0.0.1:9"}).expect(passed=1)
