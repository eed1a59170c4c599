"""Finds the recordings whose target's source has changed since."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from pytest_mimic._tools.cli.loaded_outcomes import importable

if TYPE_CHECKING:
    from pytest_mimic._core.identity.static_source import Judgement
    from pytest_mimic._tools.catalog import CatalogFile
    from pytest_mimic._tools.cli.invocation import Invocation


def stale(invocation: Invocation, files: list[CatalogFile]) -> tuple[list[CatalogFile], list[str]]:
    """Return those of the recordings that are stale, and the targets that were not judged.

    Modules are read, and only imported with `--import`, where reading does not suffice.
    """
    judged: dict[tuple[str, str], Judgement] = {}
    found, unknown = [], set()
    for file in files:
        is_stale = False
        for call in file.calls:
            if call.source is None:  # a client, or a function without source
                continue
            key = (call.target, call.source)
            if key not in judged:
                judged[key] = _judge(invocation, file, *key)
            is_stale = is_stale or judged[key] == "changed"
            if judged[key] == "unknown":
                unknown.add(call.target)
        if is_stale:
            found.append(file)
    return found, sorted(unknown)


def _judge(invocation: Invocation, file: CatalogFile, target: str, fingerprint: str) -> Judgement:
    from pytest_mimic._core.identity.static_source import judge

    with importable(invocation, file):
        judgement = judge(target, fingerprint)
        if judgement == "unknown" and invocation.options.imports:
            with redirect_stdout(sys.stderr):
                return _judge_imported(target, fingerprint)
    return judgement


def _judge_imported(target: str, fingerprint: str) -> Judgement:
    """Import a target's module and compare its source. It is unknown if it is gone, or cannot be imported."""
    from inspect import getattr_static

    from pytest_mimic._core.identity.source import source_fingerprint
    from pytest_mimic._core.outcome.importable_names import resolve

    module, _, path = target.partition(":")
    owner, _, name = path.rpartition(".")
    try:
        # Statically, because a property would be called.
        function = getattr_static(resolve(module, owner), name) if owner else resolve(module, path)
        return "same" if source_fingerprint(function) == fingerprint else "changed"
    except Exception:  # code of the user's module
        return "unknown"
