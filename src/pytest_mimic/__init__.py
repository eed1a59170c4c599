"""Record expensive function calls once and replay them in every test run after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from pytest_mimic._mimic import fingerprint, mimic, register_fingerprint
    from pytest_mimic.engine.cassettes import Cassette, CassetteCall
    from pytest_mimic.errors import (
        CassetteError,
        CorruptRecordingError,
        DriftError,
        MimicError,
        MissingRecordingError,
        MutatedInputError,
        StaleRecordingError,
        TargetError,
        UnstableIdentityError,
        UnstorableOutcomeError,
    )
    from pytest_mimic.run.cassette_fixtures import CassetteFixture

__all__ = [
    "Cassette",
    "CassetteCall",
    "CassetteError",
    "CassetteFixture",
    "CorruptRecordingError",
    "DriftError",
    "MimicError",
    "MissingRecordingError",
    "MutatedInputError",
    "StaleRecordingError",
    "TargetError",
    "UnstableIdentityError",
    "UnstorableOutcomeError",
    "fingerprint",
    "mimic",
    "register_fingerprint",
]

# The modules of the names that are no errors.
_MODULES = {
    "Cassette": "engine.cassettes",
    "CassetteCall": "engine.cassettes",
    "CassetteFixture": "run.cassette_fixtures",
    "fingerprint": "_mimic",
    "mimic": "_mimic",
    "register_fingerprint": "_mimic",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("pytest-mimic")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"{__name__}.{_MODULES.get(name, 'errors')}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
