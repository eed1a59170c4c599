"""Tensors of torch: taken apart into memory, and made of it."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Any

from pytest_mimic.values.rows import checked

_OF_ROWS = "crow_indices", "col_indices", "values"
_OF_COLUMNS = "ccol_indices", "row_indices", "values"
# The tensors of which one is made, by its layout; a dense one of none.
_PARTS: dict[str, tuple[str, ...]] = {
    "strided": (),
    "sparse_coo": ("_indices", "_values"),
    "sparse_csr": _OF_ROWS,
    "sparse_csc": _OF_COLUMNS,
    "sparse_bsr": _OF_ROWS,
    "sparse_bsc": _OF_COLUMNS,
}


def is_tensor_alone(tensor: Any) -> bool:
    """Tell whether all that there is to a tensor has a form here."""
    is_odd = tensor.is_quantized or tensor.is_nested or tensor.is_meta
    return not is_odd and name_of(tensor.layout) in _PARTS


def name_of(part: object) -> str:
    """Give the name of a dtype or layout: `float32`."""
    return str(part).removeprefix("torch.")


def parts_of(tensor: Any) -> list[Any]:
    """Give the tensors of which a sparse tensor is made; none: it is dense."""
    bare = tensor.detach()
    return [getattr(bare, name)() for name in _PARTS[name_of(tensor.layout)]]


def bits_of(tensor: Any) -> Any:
    """Give a dense tensor as an array of numpy; of integers, where numpy lacks a dtype.

    The array has the memory of the tensor, if this lies in order and not on a GPU.
    """
    import torch  # Whoever has a tensor has imported it.

    bare = tensor.detach().as_subclass(torch.Tensor)
    dense = bare.cpu().resolve_conj().resolve_neg().contiguous()
    try:
        return dense.numpy()
    except TypeError:
        return dense.view(getattr(torch, f"int{8 * dense.itemsize}")).numpy()


def numbers_of(tensor: Any) -> Any:
    """Give a dense tensor as an array of numpy of the same numbers."""
    import torch

    bits = bits_of(tensor)
    is_complex = tensor.is_complex()
    if bits.dtype.kind in "iu" and (is_complex or tensor.is_floating_point()):
        with suppress(RuntimeError):
            return bits_of(tensor.to(torch.complex64 if is_complex else torch.float32))
    return bits


def tensor_of(form: dict[str, Any], content: Any) -> Any:
    """Make a tensor in the memory of an array, or a sparse tensor of tensors.

    Args:
        form: `dtype`, `shape`, and where they are needed `layout`, `is_coalesced`,
            `device`, `requires_grad`, `parameter` and `class`.
        content: What it is made of; see `bits_of` and `parts_of`.

    Raises:
        ValueError, TypeError, RuntimeError: It cannot be made, its dtype is none of
            plain numbers, or an index is too large.
    """
    import numpy as np
    import torch

    name = form["dtype"]
    dtype = vars(torch).get(name)
    if not isinstance(dtype, torch.dtype) or name.startswith(("q", "bits")):
        raise TypeError(f"{name} is no dtype of numbers")
    if "layout" in form:
        parts = checked(content, list)
        made = _sparse(form, [checked(part, torch.Tensor) for part in parts])
    else:
        array = checked(content, np.ndarray)
        if list(array.shape) != form["shape"] or array.itemsize != dtype.itemsize:
            raise ValueError("its length is wrong")
        made = torch.from_numpy(array).view(dtype)
    if "device" in form:
        with suppress(RuntimeError, AssertionError):  # This machine may not have it.
            made = made.to(form["device"])
    if made.is_meta:
        raise ValueError("a tensor of the device meta has no numbers")
    if "class" in form:
        made = made.as_subclass(form["class"])
    requires_grad = bool(form.get("requires_grad"))
    if form.get("parameter"):
        return torch.nn.Parameter(made, requires_grad=requires_grad)
    return made.requires_grad_(requires_grad)


def _sparse(form: dict[str, Any], parts: list[Any]) -> Any:
    import torch

    layout = form["layout"]
    if layout not in _PARTS:
        raise TypeError(f"{layout} is no layout of sparse tensors")
    more: dict[str, Any] = {"layout": getattr(torch, layout)}
    make: Any = torch.sparse_compressed_tensor
    if layout == "sparse_coo":
        make = torch.sparse_coo_tensor
        more = {"is_coalesced": bool(form.get("is_coalesced"))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Torch says that they are new.
        # Else C would read what lies at indices that are too large.
        return make(*parts, form["shape"], check_invariants=True, **more)


# -- inside of pickles


def form_of(tensor: Any) -> dict[str, Any]:
    """Give what there is to a tensor beside its content; see `tensor_of`."""
    import torch

    form: dict[str, Any] = {
        "dtype": name_of(tensor.dtype),
        "shape": list(tensor.shape),
    }
    layout = name_of(tensor.layout)
    if layout != "strided":
        form["layout"] = layout
    if layout == "sparse_coo" and tensor.is_coalesced():
        form["is_coalesced"] = True
    if type(tensor) is torch.nn.Parameter:
        form["parameter"] = True
    if tensor.requires_grad:
        form["requires_grad"] = True
    return form


def grad_of(tensor: Any) -> Any:
    """Give the gradient that was added up in a tensor, if there is one."""
    return tensor.grad if tensor.is_leaf else None


def reduced_tensor(tensor: Any) -> Any:
    """Say how a tensor is pickled with no private name of torch."""
    import torch

    if not is_tensor_alone(tensor):
        return NotImplemented
    form = {**form_of(tensor), "device": str(tensor.device)}
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        form["class"] = type(tensor)
    content = parts_of(tensor) or bits_of(tensor)
    state = grad_of(tensor), dict(vars(tensor))
    return tensor_of, (form, content), state, None, None, complete_tensor


def complete_tensor(tensor: Any, state: tuple[Any, dict[str, object]]) -> None:
    """Give a tensor its gradient, and the attributes that were set on it."""
    grad, attributes = state
    if grad is not None:
        tensor.grad = grad
    vars(tensor).update(attributes)
