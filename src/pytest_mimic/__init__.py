"""Record expensive function calls once and replay them in every test run after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from pytest_mimic._core.engine.cassettes import Cassette, CassetteCall
    from pytest_mimic._mimic import fingerprint, mimic, register_fingerprint
    from pytest_mimic._run.cassette_fixtures import CassetteFixture
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

# The modules of the public names that are no errors.
_MODULE_OF_NAME = {
    "Cassette": "_core.engine.cassettes",
    "CassetteCall": "_core.engine.cassettes",
    "CassetteFixture": "_run.cassette_fixtures",
    "fingerprint": "_mimic",
    "mimic": "_mimic",
    "register_fingerprint": "_mimic",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562).

    A run that mimics nothing pays for none of them.
    """
    if name == "__version__":
        from importlib.metadata import version

        return version("pytest-mimic")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"{__name__}.{_MODULE_OF_NAME.get(name, 'errors')}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
