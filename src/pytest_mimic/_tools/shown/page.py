"""The HTML page of a run's calls: one file, which needs no network.

Nothing of the data is HTML.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from time import strftime

from pytest_mimic._core.words import seconds
from pytest_mimic._tools.shown.call_log import Row
from pytest_mimic.errors import printable

_ASSETS = Path(__file__).parent / "assets"
# Bound here, because a test may stop the clock.
_now = strftime
_SIGNS = {
    "missing": "✕",
    "drifted": "≠",
    "recorded": "●",
    "verified": "✓",
    "replayed": "↺",
}
_PROBLEMS = ("missing", "drifted")


def page(
    heading: str,
    rows: Iterable[Row],
    *,
    notes: Sequence[str] = (),
    tests: Mapping[str, str] | None = None,
) -> str:
    """Return the page of a run's calls, with the lines of its summary, and how each test ended."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["test"] or "outside of tests", []).append(row)
    ended = tests or {}
    ordered = sorted(
        groups,
        key=lambda test: (ended.get(test) != "failed", not _has_problem(groups[test])),
    )
    shown = [_group(test, groups[test], ended.get(test, "")) for test in ordered]
    kinds = {row["kind"]: None for calls in groups.values() for row in calls}
    buttons = "".join(
        f'<button type="button" value="{kind}">{_sign(kind)}</button>' for kind in kinds
    )
    style, script = (
        (_ASSETS / name).read_text("utf-8") for name in ("page.css", "page.js")
    )
    # The browser runs this script and no other, whatever the data holds.
    policy = f"default-src 'none'; style-src '{_checksum(style)}'; script-src '{_checksum(script)}'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}; base-uri 'none'; form-action 'none'">
<title>pytest-mimic report</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>pytest-mimic</h1><p>{_text(heading)}</p><p class="dim">{_now("%Y-%m-%d %H:%M")}</p>
<input id="search" type="search" placeholder="Search calls, arguments, outcomes, tests" aria-label="Search">
<div id="kinds">{buttons}</div>
<pre id="notes">{_text(chr(10).join(notes))}</pre>
</header>
<main>{"".join(shown) or '<p class="dim">No call was made.</p>'}</main>
<script>{script}</script>
</body>
</html>
"""


def _checksum(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _text(text: object) -> str:
    """Return a text for HTML, with control and surrogate characters as escapes."""
    plain = "\n".join(map(printable, str(text).split("\n")))
    return escape(plain.encode("utf-8", "backslashreplace").decode())


def _has_problem(calls: Iterable[Row]) -> bool:
    return any(row["kind"] in _PROBLEMS for row in calls)


def _sign(kind: str) -> str:
    return f'<span class="kind {kind}">{_SIGNS[kind]} {kind}</span>'


def _group(test: str, calls: Sequence[Row], outcome: str) -> str:
    """Return the calls of a test in their order. Those with a problem are open."""
    counts = Counter(row["kind"] for row in calls)
    spent = sum(row["seconds"] for row in calls)
    facts = [f"{count} {kind}" for kind, count in counts.items()] + (
        [seconds(spent)] if spent else []
    )
    is_open = " open" if outcome == "failed" or _has_problem(calls) else ""
    head = f'<b>{_text(test)}</b> <span class="{outcome}">{outcome}</span> <span class="dim">{", ".join(facts)}</span>'
    return f'<details class="test"{is_open}><summary>{head}</summary>{"".join(map(_call, calls))}</details>\n'


def _call(row: Row) -> str:
    time = seconds(row["seconds"]) if row["seconds"] else ""
    head = f'{_sign(row["kind"])} <code>{_text(row["label"])}</code> <span class="dim">{_text(row.get("brief") or "")} {time}</span>'
    names = "".join(
        f"<dt>{_text(name)}</dt><dd><pre>{_text(text)}</pre></dd>"
        for name, text in row.get("arguments", ())
    )
    parts = [f"<dl>{names}</dl>"] if names else []
    for name in ("problem", "remedies"):
        parts += (
            [f'<pre class="{name}">{_text(chr(10).join(row[name]))}</pre>']
            if row.get(name)
            else []
        )
    if row.get("diff"):
        sides = "".join(
            f'<tr><td class="old">{_text(old)}</td><td class="new">{_text(new)}</td></tr>'
            for _, old, new in row["diff"]
        )
        parts.append(f"<table><tr><th>recorded</th><th>now</th></tr>{sides}</table>")
    parts += (
        [f'<pre class="outcome">{_text(row["outcome"])}</pre>']
        if row.get("outcome")
        else []
    )
    where = ", ".join(row[name] for name in ("target", "name") if row.get(name))
    parts += [f'<p class="dim">{_text(where)}</p>'] if where else []
    is_open = " open" if row["kind"] in _PROBLEMS else ""
    return f'<details class="call"{is_open}><summary>{head}</summary>{"".join(parts)}</details>'
