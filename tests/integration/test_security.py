"""Secrets stay out of all descriptions of a call, and a recording loads only the names that it lists."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator

import pytest
from support.pickle_files import pickle_file

from pytest_mimic._core.outcome.memory import unpack

SECRETS = [
    f"hush-{number}-{word}" for number, word in enumerate("alpha beta gamma delta eps zeta eta".split())
]
PLAIN = "the-public-part"

SHOP = """
    import dataclasses
    import os
    import threading
    from tally import ran

    @dataclasses.dataclass
    class Config:
        host: str
        api_key: str
        more: dict

    class Client:
        def __init__(self, token):
            self.auth_token = token

        def __repr__(self):
            return f"Client({self.auth_token})"

    def fetch(city, password=None, config=None, client=None, url=None, headers=None, **more):
        ran("fetch", city)
        return {"city": city, "n": os.environ.get("N", "1")}

    def spoil(rows, config):
        rows.append(config["password"])
        return 1

    def lock(api_key):
        return threading.Lock()

    def swallow(city, **options):
        try:
            fetch(city, **options)
        except Exception:
            pass
"""

TEST = """
    import shop
    from secret import *

    def options():
        return dict(
            password=S[0],
            config=shop.Config(PUBLIC, S[1], {"db": [{"Client-Secret": S[2]}]}),
            client=shop.Client(S[3]),
            url=f"https://user:{S[4]}@host/?token={S[5]}&q={PUBLIC}",
            headers=[["Authorization", "Bearer " + S[6]]],
            command=["run", "--token", S[5], f"--api-key={S[4]}"],
            line=f"run --token {S[5]} -v",
            again=f"said {S[0]} to {PUBLIC}",
        )

    def test_fetch():
        shop.fetch("Oslo", **options())

    def test_swallowed():
        shop.swallow("Oslo", **options())

    def test_changed():
        shop.spoil([], {"password": S[0]})

    def test_refused():
        shop.fetch(object(), **options())

    def test_unstorable():
        shop.lock(S[0])
"""


@pytest.fixture
def shop(project):
    """Functions with secrets under every kind of name. No test has the secrets in its source."""
    project.ini("shop:fetch", "shop:spoil", "shop:lock")
    project.write("secret.py", f"S, PUBLIC = {SECRETS}, {PLAIN!r}\n")
    project.tests(TEST)
    return project


def contents(project) -> Iterator[bytes]:
    """Return the text of every file of the vault, and of its pickles."""
    for name, data in project.files().items():
        yield name.encode()
        yield data
        if name.endswith(".pkl"):
            yield from map(bytes, unpack(memoryview(data)))


def assert_hidden(project, run) -> None:
    """Check that no secret is in the vault or in the run's output."""
    for secret in SECRETS:
        assert secret not in run.output
        assert not any(secret.encode() in content for content in contents(project))


def test_secrets_appear_nowhere(shop):
    """Recording, refusing, missing, drifting, the nearest recording, the summary: names and placeholders."""
    run = shop.record().expect(
        passed=2, failed=3, says=["MutatedInputError", "UnstableIdentityError", "UnstorableOutcomeError"]
    )
    assert_hidden(shop, run)
    assert any(PLAIN.encode() in content for content in contents(shop))

    verified = shop.run("--mimic-verify", "-k", "fetch or swallow", env={"N": "2"})
    verified.expect(failed=2, deselected=3, says=["n: '1' recorded, '2' now"])
    assert_hidden(shop, verified)

    shop.tests(TEST.replace('"Oslo"', '"Rome"'))
    missing = shop.replay("-k", "fetch or swallow")
    missing.expect(failed=2, deselected=3, says=["city: 'Oslo' recorded, 'Rome' now", "password=<redacted>"])
    assert_hidden(shop, missing)

    shop.tests(TEST.replace("S[0]", "S[0][::-1]").replace("S[3]", "S[3][::-1]"))
    other = shop.replay("-k", "fetch", "--mimic-fail-on-unused").expect(failed=1, deselected=4)
    other.expect(failed=1, deselected=4, says=["client.auth_token (redacted)"])
    assert_hidden(shop, other)
    assert SECRETS[0][::-1] not in other.output
    assert SECRETS[3][::-1] not in other.output


def test_secrets_count_although_they_are_not_shown(project):
    """Two calls that differ in a secret are two calls. The outcome is kept as it is."""
    project.ini("shop:sign")
    project.module("def sign(token):\n    return 'signed by ' + token\n")
    project.test("""
        assert shop.sign("aaaa1") == "signed by aaaa1" and shop.sign("aaaa2") == "signed by aaaa2"
    """)
    project.record().expect(passed=1)
    project.replay().expect(passed=1)

    assert [json.loads(data)["arguments"] for data in project.files().values()] == [
        {"token": "<redacted>"}
    ] * 2


LOADS = """
    import pathlib
    from tally import ran

    def touch(path):
        pathlib.Path(path).touch()
        return path

    class Handle:
        def __init__(self, path):
            self.path = path

        def __reduce__(self):
            return touch, (self.path,)

    class User:
        def __getstate__(self):  # so that it is pickled
            return None

    def give(what):
        return {"handle": [User(), Handle("touched")], "user": User()}[what]
"""


@pytest.fixture
def giving(project):
    """Record one outcome of `shop.give`, and return a function that edits its entry."""

    def record(what: str):
        project.ini("shop:give")
        project.module(LOADS)
        project.tests(f"import shop\ndef test_give(): shop.give({what!r})\n")
        project.record().expect(passed=1)
        (path,) = project.vault.glob("calls/**/*.json")

        def edit(**changes):
            facts = json.loads(path.read_text())
            entry = facts["outcomes"][0]
            entry.update(changes)
            facts["outcomes"] = [{key: value for key, value in entry.items() if value is not ...}]
            path.write_text(json.dumps(facts))
            return entry

        return edit

    return record


def test_editing_the_import_list_does_not_make_a_pickle_load(project, giving):
    edit = giving("handle")
    touched = project.root / "touched"
    touched.unlink()

    assert edit()["code"] == ["shop:touch"]
    for shorter in ([], ..., ["shop:*"], ["shop"]):
        edit(code=shorter)
        project.replay().expect(failed=1, says=["which its recording does not list"])
    for wrong in (None, "shop:touch", [1], {"shop:touch": 1}):
        edit(code=wrong)
        project.replay().expect(failed=1, says=["CorruptRecordingError"])
    assert not touched.exists()

    edit(code=["shop:touch"])
    project.replay().expect(passed=1)
    assert touched.exists()


@pytest.mark.parametrize(
    ("wrong", "error"), [({"imports": []}, "CorruptRecordingError"), ({"count": 2}, "StaleRecordingError")]
)
def test_refused_pickle_points_at_the_line_of_the_call(project, giving, wrong, error):
    """The report ends with the test's line."""
    edit = giving("user")
    edit(**wrong)

    run = project.replay().expect(failed=1, says=[f"test_shop.py:2: {error}"])
    assert "def __call__" not in run.output


@pytest.mark.parametrize(
    ("name", "fetch"),
    [
        ("os:system", b"cos\nsystem\n"),
        ("_pytest.monkeypatch:resolve", b"c_pytest.monkeypatch\nresolve\n\x8c\x09os.system\x85R"),
    ],
)
def test_forged_pickle_is_refused_before_it_runs(project, giving, name, fetch):
    """Its checksum is right. Its imports are not listed, or not as code."""
    edit = giving("user")
    touched = project.root / "touched"
    stream = fetch + pickle.dumps(f"touch {touched}", 0)[:-1] + b"\x85R."
    file, data = pickle_file(stream)
    (project.vault / file).parent.mkdir(exist_ok=True)
    (project.vault / file).write_bytes(data)
    edit(pickle=file)

    project.replay().expect(failed=1, says=[f"it imports {name}, which its recording does not list"])
    edit(imports=[name])
    project.replay().expect(failed=1, says=[f"it imports {name}, which its recording does not list as code"])
    assert not touched.exists()


def test_text_from_a_recording_cannot_control_the_terminal(project):
    """The name of a test and a date, in the error for a miss."""
    project.ini("shop:fetch")
    project.module("def fetch(city): return 1\n")
    project.test("shop.fetch('Oslo')")
    project.record().expect(passed=1)
    (path,) = project.vault.glob("calls/**/*.json")
    facts = json.loads(path.read_text())
    path.write_text(
        json.dumps({**facts, "test": "\x1b[2Jtest", "recorded": "\x9b31m", "target": "shop:fetch"})
    )
    project.test("shop.fetch('Rome')")

    run = project.replay().expect(failed=1, says=[r"recorded by \x1b[2Jtest on \x9b31m"])

    assert not {"\x1b", "\x9b"} & set(run.output)
