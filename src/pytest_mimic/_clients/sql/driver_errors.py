"""Errors of database drivers as plain data, and back as the driver's own classes."""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.seam.database_values import from_plain, to_plain
from pytest_mimic.errors import MimicError, UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor

# PEP 249's classes, narrowest first. One of them replaces a class that does not exist on replay.
_KINDS = """IntegrityError DataError OperationalError InternalError ProgrammingError NotSupportedError DatabaseError
    InterfaceError Warning Error""".split()
# Attributes that drivers written in C keep outside of `__dict__`.
_OUTSIDE_DICT = ("pgcode", "pgerror", "sqlstate", "sqlite_errorcode", "sqlite_errorname", "errno", "msg")
# Errors inside of errors are stored so deep.
_DEEPEST = 4
_NOTHING = {"$nothing": True}
_KEY = re.compile(r"\((.*?)\)=\((.*)\)")
_ROW = re.compile(r"(?<=Failing row contains )\(.*\)", re.DOTALL)
_WORD = re.compile(r"\w+")


def hide_details(text: str, redactor: Redactor) -> str:
    """Return a message without the secret values of rows that PostgreSQL quotes, `Key (token)=(abc) …`.

    The quoted row may be another than the one that was sent.
    """

    def hide_key(match: re.Match[str]) -> str:
        is_secret = any(map(redactor.secret, _WORD.findall(match[1])))
        return f"({match[1]})=({PLACEHOLDER})" if is_secret else match[0]

    return _ROW.sub(f"({PLACEHOLDER})", _KEY.sub(hide_key, text))


class DriverErrors:
    """The errors of one driver: its own, and Python's about the values that it was given.

    `dbapi` is the driver's module, or SQLAlchemy's adapter of it, which has PEP 249's classes. `scrub` returns a text
    without secrets. `depth` is how many errors this one is inside of.
    """

    def __init__(self, dbapi: Any, scrub: Callable[[str], str] = str, depth: int = 0) -> None:
        self._dbapi = dbapi
        self._scrub = scrub
        self._depth = depth

    def store(self, error: BaseException) -> dict[str, Any] | None:
        """Return an error as plain data; None for failures of the machine, which say nothing about a call."""
        is_driver = isinstance(error, getattr(self._dbapi, "Error", ()))
        about_values = isinstance(error, (ValueError, TypeError, ArithmeticError, LookupError))
        is_nested = self._depth > 0
        if isinstance(error, MimicError) or not (is_driver or about_values or is_nested):
            return None
        return {"type": f"{type(error).__module__}:{type(error).__qualname__}", **self._fields(error)}

    def _fields(self, error: BaseException) -> dict[str, Any]:
        """Return the kind in PEP 249, the arguments, the attributes, PostgreSQL's diagnosis and the cause."""
        attributes = {name: part for name, part in vars(error).items() if not name.startswith("_")}
        for name in _OUTSIDE_DICT:
            part = getattr(error, name, None)
            if part is not None and name not in vars(type(error)):
                attributes.setdefault(name, part)
        plain = {name: self._plain(part) for name, part in attributes.items()}
        diag = getattr(error, "diag", None)
        diagnosis = {
            name: getattr(diag, name, None) for name in _diagnosis_fields(error) if name[:7] != "source_"
        }
        cause = self._plain(error.__cause__) if error.__cause__ is not None else _NOTHING
        stored: dict[str, Any] = {
            "kind": self._kind(error),
            "args": [self._plain(part) for part in error.args],
            "attributes": {name: part for name, part in plain.items() if part != _NOTHING},
            "diag": {name: self._scrub(text) for name, text in diagnosis.items() if isinstance(text, str)},
            "cause": cause.get("$error"),
        }
        return {name: part for name, part in stored.items() if part or name == "args"}

    def load(self, stored: Mapping[str, Any]) -> Exception:
        """Return the error; if its class does not exist, one of PEP 249's class for its kind."""
        kind = stored["kind"]
        cls = self._find(stored["type"]) or getattr(self._dbapi, kind, None) or getattr(builtins, kind, None)
        if not (isinstance(cls, type) and issubclass(cls, Exception)):
            cls = Exception
        args = tuple(map(self._loaded, stored["args"]))
        # psycopg2's classes are written in C, and refuse `Exception.__new__`.
        error: Any = cls.__new__(cls, *args)
        error.args = args
        read_only = {}
        for name, part in stored.get("attributes", {}).items():
            try:
                setattr(error, name, self._loaded(part))
            except (AttributeError, TypeError):
                read_only[name] = self._loaded(part)
        if read_only and hasattr(error, "__setstate__"):
            error.__setstate__(read_only)  # of a class written in C
        if "diag" in stored:
            # psycopg's errors keep it in these attributes, for pickling.
            fields = _diagnosis_fields(error)
            error._info = {
                fields[name]: text.encode() for name, text in stored["diag"].items() if name in fields
            }
            error._encoding = "utf-8"
        if "cause" in stored:
            error.__cause__ = self.load(stored["cause"])
        return error  # type: ignore[no-any-return]

    def _find(self, name: str) -> type[Exception] | None:
        """Return a class of the driver, of SQLAlchemy or of Python; no other package is looked into."""
        module, _, path = name.partition(":")
        dbapi = self._dbapi
        modules = [getattr(dbapi, "__name__", ""), type(dbapi).__module__, dbapi.Error.__module__]
        # SQLAlchemy's adapters have the driver's module in an attribute.
        modules += [part.__name__ for part in vars(dbapi).values() if type(part) is type(sys)]
        packages = {"builtins", "sqlalchemy", *(each.partition(".")[0] for each in modules)} - {"types"}
        if module.partition(".")[0] not in packages:
            return None
        found: Any = sys.modules.get(module)
        for step in path.split("."):
            found = getattr(found, step, None)
        return found if isinstance(found, type) and issubclass(found, Exception) else None

    def _kind(self, error: BaseException) -> str:
        for name in _KINDS:
            if isinstance(error, getattr(self._dbapi, name, ())):
                return name
        return next(base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins")

    def _plain(self, part: object) -> Any:
        """Return plain data for an argument or an attribute, without those that have no plain form."""
        if isinstance(part, BaseException):
            inside = DriverErrors(self._dbapi, self._scrub, self._depth + 1)
            stored = inside.store(part) if self._depth < _DEEPEST else None
            return _NOTHING if stored is None else {"$error": stored}
        try:
            return to_plain(_scrubbed(part, self._scrub))
        except UnstorableOutcomeError:
            return _NOTHING

    def _loaded(self, part: Any) -> object:
        if isinstance(part, dict) and "$error" in part:
            return self.load(part["$error"])
        return None if part == _NOTHING else from_plain(part)


def _scrubbed(part: object, scrub: Callable[[str], str]) -> object:
    if isinstance(part, str):
        return scrub(part)
    if isinstance(part, dict):
        return {key: _scrubbed(item, scrub) for key, item in part.items()}
    if isinstance(part, (list, tuple)):
        return type(part)(_scrubbed(item, scrub) for item in part)
    return part


def _diagnosis_fields(error: BaseException) -> dict[str, Any]:
    """Return the names of what PostgreSQL reports about an error (psycopg), with psycopg's constants for them."""
    if not type(error).__module__.startswith("psycopg."):
        return {}
    return {field.name.lower(): field for field in sys.modules["psycopg"].pq.DiagnosticField}
