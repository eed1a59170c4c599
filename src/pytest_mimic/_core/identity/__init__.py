"""Value → identity: the same in every process, on every machine and Python version."""

from pytest_mimic._core.identity.call_identity import CallIdentity, fingerprint, fingerprint_outcome
from pytest_mimic._core.identity.kinds import Unstable
from pytest_mimic._core.identity.source import source_fingerprint

__all__ = [
    "CallIdentity",
    "Unstable",
    "fingerprint",
    "fingerprint_outcome",
    "source_fingerprint",
]
