"""torch: tensors count by dtype, shape, values and whether they require gradients, not by their device."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from pytest_mimic._core.identity.kinds import Kind, Raw, type_tag
from pytest_mimic._core.identity.refused import Unstable, refuse

# The formats as in `struct` of torch's floats, and of the parts of complex numbers. There is no format for bfloat16.
FLOATS = {
    "torch.float16": "=e",
    "torch.float32": "=f",
    "torch.float64": "=d",
    "torch.complex32": "=e",
    "torch.complex64": "=f",
    "torch.complex128": "=d",
}


def library_kind(type_: type, _base: type, _layout: bool) -> Kind | None:
    """Return the kind of a type of torch or a subclass, or None if there is no rule for it."""
    torch: Any = sys.modules["torch"]
    if issubclass(type_, torch.Tensor):
        return Kind(type_tag(type_), _tensor)
    if issubclass(type_, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
        return Kind(f"torch:{type_.__name__}", str)
    if issubclass(type_, torch.Size):
        return Kind("torch:Size", tuple)
    if issubclass(type_, torch.Generator):
        return Kind("torch:Generator", lambda value: _tensor(value.get_state()))
    if issubclass(type_, (torch.UntypedStorage, torch.TypedStorage)):
        return Kind(type_tag(type_), refuse)
    return None


def _tensor(value: Any) -> object:
    if value.is_meta:
        raise Unstable("a tensor without values, on the meta device", type(value))
    if value.is_nested:
        raise Unstable("a nested tensor", type(value))
    torch: Any = sys.modules["torch"]
    tensor = value.detach()
    layout = tensor.layout
    if layout is torch.strided:
        return bool(value.requires_grad), _dense(tensor)
    if layout is not torch.sparse_coo:  # torch 1 cannot convert a tensor to the layout it has
        tensor = tensor.to_sparse_coo()
    tensor = tensor.coalesce()
    return (
        str(layout),
        tuple(tensor.shape),
        bool(value.requires_grad),
        _dense(tensor.indices()),
        _dense(tensor.values()),
    )


def _dense(tensor: Any) -> Raw:
    """Return the memory of a strided tensor in C order."""
    torch: Any = sys.modules["torch"]
    tensor = tensor.cpu().resolve_conj().resolve_neg().contiguous()
    if tensor.dtype is torch.bfloat16 and tensor.isnan().any():
        tensor = tensor.masked_fill(tensor.isnan(), float("nan"))
    size = tensor.numel() * tensor.element_size()
    head = (str(tensor.dtype), tuple(tensor.shape))

    def parts() -> tuple[memoryview, ...]:
        memory = (ctypes.c_ubyte * size).from_address(tensor.data_ptr())
        return (memoryview(memory).cast("B"),) if size else ()

    return Raw(head, size, parts, floats=FLOATS.get(str(tensor.dtype), ""))
