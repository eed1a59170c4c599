"""Section 5, outcome: calls that change their arguments, or files that these name: refused."""

from __future__ import annotations

import pytest

INPUTS = "warn"

SHOP = """
    from dataclasses import dataclass, field
    from tally import ran

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


def test_a_function_that_changes_its_arguments_is_refused(project):
    """The error shows the change and the remedy. Nothing is recorded."""
    project.ini("shop:fit")
    project.test("shop.fit([{'seen': False}, {'seen': False}])")

    run = project.record().expect(failed=1, real=["fit"], never=["pytest_mimic/"])

    assert run.error == [
        "MutatedInputError: shop:fit has mutated its inputs",
        "rows[0].seen: False before, True after",
        "name the function inside that returns the new value, in place of this one",
    ]
    assert run.vault == {}


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


def test_arguments_beyond_a_decorated_signature_may_change(project):
    """`functools.wraps` shows the signature of a function that takes one argument less."""
    project.ini("shop:send", "shop:push")
    project.module("""
        import functools
        from tally import ran

        def with_session(function):
            @functools.wraps(function)
            def outer(*args, **kwargs):
                return function({"session": 1}, *args, **kwargs)
            return outer

        @with_session
        def send(session, city):
            ran("send", city)
            return [session["session"], city]

        @with_session
        def push(session, rows):
            ran("push")
            rows.append(1)
    """)
    project.test("""
        assert shop.send("Oslo") == [1, "Oslo"]
        assert shop.send(city="Rome") == [1, "Rome"]
    """)
    project.record().expect(passed=1, real=["send Oslo", "send Rome"])

    project.replay().expect(passed=1, real=[])


FILES = """
    from pathlib import Path
    from tally import ran

    def export(path):
        ran("export")
        Path(path).write_text("sums")

    def fill(folder):
        ran("fill")
        Path(folder, "out.csv").write_text("sums")
"""


def test_a_call_that_writes_a_file_is_refused(project):
    project.ini("shop:export")
    project.module(FILES)
    project.test("shop.export(str(tmp_path / 'out.csv'))")

    run = project.record().expect(failed=1, real=["export"])

    assert run.error == [
        "MutatedInputError: shop:export has mutated its inputs",
        "path: <tmp>/out.csv: made by the call",
        "name the function inside that returns the new value, in place of this one",
    ]
    assert run.vault == {}


def test_a_file_made_in_a_folder_whose_content_counts_is_refused(project):
    """Below the base temporary folder, the files of a folder are part of the identity of a call."""
    project.ini("shop:fill")
    project.module(FILES)
    project.test("shop.fill(tmp_path)")

    run = project.record().expect(
        failed=1, says=["MutatedInputError: shop:fill has mutated its inputs"]
    )

    assert run.vault == {}
