"""The parts of an adapter for a further client.

Provisional: it may change in a minor version, with a line in the changelog.

An adapter names the functions in which its client sends requests (`Adapter.edges`),
describes each call in plain data
(`ClientCall`), and turns the client's answers into plain data and back. A distribution
offers it as an entry point of the
group `pytest_mimic.clients`, whose name is the line: `sensor =
"mimic_sensor:SensorAdapter"`.
"""

from __future__ import annotations

from pytest_mimic._core.seam.base import (
    Adapter,
    ClientCall,
    Edge,
    async_method,
    recording,
    sync_method,
)

__all__ = ["Adapter", "ClientCall", "Edge", "async_method", "recording", "sync_method"]

for _public in (Adapter, ClientCall, Edge, async_method, recording, sync_method):
    _public.__module__ = __name__
