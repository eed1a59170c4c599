"""Strings and paths below the base temporary folder: the same identity in every run, wherever they are in a value."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values.things import members

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.identity.call_identity import CallIdentity, fingerprint
from pytest_mimic._core.identity.digest_walk import MOST_LEVELS

# The name of a run's folder must not decide the order of keys or members.
NAMES = ("Aaa", "zzz")
FILES = {"a.csv": "one", "b.csv": "two", "sub/c.csv": "", "same.csv": "one"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs with the same files, each with its folders and a function that makes the path of a file."""
    found = []
    for number, name in enumerate(NAMES):
        base = tmp_path_factory.mktemp(name, numbered=False) / "é base"
        given_folder = base / ("test_read7" if number else "A" * 30)
        for file, text in FILES.items():
            path = given_folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        places = Places()
        places.set_root("tmp", str(base))
        found.append(
            (
                places,
                lambda rest, folder=given_folder: (
                    f"{folder}/{rest}" if rest else str(folder)
                ),
            )
        )
    return found


@dataclass(frozen=True)
class Mark:
    """The place of a path in a template; `wrap` makes the path from a string."""

    rest: str
    wrap: Any = str


class Text(str):
    __slots__ = ()


@dataclass
class Job:
    source: object
    more: object = field(default_factory=list)


def filled(template: Any, path_of: Any) -> Any:
    """Return a template with a run's own paths."""
    if isinstance(template, Mark):
        return template.wrap(path_of(template.rest))
    if isinstance(template, dict):
        return {
            filled(key, path_of): filled(value, path_of)
            for key, value in template.items()
        }
    if isinstance(template, (list, tuple, set, frozenset)):
        return type(template)(filled(item, path_of) for item in template)
    if isinstance(template, Job):
        return Job(filled(template.source, path_of), filled(template.more, path_of))
    if isinstance(template, SimpleNamespace):
        return SimpleNamespace(
            **{name: filled(value, path_of) for name, value in vars(template).items()}
        )
    return template


def keys_of(template: Any, run: Any) -> list[str]:
    """Return the identities of a template in one run: as a value, as arguments, and as one argument alone."""
    places, path_of = run
    value = filled(template, path_of)
    calls = CallIdentity("a:f", ("x", "*rest", "**extra"), places=places)
    by_key = CallIdentity(
        "a:f", ("x",), key=lambda arguments: arguments["x"], places=places
    )
    return [
        fingerprint(value, places=places),
        calls.key((value, (1, value), {"name": value})),
        by_key.key((value,)),
        str(calls.digest_of_content(0, value)),
    ]


def nested(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = [value]
    return value


A, B, C, SAME, GONE = (
    Mark(rest) for rest in ("a.csv", "b.csv", "sub/c.csv", "same.csv", "gone")
)

TEMPLATES = {
    "a string": A,
    "a subclass of str": Mark("a.csv", Text),
    "a path": Mark("a.csv", pathlib.Path),
    "a pure path": Mark("a.csv", pathlib.PurePath),
    "the folder": Mark(""),
    "a folder": Mark("sub"),
    "nothing": GONE,
    "a list": [A, "b", "z"],
    "a long list": [A, B, *map(str, range(100))],
    "scalars": [A, 1, None, 2.5, float("nan")],
    "many scalars": [A, *range(100)],
    "several types": [A, [B], {"x": C}, 1],
    "a tuple": (A, B),
    "a set": {A, B, "Bbb", "\xff", "x"},
    "a large set": {A, "Bbb", *map(str, range(5000))},
    "a mixed set": {A, 1, None, "Bbb"},
    "a set of tuples": frozenset({(A, 1), (B, 2), ("Bbb", 3)}),
    "a set of paths": {Mark("a.csv", pathlib.Path), Mark("b.csv", pathlib.Path)},
    "values": {"x": A, "y": 1},
    "many values": {f"k{n}": (A if n % 2 else B) for n in range(100)},
    "keys": {A: 1, "Bbb": 2, "\xff": 3},
    "many keys": {A: 0, **{f"k{n}": n for n in range(100)}},
    "keys of several types": {A: 0, 1: B, ("x", C): 2, None: 3},
    "tuples as keys": {(A, 1): 0, (B, 2): 1, ("Bbb", 3): 2},
    "dicts of one shape": [{"x": A, "y": n} for n in range(20)],
    "dicts of one shape with a path as key": [{A: n, "Bbb": 1} for n in range(20)],
    "dicts of few shapes": [{"x": A} if n % 2 else {B: n, "Bbb": n} for n in range(40)],
    "dicts of many shapes": [{A: n, f"k{n}": n} for n in range(20)],
    "attributes": Job(A, {"more": [B]}),
    "a namespace": SimpleNamespace(path=A),
    "members with texts": Mark("a.csv", lambda path: members(path, "x")),
    "members with scalars": Mark("a.csv", lambda path: members(path, 1)),
    "many objects": [Job(A), Job(B)] * 10,
    "deep": nested([A, {B: C}, {A, "Bbb"}], MOST_LEVELS + 10),
    "deep, with dicts": nested(
        {"x": {A: {C, "Bbb"}}, "y": [Job(A)], A: 1}, MOST_LEVELS + 10
    ),
}


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES.keys())
def test_paths_in_a_value_have_the_same_identity_in_every_run(runs, template):
    here, there = (keys_of(template, run) for run in runs)

    assert here == there


def test_a_path_within_a_cycle(runs):
    found = []
    for places, path_of in runs:
        value: list[Any] = [path_of("a.csv"), {"x": path_of("b.csv")}]
        value.append(value)
        found.append(fingerprint(value, places=places))

    assert found[0] == found[1]


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES.keys())
def test_the_content_counts_in_every_position(runs, template):
    _, path_of = runs[0]
    before = keys_of(template, runs[0])
    names = ["gone", *FILES]
    texts = {name: pathlib.Path(path_of(name)).read_text() for name in FILES}
    for name in names:
        pathlib.Path(path_of(name)).write_text("other")

    after = keys_of(template, runs[0])

    pathlib.Path(path_of("gone")).unlink()
    for name, text in texts.items():
        pathlib.Path(path_of(name)).write_text(text)
    assert not set(before) & set(after)
    assert keys_of(template, runs[0]) == before


def test_different_paths_differ(runs):
    places, path_of = runs[0]
    kinds = [str, Text, pathlib.Path, pathlib.PurePath]
    rests = ["a.csv", "b.csv", "same.csv", "gone", "sub", "", "a.csv/"]

    values: list[Any] = [kind(path_of(rest)) for kind in kinds[:2] for rest in rests]
    values += [kind(path_of(rest)) for kind in kinds[2:] for rest in rests[:-1]]
    values += [
        "a.csv",
        ("a.csv", "file"),
        [path_of("a.csv")],
        pathlib.Path("a.csv"),
        "one",
    ]

    assert len({fingerprint(value, places=places) for value in values}) == len(values)


@given(
    st.recursive(
        st.none()
        | st.integers()
        | st.text()
        | st.sampled_from([Mark("a.csv"), Mark("gone"), Mark("b.csv")]),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.text() | st.sampled_from([Mark("a.csv"), Mark("sub/c.csv")]), inner
            )
            | st.frozensets(
                st.text()
                | st.integers()
                | st.sampled_from([Mark("b.csv"), Mark("gone")])
            )
        ),
    )
)
def test_any_value_with_paths_has_the_same_identity_in_every_run(runs, template):
    assert keys_of(template, runs[0]) == keys_of(template, runs[1])


@given(
    st.recursive(
        st.none()
        | st.integers()
        | st.text()
        | st.sampled_from(["<base>", "x <base>/y", "<base>s"]),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text() | st.just("<base>"), inner)
        ),
    ),
    st.booleans(),
)
def test_values_without_paths_count_as_in_a_run_without_a_temporary_folder(
    template, deep
):
    """Also strings in which the folder's name appears."""
    places = Places()
    places.set_root("tmp", "/base")

    def with_base(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("<base>", "//base" if value == "<base>" else "/base")
        if isinstance(value, list):
            return [with_base(item) for item in value]
        if isinstance(value, dict):
            return {with_base(key): with_base(item) for key, item in value.items()}
        return value

    value = nested(with_base(template), (MOST_LEVELS + 10) * deep)

    assert fingerprint(value, places=places) == fingerprint(value)
