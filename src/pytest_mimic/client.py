"""What an adapter for a client is made of.

Provisional: it may change in a minor version, with a line in the changelog.

An adapter names the functions in which its client sends requests (`Adapter.edges`),
describes each call in plain data (`ClientCall`), and turns the client's answers into
plain data and back. The smallest one, for a module `sensor` whose function `read` asks
a device for a number:

    from functools import wraps
    from pytest_mimic.client import Adapter, ClientCall, Edge, recording

    class SensorAdapter(Adapter):
        parts = ("room",)

        def edges(self):
            return [Edge("sensor", ("read",), wrap_read)]

    def wrap_read(original, port):
        @wraps(original)
        def read(room):
            call = ClientCall(f"READ {room}", {"room": room}, ("room",), {"room": room})
            step = port.begin(call)
            if step is None:  # the call is left out
                return original(room)
            if step.mode != "replay":
                with recording(step):
                    celsius = original(room)
                    step.finish({"celsius": celsius})
                if step.mode == "run":
                    return celsius
            return step.outcome()["celsius"]
        return read

A distribution offers it as an entry point of the group `pytest_mimic.clients`, whose
name is the line: `sensor = "mimic_sensor:SensorAdapter"`. The guide "Add a client"
builds a whole one. The adapters of pytest-mimic itself are made of the same parts:

- the adapter: `Adapter`, `Edge`, `load_adapter`, `clients_of`
- a call: `ClientCall`, `Port`, `Step`, `Call`, `recording`, `is_cancellation`
- sync and async methods with one body: `Steps`, `sync_method`, `async_method`,
  `run_sync`, `run_async`, `waiting`
- secrets: `Redactor`, `NO_REDACTION`, `Secrets`, `KnownSecrets`, `as_recorded`,
  `with_secrets`, `places`, `hide_values`, `hide_split`, `parse_form`,
  `holds_placeholder`, `is_placeholder`, `PLACEHOLDER`, `PLACEHOLDER_START`,
  `NUMBER_START`, `START_IN_BASE64`, `ISSUED`, `LOGIN`
- values of databases: `to_plain`, `parameter_to_plain`, `from_plain`, `by_value`,
  `in_class`, `blank`, `PLAIN`, `full_name`
- what JSON has no form for, stored under a tag: `tagged`, `tag_in`
- streams of events: `Events`, `ServerSentEvent`
- errors and their remedies: `MimicError`, `UnstorableOutcomeError`,
  `UnstableIdentityError`, `CorruptRecordingError`, `TargetError`, `Remedy`, `Verb`
- a quick start, and no lock: `pattern`, `zstd_module`, `lazy_attribute`

Each name is loaded on first use (PEP 562), so that a replay loads only what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mimic._core.commands import Remedy, Verb
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.client_plan import Port
    from pytest_mimic._core.engine.steps import Step
    from pytest_mimic._core.nodes.json_tags import tag_in, tagged
    from pytest_mimic._core.outcome.database_values import (
        PLAIN,
        blank,
        by_value,
        from_plain,
        in_class,
        parameter_to_plain,
        to_plain,
    )
    from pytest_mimic._core.outcome.outcome import is_cancellation
    from pytest_mimic._core.outcome.pickle_file import zstd_module
    from pytest_mimic._core.placeholders import (
        ISSUED,
        NUMBER_START,
        PLACEHOLDER,
        PLACEHOLDER_START,
        START_IN_BASE64,
        is_placeholder,
    )
    from pytest_mimic._core.redact.known_secrets import KnownSecrets
    from pytest_mimic._core.redact.redactor import NO_REDACTION, Redactor, parse_form
    from pytest_mimic._core.redact.secret_names import places
    from pytest_mimic._core.redact.secret_values import hide_values
    from pytest_mimic._core.redact.split_secrets import hide_split
    from pytest_mimic._core.seam.base import (
        Adapter,
        ClientCall,
        Steps,
        async_method,
        load_adapter,
        recording,
        run_async,
        run_sync,
        sync_method,
        waiting,
    )
    from pytest_mimic._core.seam.call_secrets import LOGIN, Secrets, holds_placeholder
    from pytest_mimic._core.seam.real_secrets import as_recorded, with_secrets
    from pytest_mimic._core.seam.registry import Edge, clients_of
    from pytest_mimic._core.types.stream_events import Events, ServerSentEvent
    from pytest_mimic._core.types.type_names import full_name
    from pytest_mimic._core.words import lazy_attribute, pattern
    from pytest_mimic.errors import (
        CorruptRecordingError,
        MimicError,
        TargetError,
        UnstableIdentityError,
        UnstorableOutcomeError,
    )

__all__ = [
    "ISSUED",
    "LOGIN",
    "NO_REDACTION",
    "NUMBER_START",
    "PLACEHOLDER",
    "PLACEHOLDER_START",
    "PLAIN",
    "START_IN_BASE64",
    "Adapter",
    "Call",
    "ClientCall",
    "CorruptRecordingError",
    "Edge",
    "Events",
    "KnownSecrets",
    "MimicError",
    "Port",
    "Redactor",
    "Remedy",
    "Secrets",
    "ServerSentEvent",
    "Step",
    "Steps",
    "TargetError",
    "UnstableIdentityError",
    "UnstorableOutcomeError",
    "Verb",
    "as_recorded",
    "async_method",
    "blank",
    "by_value",
    "clients_of",
    "from_plain",
    "full_name",
    "hide_split",
    "hide_values",
    "holds_placeholder",
    "in_class",
    "is_cancellation",
    "is_placeholder",
    "lazy_attribute",
    "load_adapter",
    "parameter_to_plain",
    "parse_form",
    "pattern",
    "places",
    "recording",
    "run_async",
    "run_sync",
    "sync_method",
    "tag_in",
    "tagged",
    "to_plain",
    "waiting",
    "with_secrets",
    "zstd_module",
]

# The public names by the module that defines them, relative to this package.
_NAMES_BY_MODULE = {
    "_core.commands": ("Remedy", "Verb"),
    "_core.engine.call": ("Call",),
    "_core.engine.client_plan": ("Port",),
    "_core.engine.steps": ("Step",),
    "_core.nodes.json_tags": ("tag_in", "tagged"),
    "_core.outcome.pickle_file": ("zstd_module",),
    "_core.outcome.outcome": ("is_cancellation",),
    "_core.placeholders": (
        "ISSUED",
        "NUMBER_START",
        "PLACEHOLDER",
        "PLACEHOLDER_START",
        "START_IN_BASE64",
        "is_placeholder",
    ),
    "_core.redact.known_secrets": ("KnownSecrets",),
    "_core.redact.redactor": ("NO_REDACTION", "Redactor", "parse_form"),
    "_core.redact.secret_names": ("places",),
    "_core.redact.secret_values": ("hide_values",),
    "_core.redact.split_secrets": ("hide_split",),
    "_core.seam.base": (
        "Adapter",
        "ClientCall",
        "Steps",
        "async_method",
        "load_adapter",
        "recording",
        "run_async",
        "run_sync",
        "sync_method",
        "waiting",
    ),
    "_core.seam.call_secrets": ("LOGIN", "Secrets", "holds_placeholder"),
    "_core.outcome.database_values": (
        "PLAIN",
        "blank",
        "by_value",
        "from_plain",
        "in_class",
        "parameter_to_plain",
        "to_plain",
    ),
    "_core.seam.real_secrets": ("as_recorded", "with_secrets"),
    "_core.seam.registry": ("Edge", "clients_of"),
    "_core.types.stream_events": ("Events", "ServerSentEvent"),
    "_core.types.type_names": ("full_name",),
    "_core.words": ("lazy_attribute", "pattern"),
    "errors": (
        "CorruptRecordingError",
        "MimicError",
        "TargetError",
        "UnstableIdentityError",
        "UnstorableOutcomeError",
    ),
}


def __getattr__(name: str) -> Any:
    """Return what a name of `__all__` stands for, and load its module."""
    for module_name, names in _NAMES_BY_MODULE.items():
        if name in names:
            module = import_module(f"pytest_mimic.{module_name}")
            value = globals()[name] = getattr(module, name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
