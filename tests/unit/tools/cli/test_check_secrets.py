"""Texts in a vault that look like secrets."""

from __future__ import annotations

import re

import pytest

from pytest_mimic._core.outcome.pickle_file import object_name
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._tools.cli.check_secrets import SecretFinder
from unit.tools.cli.edited_vaults import edit, recording, the_object
from unit.tools.rekey.vaults import calls_in, vault_of


@pytest.mark.parametrize(
    "place", ["outcome", "argument", "object", "bytes", "cassette"]
)
def test_what_looks_like_a_secret_is_named_until_it_is_accepted(
    shop, call, place, monkeypatch
):
    key = "ghp_" + "aB3dE6gH9jK2" * 3
    if place == "bytes":  # they are in no text
        key = bytes(range(48, 80)).decode()
        monkeypatch.setenv("SHOP_TOKEN", key)
    elif place == "outcome":
        edit(recording(shop, "rates"), value={"USD": f"{key} {key}"})
    else:
        [cassette] = (shop / ".mimic_vault/cassettes").rglob("*.json")
        file, old = {
            "argument": (recording(shop, "rates"), "EUR"),
            "object": (the_object(shop, "long", "json"), "x" * 50),
            "cassette": (cassette, "Cid"),
        }[place]
        text = file.read_text().replace(old, key, 1)
        if place == "object":  # its name is that of its content
            name = object_name([text.encode()], "json")
            edit(recording(shop, "long"), json=name)
            (shop / ".mimic_vault" / name).parent.mkdir()
            file = file.rename(shop / ".mimic_vault" / name)
        file.write_text(text)

    result = call("check")

    assert result.code == 1
    assert key not in result.out
    says = (
        "the value of the environment variable SHOP_TOKEN"
        if place == "bytes"
        else "a key (ghp_aB3d…)"
    )
    found = result.out.replace("what looks like ", "")
    assert re.search(
        rf"{re.escape(says)}\n(  named by .*\n)?  recorded by tests/test_shop.py::",
        found,
    )
    assert ".mimic_vault: secrets in 1 recording; " in result.lines[-3]
    [test] = re.findall(r"  recorded by (.*)", result.out)
    assert result.lines[-2:] == [
        f"  to hide one outside of a function's outcome: its name in mimic_redact, then pytest --mimic-rerecord {test}",
        "  to keep one out of a function's outcome: name a function further out, or return something else",
    ]
    if place == "argument":
        the_object(shop, "long", "json").write_text("{}")
        assert any(
            line.startswith(".mimic_vault: 1 problem and secrets in 1 recording; ")
            for line in call("check").lines
        )
        return
    [line] = re.findall(
        r"  if it is none: (mimic_redact = !sha256:[0-9a-f]{8})\n", result.out
    )
    (shop / "pytest.ini").write_text(f"{(shop / 'pytest.ini').read_text()}{line}\n")
    assert call("check").code == 0


def test_a_preview_that_redaction_hides_today_is_found():
    [old] = calls_in(vault_of({"arguments": {"base": "EUR"}}))
    entry = {
        "duration": 0.1,
        "kind": "value",
        "pickle": "objects/00/00.pkl",
        "preview": ["[Order(motto='hunter2', n=1)]"],
    }
    call = old.call._replace(outcomes=[old.call.stored.with_entry(entry)])

    assert SecretFinder(Redactor(("motto",))).finds_secret([call])
    assert not SecretFinder(Redactor(("colour",))).finds_secret([call])
