"""Cassettes of vcrpy 1 to 9 (YAML and JSON), betamax and Ruby's VCR as plain exchanges."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pytest_mimic._tools.foreign.vcr.cassette_entries import EntryError, VcrExchange, read_entry
from pytest_mimic.errors import CassetteError

_CONFLICT = re.compile(r"^(?:<{7}|>{7}) .*$", re.MULTILINE)
_LFS = "version https://git-lfs.github.com/spec/"
_OLD_CLASSES = ("vcr.request", "HTTPHeaders", "HTTPMessage")


class VcrFile(NamedTuple):
    """A cassette of vcrpy.

    Attributes:
        exchanges: Its requests and responses, in the order of the file.
        problems: Why the other entries cannot be read: `entry 3: its request has no uri`.
    """

    exchanges: list[VcrExchange]
    problems: list[str]


def read_cassette(path: Path, *, label: str = "", deserialize: Callable[[str], Any] | None = None) -> VcrFile:
    """Read a cassette of vcrpy. Nothing in it is run.

    Args:
        path: The file.
        label: Its name in messages, if that is not the path.
        deserialize: Reads the text in place of our own reader.

    Raises:
        FileNotFoundError: There is no such file.
        CassetteError: It is no cassette, is damaged, or needs PyYAML, which is not installed.
    """
    label = label or str(path)
    text = _read_text(path, label)
    data = _parse(text, label) if deserialize is None else _deserialized(text, label, deserialize)
    entries = data  # a list, before vcrpy 1.0
    if isinstance(data, dict):
        entries = data.get("interactions", data.get("http_interactions"))
    if not isinstance(entries, list):
        raise _error(label, "is not a cassette of vcrpy: it has no list of interactions")
    exchanges, problems = [], []
    for number, entry in enumerate(entries, 1):
        try:
            exchanges.append(read_entry(entry, number))
        except EntryError as error:
            problems.append(f"entry {number}: {error}")
    return VcrFile(exchanges, problems)


def _read_text(path: Path, label: str) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _error(label, f"cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise _error(label, "is not a cassette of vcrpy: it is not text in UTF-8") from None
    if text.startswith(_LFS):
        raise _error(label, "is a Git LFS pointer, its content was not pulled", remedy="git lfs pull")
    conflict = _CONFLICT.search(text)
    if conflict is not None:
        line = text.count("\n", 0, conflict.start()) + 1
        remedy = "resolve it, or take one side: git checkout --ours (or --theirs) FILE"
        raise _error(label, f"has a merge conflict, line {line}", remedy=remedy)
    return text


def _parse(text: str, label: str) -> Any:
    """Return the plain data in a cassette's text."""
    looks_like_json = text.lstrip()[:1] in ("{", "[")
    if looks_like_json:
        try:
            return json.loads(text)
        except RecursionError:
            raise _error(label, "is damaged: it is nested too deeply") from None
        except ValueError as error:
            if label.endswith(".json"):
                raise _error(label, f"is damaged: {error}") from None
    from pytest_mimic._tools.foreign.vcr.yaml_text import YamlError, parse_yaml

    try:
        return parse_yaml(text)
    except ModuleNotFoundError:
        what = f"{label} is YAML, and PyYAML is not installed"
        raise CassetteError(what, remedies=["pip install pyyaml"], cassette=label) from None
    except YamlError as error:
        where = f", line {error.line}" if error.line else ""
        if "asks for a Python object" not in str(error):
            raise _error(label, f"is damaged{where}: {error}") from None
        facts = ["nothing was run: a cassette may hold plain data only"]
        remedies = ["record it again, or write the value as text"]
        if any(name in str(error) for name in _OLD_CLASSES):
            remedies = ["it was made before vcrpy 1.0: record it again, or python -m vcr.migration FILE"]
        what = f"{label}{where}: {error}"
        raise CassetteError(what, facts=facts, remedies=remedies, cassette=label) from None


def _deserialized(text: str, label: str, deserialize: Callable[[str], Any]) -> Any:
    """Return the data that a serializer of the suite reads from a cassette's text."""
    try:
        return deserialize(text)
    except Exception as error:
        raised = f"{type(error).__name__}: {error}"
        raise _error(label, f"cannot be read: the serializer of the suite raised {raised}") from error


def _error(label: str, problem: str, *, remedy: str = "") -> CassetteError:
    remedy = remedy or "restore it from version control, or record it again"
    return CassetteError(f"{label} {problem}", remedies=[remedy], cassette=label)
