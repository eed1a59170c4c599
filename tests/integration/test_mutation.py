"""Calls that change their arguments: refused, or with `mutates=` recorded with the outcome."""

from __future__ import annotations

import pytest

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

    def sort(items):
        ran("sort")
        items.sort()
        return items

    def change(thing):
        ran("change", type(thing).__name__)
        thing[:] = [9, *reversed(thing)]

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

    def collect(number, **more):
        ran("collect", number)
        more["into"].append(number)

    def harmless(rows):
        ran("harmless")
        rows.append(1)
        rows.pop()
        return rows
"""


@pytest.mark.promise("a function that changes its arguments is refused without mutates=")
def test_a_function_that_changes_its_arguments_is_refused(project):
    """The error shows the change and the option. Nothing is recorded."""
    project.ini("shop:fit")
    project.test("shop.fit([{'seen': False}, {'seen': False}])")

    run = project.record().expect(failed=1, real=["fit"], never=["pytest_mimic/"])

    assert run.error == [
        "MutatedInputError: shop:fit has mutated its inputs",
        "rows[0].seen: False before, True after",
        "if that is its job: shop:fit mutates=rows",
    ]
    assert run.vault == {}


@pytest.mark.promise("a function that changes its arguments is refused without mutates=")
@pytest.mark.parametrize("call", ["shop.half([])", "list(shop.pump([]))", "asyncio.run(shop.fill([]))"])
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

    assert "if that is its job: shop:Cart.add mutates=self" in run.error
    assert "self.total: 0.0 before, 2.0 after" in run.error
    project.ini("shop:Cart.add ignore=self", "shop:harmless")
    project.record().expect(passed=1)


@pytest.mark.promise("mutates= makes in-place changes part of the outcome")
def test_recorded_changes_are_applied_at_each_replay(round_trip):
    """Also with exceptions, streams and coroutines. A returned argument is the same object."""
    round_trip(
        *("shop:change mutates=thing", "shop:Cart.add mutates=self", "shop:sort mutates=items"),
        *(
            "shop:half mutates=rows",
            "shop:pump mutates=rows",
            "shop:fill mutates=rows",
            "shop:collect mutates=into",
        ),
        test="""
            import asyncio
            import pytest, shop

            def test_list():
                thing = alias = [1, 2]
                shop.change(thing)
                assert alias == [9, 2, 1]
                shop.change([1, 2])
                again = [1, 2]
                shop.change(again)
                assert again == [9, 2, 1] and alias == [9, 2, 1]

            def test_self():
                cart = shop.Cart()
                assert cart.add("a", 2.0) is cart
                assert cart == shop.Cart(["a"], 2.0)

            def test_returned():
                items = [3, 1, 2]
                assert shop.sort(items) is items
                assert items == [1, 2, 3]

            def test_in_kwargs():
                into = []
                shop.collect(1, into=into)
                assert into == [1]

            def test_exception():
                rows = []
                with pytest.raises(ValueError, match="half way"):
                    shop.half(rows)
                assert rows == [1]

            def test_stream():
                rows = []
                assert list(shop.pump(rows)) == [0, 1]
                assert rows == [0, 1]

            def test_stream_stopped():
                rows = ["x"]
                stream = shop.pump(rows)
                assert next(stream) == 0
                stream.close()
                assert rows == ["x", 0]

            def test_coroutine():
                rows = []
                asyncio.run(shop.fill(rows))
                assert rows == ["filled"]
        """,
        passed=8,
    )


@pytest.mark.promise("a function that changes its arguments is refused without mutates=")
def test_only_the_named_arguments_may_change(project):
    project.ini("shop:fit mutates=weights")
    project.test("shop.fit([{}], weights=[1])")

    project.record().expect(failed=1, says=["has mutated its inputs"])


def test_a_call_without_the_changed_argument_replays(project):
    """With `ignore=`, it is the same call."""
    project.ini("shop:fill mutates=out,rest,extra ignore=out,rest,extra")
    project.module("""
        from tally import ran

        def fill(n, out=None, *rest, **extra):
            ran("fill", n)
            for one in (out or [], *rest, *extra.values()):
                one.append(n)
            return n
    """)
    project.tests("""
        import shop

        def test_with():
            out, rest, extra = [0], [], []
            assert shop.fill(1, out, rest, more=extra) == 1
            assert (out, rest, extra) == ([0, 1], [1], [1])

        def test_without():
            assert shop.fill(1) == 1
    """)

    project.record().expect(passed=2, real=["fill 1"])
    project.replay().expect(passed=2)


def test_arguments_beyond_a_decorated_signature_may_change(project):
    """`functools.wraps` shows the signature of a function that takes one argument less."""
    project.ini("shop:send", "shop:push mutates=rows")
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


def test_a_change_that_an_option_hides_from_the_identity_is_refused(project):
    """With `key=`, the identity of the call is the same before and after it."""
    project.module("def fill(name, rows):\n    rows.append(name)\n    return len(rows)\n")
    project.tests("""
        import pytest, shop

        @pytest.mark.mimic("shop:fill", key=lambda given: given["name"])
        def test_fill():
            shop.fill("a", [])
    """)

    project.record().expect(failed=1, says=["MutatedInputError"])
