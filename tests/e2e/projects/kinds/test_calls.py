"""Calls of each form: streams, coroutines, sequences, files, paths, methods, a cassette."""

import asyncio
import contextlib

import pytest
import targets


def test_generator():
    stream = targets.counted(3)
    got = [next(stream), next(stream), next(stream)]

    with pytest.raises(StopIteration) as stopped:
        next(stream)

    assert got[1:] == [{"number": 1, "square": 1}, {"number": 2, "square": 4}]
    assert stopped.value.value == "done"


def test_generator_that_is_not_read_to_its_end():
    assert next(targets.counted(2)) == {"number": 0, "square": 0}


def test_async_generator():
    async def read():
        with contextlib.suppress(KeyError):
            async for number in targets.counted_async(3):
                got.append(number)

    got = []
    asyncio.run(read())

    assert got == [0, 1, 2]


def test_coroutine():
    assert asyncio.run(targets.awaited(3)) == {"n": 3, "half": 1.5}


def test_coroutine_of_a_plain_function():
    assert asyncio.run(targets.promised(3)) == (3,)


def test_sequence():
    assert [targets.again(1)["call"] for _ in range(3)] == [1, 2, 3]


def test_content(tmp_path):
    (tmp_path / "any name").write_bytes(b"the content")

    assert targets.read(str(tmp_path / "any name")) == 11


def test_paths(tmp_path):
    (tmp_path / "in.txt").write_bytes(b"in")

    got = targets.placed(tmp_path / "in.txt", str(tmp_path / "in.txt"))

    assert got == {
        "path": tmp_path / "in.txt",
        "sibling": tmp_path / "other.txt",
        "text": str(tmp_path / "in.txt"),
    }


def test_ignored_parts():
    assert targets.without(object(), {"sent_at": object(), "a": 1}) == ["a", "sent_at"]


def test_methods():
    shop = targets.Shop("Oslo")

    assert shop.price("pens", "ink", net=True, colour="blue") == [
        "Oslo",
        "pens",
        ["ink"],
        True,
        {"colour": "blue"},
    ]
    assert targets.Shop.opened(2026)
    assert targets.Shop.of("bergen").city == "Bergen"
    assert shop.name == "shop of Oslo"


def test_cassette(mimic_auto):
    with mimic_auto(
        "kinds/all", targets=["targets:give", "targets:awaited", "targets:fail"]
    ) as cassette:
        assert targets.give("plain", "tuple")[:2] == (1, "two")
        assert targets.give("plain", "pickled address").version == 4
        assert len(targets.give("plain", "large json")["rows"]) == 100
        assert asyncio.run(targets.awaited(4))["n"] == 4
        with pytest.raises(ValueError, match="too long"):
            targets.fail("plain", "plain")

    assert cassette.all_played
