"""Calls of each function, and two in a cassette."""

import asyncio
import os

import pytest
import shop

KINDS = ["basics", "sets", "moments", "containers", "classes", "paths", "address"]


@pytest.mark.parametrize("name", KINDS)
def test_values(name):
    assert repr(getattr(shop, name)()).count(os.environ.get("CHANGED", "")) > 0


def test_shared():
    part, more, _ = shop.shared()

    assert more["again"] is part


def test_fails():
    with pytest.raises(shop.Refused, match=r"refused with \(1, 2\)") as caught:
        shop.fails()

    assert "a" in caught.value.retry
    assert isinstance(caught.value.__cause__, KeyError)


def test_stream():
    assert [type(item) for item in shop.stream()] == [tuple, list, set]


def test_change():
    rows = []

    assert shop.change(rows) is rows
    assert rows[0][0] == 1


def test_again():
    assert [shop.again()[0], shop.again()[0]] == [1, 2]


def test_awaited():
    assert asyncio.run(shop.awaited())[0] == 1


def test_cassette(mimic_auto):
    with mimic_auto("older", targets=["shop:basics", "shop:sets"]):
        assert shop.basics()[0] == 1
        assert "tag 1" in shop.sets()["tags"]
