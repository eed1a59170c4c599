"""What a recording run finds in its calls: values that it made, and that nothing gave it."""

from __future__ import annotations

import calendar
import os
import random
import secrets
import time
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pytest_mimic._core.engine.next_run import NextRun
from pytest_mimic._core.engine.owners import Owner
from pytest_mimic._core.engine.scopes import Scopes
from unit.core.engine.runs import TEST, Runs


def test_the_bytes_of_urandom_are_noted_until_the_end(runs: Runs) -> None:
    before = os.urandom, random._urandom  # type: ignore[attr-defined]
    run = NextRun(runs.run)

    run.begin()
    during = os.urandom, random._urandom  # type: ignore[attr-defined]
    run.end()

    assert before[0] not in during
    assert (os.urandom, random._urandom) == before  # type: ignore[attr-defined]


def test_what_somebody_else_put_there_stays(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = NextRun(runs.run)
    run.begin()
    numbers = random.Random(1)
    monkeypatch.setattr(os, "urandom", numbers.randbytes)

    run.end()

    assert os.urandom == numbers.randbytes


def price(ref: object, mark: str = "") -> int:
    return 3


def issue() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def noting(runs: Runs):
    run = runs.run.account.next_run = NextRun(runs.run)
    run.begin()
    yield runs
    run.end()


@pytest.mark.parametrize(
    "make",
    [
        uuid.uuid4,
        lambda: secrets.token_hex(16),
        lambda: {"rows": [1, secrets.token_urlsafe(16)]},
        lambda: f"order {uuid.uuid4()} of today",
        time.time,
        lambda: time.strftime("%Y-%m-%d"),
    ],
    ids=["uuid", "hex", "base64 inside", "in a text", "seconds", "today"],
)
def test_an_argument_that_the_run_made_is_found(noting: Runs, make) -> None:
    noting.mimic(price)(make())

    noting.run.account.next_run.report()

    assert len(noting.run.account.made_anew) == 1
    assert noting.run.account.made_anew[0].path.split(".")[0] == "ref"


@pytest.mark.parametrize(
    ("text", "is_offered"),
    [("order-{}", True), ("the order {}", False), ("two\nlines\n{}", False)],
    ids=["with a word", "in a sentence", "in lines without a blank"],
)
def test_a_line_is_offered_only_for_a_part_made_anew_as_a_whole(
    noting: Runs, text: str, is_offered: bool
) -> None:
    noting.mimic(price)(text.format(uuid.uuid4()))

    noting.run.account.next_run.report()

    [part] = noting.run.account.made_anew
    assert bool(part.line) == is_offered


def test_what_an_outcome_gave_comes_back_in_a_replay(noting: Runs) -> None:
    given = noting.mimic(issue)()
    noting.mimic(price)(given)

    noting.run.account.next_run.report()

    assert noting.run.account.made_anew == []


def hour_before(at: float) -> datetime:
    return datetime.fromtimestamp(at) - timedelta(hours=1)


@pytest.mark.parametrize(
    ("issue", "derive"),
    [
        (time.time, lambda at: at + 3600),
        (time.time, lambda at: datetime.fromtimestamp(at).date()),
        (time.time, hour_before),
        (time.time, lambda at: int(at * 1000)),
        (time.time, lambda at: round(at)),
        (time.time_ns, lambda at: at // 1_000_000),
        (lambda: tuple(time.gmtime()), lambda at: calendar.timegm(at)),
        (lambda: datetime.now(timezone.utc), lambda at: f"on {at:%d %B %Y}"),
        (uuid.uuid4, lambda ref: str(ref)[:23]),
        (uuid.uuid4, lambda ref: f"order_{ref.hex}"),
        (lambda: uuid.uuid4().hex, lambda ref: ref[:16]),
        (lambda: uuid.uuid4().hex, lambda ref: str(uuid.UUID(ref))),
        (lambda: secrets.token_bytes(16), lambda given: given.hex()),
        (secrets.token_urlsafe, lambda mark: f"id_{mark[:20]}"),
    ],
    ids=[
        "an hour later",
        "date",
        "an hour before",
        "milliseconds",
        "seconds",
        "nanoseconds",
        "struct_time",
        "date in words",
        "start of uuid",
        "digits of uuid",
        "start of hex",
        "uuid of hex",
        "hex of bytes",
        "with a prefix",
    ],
)
def test_what_is_made_from_an_outcome_comes_back_in_a_replay(
    noting: Runs, issue, derive
) -> None:
    def give():
        return issue()

    given = noting.mimic(give)()
    noting.mimic(price)(derive(given))

    noting.run.account.next_run.report()

    assert noting.run.account.made_anew == []


def test_what_is_made_from_a_replayed_outcome_comes_back_too(noting: Runs) -> None:
    def give() -> float:
        return time.time()

    noting.mimic(give)()
    noting.again("record")
    run = noting.run.account.next_run = NextRun(noting.run)
    given = noting.mimic(give)()
    noting.mimic(price)(given + 3600)

    run.report()

    assert noting.account.made_anew == []


def test_an_own_moment_beside_one_of_an_outcome_is_found(noting: Runs) -> None:
    def give() -> float:
        return time.time()

    noting.mimic(give)()
    noting.mimic(price)(time.time() + 0.01)

    noting.run.account.next_run.report()

    assert len(noting.run.account.made_anew) == 1


def begin_test(runs: Runs, test: str) -> None:
    """Begin another test of the same run, as a session does."""
    runs.run.current.test = test
    Scopes(runs.run).begin_test(test)
    runs.account.begun_tests.append((len(runs.account.replays), test))


@pytest.mark.parametrize("is_replayed", [False, True], ids=["recorded", "replayed"])
def test_a_date_is_not_given_by_a_moment_in_an_answer_to_another_test(
    noting: Runs, is_replayed: bool
) -> None:
    """The answers of language models hold the moment at which they were made."""

    def created() -> float:
        return time.time()

    noting.mimic(created)()
    if is_replayed:
        noting.again("record")
        noting.run.account.next_run = NextRun(noting.run)
        begin_test(noting, TEST)
        noting.mimic(created)()
    begin_test(noting, "test_shop.py::test_prompt")
    noting.mimic(price)(f"Today is {time.strftime('%A, %d %B %Y')}.")

    noting.run.account.next_run.report()

    assert [part.path for part in noting.account.made_anew] == ["ref"]


def test_a_date_of_a_moment_that_a_wider_fixture_got_is_no_news(noting: Runs) -> None:
    def created() -> float:
        return time.time()

    noting.run.current.owner = Owner("")
    noting.mimic(created)()
    begin_test(noting, "test_shop.py::test_prompt")
    noting.mimic(price)(time.strftime("%Y-%m-%d"))

    noting.run.account.next_run.report()

    assert noting.account.made_anew == []


def test_what_is_sent_first_is_the_callers_own_although_it_is_repeated(
    noting: Runs,
) -> None:
    def echo(ref: str) -> str:
        return ref

    own = noting.mimic(echo)(str(uuid.uuid4()))
    noting.mimic(price)(own)

    noting.run.account.next_run.report()

    assert len(noting.run.account.made_anew) == 2


@pytest.mark.parametrize("where", ["environment", "test", "file"])
def test_what_stood_before_is_not_made_anew(
    noting: Runs, where: str, tmp_path: Path
) -> None:
    today = time.strftime("%Y-%m-%d")
    run = noting.run
    if where == "environment":
        run.current.variables = {"DAY": f"day {today}"}
    elif where == "test":
        run.account.outcomes[f"test_a.py::test_x[{today}]"] = "passed"
    else:
        year, month, day = map(int, today.split("-"))
        file = Path(run.settings.rootdir, "test_a.py")
        file.write_text(f"DAY = date({year}, {month}, {day})", encoding="utf-8")
        os.utime(file, (0, 0))
    noting.mimic(price)(today)

    run.account.next_run.report()

    assert run.account.made_anew == []
