"""Tensors of torch, with their gradients and attributes. torch is too large to be a test dependency: the tests run only if it is installed."""

from __future__ import annotations

import pytest

from pytest_mimic import UnstableIdentityError, fingerprint

torch = pytest.importorskip("torch", reason="torch is not installed")

TENSORS = {
    "tensor": ([1.0, 2.0], {}),
    "values": ([1.0, 3.0], {}),
    "dtype": ([1.0, 2.0], {"dtype": torch.float64}),
    "half": ([1.0, 2.0], {"dtype": torch.bfloat16}),
    "shape": ([[1.0, 2.0]], {}),
    "gradients": ([1.0, 2.0], {"requires_grad": True}),
    "integers": ([1, 2], {}),
    "complex": ([1j, 2j], {}),
    "none": ([], {}),
}


def test_tensors_count_by_dtype_shape_values_and_gradients():
    table = torch.tensor([[1.0, 2.0], [3.0, 4.0]])

    identities = {
        name: fingerprint(torch.tensor(data, **how))
        for name, (data, how) in TENSORS.items()
    }

    assert len(set(identities.values())) == len(TENSORS)
    assert identities["tensor"] == fingerprint(torch.tensor([1.0, 2.0]).clone())
    assert fingerprint(table) == fingerprint(table.t().contiguous().t())
    assert fingerprint(table) != fingerprint(table.t())
    assert fingerprint(table.conj()) == fingerprint(table)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64"])
def test_all_nans_are_the_same(dtype):
    nan = torch.tensor([1.0, float("nan")], dtype=getattr(torch, dtype))

    assert fingerprint(
        torch.tensor([1.0, -float("nan")], dtype=nan.dtype)
    ) == fingerprint(nan)
    assert fingerprint(
        torch.tensor([1.0, float("inf")], dtype=nan.dtype)
    ) != fingerprint(nan)


def test_dtypes_devices_and_sizes_have_an_identity():
    things = [torch.float32, torch.float64, torch.device("cpu"), torch.Size([2, 3])]

    assert len({fingerprint(thing) for thing in things}) == len(things)
    assert fingerprint(torch.Size([2, 3])) == fingerprint(torch.zeros(2, 3).shape)


@pytest.mark.parametrize(
    "make", [lambda: torch.empty(2, device="meta"), lambda: torch.eye(2).to_sparse()]
)
def test_tensors_that_are_not_dense_are_refused(make):
    with pytest.raises(UnstableIdentityError, match="a tensor that is not dense"):
        fingerprint([make()])


def test_modules_count_by_their_parameters():
    torch.manual_seed(1)
    one, other = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)

    assert fingerprint(one) != fingerprint(other)
    other.load_state_dict(one.state_dict())
    assert fingerprint(one) == fingerprint(other)


def layer():
    torch.manual_seed(0)
    return torch.nn.Linear(2, 1)


def trained(factor):
    made = layer()
    (made(torch.ones(1, 2)).sum() * factor).backward()
    return made


def test_gradients_count():
    assert fingerprint(trained(1)) == fingerprint(trained(1))
    assert len(set(map(fingerprint, [layer(), trained(1), trained(10)]))) == 3


def test_graphs_and_attributes_of_the_user_count():
    leaf = torch.ones(2, requires_grad=True)
    labelled = torch.ones(2)
    labelled.label = "x"

    assert fingerprint(leaf * 1) == fingerprint(leaf * 1)
    assert fingerprint(leaf * 1) != fingerprint(leaf)
    assert fingerprint(labelled) != fingerprint(torch.ones(2))


def test_hooks_of_a_gradient_count():
    def hooked(*functions):
        tensor = torch.ones(2, requires_grad=True)
        for function in functions:
            tensor.register_hook(function)
        return tensor

    values = [hooked(), hooked(abs), hooked(len), hooked(abs, len)]

    assert len(set(map(fingerprint, values))) == 4
