"""Section 2, mutates=: what a call leaves in its arguments is a part of its outcome."""

from __future__ import annotations

import pytest

SHOP = """
    import collections
    from dataclasses import dataclass, field
    from threading import Lock
    from tally import ran

    class Model:
        classes = None

        def __init__(self, *, bias=0):
            self.bias, self.rows, self.scratch = bias, [], "old"
            self._lock = Lock()

        def fit(self, rows):
            ran("fit")
            self.coef_ = [sum(rows) + self.bias]
            self.rows.extend(rows)
            del self.scratch
            return self

        async def fit_later(self, rows):
            return self.fit(rows)

        def part(self):
            ran("part")
            self.rows.append(9)
            return {"rows": self.rows, "n": len(self.rows)}

    class History:
        def __init__(self):
            self.losses = []

        def on_step(self, loss):
            self.losses.append(loss)

    class Cart(list):
        total = 0

    def changes(thing):
        ran("changes")
        if isinstance(thing, list):
            thing[0:0] = ["first"]
            if isinstance(thing, Cart):
                thing.total = 3
        elif isinstance(thing, dict):
            thing.pop("a", None)
            thing["z"] = [1]
        elif isinstance(thing, set):
            thing.add("new")
        elif isinstance(thing, bytearray):
            thing += b"!"
        else:
            thing.appendleft(0)

    def calls(callbacks):
        ran("calls")
        for callback in callbacks:
            callback(0.5)

    def sort(rows):
        ran("sort")
        rows.sort(key=lambda row: row["n"])
        rows[0]["first"] = True
        fresh = {"n": 0}
        rows.append(fresh)
        return fresh, rows[1]

    def rebinds(cart):
        ran("rebinds")
        cart["rows"] = [*cart["rows"], 3]

    def half(rows):
        ran("half")
        rows.append(1)
        raise ValueError("half way")

    def pump(rows):
        ran("pump")
        while rows:
            yield rows.pop()
"""


@pytest.fixture
def mutating(project):
    """A project with a line for each function of `shop`, which records, replays and verifies a body."""

    def run(*lines, body, ran):
        project.ini(*lines)
        project.test(body)
        project.record().expect(passed=1, real=ran)
        project.replay().expect(passed=1, real=[])
        project.run("--mimic-verify").expect(passed=1)
        rerecorded = project.run("--mimic-rerecord").expect(passed=1)
        assert rerecorded.changed == set()

    return run


def test_a_method_that_returns_self_leaves_it_as_recorded(mutating):
    """With attributes that are new, in place of others, and gone; a lock stays."""
    mutating(
        "shop:Model.fit mutates=self ignore=self._lock",
        body="""
            model = shop.Model()
            rows, lock = model.rows, model._lock
            assert model.fit([1, 2]) is model
            assert model.coef_ == [3] and rows == [1, 2] and model.rows is rows
            assert not hasattr(model, "scratch") and model._lock is lock
        """,
        ran=["fit"],
    )


def test_a_coroutine_leaves_its_arguments_too(mutating):
    mutating(
        "shop:Model.fit_later mutates=self ignore=self._lock",
        body="""
            model = shop.Model()
            assert asyncio.run(model.fit_later([1, 2])) is model
            assert model.coef_ == [3] and model.rows == [1, 2]
        """,
        ran=["fit"],
    )


def test_an_outcome_that_is_a_part_of_an_argument_is_that_very_part(mutating):
    mutating(
        "shop:Model.part mutates=self ignore=self._lock",
        body="""
            model = shop.Model()
            assert model.part()["rows"] is model.rows and model.rows == [9]
        """,
        ran=["part"],
    )


@pytest.mark.parametrize(
    ("made", "left"),
    [
        ("['a']", "['first', 'a']"),
        ("{'a': 1, 'b': [2]}", "{'b': [2], 'z': [1]}"),
        ("{'a'}", "{'a', 'new'}"),
        ("bytearray(b'a')", "bytearray(b'a!')"),
        ("shop.collections.deque([1])", "shop.collections.deque([0, 1])"),
        ("shop.collections.OrderedDict(a=1, b=[2])", "{'b': [2], 'z': [1]}"),
        ("shop.Cart([1])", "['first', 1]"),
    ],
)
def test_a_container_is_set_in_place(mutating, made, left):
    mutating(
        "shop:changes mutates=thing",
        body=f"""
            thing = {made}
            same, is_cart = thing, type(thing) is shop.Cart
            shop.changes(thing)
            assert same == {left} and (not is_cart or same.total == 3)
        """,
        ran=["changes"],
    )


def test_what_a_test_holds_changes_wherever_it_is_reached_from(mutating):
    """Objects behind bound methods, lists that a lambda or a method of C appends to."""
    mutating(
        "shop:calls mutates=callbacks",
        body="""
            history, log, more = shop.History(), [], []
            shop.calls([history.on_step, lambda loss: log.append(loss), more.append])
            assert history.losses == log == more == [0.5]
        """,
        ran=["calls"],
    )


def test_parts_move_and_keep_what_is_shared_with_the_outcome(mutating):
    mutating(
        "shop:sort mutates=rows",
        body="""
            two, one = {"n": 2}, {"n": 1}
            rows = [two, one]
            fresh, second = shop.sort(rows)
            assert rows[0] is one and one == {"n": 1, "first": True}
            assert rows[1] is two is second and two == {"n": 2}
            assert rows[2] is fresh == {"n": 0}
        """,
        ran=["sort"],
    )


def test_what_the_call_has_replaced_stays_as_it_was(mutating):
    mutating(
        "shop:rebinds mutates=cart",
        body="""
            rows = [1, 2]
            cart = {"rows": rows}
            shop.rebinds(cart)
            assert cart == {"rows": [1, 2, 3]} and rows == [1, 2]
        """,
        ran=["rebinds"],
    )


def test_the_state_is_kept_with_an_exception_and_with_a_stream(mutating):
    mutating(
        "shop:half mutates=rows",
        "shop:pump mutates=rows",
        body="""
            rows = [0]
            with pytest.raises(ValueError, match="half way"):
                shop.half(rows)
            assert rows == [0, 1]
            assert [*shop.pump(rows)] == [1, 0] and rows == []
        """,
        ran=["half", "pump"],
    )


def test_other_arguments_may_not_change(project):
    project.ini("shop:both mutates=one")
    project.module(
        "def both(one, two):\n    one.append(1)\n    two.append(2)\n",
    )
    project.test("shop.both([], [])")

    run = project.record().expect(failed=1, says=["has mutated its inputs"])

    assert run.error[1].startswith("two")
    assert not any(line.startswith("one") for line in run.error)
    assert run.vault == {}


def test_a_drift_of_the_state_fails_a_verifying_run(project):
    project.ini("shop:grow mutates=rows")
    project.module("def grow(rows):\n    rows.append(1)\n")
    project.test("rows = []\nshop.grow(rows)\nassert rows == [1]")
    project.record().expect(passed=1)
    project.module("def grow(rows):\n    rows.append(2)\n")

    run = project.run("--mimic-verify").expect(failed=1)

    assert "rows[0]: 1 recorded, 2 now" in run.output
    project.ini("shop:grow mutates=rows volatile=rows")
    project.run("--mimic-verify").expect(passed=1)


def test_ignore_of_the_whole_argument_is_a_usage_error(project):
    project.ini("shop:fit mutates=rows ignore=rows")
    project.test("pass")

    run = project.record()

    assert run.exit_code == 4
    assert "rows stands in ignore= and mutates=" in run.output
