"""Tensors of torch: taken apart into memory, and made of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_mimic.values.rows import Make, Opener, checked, content_of
from pytest_mimic.values.tagged import tagged
from pytest_mimic.values.tree import Node, Refused, Tree

if TYPE_CHECKING:
    from pytest_mimic.values.folders import Folders

_DENSE = "pass a dense one made of it"
_FORM = frozenset("dtype shape device requires_grad parameter".split())


def tensor(value: Any, walk: Opener) -> Tree:
    """Open a tensor."""
    import torch  # Whoever has a tensor has imported it.

    try:
        view = view_in(value, walk.folders.named_parts) if walk.is_kept else None
        if view is not None:
            return view
        if not is_dense(value):
            what = "a sparse, quantised or nested tensor, or one without memory"
            return Refused(what, _DENSE)
        form = form_of(value)
        grad = grad_of(value)
        if grad is not None:
            form["grad"] = walk.node(grad)
        walk.folders.has_graph |= value.grad_fn is not None
        if not walk.is_kept:
            return tagged(value, walk.node(numbers_of(value)), walk, **form)
        content = walk.node(bits_of(value))
    except (RuntimeError, TypeError, ValueError) as error:
        return Refused(f"a tensor that gives no memory ({error})", _DENSE)
    if not value.is_cpu:
        form["device"] = str(value.device)
    if type(value) in (torch.Tensor, torch.nn.Parameter) and not vars(value):
        return {"$torch:Tensor": content, **form}
    return walk.of_pickle(tagged(value, content, walk, **form))


def make_tensor(_cls: Any, tree: Node, make: Make) -> object:
    """Make a tensor; see `tensor`."""
    import torch

    form = {key: _plain(part) for key, part in tree.items() if key in _FORM}
    made = tensor_of(form, make(content_of(tree)))
    if "grad" in tree:
        made.grad = checked(make(tree["grad"]), torch.Tensor)
    return made


def _plain(part: Any) -> Any:
    if type(part) is list:
        return [checked(size, int) for size in part]
    return checked(part, str, bool)


def view_in(tensor: Any, parts: Mapping[str, Any]) -> Node | None:
    """Say of which tensor another one is a view, and where in its memory it lies.

    A view that has more to it than its place is none here: a gradient, attributes, a
    class, or a sign by which its memory is read.

    Args:
        tensor: Any tensor.
        parts: What it may be a view of, by name.
    """
    import torch

    is_more = tensor.requires_grad or tensor.is_conj() or tensor.is_neg()
    is_plain = type(tensor) is torch.Tensor and not vars(tensor)
    if is_more or not is_plain or not is_dense(tensor):
        return None
    memory = tensor.untyped_storage().data_ptr()
    for name, part in parts.items():
        if not isinstance(part, torch.Tensor) or not is_dense(part):
            continue
        is_same = part.untyped_storage().data_ptr() == memory
        if is_same and memory and part is not tensor and part.dtype == tensor.dtype:
            start = tensor.storage_offset() - part.storage_offset()
            shape, stride = list(tensor.shape), list(tensor.stride())
            return {"$after": name, "shape": shape, "stride": stride, "start": start}
    return None


def placed(node: Mapping[str, Any], folders: Folders) -> Any:
    """Make the path or text of a node, give the part that it names, or a view of that.

    Raises:
        StaleRecordingError: There is no such part any more.
        TypeError, ValueError: There is no such view of it.
    """
    part: Any = folders.value_of(node)
    if "stride" not in node:
        return part
    import torch

    bare = checked(part, torch.Tensor, torch.nn.Parameter).detach()
    shape, stride, start = map(_plain, (node["shape"], node["stride"], [node["start"]]))
    try:
        return bare.as_strided(shape, stride, bare.storage_offset() + start[0])
    except RuntimeError as error:
        raise ValueError(str(error)) from error


def is_dense(tensor: Any) -> bool:
    """Tell whether a tensor has its numbers in memory, one by one."""
    is_odd = tensor.is_quantized or tensor.is_nested or tensor.is_meta
    return not is_odd and dtype_name(tensor.layout) == "strided"


def dtype_name(part: object) -> str:
    """Give the name of a dtype or layout: `float32`."""
    return str(part).removeprefix("torch.")


def bits_of(tensor: Any) -> Any:
    """Give a dense tensor as an array of numpy; of integers, where numpy lacks a dtype.

    The array has the memory of the tensor, if this lies in order and not on a GPU.
    """
    import torch

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
    """Make a tensor in the memory of an array.

    Args:
        form: `dtype`, `shape`, and where they are needed `device`, `requires_grad`,
            `parameter` and `class`.
        content: The array; see `bits_of`.

    Raises:
        ValueError, TypeError, RuntimeError: It cannot be made, or its dtype is none of
            plain numbers.
    """
    import numpy as np
    import torch

    name = form["dtype"]
    dtype = vars(torch).get(name)
    if not isinstance(dtype, torch.dtype) or name.startswith(("q", "bits")):
        raise TypeError(f"{name} is no dtype of numbers")
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


# -- inside of pickles


def form_of(tensor: Any) -> dict[str, Any]:
    """Give what there is to a tensor beside its content; see `tensor_of`."""
    import torch

    form: dict[str, Any] = {
        "dtype": dtype_name(tensor.dtype),
        "shape": list(tensor.shape),
    }
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

    if not is_dense(tensor):
        return NotImplemented
    form = {**form_of(tensor), "device": str(tensor.device)}
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        form["class"] = type(tensor)
    state = grad_of(tensor), dict(vars(tensor))
    return tensor_of, (form, bits_of(tensor)), state, None, None, complete_tensor


def complete_tensor(tensor: Any, state: tuple[Any, dict[str, object]]) -> None:
    """Give a tensor its gradient, and the attributes that were set on it."""
    grad, attributes = state
    if grad is not None:
        tensor.grad = grad
    vars(tensor).update(attributes)
