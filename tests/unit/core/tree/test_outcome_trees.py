"""Outcomes as they are shown: what counts of them, and no secret."""

from __future__ import annotations

import base64
import collections
import datetime
import decimal
import fractions
import json
import os
import re
import subprocess
import sys
import uuid
import zoneinfo
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pytest_mimic._core.files.places import TEMPORARY, Places
from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.outcome.encoding import snapshot
from pytest_mimic._core.outcome.outcome import Outcome, Raised, Stream, Value
from pytest_mimic._core.placeholders import PLACEHOLDER
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.difference_words import difference_lines
from pytest_mimic._core.tree.differing import ABSENT, differences
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.tree.outcome_trees import (
    call_without_secrets,
    outcome_tree,
    without_secrets,
)
from pytest_mimic._core.tree.pickle_previews import described_outcome, preview
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._core.vault.recording_facts import Recording

URL = "see https://ann:other-4711@api.shop.test/x"


@dataclass
class Attributed:
    """An object that may have more than its fields."""

    name: str


@pytest.fixture
def tree(tmp_path: Path) -> Any:
    """Return a function that returns an outcome as a tree, with further facts of its entry."""
    vault = Vault(FolderStore(tmp_path))

    def of(outcome: Outcome, **facts: Any) -> Any:
        stored = vault.writer.encoded(outcome, 0.0)
        stored.entry.update(facts)
        return outcome_tree(stored, Redactor())

    return of


def test_no_secret_of_an_outcome_is_in_its_tree(tree):
    login = {
        "user": "ann",
        "password": "hunter2-4711-abcd",
        "note": "it is hunter2-4711-abcd",
        "link": URL,
    }
    login |= {"token": "x4"}
    outcomes = [
        Value(login),
        Value([{"inner": login}]),
        Raised(ValueError(URL, login)),
        Stream([login], end=Value(URL)),
    ]

    shown = [repr(tree(outcome)) for outcome in outcomes]

    assert [
        word for text in shown for word in ("hunter2", "4711", "x4") if word in text
    ] == []
    assert all("ann" in text for text in shown)


def test_a_stream_has_how_it_ended(tree):
    ended = tree(Stream([1], end=Value("end")))
    as_usual = tree(Stream([1], end=Value(None)))

    assert line(ended) == "{'items': [1], 'end': {'value': 'end'}}"
    assert line(as_usual) == "{'items': [1]}"


def test_of_a_response_what_verifying_compares_is_compared(tree):
    headers = [
        ["Content-Type", "text/plain"],
        ["Date", "Mon, 02 Nov 2026 10:00:00 GMT"],
    ]
    response = {
        "status": 200,
        "reason": "OK",
        "headers": headers,
        "body": {"text": "hi"},
    }
    same = {**response, "reason": "Fine", "headers": [["content-type", "text/plain"]]}
    other = {
        "status": 404,
        "headers": [["Content-Type", "text/html"]],
        "body": {"text": "no"},
    }

    old, new, changed = (tree(Value(one)) for one in (response, same, other))

    assert differences(old, new) == []
    assert [one.path for one in differences(old, changed)] == [
        "status",
        "headers['content-type']",
        "body",
    ]


def test_the_rows_of_a_statement_are_compared_by_the_names_of_their_columns(tree):
    def result(made: str, *, column_type: int = 23) -> Value:
        columns = [["id", column_type], ["made", 1114]]
        row = [7, {"$datetime": made}]
        return Value({"columns": columns, "rows": [row], "rowcount": 1})

    old = tree(result("2026-11-02T10:00:00"))
    new = tree(result("2026-11-03T10:00:00", column_type=20))

    assert difference_lines(differences(old, new), old_word="before", most=9) == [
        "rows[0].made: 2026-11-02T10:00:00 before, 2026-11-03T10:00:00 now"
    ]


def test_rows_whose_columns_have_one_name_twice_are_compared_by_their_places(tree):
    def result(second: str) -> Value:
        columns = [["name", 25], ["name", 25]]
        return Value({"columns": columns, "rows": [["a", second]], "rowcount": 1})

    found = differences(tree(result("b")), tree(result("c")))

    assert [difference.path for difference in found] == ["rows[0][1]"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"json": {"n": 1, "password": "x4"}},
            f"{{'n': 1, 'password': {PLACEHOLDER}}}",
        ),
        ({"chunks": ["a", "b"]}, "'ab'"),
        ({"chunks": ["a", {"base64": "AA=="}]}, "['a', b'\\x00']"),
        ({"base64": "AAE="}, "b'\\x00\\x01'"),
        ({"file": 3}, "{'file': 3}"),
    ],
)
def test_the_body_of_a_response_is_compared_as_what_it_is(tree, body, expected):
    response = {"status": 200, "headers": [["Date", "today"]], "error": "reset"}

    (one,) = differences(
        tree(Value(response)),
        tree(Value({**response, "body": body})),
    )

    assert (one.path, one.old, line(one.new)) == ("body", ABSENT, expected)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"\x89PNG\r\n\x1a\n\0", r"b'\x89PNG\r\n\x1a\n\x00'"),
        (b"GIF89a\x80\x02\xe0\x01", r"b'GIF89a\x80\x02\xe0\x01'"),
        (b"\xff\xfe" * 100, "<bytes, 200 B>"),
    ],
)
def test_short_bytes_are_shown_as_a_literal_and_others_by_their_size(
    tree, content, shown
):
    assert line(tree(Value(content))) == shown


def test_an_object_is_shown_with_all_its_attributes(tree):
    value = Attributed("x")
    value.more = [("a",), {2}]  # type: ignore[attr-defined]

    assert line(tree(Value(value))) == "Attributed(name='x', more=[('a',), {2}])"


BERLIN = datetime.datetime(2026, 11, 2, 10, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (BERLIN, "2026-11-02T10:00:00+01:00[Europe/Berlin]"),
        (BERLIN.replace(tzinfo=None), "2026-11-02T10:00:00"),
        (
            datetime.timezone(datetime.timedelta(hours=1), "X"),
            "X (UTC+01:00)",
        ),
        (fractions.Fraction(1, 3), "1/3"),
        (decimal.Decimal("1.50"), "1.50"),
        (1 + 2j, "(1+2j)"),
        (re.compile("a", re.IGNORECASE), "re.compile('a', re.IGNORECASE)"),
        (range(3), "range(0, 3)"),
        (bytearray(b"ab"), "bytearray(b'ab')"),
        (collections.deque([1], 3), "deque([1], maxlen=3)"),
        (
            collections.defaultdict(list, a=[1]),
            "defaultdict({'a': [1]}, default_factory=<class builtins:list>)",
        ),
        (collections.Counter("aab"), "Counter({'a': 2, 'b': 1})"),
        ({1: (2,), None: {3}}, "{1: (2,), None: {3}}"),
        (
            [ValueError("x", 3), Attributed("y")],
            "[ValueError('x', 3), Attributed(name='y')]",
        ),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_stored_value_is_drawn_as_an_argument_is(tree, value, shown):
    assert line(tree(Value(value))) == shown


def test_a_key_that_looks_like_a_tag_is_shown_as_it_is(tree):
    assert line(tree(Value({"$date": 1, "n": {2}}))) == "{'$date': 1, 'n': {2}}"
    assert line(tree(Value({"$date": 1, "n": 2}))) == "{'$date': 1, 'n': 2}"


def test_awaiting_is_part_of_an_outcome(tree):
    outcome = tree(Value(1), awaited=True)

    assert line(outcome) == "{'value': 1, 'awaited': True}"


@pytest.mark.parametrize(
    "value",
    [
        {"password": "hush"},
        {"$shop:User": {"name": "Ann", "password": {"$bytes": "hush"}}},
        {"$dict": [["password", "hush"], [1, 2]]},
        [["password", "hush"]],
        {"$tuple": ["password", "hush"]},
        ["login", "--password", "hush"],
        "https://shop.example/?token=hush",
        '{"password": "hush"}',
        [["Cookie", "sid=<redacted>; theme=hush"]],
        {"password": {"Cookie": "sid=<redacted>; hush"}},
    ],
)
def test_the_value_is_replaced(value):
    hidden = json.dumps(without_secrets({"value": value}, Redactor()))

    assert "hush" not in hidden
    assert "redacted" in hidden


def test_a_secret_is_replaced_in_bytes_that_are_shown_as_a_literal():
    data = base64.b64encode(b"\xff token hush").decode()
    body = {"password": "hush", "data": {"$base64": data}, "body": {"base64": data}}

    hidden = without_secrets({"value": body}, Redactor())

    shown = line(node_of(hidden["value"]["data"]))
    assert shown == r"b'\xff token <redacted>'"
    assert hidden["value"]["body"] == {"base64": hidden["value"]["data"]["$base64"]}


@pytest.mark.parametrize("base64", ["AAE", "ÄÄ==", ""])
def test_base64_that_was_edited_by_hand_is_shown_all_the_same(base64):
    hidden = without_secrets(
        {"password": "hush", "data": {"$base64": base64}}, Redactor()
    )

    assert hidden["data"] == {"$base64": base64}
    assert line(node_of(hidden["data"])) in ("<bytes, 2 B>", "<bytes, 1 B>", "b''")


@pytest.mark.parametrize(
    "value",
    [
        ["name", "Ann"],
        {"n": [1, None]},
        [["Set-Cookie", "sid=<redacted>; Path=/; HttpOnly"]],
        {"Cookie": "sid=<redacted>; theme=<redacted>"},
    ],
)
def test_other_values_stay(value):
    assert without_secrets({"value": value}, Redactor()) == {"value": value}


numpy = pytest.importorskip("numpy", reason="numpy is not installed")
pandas = pytest.importorskip("pandas", reason="pandas is not installed")
polars = pytest.importorskip("polars", reason="polars is not installed")
REDACTOR = Redactor(["diagnosis"])


def lines(value: object, **options: Any) -> list[str]:
    return preview(Value(value), REDACTOR, **options)


class Basket:
    """An object of a user's class."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)


class Refusal(Exception):
    """An error with attributes."""


PRICES = pandas.DataFrame(
    {"name": ["Ann", "Bob", "Cem", "Zoe"], "price": [1.5, 2.0, 3.25, 9.75]}
)
PIXELS = numpy.arange(600, dtype="uint8").reshape(10, 20, 3)
KINDS: dict[str, tuple[object, str]] = {
    "a frame": (PRICES, "DataFrame 4x2: name, price"),
    "a wide frame": (pandas.DataFrame(numpy.zeros((2, 1_200))), "DataFrame 2x1200"),
    "polars": (polars.DataFrame({"n": [1, 2, 3, 4]}), "DataFrame 4x1: n"),
    "an array": (PIXELS, "ndarray uint8 10x20x3"),
    "an object": (
        Basket(items=[1, 2, 3, 4], total=12.5, image=PIXELS),
        "Basket(items=[1, 2, 3, 4], total=12.5, image=<ndarray uint8 10x20x3>)",
    ),
    "a dict": (
        {"prices": PRICES, 2: Basket(n=1)},
        "{'prices': <DataFrame 4x2: name, price>, 2: Basket(n=1)}",
    ),
    "a function": (subprocess.run, "<function subprocess:run>"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_preview_shows_what_a_pickle_holds(kind: str) -> None:
    """In one line: the shape of a library's data, the parts of other values."""
    value, expected = KINDS[kind]

    assert lines(value) == [expected]


def test_an_exception_is_shown_with_its_arguments_and_attributes() -> None:
    error = Refusal("no such basket")
    error.basket = Basket(n=1)  # type: ignore[attr-defined]

    shown = preview(Raised(error), REDACTOR)

    assert shown == ["raised Refusal('no such basket', basket=Basket(n=1))"]


def test_a_stream_is_shown_by_its_first_item_and_its_end() -> None:
    """The item is shown as it was when it was yielded."""
    rows = numpy.array([1, 2])
    items = [snapshot(rows), numpy.array([3])]
    rows[0] = 9

    shown = preview(
        Stream(items, end=Raised(Refusal("gone"))),
        REDACTOR,
    )

    assert shown == [
        "stream of 2 items: ndarray int64 2 [1, 2], raised Refusal('gone')"
    ]


LONG = "measles" * 40
MANY: list[object] = [[Basket(n=n, text="x") for n in range(60)] for _ in range(400)]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(
            {"patient": Basket(diagnosis="measles")}, id="an attribute further in"
        ),
        pytest.param(Refusal("diagnosis=measles"), id="a text"),
        pytest.param(
            [Basket(diagnosis="measles"), Basket(note="measles"), *MANY],
            id="the first of many items",
        ),
        pytest.param(
            Basket(note=f"it is {LONG} now", diagnosis=LONG), id="a text that is cut"
        ),
        pytest.param(
            urlsplit(f"postgresql://shop:{LONG}@db/shop"),
            id="a URL with a long password",
        ),
        pytest.param(Basket(diagnosis=7_777_777), id="a number"),
    ],
)
def test_a_preview_shows_no_secret(value: object) -> None:
    """Values under secret names are hidden, and so are the same texts elsewhere."""
    (shown,) = lines(value)

    assert "<redacted>" in shown
    assert "measle" not in shown
    assert "7777777" not in shown


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(pandas.DataFrame({"diagnosis": ["measles"]}), id="pandas"),
        pytest.param(polars.DataFrame({"diagnosis": ["measles"]}), id="polars"),
        pytest.param(
            numpy.array([("measles",)], dtype=[("diagnosis", "U9")]),
            id="a field of an array",
        ),
        pytest.param(
            numpy.array([("measles",)], dtype=[("diagnosis", "U9")])[0], id="a record"
        ),
    ],
)
def test_a_preview_shows_no_value_of_a_table(value: object) -> None:
    (shown,) = lines(value)

    assert "measles" not in shown


def test_a_secret_argument_is_hidden_where_the_outcome_holds_it() -> None:
    """A text that is known to be secret is hidden under any name."""
    secrets = lambda: frozenset({"swordfish"})  # noqa: E731

    assert lines(Basket(note="swordfish"), secrets=secrets) == [
        "Basket(note=<redacted>)"
    ]
    assert lines(pandas.DataFrame({"swordfish": [1]}), secrets=secrets) == [
        "DataFrame 1x1: <redacted>"
    ]


def test_temporary_paths_are_shown_by_their_place() -> None:
    """The same outcome of another run has the same preview."""
    places = Places()
    places.set_root(TEMPORARY, "/tmp/pytest-of-ann/pytest-7")
    folder = "/tmp/pytest-of-ann/pytest-7/test_it0"
    value = Basket(text=f"{folder}/a.csv", path=Path(f"{folder}/b.csv"))

    assert lines(value, places=places) == [
        "Basket(text='<tmp>/a.csv', path=<tmp>/b.csv)"
    ]


def test_a_line_is_short_and_fits_into_json() -> None:
    """Long texts are cut, and what JSON has no form for is escaped."""
    (shown,) = lines(
        {
            "line\n": "\ud800",
            "b": Basket(**{f"n{n}" * 90: "text" * 9 for n in range(9)}),
        }
    )

    assert len(shown) <= 250
    assert shown.isprintable()
    assert shown.encode()


_SEEDS = """
import sys
from collections import Counter
sys.path.insert(0, sys.argv[1])
import pytest_mimic
from pytest_mimic._core.tree.pickle_previews import preview
from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.redact.redactor import Redactor

class Bag:
    def __init__(self, parts): self.parts = parts

words = sys.argv[2].split()
for value in (Bag(set(words)), Bag(frozenset(map(Word := type("Word", (str,), {}), words))),
              Bag({(word, 1) for word in words}), Bag({(word, (word * 30, ("x" * 30, word))) for word in words}), {"bag": Bag(set(words))}, Bag(object())):
    print(preview(Value(value), Redactor()))
"""


def test_previews_are_equal_under_every_hash_seed(tmp_path: Path) -> None:
    """Equal values give the same lines in other processes, in whatever order their sets were filled."""
    script = tmp_path / "seeds.py"
    script.write_text(_SEEDS)

    def printed(seed: str, words: str) -> str:
        command = [sys.executable, str(script), str(tmp_path), words]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout

    runs = [
        printed("0", "ann bob cem"),
        printed("1", "cem bob ann"),
        printed("2", "bob cem ann"),
    ]

    assert len(set(runs)) == 1
    assert "'ann', 'bob', 'cem'" in runs[0]
    assert "0x" not in runs[0]


def test_the_signature_of_a_client_is_no_secret_and_an_argument_of_that_name_is():
    given = {
        "signature": "SELECT pets",
        "statement": "SELECT pets.id FROM pets",
        "params": {"token": "x4"},
    }
    shown = [
        call_without_secrets(
            Recording(target, given, None, None, "", None, []), Redactor()
        ).arguments
        for target in ("sqlalchemy", "shop:call")
    ]

    assert shown == [
        {**given, "params": {"token": PLACEHOLDER}},
        {
            "signature": PLACEHOLDER,
            "statement": f"{PLACEHOLDER}.id FROM pets",
            "params": {"token": PLACEHOLDER},
        },
    ]


def table(price: float, **facts: Any) -> Outcome:
    frame = pandas.DataFrame({"name": ["a", "b"], "price": [1.5, price], **facts})
    return Value(frame)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (table(1.5), table(1.5), []),
        (
            table(1.5),
            table(2.5),
            ["['price']: 1 of 2 differ, [1]: 1.5 recorded, 2.5 now"],
        ),
        (
            Value({"rates": table(1.5).value}),
            Value({"rates": table(2.5).value}),
            ["rates['price']: 1 of 2 differ, [1]: 1.5 recorded, 2.5 now"],
        ),
    ],
)
def test_of_a_pickle_the_columns_that_differ_are_named(tree, old, new, expected):
    sides = [
        tree(
            side,
            described=described_outcome(side, REDACTOR),
            preview=preview(side, REDACTOR),
        )
        for side in (old, new)
    ]

    assert difference_lines(differences(*sides)) == expected


def test_of_a_pickle_a_column_with_a_secret_name_is_not_described(tree):
    old, new = table(1.5, diagnosis="measles"), table(1.5, diagnosis="mumps")
    sides = [
        tree(
            side,
            described=described_outcome(side, REDACTOR),
            preview=preview(side, REDACTOR),
        )
        for side in (old, new)
    ]

    lines = difference_lines(differences(*sides))

    assert lines == ["a pickle recorded, another value now"]


def test_a_description_of_a_pickle_is_short_and_has_no_secret() -> None:
    many = pandas.DataFrame({"token": ["hush"] * 5_000, "n": range(5_000)})
    outcome = Value({"table": many, "password": "hunter2-4711-abcd"})

    text = json.dumps(described_outcome(outcome, Redactor()))

    assert len(text) < 600
    assert "hush" not in text
    assert "hunter2" not in text
