"""The facts of a recorded call, with another identity."""

from __future__ import annotations

from pytest_mimic._core.vault.format import recording_name
from pytest_mimic._tools.rekey.calls_to_rekey import (
    calls_of_other_files,
    content_of,
    with_new_identity,
)
from unit.tools.rekey.vaults import calls_in, vault_of


def test_a_recording_is_named_by_its_new_identity_and_its_owner() -> None:
    [old] = calls_in(vault_of({"arguments": {"base": "EUR"}, "owner": "a.py::x"}))

    new = with_new_identity(old, "0" * 32, owner="a.py::x", options={})

    assert new.name == recording_name("shop:fetch", "0" * 32, "a.py::x")
    assert new.facts == {**old.facts, "identity": "0" * 32}


def test_a_recording_for_all_tests_has_no_identity_beside_its_name() -> None:
    [old] = calls_in(vault_of({"arguments": {"base": "EUR"}, "owner": "a.py::x"}))

    new = with_new_identity(old, "0" * 32, owner=None, options={"ignore": ["base"]})

    assert new.name == f"calls/shop/fetch/{'0' * 32}.json"
    assert "identity" not in new.facts
    assert new.facts["options"] == {"ignore": ["base"]}
    assert new.facts["owner"] is None


def test_the_file_of_a_call_that_keeps_its_identity_is_the_same() -> None:
    vault = vault_of({"arguments": {"base": "EUR"}, "options": {"ignore": ["run"]}})
    [old] = calls_in(vault)

    new = with_new_identity(old, old.identity, owner=None, options={"ignore": ["run"]})

    assert (new.name, content_of(new.facts)) == (old.file, vault.store.read(old.file))


def test_an_imported_recording_says_so_by_its_name() -> None:
    [old] = calls_in(vault_of({"arguments": {"base": "EUR"}}))

    assert not old.is_imported
    name = old.file.replace(".json", "-method-uri.json")
    assert old._replace(file=name).is_imported


def test_damaged_files_have_no_calls() -> None:
    vault = vault_of({"arguments": {"base": "EUR"}}, {"arguments": {"base": "USD"}})
    calls = calls_in(vault)
    vault.store.write(calls[1].file, b"{")

    assert [call.file for call in calls_of_other_files(vault, [])] == [calls[0].file]
    assert calls_of_other_files(vault, calls[:1]) == []
