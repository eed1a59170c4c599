"""Functions that take models of torch, and give tensors: right in a replay, or refused with a true way out."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="needs torch")

WITHOUT_MEMORY = {
    "torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])": "a quantised or nested tensor",
    "torch.nn.parameter.UninitializedParameter()": "a tensor that gives no memory",
    "torch.nn.LazyLinear(2)": "a tensor that gives no memory",
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
