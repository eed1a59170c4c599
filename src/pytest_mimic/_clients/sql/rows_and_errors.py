"""The outcomes of statements as plain data without secrets.

These are `cursor.description`, rows, and the driver's errors. No identity depends on
them, but for what `hide_inside` gives for a parameter.
"""

from __future__ import annotations

import builtins
import datetime as dt
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from decimal import Decimal
from enum import Enum
from functools import cache, partial
from itertools import chain
from types import BuiltinFunctionType, MethodDescriptorType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic.client import (
    PLACEHOLDER,
    PLAIN,
    CorruptRecordingError,
    MimicError,
    UnstorableOutcomeError,
    blank,
    by_value,
    from_plain,
    full_name,
    hide_values,
    in_class,
    places,
    tagged,
    to_plain,
)

if TYPE_CHECKING:
    from pytest_mimic.client import Redactor

# No secrets with their placeholders.
_NOTHING: Mapping[str, str] = {}


class ByLook(NamedTuple):
    """Hides what looks like a token, in a column of this name."""

    name: str


# Which values of a column are hidden: all (True), none (False), with "text" all but
# numbers, times and None, or those with the look of a token.
Hidden = bool | Literal["text"] | ByLook
# PEP 249's classes. One of them replaces a class that does not exist on replay.
_CLASSES_OF_PEP_249 = frozenset(
    "IntegrityError DataError OperationalError InternalError ProgrammingError"
    " NotSupportedError DatabaseError InterfaceError Warning Error".split()
)
# Python's errors about a call, which a driver or an adapter of values may raise.
ERRORS_OF_PYTHON = (ValueError, TypeError, ArithmeticError, LookupError)
# How many parts PEP 249 gives a column.
_PARTS_OF_DESCRIPTION = 7
# What `load_description` puts back behind the parts that a stored column has.
_NO_PARTS = (None,) * _PARTS_OF_DESCRIPTION
# The attributes of errors with codes, which applications look at.
_ATTRIBUTES_WITH_CODES = (
    "pgcode pgerror sqlstate sqlite_errorcode sqlite_errorname errno".split()
)
# The values that PostgreSQL quotes: `Key (token)=(abc) already exists.`
_KEY_IN_MESSAGE = re.compile(r"\((.*?)\)=\((.*)\)")
_ROW_IN_MESSAGE = re.compile(r"(?<=Failing row contains )\(.*\)", re.DOTALL)
_CLASS_OF_ASYNCPG_ROW = "asyncpg.protocol.record.Record"
# The types of values that a column hidden as "text" shows.
_TYPES_OF_MEASURES = (
    bool,
    int,
    float,
    Decimal,
    dt.date,
    dt.time,
    dt.timedelta,
    type(None),
)


def store_description(description: Sequence[Sequence[Any]]) -> list[Any]:
    """Return `cursor.description` as plain data: lists without the Nones at their ends.

    A column's type that is an object of the driver becomes None.
    """
    stored_columns = []
    for column in description:
        parts_of_column = []
        for index in range(_PARTS_OF_DESCRIPTION):
            part = column[index]
            if type(part) not in PLAIN:
                part = None
            parts_of_column.append(part)
        # Most drivers know the name alone, which stays.
        while len(parts_of_column) > 1 and parts_of_column[-1] is None:
            parts_of_column.pop()
        stored_columns.append(parts_of_column)
    return stored_columns


def load_description(columns: list[Any]) -> tuple[tuple[Any, ...], ...]:
    """Return `cursor.description` from plain data.

    The Nones that `store_description` cut off are put back.
    """
    return tuple([(*column, *_NO_PARTS[len(column) :]) for column in columns])


class Rows:
    """The rows of a result as plain data, with what is needed to make them again.

    A result is kept as lists of values, in the order of the columns. A driver gives
    most rows as tuples; others have the class that the connection or the cursor was
    asked for: `list`, `dict`, `sqlite3.Row`, a named tuple.

    Attributes:
        stored_rows: The rows, each a list; empty until `store` is called.
        stored_class: The class of a row in plain data; None for a tuple.
        classes: The names of the application's classes in `stored_class` and
            `stored_rows`. A replay imports them.
    """

    def __init__(self, rows: Sequence[Any], column_names: Sequence[str]) -> None:
        self._rows = rows
        self._column_names = list(column_names)
        self.classes: set[str] = set()
        self.stored_class: Any = None
        if rows:
            self.stored_class = self._stored_class_of_rows(type(rows[0]))
        self.stored_rows: list[list[Any]] = []

    def store(self, hidden_columns: Sequence[Hidden], redactor: Redactor) -> None:
        """Store the rows with values in secret columns replaced.

        So are the secrets that the test knows, in the texts of all columns.

        Args:
            hidden_columns: For each column, which of its values are hidden.
            redactor: The rules for secrets, with the secrets of the test.

        Raises:
            UnstorableOutcomeError: A value has no plain form.
        """
        placeholder_by_secret = _NOTHING
        if redactor.known_secrets is not None:
            placeholder_by_secret = redactor.known_secrets.stand_ins_of_issued()
        columns = list(zip(self._column_names, hidden_columns))
        for row_number, row in enumerate(self._rows):
            stored_row = []
            for value, (column_name, hidden) in zip(self._values_of(row), columns):
                is_secret = bool(hidden)
                if hidden == "text":
                    # A number or a time of a column whose origin is unknown is shown.
                    is_secret = not isinstance(value, _TYPES_OF_MEASURES)
                # The name for which what looks like a token is secret.
                look_name = ""
                if isinstance(hidden, ByLook):
                    look_name = hidden.name
                    is_secret = redactor.hides(look_name, value)
                if is_secret:
                    hidden_value = _stand_in_of_type(value, column_name, redactor)
                else:
                    # A secret may lie inside, as in a column of JSON.
                    hidden_value = hide_inside(
                        value, redactor, placeholder_by_secret, name=look_name
                    )
                path = f"rows[{row_number}].{column_name}"
                stored_row.append(to_plain(hidden_value, path, self.classes))
            self.stored_rows.append(stored_row)

    def _values_of(self, row: Any) -> Iterable[Any]:
        """Return the values of a row, in the order of the columns."""
        # To iterate over a dict gives its keys.
        values_in_row: Iterable[Any] = row
        if self.stored_class == "dict":
            values_in_row = row.values()
        return values_in_row

    def _stored_class_of_rows(self, row_class: Any) -> Any:
        """Return the class of the rows in plain data.

        Raises:
            UnstorableOutcomeError: A replay could not make such a row.
        """
        # SQLAlchemy's adapter of asyncpg passes its records on, which no program can
        # make. What Core and the ORM make of them is the same as of tuples.
        if row_class is tuple or full_name(row_class) == _CLASS_OF_ASYNCPG_ROW:
            return None
        if row_class is list:
            return "list"
        if row_class is dict and list(self._rows[0]) == self._column_names:
            return "dict"
        if full_name(row_class) == "sqlite3.Row":
            return "sqlite3.Row"
        if issubclass(row_class, tuple) and hasattr(row_class, "_fields"):
            # The class is stored as a row of it, whose values are the names of the
            # columns: `User(id="id", name="name")`.
            named_tuple: Any = row_class
            row_of_names = named_tuple._make(self._column_names)
            return to_plain(row_of_names, "rows[0]", self.classes)
        raise UnstorableOutcomeError(
            "what a database returned cannot be stored",
            facts=(f"rows[0]: a row of {full_name(row_class)}", "nothing was recorded"),
            remedies=(
                "use the driver's own rows, tuples",
                "or name the function around the query in mimic_functions",
            ),
            path="rows[0]",
        )


def load_rows(outcome: Mapping[str, Any]) -> list[Any]:
    """Return the rows of a recorded result, each in the class that it had."""
    stored_rows = outcome["rows"]
    classes = outcome.get("imports", ())
    values_by_row = stored_rows
    # Most results have nothing but texts and numbers, which stand as they are.
    if not PLAIN.issuperset(map(type, chain.from_iterable(stored_rows))):
        load_value = partial(from_plain, classes=classes)
        values_by_row = [list(map(load_value, row)) for row in stored_rows]
    stored_class = outcome.get("row")
    if stored_class is None:
        return list(map(tuple, values_by_row))
    column_names = [str(column[0]) for column in outcome["columns"]]
    make_row = _maker_of_rows(stored_class, column_names, classes)
    return list(map(make_row, values_by_row))


def _maker_of_rows(
    stored_class: Any, column_names: list[str], classes: Sequence[str]
) -> Callable[[list[Any]], Any]:
    """Return the function by which a replay makes a row, which is no tuple.

    Args:
        stored_class: What `Rows.stored_class` was when the result was recorded.
        column_names: The names of the columns.
        classes: The classes that may be imported for it.
    """
    if stored_class == "list":
        return list
    if stored_class == "dict":
        return partial(_dict_row, column_names)
    if stored_class == "sqlite3.Row":
        return partial(_sqlite_row, column_names)
    row_of_names = from_plain(stored_class, classes)
    if not hasattr(row_of_names, "_make"):
        raise CorruptRecordingError(
            f"a recording has rows that are no named tuples: {stored_class!r:.60}"
        )
    make_named_tuple: Callable[[list[Any]], Any] = type(row_of_names)._make
    return make_named_tuple


def _dict_row(column_names: list[str], values: list[Any]) -> dict[str, Any]:
    """Return a row as a dict.

    psycopg's `dict_row` or PyMySQL's `DictCursor` gives it like this.
    """
    return dict(zip(column_names, values))


def _sqlite_row(column_names: list[str], values: list[Any]) -> Any:
    """Return a row of the standard library's driver.

    Such a row takes its names of a cursor, so that a database in memory is asked.
    """
    import sqlite3

    escaped_names = [name.replace('"', '""') for name in column_names]
    columns = ", ".join(f'NULL AS "{name}"' for name in escaped_names)
    with closing(sqlite3.connect(":memory:")) as connection:
        cursor = connection.execute(f"SELECT {columns}")
        return sqlite3.Row(cursor, tuple(values))


def _stand_in_of_type(
    value: object, name: object, redactor: Redactor, *, hiding_name: object = None
) -> object:
    """Return what stands for a secret value of a row, of the type of the value.

    A text or a number that was issued has a stand-in of its own. Where the name of a
    part around it hides it, that is the `hiding_name`.
    """
    if type(value) in (int, float):
        number: Any = value
        return redactor.number_for(number, name, hiding_name)
    if isinstance(value, str) and not isinstance(value, Enum):
        return in_class(type(value), redactor.stand_in(by_value(value), name))
    return blank(value, PLACEHOLDER)


def hide_inside(
    value: Any,
    redactor: Redactor,
    placeholder_by_secret: Mapping[str, str] = _NOTHING,
    *,
    name: str = "",
) -> Any:
    """Return the value of a row or a parameter without the secrets inside of it.

    Secret names are sought in its mappings, lists, JSON texts and URLs. What it returns
    for a parameter counts in the identity of the statement.

    Args:
        value: The value of a parameter or a row.
        redactor: The rules for secrets.
        placeholder_by_secret: Known secrets, which are replaced in all its texts.
        name: The name for which items of a list are secret if they look like tokens.
    """
    if type(value).__module__.startswith("psycopg"):
        # `Jsonb({"id": 1})` of psycopg counts by what it holds, as the identity knows
        # no such object.
        for attribute in ("obj", "adapted"):
            if hasattr(value, attribute):
                held_value = hide_inside(
                    getattr(value, attribute),
                    redactor,
                    placeholder_by_secret,
                    name=name,
                )
                return tagged("held", held_value)
    plain_value = by_value(value)
    if type(plain_value) is str:
        hidden_value: Any = redactor.scrub_cell(plain_value)
        if name and hidden_value[:1] == "[":
            # The column `tokens` may have a list of them.
            hidden_value = _hide_in_json_list(hidden_value, redactor, name=name)
        hidden_value = hide_values(hidden_value, placeholder_by_secret)
    elif type(plain_value) in (dict, list):
        hidden_value = _hide_in_json_of_database(
            plain_value, redactor, placeholder_by_secret, name=name
        )
    else:
        # Numbers, times and the like have nothing inside.
        return value
    if hidden_value == plain_value:
        return value
    return in_class(type(value), hidden_value)


def _hide_in_json_list(text: str, redactor: Redactor, *, name: str) -> str:
    """Return the JSON text of a list of this name without what looks like a token."""
    # The redactor takes the name of the items from the mapping around them.
    text_before = f'{{"{name}":'
    text_behind = "}"
    hidden_text = redactor.scrub_json(f"{text_before}{text}{text_behind}")
    if not hidden_text.startswith(text_before):
        # The text is no JSON.
        return text
    return hidden_text[len(text_before) : -len(text_behind)]


def _hide_in_json_of_database(
    value: Any,
    redactor: Redactor,
    placeholder_by_secret: Mapping[str, str],
    *,
    name: str,
) -> Any:
    """Return the value of a JSON or array column without what is secret by a name.

    The value is a mapping or a list, which stands under this name.
    """
    root = {name: value}
    for place in places(root, redactor):
        json_part = place.value
        if isinstance(json_part, (dict, list)):
            # Its parts are places of their own.
            continue
        if place.is_secret:
            hidden_part = _stand_in_of_type(
                json_part, place.key, redactor, hiding_name=place.hiding_name
            )
        else:
            hidden_part = hide_inside(json_part, redactor, placeholder_by_secret)
        place.box[place.key] = hidden_part
    return root[name]


def store_driver_error(
    error: BaseException, redactor: Redactor, secrets: Sequence[str]
) -> dict[str, Any]:
    """Return an error of a driver as plain data without secrets.

    | key | what |
    |---|---|
    | `type`, `kind` | its class, and the one of PEP 249 that it is |
    | `args` | its arguments; one that has no plain form is None |
    | `codes` | its codes, and what else it has of texts and numbers (asyncpg) |
    | `diag` | PostgreSQL's diagnosis (psycopg, psycopg2) |
    | `cause` | the error from which it was raised |
    """

    def plain_part(part: object) -> Any:
        """Return a part of the error as plain data; None if it has no plain form."""
        if isinstance(part, str):
            return _hide_details(redactor.scrub_text(part, secrets), redactor)
        if isinstance(part, dict):
            return {str(key): plain_part(item) for key, item in part.items()}
        if isinstance(part, (list, tuple)):
            return list(map(plain_part, part))
        if isinstance(part, (bool, int, float)):
            return part
        return None

    cause = error.__cause__
    stored_error: dict[str, Any] = {
        "type": f"{type(error).__module__}:{type(error).__qualname__}",
        "kind": _general_class_name(error),
        "args": list(map(plain_part, error.args)),
        "codes": plain_part(_codes_of(error)),
        "diag": plain_part(_diagnosis_of(error)),
    }
    if cause is not None:
        stored_error["cause"] = store_driver_error(cause, redactor, secrets)
    # Parts that say nothing are left out of the recording.
    for name in ("codes", "diag"):
        if not stored_error[name]:
            del stored_error[name]
    return stored_error


def _general_class_name(error: BaseException) -> str:
    """Return the first class of an error that PEP 249 or Python names.

    A replay raises it where the error's own class does not exist.
    """
    for error_class in type(error).__mro__:
        if (
            error_class.__name__ in _CLASSES_OF_PEP_249
            or error_class.__module__ == "builtins"
        ):
            return error_class.__name__
    raise AssertionError("each error is a BaseException")


def _codes_of(error: BaseException) -> dict[str, Any]:
    """Return the codes of an error, and other texts and numbers that are set on it.

    What a server tells of its own source changes with its version.
    """
    attributes = {name: getattr(error, name, None) for name in _ATTRIBUTES_WITH_CODES}
    for name, value in vars(error).items():
        if not name.startswith(("_", "server_source_")):
            attributes[name] = value
    codes = {}
    for name, value in attributes.items():
        if isinstance(value, (str, int)):
            codes[name] = value
    return codes


def _diagnosis_of(error: BaseException) -> dict[str, str]:
    """Return what PostgreSQL reports about an error, by the names in `diag`."""
    diag = getattr(error, "diag", None)
    field_names: Iterable[str] = _diagnosis_fields(error)
    if _is_of_psycopg2(type(error)):
        field_names = dir(diag)
    diagnosis = {}
    for field_name in field_names:
        # Where in PostgreSQL's own source the error was raised changes with the
        # server's version, and would be a drift.
        if field_name.startswith(("_", "source_")):
            continue
        text = getattr(diag, field_name, None)
        if isinstance(text, str):
            diagnosis[field_name] = text
    return diagnosis


def load_driver_error(
    stored_error: Mapping[str, Any],
    dbapi: Any,
    *,
    errors_of_driver: tuple[type[Exception], ...] = (),
) -> Exception:
    """Return a recorded error of a driver, to be raised in a replay.

    Where its class does not exist, or is none that a recording may name, the error has
    the class of PEP 249 or of Python above that.

    Args:
        stored_error: The error as it was recorded.
        dbapi: The driver's module.
        errors_of_driver: The errors of an async driver below SQLAlchemy's adapter.
    """
    error_class = _class_to_raise(stored_error, dbapi, errors_of_driver)
    diagnosis = stored_error.get("diag", {})
    if diagnosis and _is_of_psycopg2(error_class):
        error_class = _with_diagnosis(error_class)
    args = tuple(stored_error["args"])
    # psycopg2's classes are written in C, and refuse `Exception.__new__`.
    error: Any = _method_in_c(error_class, "__new__")(error_class, *args)
    error.args = args
    # A class that is written in C may lack these attributes, or refuse to set them.
    with suppress(AttributeError, TypeError):
        set_state = _method_in_c(error_class, "__setstate__")
        set_state(error, stored_error.get("codes", {}))
    if error_class.__module__.startswith("asyncpg."):
        _complete_error_of_asyncpg(error)
    fields = _diagnosis_fields(error)
    if fields:
        # psycopg's errors keep the diagnosis in these attributes, for pickling.
        bytes_by_field = {}
        for name, text in diagnosis.items():
            if name in fields:
                bytes_by_field[fields[name]] = text.encode()
        error._info = bytes_by_field
        error._encoding = "utf-8"
    elif diagnosis:
        error.diag = SimpleNamespace(**{**_empty_diagnosis(), **diagnosis})
    if "cause" in stored_error:
        error.__cause__ = load_driver_error(
            stored_error["cause"], dbapi, errors_of_driver=errors_of_driver
        )
        if hasattr(error_class, "driver_exception"):
            # SQLAlchemy 2.1 gives an asyncio driver's own error by this attribute, too.
            error.orig = error.__cause__
    return error  # type: ignore[no-any-return]


def _class_to_raise(
    stored_error: Mapping[str, Any],
    dbapi: Any,
    errors_of_driver: tuple[type[Exception], ...],
) -> Any:
    """Return the class of a recorded error, or the one which stands for it.

    Anybody may have edited the recording. So the class is one that an error of a
    statement can have, or is Python's own.
    """
    recordable_classes = (dbapi.Error, OSError, *ERRORS_OF_PYTHON, *errors_of_driver)
    module, _, path = stored_error["type"].partition(":")
    error_class: Any = sys.modules.get(module)
    for name in path.split("."):
        # No attribute runs code: neither a module's `__getattr__` nor a property.
        error_class = getattr(error_class, "__dict__", {}).get(name)
    is_class = isinstance(error_class, type)
    # Our own errors are no outcomes, though some of them are errors of Python.
    if (
        is_class
        and issubclass(error_class, recordable_classes)
        and not issubclass(error_class, MimicError)
    ):
        return error_class
    # There is no such class here, or none that a recording may name.
    general_name = stored_error["kind"]
    if general_name in _CLASSES_OF_PEP_249:
        return getattr(dbapi, general_name, dbapi.DatabaseError)
    error_class = getattr(builtins, general_name, None)
    if isinstance(error_class, type) and issubclass(error_class, Exception):
        return error_class
    return dbapi.DatabaseError


def _method_in_c(error_class: Any, name: str) -> Any:
    """Return the method of a class of errors that its nearest base in C has.

    What a class in Python does in its own `__new__` and `__setstate__` is not run.
    """
    class_in_c = error_class
    while not isinstance(
        vars(class_in_c).get(name), (BuiltinFunctionType, MethodDescriptorType)
    ):
        class_in_c = class_in_c.__base__
    return vars(class_in_c)[name]


def _complete_error_of_asyncpg(error: Any) -> None:
    """Set what an `InterfaceError` of asyncpg needs for its text: its detail and hint.

    Its `__init__` sets them, which a replay does not call. Most have neither.
    """
    for name in ("detail", "hint"):
        if not hasattr(error, name):
            setattr(error, name, None)


def _is_of_psycopg2(error_class: type) -> bool:
    """Check whether a class of errors is psycopg2's, or one below it."""
    return any(base.__module__ == "psycopg2" for base in error_class.__mro__)


def _empty_diagnosis() -> dict[str, None]:
    """Return what psycopg2's `diag` has where PostgreSQL reports nothing: only None.

    A replayed error has all the fields, as the application may read any.
    """
    empty_fields: dict[str, None] = {}
    for field_name in dir(sys.modules["psycopg2.extensions"].Diagnostics):
        if not field_name.startswith("_"):
            empty_fields[field_name] = None
    return empty_fields


@cache
def _with_diagnosis(error_class: Any) -> Any:
    """Return a class of psycopg2's errors whose `diag` can be set.

    The driver fills it from the server's answer, and nothing else can. So it is a
    subclass, which has the name of its base and is pickled as that.
    """

    def reduce_as_base(error: Any) -> Any:
        """Reduce an error for a pickle, in which the class has to be the driver's."""
        codes = {name: getattr(error, name) for name in ("pgcode", "pgerror")}
        return error_class, error.args, codes

    names_of_base = {
        "__module__": error_class.__module__,
        "__qualname__": error_class.__qualname__,
    }
    return type(
        error_class.__name__,
        (error_class,),
        {**names_of_base, "diag": None, "__reduce__": reduce_as_base},
    )


def _hide_details(text: str, redactor: Redactor) -> str:
    """Return an error's message without the secret values that PostgreSQL quotes.

    An example is `Key (token)=(abc) …`. The quoted row may be another than the one that
    was sent, so that its values are no known secrets.
    """

    def hide_key(key_and_value: re.Match[str]) -> str:
        """Return a quoted key without its value, if one of its columns is secret."""
        names = re.findall(r"\w+", key_and_value[1])
        if any(map(redactor.secret, names)):
            return f"({key_and_value[1]})=({PLACEHOLDER})"
        return key_and_value[0]

    # A whole row has no names of columns, so that all of it is hidden.
    text_without_keys = _KEY_IN_MESSAGE.sub(hide_key, text)
    return _ROW_IN_MESSAGE.sub(f"({PLACEHOLDER})", text_without_keys)


def _diagnosis_fields(error: BaseException) -> dict[str, Any]:
    """Return the names of what PostgreSQL reports about an error of psycopg.

    With each stands psycopg's constant for it, by which a replay fills the error. There
    are none for an error of another driver.
    """
    if not type(error).__module__.startswith("psycopg."):
        return {}
    fields = {}
    for field in sys.modules["psycopg"].pq.DiagnosticField:
        if not field.name.startswith("SOURCE_"):
            fields[field.name.lower()] = field
    return fields
