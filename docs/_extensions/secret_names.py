"""The directive `secret-names`: tables of the names in `pytest_mimic.secrets.names`, so that no page repeats them."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

from pytest_mimic.secrets import names

_SECTIONS = {
    "Anywhere in a name": names._ANYWHERE,
    "At the end of a name": names._AT_THE_END,
    "As a whole name": names._AS_A_WHOLE,
    "At the end of a word": names._GLUED,
    "If the value is a text": names._SESSIONS,
    "If the value looks like a random token": names._IF_A_TOKEN,
    "If the value looks like a key of a known issuer": names._IF_A_KEY,
    "Not if the name ends in": names._ABOUT,
    "Not if the name begins with": names._QUESTIONS,
    "Not before `token`": names._OF_TOKENS,
}


class SecretNames(Directive):
    """Lists the names by the rule that they belong to."""

    def run(self) -> list[nodes.Node]:
        """Return a paragraph for each rule."""
        return [
            nodes.definition_list(
                "",
                *(_item(title, table) for title, table in _SECTIONS.items()),
                _item(
                    "Beside another name",
                    "|".join(
                        f"{inner.strip()} (beside {outer})"
                        for outer, inners in names._BESIDE.items()
                        for inner in inners.split("|")
                    ),
                ),
            )
        ]


def _item(title: str, table: str) -> nodes.definition_list_item:
    words = sorted(filter(None, (one.strip() for one in re.split(r"[|\n]", table))))
    return nodes.definition_list_item(
        "",
        nodes.term(title, title),
        nodes.definition("", nodes.paragraph("", ", ".join(words))),
    )


def setup(app: Any) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("secret-names", SecretNames)
    return {"parallel_read_safe": True}
