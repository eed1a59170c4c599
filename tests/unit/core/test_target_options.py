"""The lines that messages suggest can be pasted: they are read as they were meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mimic._core.target_options import Options, target_line
from pytest_mimic._core.targets.target import as_targets

# Keys of any kind may be parts of paths.
PATHS = st.one_of(
    st.text(st.sampled_from('ab"\\# \t\u3000$0é=-,'), min_size=1).map(
        lambda key: f"rows['{key}']"
    ),
    st.text(st.sampled_from("ab'\\# $0é=-,"), min_size=1).map(
        lambda key: f'rows["{key}"]'
    ),
    st.sampled_from(["at", "rows.*.id", "rows[0]"]),
)


@pytest.mark.parametrize(
    ("options", "name", "paths", "line"),
    [
        (None, "ignore", ["at"], "shop:f ignore=at"),
        (Options(), "ignore", ["rows", "self"], "shop:f ignore=rows,self"),
        (Options(ignore=("a", "b")), "ignore", ["b", "c"], "shop:f ignore=a,b,c"),
        (Options(sequence=True), "volatile", ["at"], "shop:f sequence volatile=at"),
        (
            Options(sequence=False, rtol=0.01),
            "ignore",
            ["at"],
            "shop:f sequence=no rtol=0.01 ignore=at",
        ),
        (
            Options(compare="shape", key=len),
            "volatile",
            ["a"],
            "shop:f compare=shape volatile=a",
        ),
        (Options(), "ignore", ["a b"], 'shop:f ignore="a b"'),
        (Options(), "ignore", ["a\\b"], "shop:f ignore='a\\b'"),
        (Options(), "ignore", ["it's"], 'shop:f ignore="it\'s"'),
        (Options(), "ignore", ['a["b"]'], "shop:f ignore='a[\"b\"]'"),
    ],
)
def test_the_line_has_the_options_of_the_target_and_the_new_paths(
    options, name, paths, line
):
    assert target_line("shop:f", options, name, paths) == line


def test_a_part_to_ignore_is_no_longer_matched():
    options = Options(match=("headers.accept", "body"))

    assert (
        target_line("http", options, "ignore", ["headers.accept"])
        == "http match=body ignore=headers.accept"
    )
    assert (
        target_line("http", options, "ignore", ["headers.accept", "body"])
        == "http ignore=headers.accept,body"
    )


@given(
    st.lists(PATHS),
    st.lists(PATHS, min_size=1),
    st.sampled_from([None, True, False]),
    st.sampled_from([0.0, 1e-9, 0.5]),
)
def test_the_line_is_read_with_the_same_options(before, more, sequence, rtol):
    given = {"ignore": before or None, "sequence": sequence, "rtol": rtol}
    [(_, _, options, *_)] = as_targets(["shop:f"], given)
    expected = (*options.ignore, *more)

    line = target_line("shop:f", options, "ignore", more)

    assert as_targets([line])[0].options == options._replace(
        ignore=tuple(dict.fromkeys(expected))
    )
