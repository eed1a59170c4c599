"""Reads the test, the owner and the size of many recordings, mostly without parsing.

`pytest-mimic unused` asks this of every recording of a vault that no test has used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._core.vault.format import CASSETTES_PREFIX, FORMAT, parse_recording
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault.store import Store

# The layout of a recording as this plugin writes it, see `writing`. The facts from the
# test to the outcomes follow one another, and nothing follows the outcomes. So no other
# test stands behind the one that is found, which JSON would prefer. A text with an
# escape or a letter beyond ASCII does not match, and its file is parsed.
_START_OF_RECORDING = b'{\n "format": %d,\n "target": "' % FORMAT
_TEST_TO_OUTCOMES = (
    rb'\n "test": "([^"\\\x80-\xff]*)",\n "recorded": "[^"\\]*",\n'
    rb' "owner": (?:null|"([^"\\\x80-\xff]*)"),\n'
    rb'(?: "identity": "[^"\\]*",\n)? "outcomes": \['
)
_END_OF_RECORDING = b"\n ]\n}\n"
_START_OF_CONFLICT = b"\n<<<<<<<"
# An outcome of a call without an answer: its numbers, and the end behind them.
_UNANSWERED = (
    rb'\{\s*"duration": [\d.e-]+,(?:\s*"[a-z]+": [\d.e-]+,)*'
    rb'\s*"end": "(?:waiting|open)"'
)


class Heading(NamedTuple):
    """What a judge of unused recordings knows of a recording or cassette.

    Attributes:
        name: The name of its file.
        test: The test that made it, or empty.
        owner: The test, or the scope of a fixture, that it belongs to; None if tests
            share it, and for a cassette.
        size: The bytes of its file.
        is_unanswered: Whether it has a call that got no answer, or no next item, before
            it was cancelled or its test ended.
    """

    name: str
    test: str
    owner: str | None
    size: int
    is_unanswered: bool = False


def read_headings(store: Store, names: Iterable[str], label: str) -> Iterator[Heading]:
    """Yield the headings of the files that can be read.

    A file in the layout of this plugin is not parsed: what else it holds does not say
    which test made it. A merge conflict, and a file that was cut off, are no such
    layout.

    Args:
        store: The files.
        names: The names of recordings and cassettes, as the store has listed them.
        label: The vault, for messages.
    """
    # A run without unused recordings does not wait until this is compiled.
    search_test_and_owner = re.compile(_TEST_TO_OUTCOMES).search
    for name, content in store.contents(names):
        test_and_owner = search_test_and_owner(content)
        if (
            test_and_owner is not None
            and content.startswith(_START_OF_RECORDING)
            and content.endswith(_END_OF_RECORDING)
            and _START_OF_CONFLICT not in content
        ):
            test, owner = test_and_owner.groups()
            if owner is not None:
                owner = owner.decode()
            is_unanswered = re.search(_UNANSWERED, content) is not None
            yield Heading(name, test.decode(), owner, len(content), is_unanswered)
        else:
            # The layout is another one, as of a cassette or of an edited file.
            heading = _parsed_heading(name, content, label)
            if heading is not None:
                yield heading


def _parsed_heading(name: str, content: bytes, label: str) -> Heading | None:
    """Return the heading of a file in any layout.

    None: the file is damaged, or of another format. Nobody can tell then whether it is
    unused, and it is not deleted.
    """
    try:
        facts = parse_recording(content, label, name, skim=True)
    except MimicError:
        return None
    test = facts.get("test")
    if not isinstance(test, str):
        test = ""
    owner = facts.get("owner")
    if name.startswith(CASSETTES_PREFIX) or not isinstance(owner, str):
        owner = None
    return Heading(name, test, owner, len(content))
