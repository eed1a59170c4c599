"""torch: tensors count by dtype, shape, elements, gradients, hooks and attributes.

The device of a tensor does not count. Each function `_reduce_…` is the rule of identity
of a class in `RULES`.
"""

from __future__ import annotations

import sys
from typing import Any

from pytest_mimic._core.types.libraries import Rule
from pytest_mimic._core.types.reductions import Raw, Unstable

# The formats as in `struct` of torch's floats, and of the parts of complex numbers, so
# that each NaN in the memory counts as the same. There is no format for bfloat16.
TENSOR_FLOATS = {
    "torch.float16": "=e",
    "torch.float32": "=f",
    "torch.float64": "=d",
    "torch.complex32": "=e",
    "torch.complex64": "=f",
    "torch.complex128": "=d",
}


def _reduce_tensor(tensor: Any, _is_outcome: bool) -> object:
    """Reduce a tensor, with the gradient or the graph that it has in training.

    A graph counts by the name of the step that has made the tensor: `MulBackward0`.
    """
    torch: Any = sys.modules["torch"]
    is_strided = tensor.layout is torch.strided
    if tensor.is_meta or tensor.is_nested or not is_strided:
        raise Unstable(
            "a tensor that is not dense",
            type(tensor),
            remedy="or convert it: .to_dense()",
        )
    counted_parts: tuple[object, ...] = (
        bool(tensor.requires_grad),
        _tensor_memory(tensor.detach()),
    )
    # Most tensors are not in training, and have no further part in their identity.
    if tensor.grad_fn is not None:
        counted_parts = (*counted_parts, tensor.grad_fn.name())
    gradient = gradient_of(tensor)
    if gradient is not None:
        counted_parts = (*counted_parts, ("gradient", gradient))
    hooks = hooks_of(tensor)
    if hooks:
        counted_parts = (*counted_parts, ("hooks", hooks))
    return counted_parts


def hooks_of(tensor: Any) -> list[Any]:
    """Return the functions that are called when a tensor's gradient is computed.

    They count in its identity; an outcome with one is refused, as a pickle loses it.
    """
    hooks: list[Any] = []
    for name in ("_backward_hooks", "_post_accumulate_grad_hooks"):
        registered = getattr(tensor, name, None)
        if registered:
            hooks += registered.values()
    return hooks


def gradient_of(tensor: Any) -> Any:
    """Return the gradient that a tensor keeps, or None.

    It counts in the identity, and is pickled beside the tensor, which would lose it.
    Only the tensors that keep a gradient are asked: torch warns about any other one.
    """
    keeps_gradient = tensor.is_leaf or tensor.retains_grad
    if not keeps_gradient:
        return None
    return tensor.grad


def _tensor_memory(tensor: Any) -> Raw:
    """Return the memory of a strided tensor in C order."""
    # torch may only note that numbers are conjugated or negated, or how they are
    # transposed. Here each note is carried out in the memory.
    tensor = tensor.cpu().resolve_conj().resolve_neg().contiguous()
    size = tensor.numel() * tensor.element_size()
    head = (str(tensor.dtype), tuple(tensor.shape))

    def memory_parts() -> tuple[memoryview, ...]:
        if not size:
            return ()
        # Most runs have no tensor, and loading this takes a millisecond.
        import ctypes

        memory = (ctypes.c_ubyte * size).from_address(tensor.data_ptr())
        return (memoryview(memory).cast("B"),)

    format_of_floats = TENSOR_FLOATS.get(str(tensor.dtype), "")
    return Raw(head, size, memory_parts, format_of_floats=format_of_floats)


def _reduce_to_name(value: Any, _is_outcome: bool) -> str:
    """Reduce a dtype or a device to its name: `torch.float32`, `cuda:0`."""
    return str(value)


def _reduce_shape(shape: Any, _is_outcome: bool) -> object:
    """Reduce the shape of a tensor, which is a class of its own."""
    return tuple(shape)


RULES: dict[tuple[str, str], Rule] = {
    ("torch", "Tensor"): Rule(_reduce_tensor, tag_names_module=True),
    ("torch", "dtype"): Rule(_reduce_to_name),
    ("torch", "device"): Rule(_reduce_to_name),
    ("torch", "Size"): Rule(_reduce_shape),
}
