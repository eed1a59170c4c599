"""Judges what pytest-recording and pytest-vcr left in a suite from which they are gone: marked tests, and options."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pytest_mimic._core.seam.registry import HTTP_CLIENTS
from pytest_mimic._run.summary import names_targets
from pytest_mimic.errors import TargetError

if TYPE_CHECKING:
    import pytest

    from pytest_mimic._core.targets.target import Target

_MODES = "a replay is the default, --mimic-record records what is missing, --mimic-rerecord everything"
# What to write in place of their options.
_OPTIONS = {
    "--record-mode": _MODES,
    "--vcr-record": _MODES,
    "--vcr-record-mode": _MODES,
    "--disable-recording": "write --mimic-live",
    "--disable-vcr": "write --mimic-live",
    "--block-network": "write -o mimic_network=block",
    "--allowed-hosts": "name the hosts in mimic_allow_hosts",
}


def refuse_options(unknown: Iterable[str]) -> None:
    """Refuse options that no installed plugin knows, with what to write instead. pytest.UsageError: There are some."""
    import pytest

    found = [
        f"{name} is an option of pytest-recording or pytest-vcr, which are not installed: {_OPTIONS[name]}"
        for name in dict.fromkeys(word.partition("=")[0] for word in unknown)
        if name in _OPTIONS
    ]
    if found:
        raise pytest.UsageError(*found)


def unanswered(items: Iterable[pytest.Item], targets: Sequence[Target]) -> list[TargetError]:
    """Return the error of marked tests whose requests no line takes, so that they would be sent."""
    if any(one.module in ("http", *HTTP_CLIENTS) for one in targets):
        return []
    open_tests = [one.nodeid for one in items if not names_targets(one)]
    if not open_tests:
        return []
    others = f" and {len(open_tests) - 1} more" if len(open_tests) > 1 else ""
    what = f"{open_tests[0]}{others}: marked vcr, and no line of mimic_functions takes HTTP requests"
    remedies = [
        "add the line http to mimic_functions, and import the cassettes: pytest-mimic import PATH",
        "to replay cassettes of vcrpy as they are: pip install pytest-recording",
    ]
    return [TargetError(what, remedies=remedies)]
