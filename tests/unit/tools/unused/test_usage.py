"""The files of `--mimic-usage`: what is written is read, several are one account, and a damaged one is an error."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_mimic._core.engine.account import Account
from pytest_mimic._core.engine.account_events import Miss
from pytest_mimic._tools.unused.usage import (
    Usage,
    joined_account,
    read_usage,
    remove_old,
    usage_of,
    write_usage,
)
from pytest_mimic.errors import MimicError

HERE = Usage("vault", "e" * 40, {})


def usage(**account):
    return HERE._replace(account=account, label="a.json")


def test_what_is_written_is_read(tmp_path):
    path, account = tmp_path / "new" / "usage.json", Account()
    settings = SimpleNamespace(rootdir=tmp_path, vault=tmp_path / "vault")
    account.used.add("cassettes/\udce4.json")
    account.outcomes["tests/test_ä.py::TestIt::test_x[::a]"] = "passed"
    account.selection.add("a worker crashed")

    write_usage(path, account, settings)

    read = read_usage(path)
    assert read == usage_of(settings)._replace(account=read.account, label=str(path))
    assert read.account["used"] == ["cassettes/\udce4.json"]
    assert read.account["outcomes"] == {
        "tests/test_ä.py::TestIt::test_x[::a]": "passed"
    }
    assert read.account["selection"] == ["a worker crashed"]
    remove_old(path)
    assert [*path.parent.iterdir()] == []


def test_calls_in_words_are_not_written(tmp_path):
    """`pytest-mimic unused` judges by names and ids alone."""
    path, account = tmp_path / "usage.json", Account()
    settings = SimpleNamespace(rootdir=tmp_path, vault=tmp_path / "vault")
    account.misses.append(Miss("shop:fetch(city='Bonn')", "test_a.py::test_x"))
    account.calls.append({"label": "shop:fetch(city='Bonn')"})
    account.notes.add("shop:fetch(city='Bonn') read a stream")

    write_usage(path, account, settings)

    assert "Bonn" not in path.read_text()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "{",
            "[]",
            "3",
            "[" * 100_000,
            '{"format": 1}',
            '{"mimic_usage": "2"}',
            '{"mimic_usage": 5}',
        ),
        '{"mimic_usage": 5, "vault": "", "commit": "", "account": []}',
        '{"mimic_usage": 5, "vault": "", "commit": "", "account": {"used": 3}}',
        '{"mimic_usage": 5, "vault": "", "commit": "", "account": {"outcomes": {"a.py::x": "gone"}}}',
        '{"mimic_usage": 6, "vault": "", "commit": "", "account": {}}',
    ],
)
def test_a_damaged_file_is_an_error_and_nobody_elses_is_removed(tmp_path, text):
    path = tmp_path / "usage.json"
    path.write_text(text)

    with pytest.raises(
        MimicError, match=r"usage\.json is damaged, or is not a file that --mimic-usage"
    ):
        read_usage(path)
    if text and not text.startswith('{"mimic_usage":'):
        with pytest.raises(MimicError, match="which is another kind of file"):
            remove_old(path)


def test_several_runs_are_one():
    one = usage(
        outcomes={"a": "passed", "b": "skipped"},
        tests=["a on linux", "b on linux"],
        ran=["a on linux", "b on linux"],
        wanted=["tests/a", "tests/b"],
        covered=["tests/a"],
        skipped_modules=["test_x.py", "test_y.py"],
    )
    two = usage(
        outcomes={"a": "failed", "b": "passed"},
        tests=["a on win32", "c on win32"],
        ran=["a on win32"],
        wanted=["tests/a", "tests/b"],
        covered=["tests/b"],
        collected=["test_x.py"],
    )

    whole = joined_account([one, two], HERE, is_vault_named=False)

    assert whole.outcomes == {"a": "failed", "b": "passed"}
    assert whole.tests - whole.ran == {"c on win32"}
    assert whole.wanted == whole.covered
    assert whole.skipped_modules - whole.collected == {"test_y.py"}


@pytest.mark.parametrize(
    ("facts", "is_vault_named", "text"),
    [
        ({"vault": "other"}, False, r"a\.json is of the vault other, and not of vault"),
        ({"vault": "other"}, True, None),
        (
            {"commit": "f" * 40},
            True,
            "not all are of one commit: .* of eeeeeeeeee, a.json of ffffffffff",
        ),
        ({"commit": ""}, False, None),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(facts, is_vault_named, text):
    file = usage()._replace(**facts)

    if text is None:
        joined_account([file], HERE, is_vault_named=is_vault_named)
    else:
        with pytest.raises(MimicError, match=text):
            joined_account([file], HERE, is_vault_named=is_vault_named)


def test_the_vaults_are_compared_where_one_was_named():
    with pytest.raises(MimicError, match="is of the vault other, and not of vault"):
        joined_account(
            [usage(), usage()._replace(vault="other")], HERE, is_vault_named=True
        )
