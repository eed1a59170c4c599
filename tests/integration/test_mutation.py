"""Section 5, outcome: calls that change their arguments, or files that these name: refused."""

from __future__ import annotations

import re

import pytest

INPUTS = "warn"

SHOP = """
    from dataclasses import dataclass, field

    @dataclass
    class Cart:
        items: list = field(default_factory=list)
        total: float = 0.0

        def add(self, sku, price):
            ran("add", sku)
            self.items.append(sku)
            self.total += price
            return self

    def fit(rows, weights=None, **more):
        ran("fit")
        rows[0]["seen"] = True
        return len(rows)

    def half(rows):
        ran("half")
        rows.append(1)
        raise ValueError("half way")

    def pump(rows):
        ran("pump")
        for number in range(2):
            rows.append(number)
            yield number

    async def fill(rows):
        ran("fill")
        rows.append("filled")

    def harmless(rows):
        ran("harmless")
        rows.append(1)
        rows.pop()
        return rows
"""


@pytest.mark.parametrize(
    "call", ["shop.half([])", "list(shop.pump([]))", "asyncio.run(shop.fill([]))"]
)
def test_a_change_is_refused_however_the_call_ends(project, call):
    project.ini("shop:half", "shop:pump", "shop:fill")
    project.test(call)

    run = project.record().expect(failed=1, says=["has mutated its inputs"])

    assert "in shell" not in run.output
    assert run.vault == {}


def test_a_method_that_changes_self_is_refused(project):
    """Not if self is ignored, nor if the change is undone."""
    project.ini("shop:Cart.add", "shop:harmless")
    project.test("""
        assert shop.harmless([5]) == [5]
        shop.Cart().add('a', 2.0)
    """)

    run = project.record().expect(failed=1)

    assert "self.total: 0.0 before, 2.0 after" in run.error
    project.ini("shop:Cart.add ignore=self", "shop:harmless")
    project.record().expect(passed=1)


FILES = """
    from pathlib import Path

    def fill(folder):
        ran("fill")
        Path(folder, "out.csv").write_text("sums")
"""


@pytest.mark.parametrize(
    ("target", "call"),
    [
        ("shop:fill", "shop.fill(tmp_path)"),
        ("shop:fill", "shop.fill(str(tmp_path))"),
    ],
)
def test_a_file_made_in_a_folder_whose_content_counts_is_refused(project, target, call):
    """A folder counts with its files if it is temporary, or if the line says so."""
    project.ini(target)
    project.module(FILES)
    project.root.joinpath("exported").mkdir()
    project.test(call)

    run = project.record().expect(
        failed=1, says=["MutatedInputError: shop:fill has mutated its inputs"]
    )

    assert run.vault == {}


def test_a_call_that_goes_to_another_folder_has_changed_no_file(project):
    project.ini("shop:enter")
    project.module("""
        def enter(file, folder):
            ran("enter")
            os.chdir(folder)
            return file
    """)
    project.test("""
        tmp_path.joinpath("sums.csv").touch()
        monkeypatch.chdir(tmp_path)
        assert shop.enter("sums.csv", "..") == "sums.csv"
    """)

    project.record().expect(passed=1, real=["enter"])


ADVANCING = """
    import io

    def read(stream):
        ran("read")
        return stream.read(2)

    def write(stream):
        ran("write")
        return stream.write("!")

    def roll(rng):
        ran("roll")
        return rng.random()

    def lines(stream):
        ran("lines")
        yield from stream

    def fails(stream):
        ran("fails")
        raise ValueError(stream.read())

    class Own(io.BytesIO):
        pass
"""


def test_streams_and_generators_are_left_as_the_call_left_them(project):
    """In a replay, too: what follows goes on from there."""
    project.ini("shop:read", "shop:write", "shop:roll", "shop:lines", "shop:fails")
    project.module(ADVANCING)
    project.tests("""
        import io, random, pytest, shop

        def test_it():
            stream = io.BytesIO(b"abcd")
            assert [shop.read(stream), stream.read(1), shop.read(stream)] == [b"ab", b"c", b"d"]
            text = io.StringIO("a")
            shop.write(text)
            assert (text.getvalue(), text.tell()) == ("!", 1)
            rng, expected = random.Random(1), random.Random(1)
            rolls = [shop.roll(rng), shop.roll(rng), rng.random()]
            assert rolls == [expected.random() for _ in range(3)]
            lines = io.StringIO("a\\nb")
            assert [*shop.lines(lines)] == ["a\\n", "b"] and lines.read() == ""
            with pytest.raises(ValueError, match="xyz"):
                shop.fails(failing := io.StringIO("xyz"))
            assert failing.tell() == 3
    """)

    project.round_trip(
        passed=1, real=["read", "read", "write", "roll", "roll", "lines", "fails"]
    )
    project.run("--mimic-verify").expect(passed=1)


def test_a_stream_of_another_class_is_refused(project):
    project.ini("shop:read")
    project.module(ADVANCING)
    project.test("shop.read(shop.Own(b'ab'))")

    run = project.record().expect(failed=1, says=["shop:read"])

    assert run.error[0].split(":")[0] in ("MutatedInputError", "UnstableIdentityError")
    assert run.vault == {}


CACHING = """
    class Book:
        def __init__(self):
            self.pages, self._index = ["a"], None
            self._places = {}
            self.loaded = None

    def fills(book):
        book._index = {"a": 0}
        book._places[0] = "a"
        book.loaded = ["a"]
        return len(book.pages)
"""


def test_where_an_attribute_was_only_filled_the_line_is_printed(project):
    project.ini("shop:fills")
    project.module(CACHING)
    project.test("assert shop.fills(shop.Book()) == 1")

    run = project.record().expect(failed=1)

    assert run.error[-1] == (
        "or, if they are only caches, leave them out: "
        "shop:fills ignore=book._index,book._places,book.loaded"
    )
    project.ini("shop:fills ignore=book._index,book._places,book.loaded")
    project.record().expect(passed=1)
    project.replay().expect(passed=1, says=["1 call replayed"])


def test_the_line_that_lets_a_replay_change_an_argument_does_so(project):
    project.ini("shop:fit rtol=0.1")
    project.module(SHOP)
    project.test("""
        rows = [{"seen": False}]
        assert shop.fit(rows) == 1 and rows[0]["seen"]
    """)

    run = project.record().expect(failed=1)

    remedy = run.error[-1].removeprefix("to let a replay change them, too: ")
    assert remedy == "shop:fit mutates=rows rtol=0.1"
    project.ini(remedy)
    project.round_trip(passed=1)


CHANGES = """
    from pathlib import Path

    def fit(rows):
        rows[0]["seen"] = True

    def export(path):
        Path(path).write_text("sums")

    def notify(client, text):
        return client.search(text).count > 1

    def count(seen):
        seen.append(2)
"""
# By the call: what the error says below its first line.
REFUSED = {
    "shop.fit([{'seen': False}, {'seen': False}])": [
        "rows[0].seen: False before, True after",
        "to let a replay change them, too: shop:fit mutates=rows",
    ],
    "shop.export(str(tmp_path / 'out.csv'))": [
        "path: <tmp 0>/out.csv: made by the call",
        "name the inner function that returns the new value instead",
    ],
    "from unittest.mock import Mock\nshop.notify(Mock(**{'search.return_value.count': 3}), 'a')": [
        "client: a Mock, which notes each call",
        "pass a plain object in its place, which a replay need not call",
    ],
    "import array\nshop.count(array.array('b', [1]))": [
        "seen[3]: b'\\x01' before, b'\\x01\\x02' after",
        "name the inner function that returns the new value instead",
    ],
}


@pytest.mark.parametrize("call", REFUSED)
def test_the_refusal_names_the_change_and_what_helps(project, call):
    """Nothing is recorded."""
    project.ini("shop:*")
    project.module(CHANGES)
    project.test(call)

    run = project.record().expect(failed=1, never=["pytest_mimic/"])

    function = re.search(r"shop\.(\w+)", call)[1]
    said = f"MutatedInputError: shop:{function} has mutated its inputs"
    assert run.error == [said, *REFUSED[call]]
    assert run.vault == {}


def test_a_private_attribute_that_had_a_value_gets_no_line_to_leave_it_out(project):
    """Without it, two different calls would be one: its value may be what is asked."""
    project.ini("shop:*")
    project.module("""
        class Length:
            def __init__(self, number):
                self._number, self._by_place = number, {1: number}

        def scales(length):
            length._number *= 2

        def adds(length):
            length._by_place[2] = 0
    """)
    project.tests("""
        def test_scales():
            shop.scales(shop.Length(1))

        def test_adds():
            shop.adds(shop.Length(1))
    """)

    run = project.record().expect(
        failed=2,
        says=[
            "length._number: 1 before, 2 after",
            "length._by_place[2]: 0 after, not before",
        ],
    )

    assert "ignore=" not in run.output
