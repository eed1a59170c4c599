"""The texts of a test's errors: the event, the facts, and a command to paste."""

from __future__ import annotations

import datetime
from functools import partial
from typing import Any

import pytest

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.targets.target import as_targets
from pytest_mimic._core.tree import messages
from pytest_mimic._core.tree.call_labels import call_label
from pytest_mimic._core.tree.difference_words import difference_lines
from pytest_mimic._core.tree.differing import argument_differences
from pytest_mimic._core.tree.nearest_recording import MissedCall
from pytest_mimic._core.tree.outcome_trees import arguments_without_secrets
from pytest_mimic.errors import MutatedInputError, StaleRecordingError
from unit.core.tree.recorded import TEST, Recorded, described

FIRST_ID = "12345678-1234-4678-9234-567812345678"
SECOND_ID = "12345678-1234-4678-9234-567812345679"


def missed(
    now: dict[str, Any] | None,
    *candidates: Recorded,
    test: str | None = TEST,
    **options: Any,
) -> str:
    label = call_label("shop.api:fetch_rates", now)
    call = MissedCall(label, "shop.api:fetch_rates", now, test, **options)
    return str(messages.missing(call, candidates))


def test_a_miss_shows_the_nearest_recording_and_its_differences() -> None:
    now = described(base="EUR", day=datetime.date(2024, 5, 1))
    near = Recorded(described(base="EUR", day=datetime.date(2024, 4, 30)))
    far = Recorded(described(base="USD", day=datetime.date(2024, 4, 30)))

    assert missed(now, far, near) == (
        "no recording of shop.api:fetch_rates(base='EUR', day=2024-05-01)\n"
        "  nearest: recorded by tests/test_rates.py::test_week on 2026-11-02\n"
        "    day: 2024-04-30 recorded, 2024-05-01 now\n"
        "  to record it: pytest --mimic-record tests/test_rates.py::test_day\n"
        "  to stop the clock in tests: https://pytest-mimic.readthedocs.io/en/latest/"
        "how-to/dates-and-ids.html#freeze-the-clock"
    )


@pytest.mark.parametrize(
    ("then", "now", "lines"),
    [
        ([{"id": 1}, {"id": 2}], [{"id": 9}, {"id": 1}, {"id": 2}], ["x[0]: {'id': 9} now, not in the recording"]),
        (("a", "b", "c"), ("a", "x", "y", "c"), ["x[1]: 'b' recorded, 'x' now", "x[2]: 'y' now, not in the recording"]),
        ([1, {"a": 1}], [0, 1, {"a": 2}], ["x[0]: 0 now, not in the recording", "x[2].a: 1 recorded, 2 now"]),
    ],
)  # fmt: skip
def test_of_two_lists_the_items_are_named_that_differ(then, now, lines) -> None:
    """An item that was put in shifts those behind it, which do not differ."""
    assert (
        difference_lines(argument_differences(described(x=then), described(x=now)))
        == lines
    )


def prompt(city: str) -> dict[str, Any]:
    """Return the description of a request whose prompt holds a password."""
    text = f"Log in with password: hunter2-4711 and report on {city}"
    return {"signature": "POST /ask", "body": {"prompt": text}}


def test_a_miss_hides_a_secret_in_a_sentence_on_both_sides() -> None:
    """The recording has the sentence as it was sent, and messages hide more."""
    hide = partial(arguments_without_secrets, target="http", redactor=Redactor())
    call = MissedCall("http POST /ask", "http", prompt("Rome"), TEST)

    text = str(messages.missing(call, [Recorded(prompt("Oslo"))], hide=hide))

    assert "[-Oslo-]{+Rome+}" in text
    assert "<redacted>" in text
    assert "hunter2" not in text


def test_a_miss_says_that_the_target_has_no_recording() -> None:
    assert missed(described(base="EUR")) == (
        "no recording of shop.api:fetch_rates(base='EUR')\n"
        "  nothing of shop.api:fetch_rates is recorded\n"
        "  to record it: pytest --mimic-record tests/test_rates.py::test_day"
    )


def test_a_difference_that_is_not_shown_is_said() -> None:
    secret, plain = described(a=[{"password": "a"}], n=1), described(n=1)
    secrets = described(password="a", token="b")

    def said(arguments: dict[str, Any]) -> str:
        return missed(arguments, Recorded(arguments)).splitlines()[2].strip()

    assert (
        said(secret) == "what is shown is equal, a hidden part differs: a[0].password"
    )
    assert said(secrets) == "what is shown is equal, a hidden part differs"
    assert said(plain) == (
        "what is shown is equal: the line of the target has changed, or a part that is "
        "not kept differs"
    )


def said_of_redis(recorded: str, now: str) -> list[str]:
    """Return the lines of a miss of a command, with the last word then and now."""
    hide = partial(arguments_without_secrets, target="redis", redactor=Redactor())
    arguments = [
        {"signature": "SET token", "command": ["SET", "token", word]}
        for word in (recorded, now)
    ]
    call = MissedCall("redis SET token", "redis", arguments[1], TEST)
    near = Recorded(arguments[0], test=TEST)
    return str(messages.missing(call, [near], hide=hide)).splitlines()[2:]


def test_a_miss_names_what_redaction_hides_today() -> None:
    assert said_of_redis("hunter2-4711", "<redacted>") == [
        "    the same call, but for what mimic_redact hides today: command[2]",
        "  to let recordings follow mimic_redact: pytest-mimic rekey",
        f"  to record it: pytest --mimic-rerecord {TEST}",
    ]


def test_a_miss_names_what_redaction_hides_no_longer() -> None:
    assert said_of_redis("<redacted>", "hunter2-4711")[-1] == (
        f"  to record it, since redaction hides other parts now: pytest --mimic-rerecord {TEST}"
    )


@pytest.mark.parametrize(
    "ignored", [["now", "rows.*.at"], ["now", "rows"], ["now", "rows[0].at", "other"]]
)
def test_ignored_parts_are_not_shown_as_differences(ignored: list[str]) -> None:
    """If nothing else differs, the text must not suggest a line that is there already."""
    old = described(now="2026-11-02 10:00:00", rows=[{"at": "2026-11-02T10:00:00Z"}])
    new = described(rows=[{"at": "2026-11-02T10:00:01Z"}])
    other = described(rows=[{"at": "2026-11-02T10:00:01Z"}], base="EUR")

    assert missed(
        new, Recorded(old), options=Options(ignore=tuple(ignored))
    ).splitlines()[1:] == [
        "  nearest: recorded by tests/test_rates.py::test_week on 2026-11-02",
        f"    it differs only in what ignore={','.join(ignored)} leaves out: it was recorded without, or is another test's",
        "  to record it: pytest --mimic-record tests/test_rates.py::test_day",
    ]
    assert missed(
        other, Recorded(old), options=Options(ignore=tuple(ignored))
    ).splitlines()[2:-1] == ["    base: 'EUR' now, not in the recording"]


@pytest.mark.parametrize(
    ("ignored", "is_named"),
    [
        ("order", False),
        ("order.tags", False),
        ("order.tags.*", True),
        ("order.a", True),
    ],
)
@pytest.mark.parametrize("member", ["EUR", "a b", ("EUR", 1.5)])
def test_the_member_of_a_set_that_is_left_out_is_not_named(
    ignored: str, is_named: bool, member: object
) -> None:
    old = described(order={"tags": set()}, base="USD")
    new = described(order={"tags": {member}}, base="EUR")

    text = missed(new, Recorded(old), options=Options(ignore=(ignored,)))

    assert "base: 'USD' recorded, 'EUR' now" in text
    assert ("order.tags{" in text) is is_named


@pytest.mark.parametrize(
    ("ignored", "is_named"),
    [
        ("rates", False),
        ("rates.*", False),
        ("rates['(1, 2)']", False),
        ("rates.1", True),
    ],
)
def test_the_entry_of_a_key_that_is_left_out_is_not_named(
    ignored: str, is_named: bool
) -> None:
    """The key is no text, so messages write it as Python does."""
    old = described(rates={(1, 2): 1.5}, base="USD")
    new = described(rates={(1, 2): 2.5}, base="EUR")

    text = missed(new, Recorded(old), options=Options(ignore=(ignored,)))

    assert "base: 'USD' recorded, 'EUR' now" in text
    assert ("rates[(1, 2)]" in text.partition("\n")[2]) is is_named


@pytest.mark.parametrize(
    ("old", "new", "remedy"),
    [
        (
            {"at": datetime.datetime(2024, 5, 1, 12)},
            {"at": datetime.datetime(2024, 5, 2, 13)},
            "ignore=at",
        ),
        (
            {"rows": [{"at": "2024-05-01T12:00:00Z"}]},
            {"rows": [{"at": "2024-05-01T12:00:01Z"}]},
            "ignore=rows.0.at",
        ),
        (
            {"id": "12345678-1234-4678-9234-567812345678", "n": 1714564800123},
            {"id": "12345678-1234-4678-9234-567812345679", "n": 1714564800124},
            "ignore=id,n",
        ),
        (
            {"pairs": [["a", FIRST_ID]]},
            {"pairs": [["a", SECOND_ID]]},
            "ignore=pairs.0.1",
        ),
        (
            {"payload": {"request-id": FIRST_ID}},
            {"payload": {"request-id": SECOND_ID}},
            "ignore=\"payload['request-id']\"",
        ),
        (
            {"payload": {"Ann's": FIRST_ID}},
            {"payload": {"Ann's": SECOND_ID}},
            """ignore='payload["Ann'"'"'s"]'""",
        ),
    ],
)
def test_ignoring_what_differs_is_suggested(
    old: dict[str, object], new: dict[str, object], remedy: str
) -> None:
    text = missed(described(**new), Recorded(described(**old)))
    by_key = missed(
        described(**new), Recorded(described(**old)), options=Options(key=lambda _: 0)
    )

    assert (
        text.splitlines()[-1]
        == f"  if it changes from run to run: shop.api:fetch_rates {remedy}"
    )
    assert as_targets([f"shop.api:fetch_rates {remedy}"])[0].options.ignore
    assert "ignore=" not in by_key


@pytest.mark.parametrize(
    ("label", "old", "new"),
    [
        (
            "sqlalchemy INSERT orders",
            {"params": {"id": {"$uuid": FIRST_ID}}},
            {"params": {"id": {"$uuid": SECOND_ID}}},
        ),
        (
            "redis GET session",
            {
                "signature": f"GET session:{FIRST_ID}",
                "command": ["GET", f"session:{FIRST_ID}"],
            },
            {
                "signature": f"GET session:{SECOND_ID}",
                "command": ["GET", f"session:{SECOND_ID}"],
            },
        ),
        (
            "redis MULTI order",
            {"commands": [["MULTI"], ["SET", "order", FIRST_ID], ["EXEC"]]},
            {"commands": [["MULTI"], ["SET", "order", SECOND_ID], ["EXEC"]]},
        ),
    ],
    ids=["sql", "redis key", "redis transaction"],
)
def test_an_id_that_a_database_keeps_is_seeded_and_not_ignored(
    label: str, old: dict[str, Any], new: dict[str, Any]
) -> None:
    """Else the database gives the recorded id, and the code looks for its own."""
    call = MissedCall(label, label.split()[0], new)

    text = str(messages.missing(call, [Recorded(old)]))

    assert text.splitlines()[-1] == (
        "  to get the same ids in each run: https://pytest-mimic.readthedocs.io/en/"
        "latest/how-to/dates-and-ids.html#seed-the-ids"
    )
    assert "ignore=" not in text


@pytest.mark.parametrize(
    ("label", "parts", "lines"),
    [
        ("mcp CALL add", {"params": {"a": 2}}, ["params.a: 1 recorded, 2 now"]),
        ("mcp CALL add", {}, ["server: 'old.py' recorded, 'new.py' now"]),
        (
            "shop:call(...)",
            {"params": {"a": 2}},
            ["server: 'old.py' recorded, 'new.py' now", "params.a: 1 recorded, 2 now"],
        ),
    ],
    ids=["another part", "alone", "function"],
)
def test_the_server_of_a_client_is_named_only_if_nothing_else_differs(
    label: str, parts: dict[str, Any], lines: list[str]
) -> None:
    """Servers are told apart by their order."""
    old = {"server": "old.py", "params": {"a": 1}}

    target = label.replace("(", " ").split()[0]
    call = MissedCall(label, target, {**old, "server": "new.py", **parts})

    text = str(messages.missing(call, [Recorded(old)]))

    assert [
        line.strip() for line in text.splitlines() if line.endswith(" now")
    ] == lines


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"a": 1, "b": 1, "c": 1, "d": 1}, {"a": 2, "b": 2, "c": 2, "d": 2}),
        ({"payload": {"a,b": FIRST_ID}}, {"payload": {"a,b": SECOND_ID}}),
    ],
    ids=["more than three", "a comma"],
)
def test_ignoring_much_or_what_no_path_names_is_not_suggested(
    old: dict[str, object], new: dict[str, object]
) -> None:
    assert "ignore=" not in missed(described(**new), Recorded(described(**old)))


@pytest.mark.parametrize(
    ("label", "old", "new"),
    [
        (
            "sqlalchemy SELECT a",
            {"statement": "SELECT a.x FROM a"},
            {"statement": "SELECT a.y FROM a"},
        ),
        ("redis SET a", {"command": ["SET", "a", "1"]}, {"command": ["GET", "a", "1"]}),
        (
            "http POST /a",
            {"method": "GET", "url": "/a"},
            {"method": "POST", "url": "/a"},
        ),
    ],
    ids=["statement", "command", "method"],
)
def test_ignoring_what_a_client_does_is_not_suggested(
    label: str, old: dict[str, Any], new: dict[str, Any]
) -> None:
    call = MissedCall(label, label.split()[0], new)

    assert "ignore=" not in str(messages.missing(call, [Recorded(old)]))


@pytest.mark.parametrize(
    ("ignored", "then", "now", "shown"),
    [
        (("port",), "http://a.test:1/x", "http://a.test:2/x", False),
        (("host", "port"), "http://a.test:1/x", "http://b.test/x", False),
        (("host", "port"), "http://[::1]:1/x", "http://127.0.0.1:2/x", False),
        (("port",), "http://a.test:1/x", "http://b.test:2/x", True),
        (("host",), "http://a.test:1/x", "http://b.test:2/x", True),
        (("port",), "http://a.test:1/x", "http://a.test:2/y", True),
        ((), "http://a.test:1/x", "http://a.test:2/x", True),
        (("port",), "http://a.test:1/x", "http://a.test:port/x", True),
    ],
)
def test_a_url_is_shown_only_for_what_counts_of_it(
    ignored: tuple[str, ...], then: str, now: str, shown: bool
) -> None:
    old = {"url": then, "query": {"a": "1"}}
    new = {"url": now, "query": {"a": "2"}}
    call = MissedCall("http GET /x", "http", new, TEST, Options(ignore=ignored))

    text = str(messages.missing(call, [Recorded(old)]))

    assert ("url:" in text) is shown
    assert "query.a: '1' recorded, '2' now" in text


def test_a_stale_recording_shows_two_commands() -> None:
    error = messages.stale(
        "shop.api:fetch_rates(base='EUR')",
        "shop.api:fetch_rates",
        recorded="2026-11-02",
        test=TEST,
    )

    assert isinstance(error, StaleRecordingError)
    assert str(error) == (
        "shop.api:fetch_rates has changed since this call was recorded (2026-11-02)\n"
        "  to record it again: pytest --mimic-record tests/test_rates.py::test_day\n"
        "  to see whether the outcome changed: pytest --mimic-verify tests/test_rates.py::test_day"
    )


def test_changed_arguments_are_shown() -> None:
    before, after = described(rows=[{"seen": False}]), described(rows=[{"seen": True}])

    changes = messages.mutations(["rows"], argument_differences(before, after))
    error = messages.error_of_mutation("shop.model:fit", changes)

    assert isinstance(error, MutatedInputError)
    assert str(error) == (
        "shop.model:fit has mutated its inputs\n"
        "  rows[0].seen: False before, True after\n"
        "  name the function inside that returns the new value, in place of it"
    )


def test_a_change_beyond_the_description_names_its_argument() -> None:
    assert messages.mutations(["a", "b"], []) == [
        "a: changed in a part that is not shown",
        "b: changed in a part that is not shown",
    ]


def test_reading_a_stream_further_is_a_miss() -> None:
    assert str(messages.read_further("m:f()", test=TEST)) == (
        "m:f() is read further than it was when it was recorded\n"
        "  to record the rest: pytest --mimic-rerecord tests/test_rates.py::test_day"
    )


def test_a_sequence_of_another_test_is_named_as_such() -> None:
    now = described(page=1)

    text = missed(now, Recorded(now), belongs_to_test=True)

    assert "the same call in another test: each test replays its own" in text


def test_a_sequence_of_another_scope_is_named_as_such() -> None:
    """The scope of a fixture has changed since: no password differs."""
    login = described(password="a")
    near = Recorded(login, test=TEST, owner=TEST)

    text = missed(login, near, belongs_to_test=True, owner="tests/test_rates.py")

    assert "the same call in another scope" in text
    assert "a hidden part differs" not in text


@pytest.mark.parametrize(
    ("ignored", "line"),
    [
        ((), "protocol: 2 recorded, 3 now"),
        (("protocol",), "what is shown is equal"),
    ],
)
def test_a_part_that_is_not_described_is_named(ignored, line) -> None:
    """A new major version of a client may speak another version of its protocol."""
    arguments = {"signature": "PING", "command": ["PING"]}
    near = Recorded(arguments, parts={"database": 0, "protocol": 2, "command": None})
    call = MissedCall(
        "redis PING",
        "redis",
        arguments,
        TEST,
        options=Options(ignore=ignored),
        read_parts=lambda: {"database": 0, "protocol": 3, "command": None},
    )

    assert line in str(messages.missing(call, [near]))
