"""Hides secrets in what people read: descriptions of arguments and of pickles.

| described | with the secret name `motto` |
|---|---|
| `{"motto": "abc", "n": 1}` | `{"motto": "<redacted>", "n": 1}` |
| `{"$list": [{"motto": "abc"}], "length": 90, "digest": …}` | the same without digest |
| `{"$text": "<DataFrame …>", "columns": {"['motto']": …}}` | the same without column |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mimic._core.nodes.json_tags import tag_in
from pytest_mimic._core.tree.secrets_in_objects import secrets_in
from pytest_mimic._core.tree.stored import without_secrets

if TYPE_CHECKING:
    # The command `check` loads this module, and no part of the engine.
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._tools.rekey.calls_to_rekey import Entry


def with_hidden_preview(outcome_entry: Entry, redactor: Redactor) -> Entry:
    """Return an outcome without secrets in what people read of a pickle.

    It is the same object if there are none.
    """
    if "preview" not in outcome_entry:
        return outcome_entry
    described = outcome_entry.get("described")
    secrets = secrets_in(described, redactor)
    lines = [redactor.scrub_text(line, secrets) for line in outcome_entry["preview"]]
    hidden_entry: Entry = {**outcome_entry, "preview": lines}
    if "described" in outcome_entry:
        hidden_entry["described"] = hidden_description(described, redactor)
    if hidden_entry == outcome_entry:
        return outcome_entry
    return hidden_entry


def hidden_description(described: Any, redactor: Redactor) -> Any:
    """Return a description without secrets, and without digests that tell them."""
    description_without_secrets = without_secrets({"": described}, redactor)[""]
    return _without_digests(
        _without_columns(description_without_secrets, redactor), described
    )


def _without_columns(described: Any, redactor: Redactor) -> Any:
    """Return a description of which no table has a column with a secret name."""
    if type(described) is list:
        return [_without_columns(part, redactor) for part in described]
    if type(described) is not dict:
        return described
    described_parts: dict[str, Any] = {}
    for name, part in described.items():
        is_table = name == "columns" and tag_in(described) == "text"
        if is_table and type(part) is dict:
            part = _without_secret_columns(part, redactor)
        described_parts[name] = _without_columns(part, redactor)
    return described_parts


def _without_secret_columns(
    columns: dict[str, Any], redactor: Redactor
) -> dict[str, Any]:
    public_columns: dict[str, Any] = {}
    for step, column in columns.items():
        label = step.removeprefix("['").removesuffix("']")
        is_secret = label != step and redactor.secret(label)
        if not is_secret:
            public_columns[step] = column
    return public_columns


def _without_digests(described_now: Any, described_before: Any) -> Any:
    """Return a description in which no node has the digest of a part that is hidden."""
    if described_now == described_before:
        return described_now
    if type(described_now) is list and type(described_before) is list:
        pairs = zip(described_now, described_before, strict=True)
        return [_without_digests(part, part_before) for part, part_before in pairs]
    if type(described_now) is not dict or type(described_before) is not dict:
        return described_now
    is_node = tag_in(described_now) != ""
    parts_without_digests: dict[str, Any] = {}
    for name, part in described_now.items():
        if not is_node or name != "digest":
            parts_without_digests[name] = _without_digests(
                part, described_before.get(name)
            )
    return parts_without_digests
