"""Tensors of torch, and what is made of them: one identity in each process, and back as they were."""

from __future__ import annotations

import json

import pytest
import torch
from support.face import fingerprint, loaded, stored, there_and_back
from torch import nn
from torch.optim import SGD, Adam, lr_scheduler
from torch.utils.data import DataLoader, TensorDataset
from transformers.modeling_outputs import BaseModelOutput

from pytest_mimic import (  # fmt: skip
    CorruptRecordingError,
    UnstableIdentityError,
    UnstorableOutcomeError,
)

DTYPES = """
    bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 bfloat16 float32 float64
    complex32 complex64 complex128 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz
    float8_e8m0fnu
""".split()


def with_grad():
    tensor = torch.ones(3, requires_grad=True)
    (tensor * 2).sum().backward()
    return tensor


def trained(make, *more):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(3, 40), nn.BatchNorm1d(40), nn.LSTM(40, 4))
    optimizer = make(model.parameters(), lr=0.1)
    model(torch.ones(2, 3))[0].sum().backward()
    optimizer.step()
    return [optimizer, model, *(one(optimizer) for one in more)]


TENSORS = {
    **{name: lambda name=name: torch.arange(4).remainder(2).to(getattr(torch, name)) for name in DTYPES},
    **{f"many of {name}": lambda name=name: torch.arange(200).remainder(2).to(getattr(torch, name)) for name in DTYPES},
    "no dimension": lambda: torch.tensor(3.5),
    "nothing": lambda: torch.empty(0, 3),
    "nan": lambda: torch.tensor([float("nan"), -0.0, float("inf")]),
    "many nans": lambda: torch.full((100,), float("nan"), dtype=torch.bfloat16),
    "view": lambda: torch.arange(200.0).reshape(10, 20).T[::2],
    "conjugated": lambda: torch.tensor([1 + 2j]).conj(),
    "grad": lambda: torch.ones(3, requires_grad=True),
    "added up": with_grad,
    "computed": lambda: torch.ones(3, requires_grad=True) * 2,
    "parameter": lambda: nn.Parameter(torch.ones(100)),
    "frozen": lambda: nn.Parameter(torch.ones(2), requires_grad=False),
}  # fmt: skip
OBJECTS = {
    "buffer": lambda: nn.Buffer(torch.ones(2)),
    "state": lambda: trained(SGD)[1].state_dict(),
    "model": lambda: trained(SGD)[1],
    "optimizer": lambda: trained(Adam)[0],
    "scheduler": lambda: trained(SGD, lambda made: lr_scheduler.StepLR(made, 3)),
    "generator": lambda: torch.Generator().manual_seed(4),
    "packed": lambda: nn.utils.rnn.pack_sequence([torch.ones(3), torch.ones(2)]),
    "data": lambda: TensorDataset(torch.ones(3)),
    "loader": lambda: DataLoader(TensorDataset(torch.ones(3)), batch_size=2),
    "output": lambda: BaseModelOutput(last_hidden_state=torch.ones(1, 2, 3)),
    "distribution": lambda: torch.distributions.Normal(torch.zeros(2), torch.ones(2)),
    "dtype": lambda: [torch.float32, torch.Size([1, 2]), torch.device("cuda:0")],
}


def dense(tensor):
    return tensor.detach().to_dense().resolve_conj().contiguous().reshape(-1)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("make", TENSORS.values(), ids=TENSORS)
def test_a_tensor_comes_back_without_a_pickle(make):
    tensor = make()

    tree, objects = stored({"t": tensor})

    again = loaded(tree, objects)["t"]
    assert "$pickle" not in json.dumps(tree)
    assert bool(objects) == (tensor.numel() > 50)
    for name in ("dtype", "shape", "layout", "requires_grad"):
        assert getattr(again, name) == getattr(tensor, name)
    assert type(again) is type(tensor)
    one, other = dense(again), dense(tensor)
    if tensor.numel():
        assert bytes(one.view(torch.uint8)) == bytes(other.view(torch.uint8))
    assert fingerprint(again) == fingerprint(tensor) == fingerprint(make())


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("make", OBJECTS.values(), ids=OBJECTS)
def test_what_is_made_of_tensors_comes_back(make):
    tree, _ = stored(make())

    assert fingerprint(there_and_back(make())) == fingerprint(make())
    assert "torch._utils" not in json.dumps(tree)
    assert "_load_from_bytes" not in json.dumps(tree)


def test_tensors_differ_by_content_dtype_shape_and_gradient():
    tensors = [
        torch.ones(4), torch.ones(2, 2), torch.ones(4).double(), torch.ones(4).bfloat16(),
        torch.zeros(4), -torch.zeros(4), torch.ones(4, requires_grad=True), with_grad(),
        nn.Parameter(torch.ones(4)), torch.ones(4).numpy(),
    ]  # fmt: skip

    assert len(set(map(fingerprint, tensors))) == len(tensors)


@pytest.mark.parametrize("count", [4, 100])
def test_neither_strides_nor_the_nan_count(count):
    nan = torch.full((count, count), float("nan"))
    other = torch.full((count, count), 0x7FC00001, dtype=torch.int32).view(
        torch.float32
    )

    assert fingerprint(nan) == fingerprint(other)
    for name in ("bfloat16", "float8_e5m2"):
        dtype = getattr(torch, name)
        assert fingerprint(nan.to(dtype)) == fingerprint((-nan).to(dtype))
    square = torch.arange(count * count).reshape(count, count)
    assert fingerprint(square.T) == fingerprint(square.T.contiguous())


@pytest.mark.parametrize("count", [4, 100])
def test_a_tensor_of_a_device_that_is_not_here_comes_back_on_the_cpu(count):
    tree, objects = stored(torch.ones(count))
    for device in ("cuda:0", "mps", "xpu:7", "gone:1"):
        again = loaded({**tree, "device": device}, objects)
        assert again.tolist() == [1.0] * count


def test_a_tensor_at_two_places_is_one():
    tensor = torch.ones(2)

    one, other = there_and_back([tensor, tensor])

    assert one is other


def test_attributes_and_classes_of_tensors_come_back():
    tensor = torch.ones(2)
    tensor.note = "kept"

    assert there_and_back(tensor).note == "kept"
    assert fingerprint(tensor) != fingerprint(torch.ones(2))
    assert type(there_and_back(Own(torch.ones(2)))) is Own


class Own(torch.Tensor):
    """A tensor of a class of its own."""


ODD = {
    "coo": lambda: torch.eye(4).to_sparse(),
    "csr": lambda: torch.eye(4).to_sparse_csr(),
    "bsc": lambda: torch.eye(4).to_sparse_bsc((2, 2)),
    "quantised": lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]),
    "without memory": lambda: torch.empty(3, device="meta"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_a_tensor_that_is_not_dense_is_refused_with_a_way_out(make):
    with pytest.raises(UnstorableOutcomeError, match="return a dense one"):
        stored([make()])
    with pytest.raises(UnstableIdentityError, match="pass a dense one"):
        fingerprint([make()])


def test_a_storage_is_refused_with_a_way_out():
    with pytest.raises(UnstableIdentityError, match="pass a tensor that has it"):
        fingerprint(torch.ones(3).untyped_storage())


ONE = {"$numpy:ndarray": [1.0], "dtype": "float32", "shape": [1]}
BROKEN = {
    "a shape": {"$torch:Tensor": ONE, "dtype": "float32", "shape": [2]},
    "no dtype": {"$torch:Tensor": ONE, "dtype": "load", "shape": [1]},
    "quantised": {"$torch:Tensor": ONE, "dtype": "qint8", "shape": [1]},
    "no memory": {"$torch:Tensor": ONE, "dtype": "float32", "shape": [1], "device": "meta"},
    "a list": {"$torch:Tensor": [1.0], "dtype": "float32", "shape": [1]},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("tree", BROKEN.values(), ids=BROKEN)
def test_what_is_no_tensor_is_damage(tree):
    with pytest.raises(CorruptRecordingError):
        loaded(tree, {})
