"""Errors of database drivers as plain data, and back as the driver's own classes."""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_mimic._redact.names import PLACEHOLDER
from pytest_mimic.boundaries.values import from_plain, to_plain
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._redact.redactor import Redactor

#: PEP 249's classes, narrowest first: what an error falls back to where its own class is not there.
_KINDS = (
    "IntegrityError",
    "DataError",
    "OperationalError",
    "InternalError",
    "ProgrammingError",
    "NotSupportedError",
    "DatabaseError",
    "InterfaceError",
    "Warning",
    "Error",
)
#: What drivers written in C hold outside of `__dict__`.
_HIDDEN = ("pgcode", "pgerror", "sqlstate", "sqlite_errorcode", "sqlite_errorname", "errno", "msg")
_DEEPEST = 4
_KEY = re.compile(r"\((.*?)\)=\((.*)\)")
_ROW = re.compile(r"(?<=Failing row contains )\(.*\)", re.DOTALL)
_WORD = re.compile(r"\w+")

Scrub = Callable[[str], str]


def hide_details(text: str, redactor: Redactor) -> str:
    """A message without what PostgreSQL tells of a row, which may be another than was sent: `Key (token)=(abc) …`."""

    def hide_key(match: re.Match[str]) -> str:
        is_secret = any(map(redactor.secret, _WORD.findall(match[1])))
        return f"({match[1]})=({PLACEHOLDER})" if is_secret else match[0]

    return _ROW.sub(f"({PLACEHOLDER})", _KEY.sub(hide_key, text))


def is_recordable(error: BaseException, dbapi: Any) -> bool:
    """Whether an error is an answer: the driver's, or Python's own about the values. Trouble of the machine is none."""
    base = getattr(dbapi, "Error", None)
    if isinstance(base, type) and isinstance(error, base):
        return True
    return isinstance(error, (ValueError, TypeError, ArithmeticError, LookupError))


def store_error(error: BaseException, dbapi: Any, scrub: Scrub, *, depth: int = 0) -> dict[str, Any]:
    """Gives an error as plain data.

    Args:
        error: The driver's error, or SQLAlchemy's adapted form of it.
        dbapi: The driver's module, which has PEP 249's classes.
        scrub: Takes secrets out of a text.
        depth: How many errors led here.
    """
    kind = type(error)
    stored: dict[str, Any] = {
        "type": f"{kind.__module__}:{kind.__qualname__}",
        "kind": _kind_of(error, dbapi),
    }
    stored["args"] = [_plain_part(part, dbapi, scrub, depth) for part in error.args]
    attributes = {name: _plain_part(part, dbapi, scrub, depth) for name, part in _attributes(error).items()}
    diagnosis = {name: scrub(text) for name, text in _diagnosis(error).items()}
    cause = error.__cause__
    if attributes:
        stored["attributes"] = {name: part for name, part in attributes.items() if part != _NOTHING}
    if diagnosis:
        stored["diag"] = diagnosis
    if cause is not None and depth < _DEEPEST:
        stored["cause"] = store_error(cause, dbapi, scrub, depth=depth + 1)
    return stored


def load_error(stored: dict[str, Any], dbapi: Any) -> BaseException:
    """Gives the error back: its own class where the driver is there, else PEP 249's kind of it."""
    kind = _find_class(stored["type"], dbapi) or _fallback(stored["kind"], dbapi)
    arguments = [_load_part(part, dbapi) for part in stored["args"]]
    error: BaseException = kind.__new__(kind, *arguments)
    error.args = tuple(arguments)
    _set_attributes(
        error, {name: _load_part(part, dbapi) for name, part in stored.get("attributes", {}).items()}
    )
    if "diag" in stored:
        _set_diagnosis(error, stored["diag"])
    if "cause" in stored:
        error.__cause__ = load_error(stored["cause"], dbapi)
    return error


_NOTHING = {"$nothing": True}


def _kind_of(error: BaseException, dbapi: Any) -> str:
    for name in _KINDS:
        base = getattr(dbapi, name, None)
        if isinstance(base, type) and isinstance(error, base):
            return name
    return next(base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins")


def _attributes(error: BaseException) -> dict[str, object]:
    found = {name: part for name, part in vars(error).items() if not name.startswith("_")}
    for name in _HIDDEN:
        part = getattr(error, name, None)
        if part is not None and name not in vars(type(error)):
            found.setdefault(name, part)
    return found


def _plain_part(part: object, dbapi: Any, scrub: Scrub, depth: int) -> Any:
    if isinstance(part, BaseException):
        if depth >= _DEEPEST:
            return _NOTHING
        return {"$error": store_error(part, dbapi, scrub, depth=depth + 1)}
    try:
        return to_plain(_scrubbed(part, scrub))
    except UnstorableOutcomeError:
        return _NOTHING


def _scrubbed(part: object, scrub: Scrub) -> object:
    if isinstance(part, str):
        return scrub(part)
    if isinstance(part, dict):
        return {key: _scrubbed(item, scrub) for key, item in part.items()}
    if isinstance(part, (list, tuple)):
        return type(part)(_scrubbed(item, scrub) for item in part)
    return part


def _load_part(part: Any, dbapi: Any) -> object:
    if isinstance(part, dict) and "$error" in part:
        return load_error(part["$error"], dbapi)
    return None if part == _NOTHING else from_plain(part)


def _set_attributes(error: BaseException, attributes: dict[str, object]) -> None:
    """Sets them; what a class written in C keeps read-only is handed to it as pickle does, all at once."""
    hidden = {}
    for name, part in attributes.items():
        try:
            setattr(error, name, part)
        except (AttributeError, TypeError):
            hidden[name] = part
    if hidden and hasattr(error, "__setstate__"):
        error.__setstate__(hidden)


def _diagnosis(error: BaseException) -> dict[str, str]:
    """What PostgreSQL told about the error, field by field (psycopg)."""
    diag = getattr(error, "diag", None)
    names = _diagnosis_fields(error)
    found = {name: getattr(diag, name, None) for name in names if not name.startswith("source_")}
    return {name: text for name, text in found.items() if isinstance(text, str)}


def _diagnosis_fields(error: BaseException) -> dict[str, Any]:
    if not type(error).__module__.startswith("psycopg."):
        return {}
    return {field.name.lower(): field for field in sys.modules["psycopg"].pq.DiagnosticField}


def _set_diagnosis(error: BaseException, diagnosis: dict[str, str]) -> None:
    """psycopg's errors carry this so when they are pickled."""
    fields = _diagnosis_fields(error)
    error._info = {fields[name]: text.encode() for name, text in diagnosis.items() if name in fields}  # type: ignore[attr-defined]
    error._encoding = "utf-8"  # type: ignore[attr-defined]


def _find_class(name: str, dbapi: Any) -> type[BaseException] | None:
    """An exception class of the driver, of SQLAlchemy or of Python; no other module is looked into."""
    module, _, path = name.partition(":")
    if module.partition(".")[0] not in _families(dbapi):
        return None
    found: Any = sys.modules.get(module)
    for step in path.split("."):
        found = getattr(found, step, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _families(dbapi: Any) -> set[str]:
    modules = [getattr(dbapi, "__name__", None), type(dbapi).__module__]
    modules += [getattr(part, "__name__", None) for part in vars(dbapi).values() if type(part) is type(sys)]
    modules += [getattr(getattr(dbapi, "Error", None), "__module__", None)]
    return {"builtins", "sqlalchemy", *(str(module).partition(".")[0] for module in modules if module)} - {
        "types"
    }


def _fallback(kind: str, dbapi: Any) -> type[BaseException]:
    found = getattr(dbapi, kind, None) or getattr(builtins, kind, None)
    return found if isinstance(found, type) and issubclass(found, Exception) else Exception
