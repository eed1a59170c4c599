"""Short ways through plain values give what the general way gives."""

from __future__ import annotations

from collections import OrderedDict

from hypothesis import example, given
from hypothesis import strategies as st

from pytest_mimic._core.files.places import TEMPORARY, Places
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.describing import tree_of
from pytest_mimic._core.tree.secrets_in_objects import secrets_in

REDACTOR = Redactor()
#: With a known secret, each text and name is searched for it.
ELSEWHERE = frozenset({"known-and-nowhere"})
#: With a base temporary folder, each text is compared with it.
FOLDERS = Places()
FOLDERS.set_root(TEMPORARY, "/known/and/nowhere")

GOOGLE_KEY = "AIza" + "x" * 35

texts = st.one_of(
    st.text(max_size=60),
    st.text("ab-=:/ ", max_size=40),
    st.sampled_from(
        [
            "--token abc",
            "a-b",
            "x -p y",
            "token=abc",
            "password: hunter2",
            GOOGLE_KEY,
            "key1",
            "tokén",
        ]
    ),
)
names = st.one_of(
    texts, st.sampled_from(["token", "session", "name", "$", "a b", "", GOOGLE_KEY])
)
values = st.recursive(
    st.one_of(
        texts,
        st.integers(),
        st.integers(-(2**70), 2**450),
        st.floats(),
        st.booleans(),
        st.none(),
        st.binary(max_size=9),
    ),
    lambda inner: st.one_of(
        st.dictionaries(names, inner, max_size=50),
        st.lists(inner, max_size=50),
        st.tuples(names, inner),
        st.sets(st.integers() | texts, max_size=5),
    ),
    max_leaves=60,
)


@given(values)
@example({GOOGLE_KEY: 1})
@example({"f\u200bg": 1, "a b": 2, "$": 3, "x" * 101: 4})
@example(["\ud800", "--password", "short", "a=1", "token=x", "\n"])
def test_short_way_of_a_description_gives_what_the_general_one_gives(value):
    assert tree_of(value, REDACTOR) == tree_of(
        value, REDACTOR, places=FOLDERS, secrets=ELSEWHERE
    )


def general(value):
    """Return a value whose dicts are of a derived class, which the general way opens."""
    if isinstance(value, dict):
        return OrderedDict((key, general(part)) for key, part in value.items())
    return (
        type(value)(map(general, value)) if isinstance(value, (list, tuple)) else value
    )


@given(values)
def test_short_way_of_finding_secrets_gives_what_the_general_one_gives(value):
    assert secrets_in(value, REDACTOR) == secrets_in(general(value), REDACTOR)
