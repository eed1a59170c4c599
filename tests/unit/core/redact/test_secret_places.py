"""Values in plain data stand at places, under the names that may hide them."""

from __future__ import annotations

from pytest_mimic._core.placeholders import PLACEHOLDER
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_places import holds_unhidden_text


def test_commands_and_rows_that_clients_store_have_names() -> None:
    plain = {
        "commands": [["HSET", "user:1", "password", "abc", "name", "Ann"]],
        "columns": [["id", "INT"], ["api_key", "TEXT"]],
        "rows": [[1, "abc"], [2, None]],
    }

    scrubbed = Redactor().scrub(plain, stored=True)

    assert holds_unhidden_text(plain, Redactor())
    assert holds_unhidden_text({"commands": plain["commands"]}, Redactor())
    assert not holds_unhidden_text(scrubbed, Redactor())
    assert scrubbed["commands"] == [
        ["HSET", "user:1", "password", PLACEHOLDER, "name", "Ann"]
    ]
    assert scrubbed["rows"] == [[1, PLACEHOLDER], [2, None]]
