"""Tests of an API client. A replay needs no server and opens no connection."""

import pytest
from characters import NotFoundError, fetch, search


def test_all_pages_are_followed():
    arrows = search("arrow")

    assert len(arrows) == fetch("/characters?name=arrow")["total"] > 500
    assert arrows["→"] == "RIGHTWARDS ARROW"


def test_one_page_is_enough_for_few():
    assert search("snowman") == {
        "☃": "SNOWMAN",
        "⛄": "SNOWMAN WITHOUT SNOW",
        "⛇": "BLACK SNOWMAN",
    }


def test_patience_does_not_change_the_answer():
    assert search("snowman", timeout=60) == search("snowman", timeout=5)


def test_an_unknown_name_is_an_error_of_our_own():
    with pytest.raises(NotFoundError, match="404") as caught:
        search("sleighbell")

    assert caught.value.path == "/characters?name=sleighbell"
