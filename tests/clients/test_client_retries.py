"""A miss under a real client: it is shown, counts once, and the client does not wait because of it."""

from __future__ import annotations

import re

from support.installed import need
from support.llm_server import KEY, running_llm

# A client that gives up on a slow answer leaves the real connection to the collector.
LEFT = ("-W", "ignore:unclosed <socket:ResourceWarning")
OPENAI = """
import asyncio, os
import openai

def client(kind=openai.OpenAI):
    return kind(base_url=os.environ["LLM"] + "/v1", api_key=os.environ["LLM_KEY"])

def ask(text, **more):
    return {"model": "gpt-x", "messages": [{"role": "user", "content": text}], **more}

def plain(text):
    return client().chat.completions.create(**ask(text)).choices[0].message.content

def stream(text):
    events = client().chat.completions.create(**ask(text, stream=True))
    return [event.choices[0].delta.content for event in events]

async def alone(text):
    async with client(openai.AsyncOpenAI) as api:
        return await api.chat.completions.create(**ask(text))

async def streamed(text):
    async with client(openai.AsyncOpenAI) as api:
        events = await api.chat.completions.create(**ask(text, stream=True))
        return [event async for event in events]
"""

SDK_TESTS = """
import asyncio, os
import sdk as shop

PROMPT = os.environ["PROMPT"]

def test_plain():
    shop.plain(PROMPT)

def test_stream():
    shop.stream(PROMPT)

def test_alone():
    asyncio.run(shop.alone(PROMPT))

def test_streamed():
    asyncio.run(shop.streamed(PROMPT))

def test_at_once():
    async def main():
        await asyncio.gather(*(shop.alone(PROMPT) for _ in range(4)))
    asyncio.run(main())
"""

# The waits that must not happen take an hour.
HTTP = """
import asyncio, os, time
import httpx, requests, tenacity
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

HOUR = 3600
URL = os.environ["API"] + "/users?page=" + os.environ["PROMPT"]
def every_hour(**more):
    return tenacity.retry(wait=tenacity.wait_fixed(HOUR), stop=tenacity.stop_after_attempt(3), **more)

@every_hour()
def with_tenacity():
    return httpx.get(URL).json()

@every_hour()
async def with_tenacity_async():
    async with httpx.AsyncClient() as client:
        return (await client.get(URL)).json()

class ShopError(Exception):
    pass

@every_hour(retry=tenacity.retry_if_exception_type(ShopError), reraise=True)
def around_a_wrapper():
    try:
        return httpx.get(URL).json()
    except Exception as error:
        raise ShopError("the shop is closed") from error

def with_urllib3():
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=Retry(3, backoff_factor=HOUR, backoff_max=HOUR)))
    return session.get(URL).json()

async def with_aiohttp_retry():
    from aiohttp_retry import ExponentialRetry, RetryClient
    async with RetryClient(retry_options=ExponentialRetry(3, start_timeout=HOUR, max_timeout=HOUR)) as client:
        async with client.get(URL) as response:
            return await response.json()
"""

HTTP_TESTS = """
import asyncio
from concurrent.futures import ThreadPoolExecutor
import pytest
import tries as shop

def test_tenacity():
    shop.with_tenacity()

def test_tenacity_async():
    asyncio.run(shop.with_tenacity_async())

def test_wrapper():
    shop.around_a_wrapper()

def test_urllib3():
    shop.with_urllib3()

def test_aiohttp_retry():
    asyncio.run(shop.with_aiohttp_retry())

def test_in_a_thread():
    with ThreadPoolExecutor(1) as pool:
        pool.submit(shop.with_tenacity).result()
"""


def expect_misses(run, count):
    """Check that each failure shows its miss, whatever the client made of it."""
    parts = re.split(r"^_{3,} \S+ _{3,}$", run.output, flags=re.MULTILINE)[1:]
    assert len(parts) == count, run.output
    for report in parts:
        assert re.search(r"nearest: recorded by test_(sdk|tries)\.py::", report)
        assert "'1' recorded, '2' now" in report
        assert "to record it: pytest --mimic-re" in report
    assert run.section[0].startswith(f"{count} call"), run.output


def test_neither_sdks_nor_libraries_that_try_again_wait(project):
    """Record with one question; stop the servers, and ask another one.

    The SDK of anthropic is made as that of openai.
    """
    need("openai", "aiohttp_retry", "tenacity")
    project.ini("httpx", "httpx2", "requests", "aiohttp", filterwarnings="error")
    files = {"sdk": OPENAI, "tries": HTTP}
    tests = {"sdk": SDK_TESTS, "tries": HTTP_TESTS}
    for name, text in files.items():
        project.write(f"{name}.py", text)
        project.write(f"test_{name}.py", tests[name])
    with running_llm() as llm, project.shop():
        env = {"LLM": llm.url, "LLM_KEY": KEY, "PROMPT": "1"}
        project.record(*LEFT, process=True, env=env).expect(passed=11)

    run = project.run(
        "--log-level=INFO", process=True, env={**env, "LLM_KEY": "none", "PROMPT": "2"}
    )

    run.expect(failed=11)
    expect_misses(run, 11)


PATIENT = """
import httpx, requests, tenacity, urllib3
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

URL, WAIT = os.environ["API"] + "/flaky?way=", float(os.environ["WAIT"])
RETRY = Retry(total=3, status_forcelist=[503], backoff_factor=WAIT)

def by_requests():
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=RETRY))
        return session.get(URL + "requests").json()

def by_urllib3():
    return urllib3.PoolManager().request("GET", URL + "urllib3", retries=RETRY).json()

def by_loop():
    while (answer := httpx.get(URL + "loop")).status_code == 503:
        time.sleep(WAIT)
    return answer.json()

async def by_task():
    async with httpx.AsyncClient() as client:
        while (answer := await client.get(URL + "task")).status_code == 503:
            await asyncio.sleep(WAIT)
        return answer.json()

@tenacity.retry(wait=tenacity.wait_fixed(WAIT), retry=tenacity.retry_if_exception_type(httpx.HTTPStatusError))
def by_tenacity():
    return httpx.get(URL + "tenacity").raise_for_status().json()
"""
PATIENT_TEST = """
import asyncio, inspect, time

@pytest.mark.parametrize("way", ["requests", "urllib3", "loop", "task", "tenacity"])
def test_flaky(way):
    answer = getattr(shop, f"by_{way}")()
    assert (asyncio.run(answer) if inspect.isawaitable(answer) else answer) == {"try": 3}
    with pytest.raises(ValueError):  # A sleep that is skipped takes any number.
        time.sleep(-1)
"""


def test_nothing_waits_after_a_recorded_failure(project):
    """The waits that must not happen take an hour, or the two minutes that urllib3 allows. The test's own go on."""
    need("httpx", "requests", "tenacity")
    project.ini("http")
    project.write("shop.py", PATIENT)
    project.write("test_shop.py", PATIENT_TEST)
    with project.shop():
        project.record(env={"WAIT": "0"}).expect(passed=5)

    run = project.replay(env={"WAIT": "3600"}, process=True)

    run.expect(passed=5, says=["15 calls replayed"])


NEXT_TEST = """
def fail(way):
    answer = requests.get(os.environ["API"] + "/flaky?way=" + way)
    assert answer.status_code == 503

def test_failure():
    shop.fetch()
    fail("once")

@pytest.mark.parametrize("way", ["", "known"])
def test_clock(way):
    if way:
        fail(way)
        shop.fetch()
    with pytest.raises(ValueError):  # A sleep that is skipped takes any number.
        time.sleep(-1)
"""


def test_the_next_test_sleeps_as_ever_and_so_does_what_follows_a_known_call(project):
    need("requests")
    project.ini("http", "shop:fetch")
    project.write("shop.py", "def fetch(): return 1")
    project.write("test_shop.py", NEXT_TEST)
    with project.shop():
        project.record().expect(passed=3)

    run = project.replay(process=True)

    run.expect(passed=3, says=["4 calls replayed"])
