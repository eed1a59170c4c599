"""The cases, in the order of the table."""

from __future__ import annotations

from bench.cases import calls, hashing, http, servers, session, starting, targets
from bench.cases.base import Case

CASES: dict[str, Case] = {
    case.name: case
    for module in (starting, targets, calls, hashing, session, servers, http)
    for case in module.CASES
}
