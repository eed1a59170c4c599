"""The changes that vcrpy makes to each entry of a cassette that it loads: secrets, and functions of the suite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pytest_mimic._tools.foreign.vcr.vcr_requests import VcrRequest

LoadHook = Callable[[VcrRequest, Any], Any]
"""Takes a request and its response in vcrpy's form, and returns both. None: the entry is left out."""


def load_hooks(given: Mapping[str, Any]) -> list[LoadHook]:
    """Return vcrpy's `filter_sensitive_data` and `after_load_interaction`, in this order."""
    own = given.get("after_load_interaction")
    hooks = list(own) if isinstance(own, Iterable) else [own] if own is not None else []
    pairs = _pairs(given.get("filter_sensitive_data"))
    return [_restoring(pairs), *hooks] if pairs else hooks


def sensitive_values(given: Mapping[str, Any]) -> set[str]:
    """Return the values that `filter_sensitive_data` names, without those that a function finds."""
    pairs = _pairs(given.get("filter_sensitive_data"))
    return {str(value) for _, value in pairs if value is not None and not callable(value)}


def _pairs(given: Any) -> list[tuple[Any, Any]]:
    return [(name, value) for name, value in (given.items() if isinstance(given, Mapping) else given or ())]


def _restoring(pairs: list[tuple[Any, Any]]) -> LoadHook:
    """Return a hook that puts values back in place of their placeholders."""

    def restore(request: VcrRequest, response: Any) -> tuple[VcrRequest, Any]:
        for name, given in pairs:
            value = given(request, response) if callable(given) else given
            if value is None or not str(name) or not str(value):
                continue

            def put_back(plain: Any, name: str = str(name), value: str = str(value)) -> Any:
                return _replaced(plain, name, value)

            headers = [(put_back(one), put_back(text)) for one, text in request.headers.items()]
            request = VcrRequest(request.method, put_back(request.uri), put_back(request.body), headers)
            response = put_back(response)
        return request, response

    return restore


def _replaced(plain: Any, old: str, new: str) -> Any:
    """Return plain data with a text replaced in all its texts and bytes."""
    if isinstance(plain, str):
        return plain.replace(old, new)
    if isinstance(plain, bytes):
        return plain.replace(old.encode(), new.encode())
    if isinstance(plain, dict):
        return {_replaced(key, old, new): _replaced(value, old, new) for key, value in plain.items()}
    if isinstance(plain, (list, tuple)):
        return [_replaced(one, old, new) for one in plain]
    return plain
