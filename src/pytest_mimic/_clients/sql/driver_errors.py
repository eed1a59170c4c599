"""Errors of database drivers as plain data, and back as the driver's own classes."""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.seam.database_values import from_plain
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor

# PEP 249's classes, narrowest first. One of them replaces a class that does not exist on replay.
_KINDS = """IntegrityError DataError OperationalError InternalError ProgrammingError NotSupportedError DatabaseError
    InterfaceError Warning Error""".split()
_CODES = ("pgcode", "sqlstate", "sqlite_errorcode", "sqlite_errorname", "errno")
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
    without secrets.
    """

    def __init__(self, dbapi: Any, scrub: Callable[[str], str] = str) -> None:
        self._dbapi = dbapi
        self._scrub = scrub

    def store(self, error: BaseException, *, is_cause: bool = False) -> dict[str, Any] | None:
        """Return class, arguments, code, PostgreSQL's diagnosis and cause of an error.

        It is None for failures of the machine, which say nothing about a call.
        """
        kinds = (self._dbapi.Error, ValueError, TypeError, ArithmeticError, LookupError)
        if isinstance(error, MimicError) or not (is_cause or isinstance(error, kinds)):
            return None
        codes = {name: getattr(error, name, None) for name in _CODES}
        diag = {name: getattr(getattr(error, "diag", None), name, None) for name in _diagnosis_fields(error)}
        cause = error.__cause__
        stored: dict[str, Any] = {
            "type": f"{type(error).__module__}:{type(error).__qualname__}",
            "kind": self._kind(error),
            "args": [self._plain(part) for part in error.args],
            "codes": {name: code for name, code in codes.items() if isinstance(code, (str, int))},
            "diag": {name: self._scrub(text) for name, text in diag.items() if isinstance(text, str)},
            "cause": None if cause is None else self.store(cause, is_cause=True),
        }
        return {name: part for name, part in stored.items() if part or name == "args"}

    def load(self, stored: Mapping[str, Any]) -> Exception:
        """Return the error; if its class does not exist, one of PEP 249's class for its kind."""
        kind = stored["kind"]
        module, _, path = stored["type"].partition(":")
        cls: Any = sys.modules.get(module)
        for step in path.split("."):
            cls = getattr(cls, step, None)
        known = (cls, getattr(self._dbapi, kind, None), getattr(builtins, kind, None), Exception)
        cls = next(each for each in known if isinstance(each, type) and issubclass(each, Exception))
        args = tuple(map(from_plain, stored["args"]))
        # psycopg2's classes are written in C, and refuse `Exception.__new__`.
        error: Any = cls.__new__(cls, *args)
        error.args = args
        codes = stored.get("codes", {})
        for name, code in codes.items():
            try:
                setattr(error, name, code)
            except (AttributeError, TypeError):  # of a class written in C
                if hasattr(error, "__setstate__"):
                    error.__setstate__({name: code})
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

    def _kind(self, error: BaseException) -> str:
        for name in _KINDS:
            if isinstance(error, getattr(self._dbapi, name, ())):
                return name
        return next(base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins")

    def _plain(self, part: object) -> Any:
        """Return plain data for an argument. One that has no plain form is None."""
        if isinstance(part, str):
            return self._scrub(part)
        if isinstance(part, dict):
            return {str(key): self._plain(item) for key, item in part.items()}
        if isinstance(part, (list, tuple)):
            items = [self._plain(item) for item in part]
            return items if isinstance(part, list) else {"$tuple": items}
        return part if part is None or isinstance(part, (bool, int, float)) else None


def _diagnosis_fields(error: BaseException) -> dict[str, Any]:
    """Return the names of what PostgreSQL reports about an error (psycopg), with psycopg's constants for them."""
    if not type(error).__module__.startswith("psycopg."):
        return {}
    fields = sys.modules["psycopg"].pq.DiagnosticField
    return {field.name.lower(): field for field in fields if not field.name.startswith("SOURCE_")}
