"""The cases, in the order of the table."""

from __future__ import annotations

from bench.cases import calls, hashing, http, servers, session, starting, targets
from bench.cases.base import Case

_IN_ORDER = [
    *starting.CASES,
    *targets.CASES,
    *calls.CASES,
    *hashing.CASES,
    *session.CASES,
    *servers.CASES,
    *http.CASES,
]
CASES: dict[str, Case] = {case.name: case for case in _IN_ORDER}
