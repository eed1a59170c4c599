"""Short ways through plain values give what the general way gives."""

from __future__ import annotations

from collections import OrderedDict

from hypothesis import example, given
from hypothesis import strategies as st

from pytest_mimic._core.describe.described_secrets import secrets_in
from pytest_mimic._core.describe.value_description import describe, describe_arguments
from pytest_mimic._core.files.places import TEMPORARY, Places
from pytest_mimic._core.redact.redactor import Redactor

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
        ["--token abc", "a-b", "x -p y", "token=abc", "password: hunter2", GOOGLE_KEY, "key1", "tokén"]
    ),
)
names = st.one_of(texts, st.sampled_from(["token", "session", "name", "$", "a b", "", GOOGLE_KEY]))
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
    assert describe(value, REDACTOR) == describe(value, REDACTOR, places=FOLDERS, secrets=ELSEWHERE)


class JudgingEachName(Redactor):
    """A redactor that knows no names whose values are never hidden."""

    def are_usual(self, names):
        return False


@given(
    st.dictionaries(st.sampled_from(["key", "name", "total", "session", "token", "a-b", GOOGLE_KEY]), values)
)
@example({"key": GOOGLE_KEY, "name": "x"})
@example({"session": {"key": "text"}, "total": ["--token", "long-secret"]})
@example({"name": {"total": {"token": "long-secret"}}, "key": "long-secret"})
@example({"a-b": 1, "key": 2})
@example({f"key{number}": {"token": f"secret-{number}"} for number in range(60)})
def test_usual_names_hide_what_names_hide_that_are_judged_one_by_one(value):
    redactor, each = Redactor(), JudgingEachName()
    for _ in range(2):  # the second time, its names are known
        assert secrets_in(value, redactor) == secrets_in(value, each)
        assert describe(value, redactor) == describe(value, each)
        assert describe_arguments(value, redactor) == describe_arguments(value, each)


def test_name_that_is_equal_to_a_usual_one_may_have_a_class_of_its_own():
    class Name(str):
        __slots__ = ()

    redactor = Redactor()
    assert redactor.are_usual({"name": 1})

    assert not redactor.are_usual({Name("name"): 1})


def test_parts_under_usual_names_count_where_few_parts_are_searched():
    """So that a huge value takes no longer."""
    value = [{f"key{number}": 1 for number in range(40)} for _ in range(10)] + [{"token": "long-secret"}]

    assert secrets_in(value, REDACTOR) == {"long-secret"}
    assert secrets_in(value, REDACTOR, most=100) == frozenset()


@given(texts)
def test_short_way_of_hiding_secrets_gives_what_the_general_one_gives(text):
    assert REDACTOR.texts.scrub_text(text) == REDACTOR.texts.scrub_text(text, ELSEWHERE)


def general(value):
    """Return a value whose dicts are of a derived class, which the general way opens."""
    if isinstance(value, dict):
        return OrderedDict((key, general(part)) for key, part in value.items())
    return type(value)(map(general, value)) if isinstance(value, (list, tuple)) else value


@given(values)
def test_short_way_of_finding_secrets_gives_what_the_general_one_gives(value):
    assert secrets_in(value, REDACTOR) == secrets_in(general(value), REDACTOR)
    assert secrets_in(value, REDACTOR, secret=True) == secrets_in(general(value), REDACTOR, secret=True)
