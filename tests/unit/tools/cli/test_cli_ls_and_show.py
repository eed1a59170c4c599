"""`ls`, `show` and `stats` on a vault of a real run."""

from __future__ import annotations

import json
import re
import sys

import pytest

# From this version on, the functions that a call runs are noted.
NOTES = sys.version_info >= (3, 12)


def columns(lines):
    """Return the columns of a table without dates, durations and sizes."""
    return [re.split(r" {2,}", line) for line in lines]


@pytest.mark.promise("pytest-mimic ls lists recordings and cassettes by target, call, outcome, test and size")
def test_ls_lists_every_recording_and_cassette(shop, call):
    result = call("ls")

    assert result.code == 0
    rows = [(row[4], row[5], row[6]) for row in columns(result.lines[:-1])]
    assert max(map(len, result.lines)) <= 120
    whole = [
        ("shop:fails(base='XXX')", "raised NoRatesError", "tests/test_shop.py::test_error"),
        ("shop:keyed(n=3)", rows[1][1], "tests/test_shop.py::test_matrix"),
        ("shop:long(n=300)", "JSON, 22.7 kB", "tests/test_shop.py::test_long"),
        ("shop:matrix(n=20)", "ndarray: 20 × 20 float64", "tests/test_shop.py::test_matrix"),
        ("shop:odd(n=3)", rows[4][1], "tests/test_shop.py::test_odd"),
        ("shop:picture()", "bytes", "tests/test_shop.py::test_long"),
        (
            "shop:rates(base='EUR', day=2024-05-01, password=<redacted>)",
            "{USD, CHF, password}",
            "tests/test_shop.py::test_rates",
        ),
        ("shop:user(name='Bob')", "User(name, born, password)", "tests/test_shop.py::test_user[Bob]"),
        ("shop:user(name='Ann')", "User(name, born, password)", "tests/test_shop.py::test_user[Ann]"),
        ("shop:words(text='pen ink paper')", "stream of 3", "tests/test_shop.py::test_words"),
        (
            "cassette shopping (2 calls)",
            "2 outcomes: {USD, CHF, password}, User(name, born, password)",
            "tests/test_shop.py::test_cassette",
        ),
    ]
    for shown, expected in zip(rows, whole, strict=True):
        for cell, text in zip(shown, expected, strict=True):
            begin, _, end = cell.partition("...")
            assert text.startswith(begin), cell
            assert text.endswith(end), cell
    assert rows[4][1].startswith("Odd, ")
    assert result.lines[-1].startswith("10 recordings and 1 cassette, ")


@pytest.mark.promise("a SELECTOR is a test, a target, a pattern, a path, first digits or a word of a call")
@pytest.mark.parametrize(
    ("words", "targets"),
    [
        (["rates"], ["rates", "shopping"]),
        (["Cid"], ["shopping"]),
        (["rat"], []),
        (["shop:odd(n=*)"], ["odd"]),
        (["tests/test_shop.py::test_odd", "shop:words"], ["odd", "words"]),
        (["./tests/test_shop.py::test_error"], ["fails"]),
        (["tests", "--errors"], ["fails"]),
        (["--older", "1d"], []),
        (["shop:rates"], ["rates", "shopping"]),
        (["shop:us*"], ["user", "user", "shopping"]),
        (["calls/shop/odd"], ["odd"]),
        (["cassettes"], ["shopping"]),
        (["--errors"], ["fails"]),
        (["tests/test_shop.py::test_user"], ["user", "user"]),
        (["test_user[[]Ann]"], []),
        (["test_words"], ["words"]),
        (["--sort", "size", "shop:long", "shop:odd", "shop:words"], ["long", "odd", "words"]),
        (["shop:odd", "shop:words", "--errors"], []),
        (["shopp"], []),
    ],
)
def test_ls_selects(shop, call, words, targets):
    result = call("ls", "--json", *words)

    found = [row["file"].removesuffix(".json").split("/") for row in result.data["recordings"]]
    names = [parts[2] if parts[0] == "calls" else parts[-1] for parts in found]
    assert names == targets
    assert result.code == (0 if targets else 1)


def test_older_goes_by_the_recorded_date(shop, call):
    [old] = (shop / ".mimic_vault/calls/shop/odd").glob("*.json")
    old.write_text(re.sub(r'"recorded": "[^"]*"', '"recorded": "2020-02-29"', old.read_text()))

    for span in ("90d", "12w"):
        rows = call("ls", "--json", "--older", span).data["recordings"]
        assert [row["calls"][0]["target"] for row in rows] == ["shop:odd"]


@pytest.mark.promise("a SELECTOR that matches nothing is said, and the exit code is 1")
@pytest.mark.parametrize("command", ["ls", "show", "stats", "report", "rm", "check"])
def test_a_selector_that_matches_nothing_is_said(shop, call, command):
    files = set((shop / ".mimic_vault").rglob("*"))

    result = call(command, "shop:odd", "shop:od")
    assert (shop / "mimic-report.html").exists() is (command == "report")
    (shop / "mimic-report.html").unlink(missing_ok=True)
    nothing = call(command, "shop:od")

    assert not (shop / "mimic-report.html").exists()
    said = "nothing in .mimic_vault matches shop:od"
    assert (result.code, nothing.code) == (1, 1)
    assert said in result.lines
    assert said in nothing.lines
    gone = {file.suffix for file in files - set((shop / ".mimic_vault").rglob("*"))}
    assert gone == ({".json", ".pkl", ""} if command == "rm" else set())


@pytest.mark.parametrize("words", [["--stale"], ["--errors", "shop:odd"], ["shop:odd", "--older", "90d"]])
def test_options_that_match_nothing_are_said(shop, call, words):
    result = call("ls", *words)

    said = {"--errors": "shop:odd --errors"}.get(words[0], " ".join(words))
    assert (result.code, result.lines) == (1, [f"nothing in .mimic_vault matches {said}"])


def test_the_total_counts_a_shared_object_once(shop, call):
    """It is the size that `stats` shows."""
    [recording] = (shop / ".mimic_vault/calls/shop/odd").glob("*.json")
    (recording.parent / f"{'0' * 32}.json").write_bytes(recording.read_bytes())

    total = call("ls").lines[-1].rpartition(", ")[2]

    assert call("stats").lines[1].startswith(f"size: {total}, ")


def test_a_pickled_exception_is_named_by_its_class(shop, call):
    [recording] = (shop / ".mimic_vault/calls/shop/odd").glob("*.json")
    facts = json.loads(recording.read_text(encoding="utf-8"))
    preview = ["raised shop:NoRatesError: 'no rates for XXX'", "args[0]: 'no rates for XXX'"]
    facts["outcomes"][0].update(kind="raised", preview=preview)
    recording.write_text(json.dumps(facts), encoding="utf-8")

    [row] = columns(call("ls", "shop:odd").lines[:-1])
    [shown] = call("ls", "shop:odd", "--json").data["recordings"]

    assert re.fullmatch(r"raised NoRatesError, \d+ B", row[5])
    assert shown["calls"][0]["errors"] == ["raised NoRatesError"]


def test_a_project_without_recordings_says_how_to_record(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    for command in ("ls", "stats"):
        result = call(command)

        assert (result.code, result.lines) == (
            0,
            ["no recordings in .mimic_vault", "  to record: pytest --mimic-record"],
        )
    assert call("check").code == call("check", "--fix").code == 0


def test_the_command_finds_the_vault_from_a_folder_below(shop, call, monkeypatch):
    monkeypatch.chdir(shop / "tests")

    result = call("ls", "test_shop.py::test_odd")

    assert len(result.lines) == 2
    assert "../.mimic_vault/calls/shop/odd/" in call("show", "shop:odd").out


def test_a_damaged_recording_is_an_error_of_show_only_if_nothing_else_was_named(shop, call):
    [damaged] = (shop / ".mimic_vault/calls/shop/odd").glob("*.json")
    damaged.write_text("{")

    assert call("show", "calls/shop").code == 0
    assert call("show", "calls/shop/odd").err.startswith("ERROR: .mimic_vault/calls/shop/odd/")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("shop:user(name='Ann')", "  returned User(name='Ann', born=2001-02-03, password='<redacted>')"),
        ("test_error", "  raised shop.NoRatesError('no rates for XXX')"),
        ("shop:picture", "  returned <PNG image, 284 B>"),
    ],
)
def test_show_prints_an_outcome_of_each_kind(shop, call, what, expected):
    assert expected in call("show", what).lines


def test_show_cuts_a_long_value_and_shows_all_of_it_on_request(shop, call):
    assert "    ... 200 more," in call("show", "shop:long").lines

    assert "    {'n': 299, " in call("show", "shop:long", "--all").out


def test_show_takes_digits_files_and_calls_as_ls_prints_them(shop, call):
    [row] = call("ls", "--json", "shop:odd").data["recordings"]
    whole = call("show", "shop:odd").out

    for what in (
        row["file"].rpartition("/")[2][:8],
        f".mimic_vault/{row['file']}",
        row["calls"][0]["call"],
        row["test"],
        str(shop / ".mimic_vault" / row["file"]),
    ):
        assert call("show", what).out == whole


@pytest.mark.promise("pytest-mimic loads no pickle without --load")
def test_show_describes_a_pickle_without_loading_it(shop, call):
    (shop / "shop.py").write_text("raise SystemExit('this module was imported')")

    lines = call("show", "shop:odd").lines

    assert re.fullmatch(r"  returned a pickle, \d+ B: objects/../[0-9a-f]{32}\.pkl", lines[-7])
    assert lines[-6:-2] == ["  preview: |", "    shop:Odd", "    n: 3", "  code: shop:Odd"]
    noted = "  ran shop (shop.py), shop:Odd.__init__ (shop.py)"
    assert lines[-2] == (noted if NOTES else "  functions not noted: " + lines[-2].partition(": ")[2])
    assert re.fullmatch(r"  to load it: pytest-mimic show --load [0-9a-f]{8}", lines[-1])


def test_load_shows_the_repr_without_secrets(shop, call):
    assert call("show", "shop:odd", "--load").lines[-1] == "  loaded: Odd(3, token='<redacted>')"
    assert "  loaded: stream ['pen', 'ink', 'paper']" in call("show", "shop:words", "--load").lines


def test_a_repr_with_a_secret_that_cannot_be_hidden_is_not_shown(shop, call):
    """The columns of a table are named apart from their values."""
    assert call("show", "shop:keyed", "--load").lines[-1] == (
        "  loaded: <ndarray whose repr is not shown: it has the secret name password>"
    )


def test_load_respects_mimic_pickle_forbid(shop, call):
    with (shop / "pytest.ini").open("a") as file:
        file.write("mimic_pickle = forbid\n")

    result = call("show", "shop:odd", "--load")

    assert result.code == 2
    assert result.err.startswith("ERROR: mimic_pickle = forbid: the outcome of shop:odd is a pickle\n")


@pytest.mark.promise("no command shows a secret")
def test_no_secret_is_shown_by_any_command(shop, call):
    outputs = [
        call(*words).out
        for words in (
            ["ls"],
            ["ls", "--json"],
            ["show", "calls", "cassettes", "--all"],
            ["show", "calls", "cassettes", "--json"],
            ["show", "calls", "cassettes", "--load", "--all"],
            ["show", "calls", "cassettes", "--load", "--json"],
            ["stats", "--json"],
        )
    ]

    assert all("s3cret" not in text and "hush" not in text for text in outputs)
    assert all(len(text) > 100 for text in outputs)


def test_stats_sums_up_the_vault(shop, call):
    lines = call("stats").lines

    assert lines[0] == ".mimic_vault: 10 recordings and 1 cassette, 12 outcomes, 1 error"
    assert re.fullmatch(rf"size: [\d.]+ kB, [\d.]+ kB of it in {5 if NOTES else 4} objects", lines[1])
    assert lines[2].startswith("time: replaying each once saves ")
    largest = lines.index("largest")
    assert "shop:long(n=300)" in lines[largest + 1]

    data = call("stats", "--json", "--top", "1").data
    assert {key: data[key] for key in ("recordings", "cassettes", "calls", "errors", "objects")} == {
        "recordings": 10,
        "cassettes": 1,
        "calls": 12,
        "errors": 1,
        "objects": 5 if NOTES else 4,
    }
    assert [row["calls"][0]["target"] for row in data["largest"]] == ["shop:long"]
    vault = shop / ".mimic_vault"
    assert sum(data["bytes"][key] for key in ("files", "objects")) == sum(
        file.stat().st_size for file in vault.rglob("*") if file.is_file()
    )


def test_json_has_the_same_keys_for_every_recording(shop, call):
    rows = call("ls", "--json").data["recordings"]
    shown = call("show", "calls", "--json").data["recordings"]

    assert {tuple(row) for row in rows} == {
        ("file", "kind", "test", "owner", "recorded", "duration", "size", "calls")
    }
    assert {tuple(row["calls"][0]) for row in shown} == {
        ("target", "signature", "call", "arguments", "source", "outcomes")
    }
    assert json.dumps(rows, sort_keys=True) == json.dumps(
        sorted(rows, key=lambda row: row["file"]), sort_keys=True
    )


def test_arguments_recorded_before_their_name_became_secret_are_hidden(shop, call):
    with (shop / "pytest.ini").open("a") as ini:
        ini.write("mimic_redact = base\n")

    shown = [call("ls", *words).out for words in (["shop:rates"], ["--json"])]
    shown += [call("show", "shop:rates", *words).out for words in ([], ["--json"])]

    assert not [text for text in shown if "EUR" in text]
    assert all("base=<redacted>" in text for text in shown[:3])
