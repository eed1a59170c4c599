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
from pytest_mimic._core.tree.secrets import secrets_in
from pytest_mimic._core.tree.stored import without_secrets

if TYPE_CHECKING:
    # The command `check` loads this module, and no part of the engine.
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._tools.rekey.calls_to_rekey import Entry


def with_hidden_preview(entry: Entry, redactor: Redactor) -> Entry:
    """Return an outcome without secrets in what people read of a pickle.

    It is the same object if there are none.
    """
    if "preview" not in entry:
        return entry
    described = entry.get("described")
    secrets = secrets_in(described, redactor)
    lines = [redactor.scrub_text(line, secrets) for line in entry["preview"]]
    hidden: Entry = {**entry, "preview": lines}
    if "described" in entry:
        hidden["described"] = hidden_description(described, redactor)
    if hidden == entry:
        return entry
    return hidden


def hidden_description(described: Any, redactor: Redactor) -> Any:
    """Return a description without secrets, and without digests that tell them."""
    bare = without_secrets({"": described}, redactor)[""]
    return _without_digests(_without_columns(bare, redactor), described)


def _without_columns(described: Any, redactor: Redactor) -> Any:
    """Return a description of which no table has a column with a secret name."""
    if type(described) is list:
        return [_without_columns(part, redactor) for part in described]
    if type(described) is not dict:
        return described
    kept: dict[str, Any] = {}
    for name, part in described.items():
        is_table = name == "columns" and tag_in(described) == "text"
        if is_table and type(part) is dict:
            part = _without_secret_columns(part, redactor)
        kept[name] = _without_columns(part, redactor)
    return kept


def _without_secret_columns(
    columns: dict[str, Any], redactor: Redactor
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for step, column in columns.items():
        label = step.removeprefix("['").removesuffix("']")
        is_secret = label != step and redactor.secret(label)
        if not is_secret:
            kept[step] = column
    return kept


def _without_digests(now: Any, before: Any) -> Any:
    """Return a description in which no node has the digest of a part that is hidden."""
    if now == before:
        return now
    if type(now) is list and type(before) is list:
        pairs = zip(now, before, strict=True)
        return [_without_digests(part, old) for part, old in pairs]
    if type(now) is not dict or type(before) is not dict:
        return now
    is_node = tag_in(now) != ""
    kept: dict[str, Any] = {}
    for name, part in now.items():
        if not is_node or name != "digest":
            kept[name] = _without_digests(part, before.get(name))
    return kept
