"""Hides secrets in what people read: descriptions of arguments and of pickles.

They are of calls of functions. Such a call is identified by its real arguments, and its
pickle is replayed, so that a change of a description alone does no harm.

| described | with the secret name `motto` |
|---|---|
| `{"motto": "abc", "n": 1}` | `{"motto": "<redacted>", "n": 1}` |
| `{"$list": [{"motto": "abc"}], "length": 90, "digest": …}` | the same without digest |
| `{"$text": "<DataFrame …>", "columns": {"['motto']": …}}` | the same without column |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mimic._core.nodes.json_tags import tag_in
from pytest_mimic._core.tree.outcome_trees import without_secrets
from pytest_mimic._core.tree.secrets_in_objects import secrets_in

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
    redacted = _without_columns(description_without_secrets, redactor)
    return _without_digests_of_redacted(redacted, described)


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
    """Return the described columns of a table, by their steps, but for secret ones."""
    public_columns: dict[str, Any] = {}
    for step, column in columns.items():
        # Only a column that a text names has quotes in its step: `['motto']`, `[0]`.
        label = step.removeprefix("['").removesuffix("']")
        is_secret = label != step and redactor.secret(label)
        if not is_secret:
            public_columns[step] = column
    return public_columns


def _without_digests_of_redacted(redacted: Any, recorded: Any) -> Any:
    """Return a redacted description without digests of what was hidden in it.

    The digest of a node is that of the value before, by which a guess of the secret
    could be tried.

    Args:
        redacted: The description, in which the secrets are hidden.
        recorded: The description as it was recorded.
    """
    if redacted == recorded:
        # Nothing was hidden in this part.
        return redacted
    if type(redacted) is list and type(recorded) is list:
        # To hide a secret changes no list's length.
        return [
            _without_digests_of_redacted(redacted_part, recorded_part)
            for redacted_part, recorded_part in zip(redacted, recorded, strict=True)
        ]
    if type(redacted) is not dict or type(recorded) is not dict:
        return redacted
    is_node = tag_in(redacted) != ""
    parts_without_digests: dict[str, Any] = {}
    for name, part in redacted.items():
        if not is_node or name != "digest":
            parts_without_digests[name] = _without_digests_of_redacted(
                part, recorded.get(name)
            )
    return parts_without_digests
