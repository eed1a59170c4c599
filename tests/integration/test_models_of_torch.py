"""Functions that take models of torch, and give tensors: right in a replay, or refused with a true way out."""

from __future__ import annotations

from importlib.util import find_spec
from textwrap import dedent

import pytest

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="needs torch")

WITHOUT_MEMORY = {
    "torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])": "a sparse, quantised or nested tensor",
    "torch.nn.parameter.UninitializedParameter()": "a tensor that gives no memory",
    "torch.nn.LazyLinear(2)": "a tensor that gives no memory",
    "torch.masked.masked_tensor(torch.ones(1), torch.ones(1).bool())": "a tensor that gives no memory",
}


@pytest.mark.parametrize("value", WITHOUT_MEMORY)
def test_a_tensor_without_memory_is_never_to_be_left_out(project, value):
    project.ini("shop:total")
    project.module("def total(value):\n    return 1")
    project.tests(f"import torch, shop\n\ndef test_it():\n    shop.total({value})\n")

    run = project.record("-Wignore", process=True)

    run.expect(failed=1, never=["ignore="])
    assert WITHOUT_MEMORY[value] in run.error[1]
    assert run.error[-1] == "pass a dense one made of it"


HOOKED = """
    import torch.nn.utils.prune, shop

    class Watched(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(2, 2)
            self.inner.register_forward_hook(print, with_kwargs=True)
            self.my_hooks = [self.inner.register_forward_hook(len)]
            self._hooks = {"last": len, 3: len}

    def made():
        torch.manual_seed(0)
        parametrized = torch.nn.Linear(2, 2)
        torch.nn.utils.weight_norm(parametrized)
        pruned = torch.nn.utils.prune.identity(torch.nn.Linear(2, 2), "weight")
        normed = torch.nn.utils.spectral_norm(torch.nn.Linear(2, 2))
        normed.register_full_backward_hook(print)
        return [parametrized, pruned, normed, Watched()]

    def test_one():
        made()

    def test_two():
        assert shop.total(made()) == 1
"""


def test_the_numbers_of_hooks_count_by_their_order(project):
    project.ini("shop:total")
    project.module("def total(value):\n    return 1")
    project.tests(HOOKED)
    project.record("-Wignore", process=True).expect(passed=2)

    project.replay("-Wignore", "-k", "two", process=True).expect(passed=1, deselected=1)

    project.tests(HOOKED.replace("(len)", "(max)"))
    run = project.replay("-Wignore", "-k", "two", process=True).expect(
        failed=1, deselected=1
    )
    assert "MissingRecordingError" in run.output


@pytest.mark.parametrize("given", ["{value}", "(one for one in [{value}])"])
def test_a_graph_of_gradients_is_named_as_left_out(project, given):
    """Behind a stream of several items, too, and not where only an argument has one."""
    project.ini("shop:loss")
    given = given.format(value="model(x).sum()")
    project.module(
        f"def loss(model, x):\n    return {given}\n\ndef size(x):\n    return 1\n"
    )
    project.tests("""
        import torch, shop

        def test_it():
            model = torch.nn.Linear(2, 1)
            torch.nn.init.ones_(model.weight)
            torch.nn.init.zeros_(model.bias)
            result = shop.loss(model, torch.ones(2))
            losses = [result] if isinstance(result, torch.Tensor) else list(result)
            for loss in losses:
                loss.backward()
            assert model.weight.grad is not None
    """)

    run = project.record(process=True).expect(passed=1)
    assert "shop:loss: the graph of its gradients" in run.output
    run = project.replay(process=True).expect(failed=1)
    assert "left out by the replay: shop:loss gave a graph of gradients" in run.output


def test_a_graph_of_an_argument_is_no_side_effect(project):
    project.ini("shop:mean mutates=x")
    project.module("def mean(x):\n    return float(x.detach().mean())")
    project.tests("""
        import torch, shop

        def test_it():
            assert shop.mean(torch.ones(2, requires_grad=True) * 2) == 2
    """)

    project.record(process=True).expect(passed=1, never=["side effects"])


# What has the memory of an argument, and whether a replay gives it as a view.
VIEWS = {
    "net.state_dict()['weight']": True,
    "net.weight.detach()[1:]": True,
    "torch.nn.Parameter(net.weight.data)": False,
    "net.weight.detach().requires_grad_()": False,
    "torch.view_as_complex(net.weight.detach()).conj()": False,
}


def test_a_view_of_a_changed_argument_comes_back_as_one_or_is_refused(project):
    project.ini(*(f"shop:part{number} mutates=net" for number in range(len(VIEWS))))
    project.module(
        "import torch\n"
        + "".join(
            f"def part{n}(net):\n    return {one}\n" for n, one in enumerate(VIEWS)
        )
    )
    tests = """
        def test_{n}():
            torch.manual_seed(0)
            net = torch.nn.Linear(2, 3)
            part = shop.part{n}(net)
            assert part.untyped_storage().data_ptr() == net.weight.untyped_storage().data_ptr()
            assert not part.requires_grad
    """
    project.tests(
        "import torch, shop\n"
        + "".join(dedent(tests).format(n=n) for n in range(len(VIEWS)))
    )

    counts = {"passed": 2, "failed": 3}
    run = project.record("-Wignore", process=True).expect(**counts)

    for number, (_, is_view) in enumerate(VIEWS.items()):
        failure = run.failures.get(f"test_{number}", "")
        assert is_view == ("a view of net._parameters.weight" not in failure)
    project.replay("-Wignore", process=True).expect(**counts)
