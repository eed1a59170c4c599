"""Section 8, `review`: what is new, changed or drifted waits in a folder, is reviewed one by one, and written to the vault as recording would have written them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.forged import BAITED
from support.loopback import Handler, Server, serving

from pytest_mimic._core.vault import FolderStore
from pytest_mimic._tools.cli.main import main

SHOP = """
    import os, urllib.request
    from models import Odd

    def version():
        return os.environ["VERSION"]

    def ask(question):
        return f"The weather in Oslo is {'sunny' if version() == '1' else 'cloudy'} today, said the model."

    def table(name):
        return [{"id": n, "price": n + (1.5 if version() == "2" and n == 3 else 0.5)} for n in (1, 2, 3)]

    def data(name):
        return b"\\x89PNG" + version().encode() * 5000

    def odd():
        return Odd(version())

    def words(name):
        for word in ("a", version()):
            yield word

    def step(n):
        return [n, version()]

    def same(n):
        return {"n": n}

    def order(name):
        return {"id": version(), "lines": [{"sent_at": version()}], "name": name, "token": "token-" + version() * 9, "password": "x" + version()}

    def api():
        with urllib.request.urlopen(os.environ["API"] + "/users/1") as answer:
            return answer.read()
"""
MODELS = """
    class Odd:
        def __init__(self, name):
            self.name = name

        def __reduce__(self):
            return (Odd, (self.name,))
"""
TESTS = """
    import pytest, shop

    def test_functions():
        shop.ask("weather?")
        shop.table("fruit")
        shop.data("logo")
        shop.odd()
        list(shop.words("x"))
        shop.same(1)
        shop.order("tea")

    @pytest.mark.mimic("shop:step", sequence=True)
    def test_sequence():
        shop.step(1), shop.step(1), shop.step(2)

    def test_cassette(mimic_auto):
        with mimic_auto("trip", targets=["shop:ask", "shop:same"]):
            shop.ask("trip?"), shop.same(3), shop.ask("trip?")
"""
FOLDER = ".mimic_review"
NAMES = ("ask", "table", "data", "odd", "words", "same", "order")


class Service(Handler):
    """A JSON API whose answer has a version."""

    version = "1"

    def do_GET(self) -> None:
        self.json({"id": 1, "name": "Ann", "version": self.version})


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    """The URL of the service."""
    with serving(Server(Service)) as server:
        yield server.url


@pytest.fixture
def shop(
    project: Any,
    api: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """A recorded project whose service has changed since: `run`, and `command` for pytest-mimic."""
    project.write("models.py", MODELS)
    monkeypatch.chdir(project.root)

    def run(*args: str, version: str = "2", **options: Any) -> Any:
        monkeypatch.setattr(Service, "version", version)
        return project.run(*args, env={"VERSION": version, "API": api}, **options)

    def command(*words: str, answers: str = "") -> SimpleNamespace:
        monkeypatch.setattr("sys.stdin", _Lines(answers))
        capsys.readouterr()
        code = main(words)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return SimpleNamespace(code=code, out=printed.out, err=printed.err)

    def record(test: str = TESTS, *names: str) -> None:
        project.ini(*(f"shop:{name}" for name in names or NAMES))
        project.tests(test)
        run("--mimic-record", version="1")

    return SimpleNamespace(
        project=project, run=run, command=command, record=record, root=project.root
    )


class _Lines:
    """Standard input that is no terminal."""

    def __init__(self, text: str) -> None:
        self._lines = iter(text.splitlines(keepends=True))

    def isatty(self) -> bool:
        return False

    def readline(self) -> str:
        return next(self._lines, "")


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the files of a vault, without the durations of calls."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return {
        name: re.sub(rb'"duration": [0-9.e-]+', b"", data)
        for name, data in found.items()
    }


def waiting(root: Path) -> list[str]:
    """Return the recordings and cassettes that wait, by target or path."""
    names = sorted((root / FOLDER).glob("c*/**/*.json"))
    return [
        path.relative_to(root / FOLDER).as_posix().rpartition("/")[0] for path in names
    ]


# -- the folder


def test_a_run_without_drift_removes_the_drifts_of_an_earlier_one(weather: Any) -> None:
    weather.run("--mimic-verify", "--mimic-review")
    weather.run(
        "--mimic-verify", "--mimic-review", "--collect-only"
    )  # leaves what waits
    assert len(waiting(weather.root)) == 4

    run = weather.run("--mimic-verify", "--mimic-review", version="1")

    assert not (weather.root / FOLDER).exists()
    assert "review" not in run.output
    assert weather.command("review").out == "no change waits for a review\n"


def test_git_ignores_the_folder_of_changes(weather: Any) -> None:
    for words in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *words], cwd=weather.root, check=True)
    run = weather.run("--mimic-verify", "--mimic-review")

    status = subprocess.run(
        ["git", "status", "--porcelain"],
        cwd=weather.root,
        check=True,
        capture_output=True,
        text=True,
    )

    assert (
        run.output.count("to decide about it: pytest-mimic review") == 5
    )  # equal drifts are shown once
    assert "to accept it: " not in run.output
    assert waiting(weather.root) == [
        *(f"calls/weather/{name}" for name in ("ask", "step", "tell")),
        "cassettes",
    ]
    assert FOLDER not in status.stdout


@pytest.mark.parametrize("option", ["--mimic-record", "--mimic-rerecord"])
def test_what_failing_tests_changed_is_not_said_to_be_put_back(
    shop: Any, option: str
) -> None:
    """The vault was not written. With `--mimic-record`, the recording is stale."""
    shop.record("import shop\n\ndef test_it():\n    shop.ask('a')\n", "ask")
    shop.project.write("shop.py", SHOP.replace("The weather", "Well, the weather"))
    shop.project.tests(
        "import shop\n\ndef test_it():\n    shop.ask('a')\n    assert 0\n"
    )

    run = shop.run(option, "--mimic-review").expect(failed=1)

    assert "put back" not in run.output
    assert "1 change of failing tests does not wait for a review" in run.section
    assert waiting(shop.root) == []


# -- accepting


def rerecorded(shop: Any, *options: str) -> dict[str, bytes]:
    """Return the vault that a re-recording makes of the recorded one."""
    shutil.copytree(shop.project.vault, shop.root / "again")
    shop.run("--mimic-rerecord", "--mimic-vault=again", *options)
    return files_in(shop.root / "again")


@pytest.mark.parametrize("mode", ["verify", "rerecord"])
def test_accepting_what_waits_writes_what_recording_again_writes(
    shop: Any, mode: str
) -> None:
    shop.record()
    before = files_in(shop.project.vault)
    expected = rerecorded(shop)

    run = shop.run(f"--mimic-{mode}", "--mimic-review")

    assert run.changed == set()
    waits = "9 changes wait for a review, the vault is as it was: pytest-mimic review"
    assert run.section[-1] == waits
    result = shop.command("review", "--accept", "*")
    assert (result.code, result.out.splitlines()[-1]) == (0, "9 accepted")
    assert files_in(shop.project.vault) == expected != before
    assert not (shop.root / FOLDER).exists()
    shop.run("--mimic-verify").expect(passed=3)


def test_new_recordings_wait_too_and_are_not_made_twice(shop: Any) -> None:
    shop.project.ini("shop:ask", "shop:data")
    test = "import shop\n\ndef test_it():\n    shop.ask('a')\n    shop.data('b')\n"
    shop.project.write("test_shop.py", test)

    first = shop.run("--mimic-record", "--mimic-review")
    second = shop.run("--mimic-record", "--mimic-review")

    assert first.vault == second.vault == {}
    assert first.section[0].startswith("2 calls recorded")
    assert second.section[0].startswith("2 calls replayed")
    assert shop.command("review", answers="s\ns\n").out.count(" (new)\n") == 2
    shop.command("review", "--accept", "shop:ask", "--refuse-all")
    assert not (shop.root / FOLDER).exists()
    assert [name.split("/")[:3] for name in shop.project.files("calls")] == [
        ["calls", "shop", "ask"]
    ]


def test_accepting_at_a_client_writes_what_recording_again_writes(shop: Any) -> None:
    shop.project.ini("http.client")
    shop.project.tests("import shop\n\ndef test_api():\n    shop.api()\n")
    shop.run("--mimic-record", version="1")
    expected = rerecorded(shop)
    shop.run("--mimic-verify", "--mimic-review")

    result = shop.command("review", answers="s\n")

    assert "body.version: '1'" in result.out
    assert shop.command("review", "--accept", "GET /users/*").code == 0
    dated = rb'"Date", "[^"]*"'
    vaults = [
        {name: re.sub(dated, b"", data) for name, data in one.items()}
        for one in (expected, files_in(shop.project.vault))
    ]
    assert vaults[0] == vaults[1]


def test_an_outcome_that_cannot_be_stored_fails_its_test_and_does_not_wait(
    shop: Any,
) -> None:
    source = "import os, threading\n\ndef ask(q):\n    return 'fine' if os.environ['VERSION'] == '1' else threading.Lock()\n"
    shop.project.write("weather.py", source)
    shop.project.ini("weather:ask")
    shop.project.write(
        "test_it.py", "import weather\n\ndef test_it():\n    weather.ask(1)\n"
    )
    shop.run("--mimic-record", version="1")

    run = shop.run("--mimic-verify", "--mimic-review")

    run.expect(failed=1)
    assert "'fine' recorded, " in run.output
    assert not (shop.root / FOLDER).exists()


def test_the_source_and_the_arguments_are_those_of_the_accepted_call(
    weather: Any,
) -> None:
    weather.project.write(
        "weather.py",
        WEATHER.replace("So it is", "Well, it is").replace("[n,", "[n + 1,"),
    )
    weather.project.write("test_it.py", ASKING.format(day=2))
    expected = rerecorded(weather)
    weather.run("--mimic-verify", "--mimic-review")

    weather.command("review", "--accept", "*")

    assert files_in(weather.project.vault) == expected


def test_a_sequence_of_which_a_part_was_verified_keeps_its_source(weather: Any) -> None:
    weather.project.write("weather.py", WEATHER.replace("[n,", "[n + 1,"))
    steps = "weather.step(1), weather.step(1)"
    weather.project.write(
        "test_it.py", ASKING.format(day=1).replace(steps, "weather.step(1)")
    )
    weather.run("--mimic-verify", "--mimic-review")
    weather.command("review", "--accept", "*")
    weather.project.write("test_it.py", ASKING.format(day=1))

    weather.run("test_it.py::test_sequence").expect(failed=1)

    weather.run("--mimic-verify", "--mimic-review", "test_it.py::test_sequence")
    weather.command("review", "--accept", "*")
    weather.run("test_it.py::test_sequence").expect(passed=1)


@pytest.mark.parametrize("at", [".mimic_vault", FOLDER])
def test_an_accepting_that_is_killed_leaves_old_or_new(
    weather: Any, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """It is killed before it writes to the vault, or before it forgets what waited."""
    expected = rerecorded(weather)
    weather.run("--mimic-rerecord", "--mimic-review")
    before = files_in(weather.project.vault)
    real = {"write": FolderStore.write, "delete": FolderStore.delete}

    def killed(store: FolderStore, *args: Any, **options: Any) -> Any:
        if Path(store.path).name == at:
            raise KeyboardInterrupt
        return real["delete" if at == FOLDER else "write"](store, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "delete" if at == FOLDER else "write", killed)
        assert weather.command("review", "--accept", "calls/weather/tell").code not in (
            0,
            1,
        )
    after = files_in(weather.project.vault)

    changed = [name for name in before if after[name] != before[name]]
    assert [name.rpartition("/")[0] for name in changed] == ["calls/weather/tell"] * (
        at == FOLDER
    )
    left = 3 if at == FOLDER else 4
    assert (
        weather.command("review", "--accept", "*").out.splitlines()[-1]
        == f"{left} accepted"
    )
    assert files_in(weather.project.vault) == expected


# -- deciding


def test_decisions_are_kept_and_the_next_review_goes_on(shop: Any) -> None:
    shop.record(TESTS, "ask", "order", "data")
    shop.run("--mimic-verify", "--mimic-review", "test_shop.py::test_functions")

    first = shop.command("review", answers="a\n?\nq\n")
    second = shop.command("review", answers="r\nr\n")

    assert first.code == 1
    assert "The weather in Oslo is [-sunny-]{+cloudy+} today" in first.out
    assert "accept: the vault gets the new outcome" in first.out
    assert first.out.splitlines()[-1] == "1 accepted, 2 undecided"  # the user has quit
    assert second.code == 0
    assert second.out.splitlines()[-1] == "2 refused"
    assert shop.command("review").out == "no change waits for a review\n"


def test_a_recording_that_changed_since_is_not_overwritten(weather: Any) -> None:
    weather.run("--mimic-verify", "--mimic-review")
    weather.run("--mimic-rerecord", "test_it.py::test_it", version="3")
    before = weather.project.files()

    result = weather.command("review", "--accept", "calls/weather/ask")

    assert result.code == 1
    assert (
        "weather:ask(q=1) was not accepted: .mimic_vault/calls/weather/ask/"
        in result.out
    )
    assert "json has changed since" in result.out
    assert weather.project.files() == before
    weather.run("--mimic-record", "--mimic-review", version="3")  # drops it
    assert waiting(weather.root) == ["calls/weather/step", "cassettes"]


# -- safety


def test_secrets_are_shown_nowhere(shop: Any) -> None:
    shop.record("import shop\n\ndef test_it():\n    shop.order('tea')\n", "order")
    shop.run("--mimic-verify", "--mimic-review")

    results = [shop.command("review", *words) for words in ([], ["--refuse-all"])]

    assert "id: '1'" in results[0].out
    for result in results:
        assert not re.search(r"token-[12]|\bx[12]\b", result.out + result.err)


def test_no_pickle_is_loaded(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.project.write("evil.py", BAITED)
    shop.project.write(
        "shop.py",
        "import os\nfrom evil import Evil\n\ndef odd():\n    return Evil(os.environ['VERSION'])\n",
    )
    shop.record("import shop\n\ndef test_it():\n    shop.odd()\n", "odd")
    shop.run("--mimic-verify", "--mimic-review")
    bait = shop.root / "bait"
    monkeypatch.setenv("BAIT", str(bait))
    monkeypatch.syspath_prepend(str(shop.root))

    shown = shop.command("review", answers="s\n")
    shop.command("review", "--accept", "*")

    assert not bait.exists()
    assert "preview: \"Evil(name='1')\" recorded" in shown.out


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_beside_a_file_of_changes_is_not_followed(shop: Any) -> None:
    shop.record("import shop\n\ndef test_it():\n    shop.ask('a')\n", "ask")
    shop.run("--mimic-rerecord", "--mimic-review")
    elsewhere = shop.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "notes.txt").write_text("mine", encoding="utf-8")
    objects = shop.root / FOLDER / "objects"
    shutil.rmtree(objects, ignore_errors=True)
    objects.symlink_to(elsewhere, target_is_directory=True)

    result = shop.command("review", "--accept", "*")

    assert result.code == 2
    assert result.err.startswith("ERROR: .mimic_review/objects is a link: ")
    assert [path.name for path in elsewhere.iterdir()] == ["notes.txt"]
    shop.run("--mimic-rerecord", "--mimic-review")
    assert [path.name for path in elsewhere.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        (
            "calls/weather/ask",
            lambda file, tell: file.write_bytes(tell),
            "it is the recording of another function",
        ),
        (
            "cassettes",
            lambda file, _: file.write_text("{", encoding="utf-8"),
            "is not valid JSON",
        ),
    ],
    ids=["of another function", "a damaged cassette"],
)
def test_a_waiting_file_that_is_no_recording_of_its_call_is_not_accepted(
    weather: Any, name: str, damage: Any, said: str
) -> None:
    weather.run("--mimic-rerecord", "--mimic-review")
    file, tell = (
        next((weather.root / FOLDER / one).iterdir())
        for one in (name, "calls/weather/tell")
    )
    damage(file, tell.read_bytes())
    before = weather.project.files()

    result = weather.command("review", "--accept", name)

    assert said in result.out
    assert weather.project.files() == before


@pytest.mark.parametrize(("other", "key"), [("--refuse-all", "a"), ("--accept=*", "r")])
def test_the_decision_of_another_review_stays(
    shop: Any, monkeypatch: pytest.MonkeyPatch, other: str, key: str
) -> None:
    shop.record("import shop\n\ndef test_it():\n    shop.ask('a')\n", "ask")
    shop.run("--mimic-verify", "--mimic-review")

    class Slow(_Lines):
        """A user who decides after another one did."""

        def readline(self) -> str:
            monkeypatch.setattr("sys.stdin", _Lines(""))
            main(["review", other])
            return f"{key}\n"

    monkeypatch.setattr(f"{__name__}._Lines", Slow)
    result = shop.command("review")

    assert ("another review has decided about it" in result.out) is (key == "a")
    assert any(b"sunny" in data for data in shop.project.files().values()) is (
        other == "--refuse-all"
    )


WEATHER = """
    import os

    def ask(q, day):
        return 'It is ' + os.environ['VERSION']

    def tell(q):
        return 'So it is ' + os.environ['VERSION']

    def step(n):
        return [n, os.environ['VERSION']]
"""
ASKING = """
    import pytest, weather

    def test_it():
        weather.ask(1, day={day}), weather.tell(1)

    @pytest.mark.mimic("weather:step", sequence=True)
    def test_sequence():
        weather.step(1), weather.step(1)

    def test_cassette(mimic_auto):
        with mimic_auto("trip", targets=["weather:ask ignore=day", "weather:tell"]):
            weather.ask(2, day={day}), weather.tell(2)
"""


@pytest.fixture
def weather(shop: Any) -> Any:
    """A recorded project without libraries, of which `ask` leaves out the day."""
    shop.project.ini("weather:ask ignore=day", "weather:tell")
    shop.project.write("weather.py", WEATHER)
    shop.project.write("test_it.py", ASKING.format(day=1))
    shop.run("--mimic-record", version="1")
    return shop
