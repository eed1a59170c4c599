"""Cassettes of vcrpy 1 to 9, pytest-recording, cassetter, betamax and Ruby's VCR, in YAML and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytest_mimic._tools.foreign.cassette_entries import EntryError, read_entry
from pytest_mimic._tools.foreign.foreign_exchanges import ForeignFile, Refusal, UnreadableError
from pytest_mimic.errors import MimicError

_LFS = "version https://git-lfs.github.com/spec/"
_DAMAGED = "its other entries are left out, too, because one of the answers to a request may be missing"


def read_cassette(path: Path) -> ForeignFile:
    """Read a cassette. Nothing in it is run.

    UnreadableError: it is no cassette, or damaged. OSError: it cannot be read. MimicError: PyYAML is not installed.
    """
    data = _parse(_read_text(path), path)
    entries = data  # a list, before vcrpy 1.0
    if isinstance(data, dict):
        entries = data.get("interactions", data.get("http_interactions"))
    if not isinstance(entries, list):
        raise UnreadableError("is not a cassette of vcrpy: it has no list of interactions")
    exchanges, refusals = [], []
    for number, entry in enumerate(entries, 1):
        try:
            exchanges.append(read_entry(entry, number))
        except EntryError as error:
            refusals.append(Refusal(number, str(error)))
    if refusals:
        # Which request such an entry has is not known, and the n-th identical call gets the n-th answer.
        return ForeignFile([], [*refusals, Refusal(0, _DAMAGED)])
    return ForeignFile(exchanges, refusals)


def _read_text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError("is not a cassette of vcrpy: it is not text in UTF-8") from None
    if text.startswith(_LFS):
        raise UnreadableError("is a Git LFS pointer, its content was not pulled: git lfs pull")
    return text


def _parse(text: str, path: Path) -> Any:
    """Return the plain data in a cassette's text."""
    looks_like_json = text.lstrip()[:1] in ("{", "[")
    if looks_like_json:
        try:
            return json.loads(text)
        except RecursionError:
            raise UnreadableError("is damaged: it is nested too deeply") from None
        except ValueError as error:
            if path.suffix == ".json":
                raise UnreadableError(f"is damaged: {error}") from None
    from pytest_mimic._tools.foreign.yaml_text import YamlError, parse_yaml

    try:
        return parse_yaml(text)
    except ModuleNotFoundError:
        what = f"{path.name} is YAML, and PyYAML is not installed"
        raise MimicError(what, remedies=["pip install pytest-mimic[cli]"]) from None
    except YamlError as error:
        where = f"line {error.line}: " if error.line else ""
        if "asks for a Python object" not in str(error):
            raise UnreadableError(f"is damaged, {where}{error}") from None
        raise UnreadableError(f"{where}{error}; nothing was run") from None
