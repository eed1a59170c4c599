"""No decision reads a text: with digests in place of all words, tests end as they did."""

from __future__ import annotations

import shutil

import pytest
from support.no_words import without_words

from pytest_mimic._tools.cli.main import main

SHOP = """
    from tally import ran

    def fetch(city, n=1):
        ran("fetch", city)
        return {"city": city, "rows": [{"n": n}]}

    def hides(city):
        try:
            return fetch(city)
        except Exception:
            return None

    def changes(rows):
        rows.append(1)
        return len(rows)

    def gives(city):
        yield fetch(city)
"""

TESTS = """
    import pytest, shop

    def test_plain():
        assert shop.fetch("Oslo")

    def test_hidden():
        assert shop.hides("Rome") is not None

    def test_handled():
        with pytest.raises(RuntimeError):
            shop.fetch("Bonn")

    def test_group():
        with pytest.raises(BaseException):
            shop.fetch("Riga")

    @pytest.mark.xfail(raises=RuntimeError, strict=True)
    def test_expected():
        shop.fetch("Kyiv")

    def test_mutates():
        assert shop.changes([]) == 1

    def test_stream():
        assert next(shop.gives("Lima"))

    def test_skips():
        shop.hides("Bern")
        pytest.skip("late")

    def test_cassette(mimic_replay):
        with mimic_replay("trip", strict=True):
            shop.fetch("Nice")
"""


@pytest.fixture
def shop(project):
    """A project each of whose runs is made twice, and compared."""
    project.is_compared = True
    project.ini("shop:fetch", "shop:changes")
    project.module(SHOP)
    project.tests(TESTS)
    return project


def test_misses_end_alike(shop):
    shop.run().expect(failed=6, passed=2, xfailed=1)


@pytest.mark.parametrize(
    "options",
    [
        ("--mimic-record",),
        ("--mimic-rerecord",),
        ("--mimic-verify",),
        ("--mimic-record", "--mimic-clear-unused"),
        ("--mimic-fail-on-unused",),
    ],
    ids=" ".join,
)
def test_each_mode_ends_alike(shop, options):
    shop.run("--mimic-record")
    shop.module(SHOP.replace('"city": city', '"city": city, "new": 1'))

    shop.run(*options)


def test_stale_and_changed_inputs_end_alike(shop):
    shop.ini("shop:fetch", mimic_inputs="strict")
    shop.run("--mimic-record")
    shop.module(SHOP.replace("rows", "lines"))

    shop.run()
    shop.run("--mimic-record")


#: Damage, by what is done to the bytes of a recording.
DAMAGE = {
    "conflict": lambda data: data.replace(b'\n "', b'\n<<<<<<< HEAD\n "', 1),
    "pointer": lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "newer": lambda data: data.replace(b'"format": 5', b'"format": 99'),
    "older": lambda data: data.replace(b'"format": 5', b'"format": 1'),
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda _: b"",
    "no text": lambda _: b"\xff\xfe\x00",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_ends_alike_in_a_run_and_in_check(shop, damage, monkeypatch, capsys):
    shop.run("--mimic-record", "-k", "plain")
    monkeypatch.chdir(shop.root)
    for file in shop.root.glob(".mimic_vault/calls/**/*.json"):
        file.write_bytes(damage(file.read_bytes()))

    shop.run("-k", "plain")
    shutil.copytree(".mimic_vault", "copy")
    with without_words():
        silent = main(["check", "--fix"]), _files(shop.root / ".mimic_vault")
    shutil.rmtree(".mimic_vault")
    shutil.copytree("copy", ".mimic_vault")
    spoken = main(["check", "--fix"]), _files(shop.root / ".mimic_vault")

    assert capsys.readouterr().out
    assert silent == spoken


def _files(folder):
    if not folder.exists():
        return {}
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
