"""The HTML page of a run's calls: one file, which needs no network."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from time import strftime
from typing import Any

from pytest_mimic._tools.shown.call_log import Row

# In which a script element of HTML could end, or a comment begin.
_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&"})
_ASSETS = Path(__file__).parent / "assets"
# Bound here, because a test may stop the clock.
_now = strftime


def page(
    heading: str,
    rows: Iterable[Row],
    *,
    notes: Sequence[str] = (),
    tests: Mapping[str, str] | None = None,
    places: Mapping[str, Sequence[str]] | None = None,
    tokens: int = 0,
    unused: Iterable[tuple[str, str, bool]] = (),
) -> str:
    """Return the page of a run's calls, with the lines of its summary, and how each test ended.

    `places` are the line of each test, `tests/test_shop.py:12`, and a link to its file. `tokens` were saved by replaying.
    Each recording proven `unused` has its label, the test that made it, and whether that test is gone.

    Nothing of the data is HTML: the page holds it as one block of JSON, of which its script makes text nodes.
    """
    left = [
        {
            "kind": "unused",
            "client": "function",
            "label": label,
            "test": test,
            "at": 0.0,
            "seconds": 0.0,
            "target": "unused",
            "note": "its test is gone" if is_gone else "",
        }
        for label, test, is_gone in unused
    ]
    facts = {"heading": heading, "made": _now("%Y-%m-%d %H:%M")}
    more = {"notes": [*notes], "tests": {**(tests or {})}, "places": {**(places or {})}, "tokens": tokens}
    data = {**facts, **more, **_data([*rows, *left])}
    style, script, frame = (
        (_ASSETS / name).read_text("utf-8") for name in ("page.css", "page.js", "page.html")
    )
    before, after = frame.split("@data@")
    for name, text in (("@style@", style), ("@script@", script)):
        before, after = before.replace(name, text), after.replace(name, text)
    # The browser runs this script and no other, whatever the data holds.
    policy = f"style-src '{_checksum(style)}'; script-src '{_checksum(script)}'"
    before = before.replace("@policy@", f"default-src 'none'; {policy}; base-uri 'none'; form-action 'none'")
    return f"{before}{json.dumps(data).translate(_ESCAPES)}{after}"


def _checksum(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _data(rows: Iterable[Row]) -> dict[str, Any]:
    texts: dict[str, int] = {}

    def number(text: str) -> int:
        """Return the number of a text. Equal texts are in the page once."""
        return texts.setdefault(text, len(texts))

    calls = []
    for row in rows:
        call = [
            row["kind"],
            number(row["test"]),
            number(row["label"]),
            number(row["target"] if "target" in row else row["client"]),
            round(row["at"], 6),
            row["seconds"],
            number(row.get("brief") or ""),
            number(row.get("outcome") or ""),
            [(name, number(text)) for name, text in row.get("arguments", ())],
        ]
        more = {
            name: row[name]
            for name in ("name", "recorded", "problem", "remedies", "raised", "note")
            if row.get(name)
        }
        more |= {"client": row["client"]} if row["client"] != "function" else {}
        if row.get("diff"):
            more["diff"] = [(mark, number(old), number(new)) for mark, old, new in row["diff"]]
        calls.append([*call, more])
    return {"calls": calls, "texts": list(texts)}
