"""Each single request of a run fails once, or the store goes down with it: nothing is lost, and the next run is whole.

`MIMIC_TEST_LONG=1` fails every request in every way.
"""

from __future__ import annotations

import os
import re

import pytest
from failing_proxy import FAILURES, running_proxy

pytest.importorskip("obstore", exc_type=ImportError)

IS_LONG = bool(os.environ.get("MIMIC_TEST_LONG"))
ONCE = [how for how in FAILURES if how not in ("hang", "late")]
DOWN = ["reset", "403"]
WAYS = [(how, 1) for how in ONCE] + [(how, 0) for how in DOWN]

SHOP = """
from ipaddress import ip_address
from tally import ran

def compute(number):
    ran("compute", number)
    return {"number": number, "form": ip_address(number)}

def picture(number):
    ran("picture", number)
    return number, bytes(range(256)) * 1200

def poll(job):
    ran("poll", job)
    return job
"""
TEST = """
import shop

def test_compute():
    assert [shop.compute(number)["number"] for number in (1, 2)] == [1, 2]

def test_picture():
    assert len(shop.picture(3)[1]) == 307200

def test_polls():
    assert [shop.poll("job") for _ in range(2)] == ["job"] * 2
"""
CALLS = ["compute 1", "compute 2", "picture 3", "poll job", "poll job"]


@pytest.fixture
def through(project, s3, s3_url, monkeypatch):
    """A project whose vault is behind a proxy, and the proxy."""
    project.write("shop.py", SHOP)
    project.write("test_shop.py", TEST)
    with running_proxy(s3.url) as proxy:
        for name, value in s3.environment(proxy.url).items():
            monkeypatch.setenv(name, value)

        def begin(cache: str) -> None:
            project.tally.unlink(missing_ok=True)
            project.ini(
                "shop:compute",
                "shop:picture",
                "shop:poll sequence",
                mimic_vault_path=f"s3://{s3.new_bucket()}/vault",
            )
            use(cache)

        def use(cache: str) -> None:
            proxy.heal()
            proxy.forget()
            monkeypatch.setenv("PYTEST_MIMIC_CACHE_DIR", str(project.root / ".caches" / cache))

        yield project, proxy, begin, use


def chosen(count: int) -> list[tuple[int, str, int]]:
    """Return the requests to fail by number, each with a way: all of them, or a few in turn."""
    every = [(number, *way) for number in range(1, count + 1) for way in WAYS]
    return every if IS_LONG else every[len(every) // 8 :: len(every) // 3]


def check_text(run) -> None:
    """Check that no message shows a secret, our code or the store's XML."""
    for secret in ("AKIAEXAMPLE", "drowssap", "signature4711", "<Error>", "<html"):
        assert secret not in run.output
    assert "INTERNALERROR" not in run.output
    assert not re.search(r"pytest_mimic/\S+\.py:\d+", run.output), run.output


@pytest.mark.promise("no single failed request of a remote vault loses a recording")
def test_a_recording_run_survives_each_failure(through):
    project, proxy, begin, use = through
    begin("first")
    project.record().expect(passed=3, real=CALLS)
    count = len(proxy.seen)
    for number, how, many in chosen(count):
        when = f"request {number} of {count}: {how}, {many or 'all'}"
        begin(when)
        proxy.fail(how, first=number, number=many)

        run = project.record()

        check_text(run)
        seen = list(proxy.seen)
        proxy.heal()
        healthy = project.record().expect(passed=3)
        if run.exit_code == 0:
            assert (when, run.real, healthy.real) == (when, CALLS, []), (when, seen, run.output)
        else:
            assert re.search(r"^E? *\S*(Error|mimic)", run.output, re.M), (when, run.output)
        use(f"{when}, cold")
        project.replay().expect(passed=3, real=[])


def test_a_replay_run_survives_each_failure(through):
    project, proxy, begin, use = through
    begin("first")
    project.record().expect(passed=3, real=CALLS)
    use("cold")
    project.replay().expect(passed=3, real=[])
    count = len(proxy.seen)
    for number, how, many in chosen(count):
        when = f"request {number} of {count}: {how}, {many or 'all'}"
        use(when)
        proxy.fail(how, first=number, number=many)

        run = project.replay()

        check_text(run)
        assert run.real == []
        proxy.heal()
        project.replay().expect(passed=3, real=[])
