"""Vaults of pytest-mimic 0.2: pickles named by a hash of the call.

The hash is SHA-256 of `module.function`, followed by a pickle of each argument. So only a call without arguments can be
found in it, by trying the functions that the project mimics. A pickle itself names neither its function nor its test.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from inspect import iscoroutinefunction
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._engine.engine import Engine
from pytest_mimic._engine.function_plan import FunctionPlan
from pytest_mimic._engine.state import RunState
from pytest_mimic._ledger import Ledger
from pytest_mimic._outcome.outcome import Outcome
from pytest_mimic._settings import Mode
from pytest_mimic._vault import FolderStore, Vault
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._settings import Settings
    from pytest_mimic._targets.target import Target

# What plain data consists of.
_HARMLESS = frozenset(
    [
        *(f"builtins:{name}" for name in ("set", "frozenset", "bytearray", "complex", "range", "slice")),
        *(f"datetime:{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")),
        *("decimal:Decimal", "uuid:UUID", "fractions:Fraction", "collections:OrderedDict"),
    ]
)
_NAME = re.compile(r"[0-9a-f]{64}\.pkl")
#: The reasons not to carry over a recording: it is not known which call it is, or it may not be loaded.
HASHED = "its name is a hash of the call's arguments, and it holds only the result"
UNTRUSTED = "it is the call {}(), but a pickle can run code: if you trust it, pass --load"


class OldPickle(NamedTuple):
    """A recording of pytest-mimic 0.2.

    Attributes:
        path: Its file.
        target: The function, if it was called without arguments; empty if it cannot be known.
    """

    path: Path
    target: str


def is_old_vault(folder: Path) -> bool:
    """Check whether a folder holds recordings of pytest-mimic 0.2."""
    return any(_NAME.fullmatch(path.name) for path in folder.glob("*.pkl"))


def read_old_vault(folder: Path, targets: Sequence[Target]) -> list[OldPickle]:
    """Return the recordings in an old vault. None is loaded, and no code of the project is imported."""
    known = {_hash_of(target): target.name for target in targets if _is_function(target)}
    files = sorted(path for path in folder.glob("*.pkl") if _NAME.fullmatch(path.name))
    return [OldPickle(path, known.get(path.stem, "")) for path in files]


def _is_function(target: Target) -> bool:
    return not target.is_boundary and not target.excluded and bool(target.path) and target.path[-1] != "*"


def _hash_of(target: Target) -> str:
    """Return the name that a call without arguments has: its module is the one that defines the function."""
    return hashlib.sha256(f"{target.module}.{target.path[-1]}".encode()).hexdigest()


class _ListedOnly(pickle.Unpickler):
    """Loads plain data, and instances of the classes that the user has listed."""

    def __init__(self, file: Any, allowed: frozenset[str]) -> None:
        super().__init__(file)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        """Return a class. MimicError: it is not listed."""
        wanted = f"{module}:{name}"
        if wanted not in _HARMLESS and wanted not in self._allowed:
            raise MimicError(f"its pickle imports {wanted}, which --allow {wanted} permits")
        return super().find_class(module, name)


def stage_old(
    old: OldPickle, target: Target, settings: Settings, *, allowed: frozenset[str], today: str
) -> Vault:
    """Load a recording of a call without arguments, and return a vault in which it is recorded anew.

    Args:
        old: The recording.
        target: Its function, whose module is imported.
        settings: Those of the project, with an empty folder as the vault.
        allowed: The classes that the pickle may import, as `module:Class`.
        today: The date of the new recording.

    Raises:
        MimicError: It cannot be carried over.
    """
    function = _function(target, settings.rootdir)
    try:
        with old.path.open("rb") as file:
            value = _ListedOnly(file, allowed).load()
    except MimicError:
        raise
    except Exception as error:  # a pickle can raise anything
        raise MimicError(f"its pickle cannot be loaded ({type(error).__name__})") from None
    store = FolderStore(settings.vault)
    vault = Vault(store, pickles=settings.pickles, label=settings.shown_vault, detaches=settings.detaches)
    state = RunState(settings=settings._replace(mode=Mode.RECORD), vault=vault, ledger=Ledger())
    engine = Engine(state, locks=store.byte_locks, today=today)
    state.clock = staticmethod(lambda: 0.0)
    plan = FunctionPlan(engine, target.name, function, target.options, None)
    try:
        call = plan.call((), {})
    except TypeError:
        raise MimicError(f"{target.name} needs arguments now") from None
    step: Any = engine.decide(call)
    call.awaited = iscoroutinefunction(function)
    step.complete(Outcome.of_value(value))
    return vault


def _function(target: Target, rootdir: Path) -> Callable[..., Any]:
    """Return the function of a target, found as version 0.2 found it: from the rootdir."""
    if str(rootdir) not in sys.path:
        sys.path.insert(0, str(rootdir))
    try:
        found: Any = import_module(target.module)
        for name in target.path:
            found = getattr(found, name)
    except (Exception, SystemExit) as error:  # the module is the user's
        raise MimicError(f"{target.name} cannot be imported ({type(error).__name__})") from None
    if not isinstance(found, FunctionType):
        raise MimicError(f"{target.name} is not a plain function")
    return found
