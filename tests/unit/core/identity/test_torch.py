"""Tensors of torch. torch is too large to be a test dependency: the tests run only if it is installed."""

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

    identities = {name: fingerprint(torch.tensor(data, **how)) for name, (data, how) in TENSORS.items()}

    assert len(set(identities.values())) == len(TENSORS)
    assert identities["tensor"] == fingerprint(torch.tensor([1.0, 2.0]).clone())
    assert fingerprint(table) == fingerprint(table.t().contiguous().t())
    assert fingerprint(table) != fingerprint(table.t())
    assert fingerprint(table.conj()) == fingerprint(table)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "complex64"])
def test_all_nans_are_the_same(dtype):
    nan = torch.tensor([1.0, float("nan")], dtype=getattr(torch, dtype))

    assert fingerprint(torch.tensor([1.0, -float("nan")], dtype=nan.dtype)) == fingerprint(nan)
    assert fingerprint(torch.tensor([1.0, float("inf")], dtype=nan.dtype)) != fingerprint(nan)


def _sparse(indices: list[list[int]], values: list[float]) -> torch.Tensor:
    return torch.sparse_coo_tensor(indices, values, (2, 2), check_invariants=True)


def test_sparse_tensors_count_by_their_entries():
    first = _sparse([[0, 1], [1, 0]], [1.0, 2.0])
    again = _sparse([[1, 0], [0, 1]], [2.0, 1.0])
    other = _sparse([[1, 0], [0, 1]], [2.0, 2.0])

    assert fingerprint(first) == fingerprint(again)
    assert fingerprint(first) != fingerprint(other)


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")  # torch says that compressed layouts are in beta
def test_the_layout_of_a_sparse_tensor_counts():
    first = _sparse([[0, 1], [1, 0]], [1.0, 2.0])
    again = _sparse([[1, 0], [0, 1]], [2.0, 1.0])

    assert fingerprint(first.to_sparse_csr()) == fingerprint(again.to_sparse_csr())
    assert len({fingerprint(each) for each in (first, first.to_sparse_csr(), first.to_dense())}) == 3


def test_dtypes_devices_and_sizes_have_an_identity():
    things = [torch.float32, torch.float64, torch.device("cpu"), torch.Size([2, 3]), torch.strided]

    assert len({fingerprint(thing) for thing in things}) == len(things)
    assert fingerprint(torch.Size([2, 3])) == fingerprint(torch.zeros(2, 3).shape)


REFUSED = {
    "on the meta device": (
        lambda: torch.empty(2, device="meta"),
        "a tensor without values, on the meta device",
    ),
    "nested": (lambda: torch.nested.nested_tensor([torch.zeros(1), torch.zeros(2)]), "a nested tensor"),
    "in a module": (
        lambda: torch.nn.Linear(1, 1, device="meta"),
        "a tensor without values, on the meta device",
    ),
    "storage": (lambda: torch.zeros(2).untyped_storage(), "an object of torch.storage.UntypedStorage"),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.parametrize(("make", "what"), REFUSED.values(), ids=REFUSED)
def test_tensors_without_values_are_refused(make, what):
    with pytest.raises(UnstableIdentityError, match=f"{what}\n"):
        fingerprint([make()])


def test_modules_count_by_their_parameters():
    torch.manual_seed(1)
    one, other = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)

    assert fingerprint(one) != fingerprint(other)
    other.load_state_dict(one.state_dict())
    assert fingerprint(one) == fingerprint(other)
