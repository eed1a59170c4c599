"""Section 2, mutates=: what a call leaves in its arguments is a part of its outcome."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from textwrap import dedent, indent

import pytest
from support.git import git

with suppress(ImportError):
    import numpy  # noqa: F401  # a run in process forgets what it was first to import, and this loads only once

# To import it here would let no other test of this process import it.
needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="needs torch")

SHOP = """
    import collections
    from dataclasses import dataclass, field
    from threading import Lock

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

    class Problem:
        # As one of PuLP is: it finds its variables by their addresses.

        def __init__(self):
            self.variables = [History(), History()]
            self.found = {id(one): one for one in self.variables}

        def __getstate__(self):
            return {"variables": self.variables}

        def solve(self):
            ran("solve")
            for variable in self.found.values():
                variable.on_step(1)

    def half(rows):
        ran("half")
        rows.append(1)
        raise ValueError("half way")

"""


# What a call leaves: the line, the real call, and what a test sees in each run.
LEFT = {
    "self, with attributes that are new, changed or gone, beside a lock": (
        "shop:Model.fit mutates=self ignore=self._lock",
        "fit",
        """
        model = shop.Model()
        rows, lock = model.rows, model._lock
        assert model.fit([1, 2]) is model
        assert model.coef_ == [3] and rows == [1, 2] and model.rows is rows
        assert not hasattr(model, "scratch") and model._lock is lock
        """,
    ),
    "by a coroutine": (
        "shop:Model.fit_later mutates=self ignore=self._lock",
        "fit",
        """
        model = shop.Model()
        assert asyncio.run(model.fit_later([1, 2])) is model
        assert model.coef_ == [3] and model.rows == [1, 2]
        """,
    ),
    "an outcome that is a part of an argument": (
        "shop:Model.part mutates=self ignore=self._lock",
        "part",
        """
        model = shop.Model()
        assert model.part()["rows"] is model.rows and model.rows == [9]
        """,
    ),
    "what is reached from bound methods, a lambda and a method of C": (
        "shop:calls mutates=callbacks",
        "calls",
        """
        history, log, more = shop.History(), [], []
        def keep(loss):
            log.append(loss) if loss else bound_later
        shop.calls([history.on_step, keep, more.append])
        assert history.losses == log == more == [0.5]
        bound_later = None
        """,
    ),
    "parts that move and are shared with the outcome": (
        "shop:sort mutates=rows",
        "sort",
        """
        two, one = {"n": 2}, {"n": 1}
        rows = [two, one]
        fresh, second = shop.sort(rows)
        assert rows[0] is one and one == {"n": 1, "first": True}
        assert rows[1] is two is second and two == {"n": 2}
        assert rows[2] is fresh == {"n": 0}
        """,
    ),
    "what the call has replaced": (
        "shop:rebinds mutates=cart",
        "rebinds",
        """
        rows = [1, 2]
        cart = {"rows": rows}
        shop.rebinds(cart)
        assert cart == {"rows": [1, 2, 3]} and rows == [1, 2]
        """,
    ),
    "what is found by its address": (
        "shop:Problem.solve mutates=self",
        "solve",
        """
        problem = shop.Problem()
        problem.solve()
        assert [one.losses for one in problem.variables] == [[1], [1]]
        """,
    ),
    "the state beside an exception": (
        "shop:half mutates=rows",
        "half",
        """
        rows = [0]
        with pytest.raises(ValueError, match="half way"):
            shop.half(rows)
        assert rows == [0, 1]
        """,
    ),
}
CONTAINER = """
    thing = {}
    same, is_cart = thing, type(thing) is shop.Cart
    shop.changes(thing)
    assert same == {} and (not is_cart or same.total == 3)
"""
for made, left in [
    ("['a']", "['first', 'a']"),
    ("{'a': 1, 'b': [2]}", "{'b': [2], 'z': [1]}"),
    ("{'a'}", "{'a', 'new'}"),
    ("bytearray(b'a')", "bytearray(b'a!')"),
    ("shop.collections.deque([1])", "shop.collections.deque([0, 1])"),
    ("shop.collections.OrderedDict(a=1, b=[2])", "{'b': [2], 'z': [1]}"),
    ("shop.Cart([1])", "['first', 1]"),
]:
    body = CONTAINER.format(made, left)
    LEFT[made] = ("shop:changes mutates=thing", "changes", body)


def test_a_call_leaves_in_its_arguments_what_was_recorded(project):
    tests = ""
    for number, (_, _, body) in enumerate(LEFT.values()):
        tests += f"\ndef test_{number}():\n{indent(dedent(body).strip(), '    ')}\n"
    project.ini(*dict.fromkeys(line for line, _, _ in LEFT.values()))
    project.tests(tests)
    project.round_trip(passed=len(LEFT), real=[ran for _, ran, _ in LEFT.values()])
    project.run("--mimic-verify").expect(passed=len(LEFT))
    rerecorded = project.run("--mimic-rerecord").expect(passed=len(LEFT))
    assert rerecorded.changed == set()


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
    project.ini("shop:Box.grow mutates=self")
    box = "class Box:\n    def __init__(self):\n        self.rows = []\n    def grow(self):\n        self.rows.append({})\n"
    project.module(box.format(1))
    project.test("box = shop.Box()\nbox.grow()\nassert box.rows == [1]")
    project.record().expect(passed=1)
    project.module(box.format(2))

    run = project.run("--mimic-verify").expect(failed=1)

    assert "  self.rows[0]: 1 recorded, 2 now" in run.output
    project.ini("shop:Box.grow mutates=self volatile=self.rows")
    project.run("--mimic-verify").expect(passed=1)


def test_a_method_that_begins_to_return_self_is_a_drift(project):
    project.ini("shop:Box.see mutates=self")
    box = "class Box:\n    def see(self):\n        return {}\n"
    project.module(box.format("None"))
    project.test("shop.Box().see()")
    project.record().expect(passed=1)
    project.module(box.format("self"))

    project.run("--mimic-verify").expect(failed=1, says=["None recorded, Box() now"])


def test_ignore_of_the_whole_argument_is_a_usage_error(project):
    project.ini("shop:fit mutates=rows ignore=rows")
    project.test("pass")

    run = project.record()

    assert run.exit_code == 4
    assert "rows stands in ignore= and mutates=" in run.output


GROW = """
    class Rows(list):
        limit = property(lambda self: 3)

        def sort_all(self):
            self.sort()

    class Box:
        def __init__(self):
            self.rows = [1]

        def grow(self):
            self.rows.append(2)
            self.size = 2
            return self

    def same(one, two):
        one.append(1)
        return two

    def hides(rows):
        vars(rows)["limit"] = 5

    def feeds(stream):
        stream.rows.append(2)

    def opens(box):
        import threading
        box.lock_ = threading.Lock()

    def gives(rows):
        yield rows

    def pumps(box):
        while box.rows:
            yield box.rows.pop()

    async def pumps_later(box):
        while box.rows:
            yield box.rows.pop()
        del box.rows

    async def first_of(stream):
        return await anext(stream)

    class Bag:
        pass

    def turns(box):
        box.__class__ = Bag
"""


@pytest.fixture
def box(project):
    """A recorded call that has changed a list and an attribute of its object."""
    project.ini("shop:Box.grow mutates=self")
    project.module(GROW)
    project.test("box = shop.Box()\nassert box.grow() is box and box.rows == [1, 2]")
    project.record().expect(passed=1)
    return project


def test_the_state_is_drawn(box):
    shown = box.command("show", "shop:Box.grow").out

    assert "  returned self\n" in shown
    assert "  left self: {'size': 2}\n  left self.rows: [1, 2]\n" in shown
    assert box.command("check").code == 0


def test_diff_shows_where_the_state_differs(box):
    git(box.root, "init", "-q")
    git(box.root, "add", ".mimic_vault")
    git(box.root, "commit", "-qm", "recorded")
    box.edit_calls(lambda call: call.call["after"].update({"self": {"size": 3}}))

    assert "    self.size: 2 before, 3 now\n" in box.command("diff").out


def test_an_edited_state_sets_nothing_else(project):
    """No method, nothing that is no part of the arguments, no part as another kind."""
    states = [
        {"self": {"grow": 1}},
        {"self": {"__class__": 1}},
        {"self": [1]},
        {"self.rows": {"0": 1}},
        {"self.other": [1]},
        {"self": {"rows": {"$after": "self.other"}}},
        {"$gone": [["self.other", "x"]]},
    ]
    project.ini("shop:Box.grow mutates=self")
    project.module(GROW)
    test = f"""
        @pytest.mark.parametrize("n", range({len(states)}))
        def test_it(n):
            box = shop.Box()
            box.n = n
            try:
                box.grow()
            finally:
                assert IS_RECORDED or (type(box) is shop.Box and vars(box) == {{'rows': [1], 'n': n}})
    """
    project.tests(test.replace("IS_RECORDED", "True"))
    calls = project.record().expect(passed=len(states)).calls
    numbers = {call.call["identity"]: n for n, call in enumerate(calls)}
    project.edit_calls(
        lambda call: call.call.update(after=states[numbers[call.call["identity"]]])
    )
    project.tests(test.replace("IS_RECORDED", "False"))

    run = project.replay().expect(failed=len(states), real=[])

    assert "AssertionError" not in run.output


REFUSED = [
    ("shop:hides mutates=rows", "shop.hides(shop.Rows())", "rows.__dict__.limit: shop:Rows, which no replay can set"),
    ("shop:opens mutates=box", "shop.opens(shop.Box())", "box.lock_: a thread lock"),
    ("shop:pumps mutates=box", "list(shop.pumps(shop.Box()))", "box.rows: changed while its items are read, which no replay can set"),
    ("shop:pumps mutates=box", "items = shop.pumps(shop.Box())\n    next(items)\n    items.close()", "return a list of the items, not a stream"),
    ("shop:pumps_later mutates=box", "asyncio.run(shop.first_of(shop.pumps_later(shop.Box())))", "box.rows: changed while"),
    ("shop:turns mutates=box", "shop.turns(shop.Box())", "box: another class, shape, dtype or inner state now, which no replay can set"),
    ("shop:gives mutates=rows", "list(shop.gives([1]))", "what shop:gives gave cannot be stored"),
]  # fmt: skip


def test_what_no_replay_can_set_is_refused(project):
    project.ini(*dict.fromkeys(line for line, _, _ in REFUSED))
    project.module(GROW)
    calls = enumerate(call for _, call, _ in REFUSED)
    project.tests("\n".join(f"def test_{n}():\n    {call}" for n, call in calls))

    run = project.record().expect(failed=len(REFUSED))

    for number, (_, _, told) in enumerate(REFUSED):
        assert told in run.failures[f"test_{number}"]
    assert run.vault == {}


def test_a_stream_is_offered_no_mutates(project):
    project.ini("shop:pumps")
    project.module(GROW)
    project.tests("def test_it():\n    list(shop.pumps(shop.Box()))")

    run = project.record()

    told = "return a list of the items, not a stream"
    run.expect(failed=1, says=[told], never=["mutates="])


def test_arguments_that_share_other_parts_are_another_call(project):
    """A replay could not tell which part of them the call has changed."""
    project.ini("shop:same mutates=one,two")
    project.module(GROW)
    project.test("rows = []\nassert shop.same(rows, rows) is rows == [1]")
    project.round_trip(passed=1)
    project.test("rows = []\nshop.same(rows, [])")

    project.replay().expect(
        failed=1, says=["other parts of its arguments are one object now"]
    )


ARRAYS = """
    import numpy

    class Mean:
        def __init__(self):
            self.sums = numpy.zeros(60)

        def fit(self, rows):
            ran("fit")
            self.sums += rows
            self.mean_ = self.sums / 2
            return self

    def double(x):
        ran("double")
        x *= 2
        return x

    def rest(x):
        x *= 2
        return x[1:]

    def roll(rng, out):
        ran("roll")
        out[:] = rng.normal(size=len(out))
"""


def test_arrays_are_set_in_place(project):
    """Also parts of larger ones, and what an earlier call has given stays."""
    project.ini(
        "shop:Mean.fit mutates=self",
        "shop:double mutates=x",
        "shop:rest mutates=x",
        "shop:roll mutates=out",
    )
    project.module(ARRAYS)
    project.tests("""
        import numpy, pytest, shop

        def test_arrays(mimic_mode):
            mean = shop.Mean()
            sums, first = mean.sums, mean.fit(numpy.ones(60)).mean_
            assert mean.fit(numpy.ones(60)) is mean and mean.sums is sums
            assert sums[3] == 2 and first[3] == 0.5 and mean.mean_[3] == 1
            whole = numpy.arange(6)
            part = whole[::2]
            assert shop.double(part) is part and list(whole) == [0, 1, 4, 3, 8, 5]
            rng, other, out = *map(numpy.random.default_rng, (1, 1)), numpy.zeros(3)
            shop.roll(rng, out)
            assert list(out) == list(other.normal(size=3)) and rng.random() == other.random()
            if mimic_mode == "record":
                with pytest.raises(Exception, match="a view of x"):
                    shop.rest(numpy.arange(3))
                pytest.xfail("a refused call fails its test")
    """)
    made = ["fit", "fit", "double", "roll"]
    project.record().expect(xfailed=1, real=made)

    project.replay().expect(passed=1, real=[])
    project.run("--mimic-verify").expect(passed=1)


TRAINING = """
    def train(model, optimizer, x):
        ran("train")
        for _ in range(2):
            optimizer.zero_grad()
            model(x).sum().backward()
            optimizer.step()
        return model

    def freeze(model):
        ran("freeze")
        model.bias.sum().backward()
        [p.requires_grad_(False) for p in model.parameters()]

    def thaw(t):
        ran("thaw")
        t.requires_grad_(True)
"""


@needs_torch
def test_what_is_trained_in_tensors_is_set(project):
    """Numbers, gradients, whether they have one, and the state of an optimizer, in the same tensors."""
    project.ini(
        "shop:train mutates=model,optimizer",
        "shop:freeze mutates=model",
        "shop:thaw mutates=t",
    )
    project.module(TRAINING)
    project.tests("""
        import torch, shop

        def test_train():
            torch.manual_seed(0)
            model = torch.nn.Linear(3, 60)
            optimizer = torch.optim.Adam(model.parameters())
            weight, before = model.weight, model.weight.detach().clone()
            for step in (2.0, 4.0):
                assert shop.train(model, optimizer, torch.ones(2, 3)) is model
                assert model.weight is weight is optimizer.param_groups[0]["params"][0]
                assert optimizer.state[weight]["step"] == step
                assert torch.equal(weight.grad, torch.full((60, 3), 2.0))
            assert torch.allclose(before - weight, torch.tensor(0.004), atol=1e-5)

        def test_freeze_and_thaw():
            torch.manual_seed(0)
            model, t = torch.nn.Linear(2, 2), torch.zeros(2)
            shop.freeze(model)
            shop.thaw(t)
            assert not any(p.requires_grad for p in model.parameters())
            assert model.bias.grad.tolist() == [1, 1]
            assert t.requires_grad and t.is_leaf
            (t * 2).sum().backward()
            assert t.grad.tolist() == [2, 2]
    """)
    real = ["train", "train", "freeze", "thaw"]
    project.record(process=True).expect(passed=2, real=real)

    project.replay(process=True).expect(passed=2, real=[])
    project.run("--mimic-verify", process=True).expect(passed=2)


CHANGES = {
    "torch": (
        ("torch.nn.Linear(2, 2)", "x.half()"),
        ("torch.zeros(2)", "x.data = torch.zeros(3)"),
    ),
    "numpy": (
        ("numpy.zeros(2)", "x.resize((4,), refcheck=False)"),
        ("[numpy.zeros(2)]", "x[0].dtype = 'int64'"),
    ),
}


@pytest.mark.parametrize("library", ["numpy", pytest.param("torch", marks=needs_torch)])
def test_another_shape_or_dtype_is_refused(project, library):
    changes = [*enumerate(CHANGES[library])]
    project.ini("shop:change0 mutates=x", "shop:change1 mutates=x")
    module = [f"def change{n}(x):\n    {change}\n" for n, (_, change) in changes]
    tests = [
        f"def test_{n}():\n    shop.change{n}({made})\n" for n, (made, _) in changes
    ]
    project.module(f"import {library}\n" + "".join(module))
    project.tests(f"import {library}\n" + "".join(tests))

    # From 2.5 on, numpy warns of another dtype.
    run = project.record("-W", "ignore", process=library == "torch").expect(failed=2)

    told = "another class, shape, dtype or inner state now, which no replay can set"
    assert told in run.failures["test_0"]
    assert told in run.failures["test_1"]
    assert run.vault == {}


def test_a_forged_position_in_a_generator_is_damage(project):
    """numpy would read outside of its memory there."""
    project.ini("shop:draw")
    project.module("def draw(rng):\n    return float(rng.random_sample())\n")
    project.tests("""
        import numpy, shop

        def test_draw():
            shop.draw(numpy.random.RandomState(1))
    """)
    project.record().expect(passed=1)

    def forge(call):
        call.call["after"]["rng"]["state"]["pos"] = 10**9

    project.edit_calls(forge)

    told = "pos of a generator is out of its range"
    project.replay().expect(failed=1, says=[told])
