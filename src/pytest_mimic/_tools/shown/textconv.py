"""A file of a vault as text, for `git diff`: without what changes at each recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic._tools.catalog import CatalogFile
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._tools.catalog import CatalogCall

# What is not part of an outcome, or says how it is stored.
_LEFT_OUT = ("duration",)


def text_of_file(path: Path, redactor: Redactor) -> str:
    """Return a recording, cassette or object as text.

    git gives a copy of the file, outside of any vault. So outcomes in objects are named, and not shown.

    Raises:
        MimicError: The file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as reason:
        raise MimicError(f"cannot read {path}: {reason.strerror or reason}") from None
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError):
        if data.isascii():  # merge markers, or a pointer of Git LFS
            return data.decode()
        return f"{len(data):,} bytes\n"
    if not isinstance(facts, dict) or not ({"outcomes", "calls"} & facts.keys()):
        return layout(_clean(facts, redactor)) + "\n"
    name = f"{CASSETTES}x.json" if "calls" in facts else "calls/x/x.json"
    try:
        file = CatalogFile.of(name, facts, len(data))
    except (LookupError, TypeError, ValueError, AttributeError):
        return layout(_clean(facts, redactor)) + "\n"
    head = [f"recorded by {file.test}"] if file.test else []
    return "\n".join([*head, *(line for call in file.calls for line in _lines(call, redactor))]) + "\n"


def _lines(call: CatalogCall, redactor: Redactor) -> list[str]:
    lines = [call.label()]
    for number, entry in enumerate(call.outcomes, 1):
        if len(call.outcomes) > 1:
            lines.append(f"outcome {number}")
        kept = {name: part for name, part in entry.items() if name not in _LEFT_OUT}
        shown: Any = _clean(kept, redactor)
        lines += [f"  {line}" for line in layout(shown).split("\n")]
    return lines


def _clean(node: Any, redactor: Redactor, name: str = "") -> Any:
    """Return JSON without secrets."""
    if name and redactor.hides(name, node):
        return PLACEHOLDER
    if isinstance(node, dict):
        return {key: _clean(part, redactor, key) for key, part in node.items()}
    if isinstance(node, list):
        return [_clean(part, redactor) for part in node]
    return redactor.texts.scrub_text(node) if isinstance(node, str) else node
