"""Statements and other requests to a database, as calls without secrets.

What is hidden here of a statement and its parameters counts in the identity of the
call: a change makes its recordings misses. What is hidden of its result counts nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._clients.sql.rows_and_errors import ByLook, Hidden, hide_inside
from pytest_mimic._clients.sql.statement_text import read_statement, words_in
from pytest_mimic.client import (
    PLACEHOLDER,
    PLAIN,
    ClientCall,
    UnstableIdentityError,
    UnstorableOutcomeError,
    by_value,
    hide_values,
    parameter_to_plain,
)

if TYPE_CHECKING:
    from pytest_mimic._clients.sql.compiled_names import CompiledNames
    from pytest_mimic.client import KnownSecrets, Redactor

_PARTS_OF_IDENTITY = ("database", "statement", "params")
# Types of parameters that are plain data and hold no secrets.
_TYPES_WITHOUT_SECRETS = frozenset((int, bool, type(None)))
_TYPES_OF_NUMBERS = (int, float, Decimal)
# A cursor's name, which SQLAlchemy makes of an address for drivers that declare cursors
# by statements.
_NAME_OF_CURSOR = re.compile(r"\bc_[0-9a-f]{6,}_[0-9a-f]+\b")
# What a text has in which secrets are found by their names: JSON, or a URL. Any other
# text is searched for the secrets of the test alone, which is fast.
_MARK_OF_DATA = re.compile(r"[{\[]|://")
# SQLAlchemy numbers the parameters of the rows that it writes with one INSERT:
# `name_m1`, `name__2`.
_ROW_NUMBER = re.compile(r"(_m|__)\d+$")


class StatementNames(NamedTuple):
    """The names in a statement that SQLAlchemy has compiled.

    Attributes:
        positional_names: The names of positional parameters, in order.
        widths: How many parameters a value of an `IN` has, by the name of the `IN`. It
            is more than one for tuples.
        compiled_name_by_driver_name: The name in the compiled statement, for parameters
            that the driver knows by another one.
        compiled: The columns of parameters and results; None for a text.
        values: The values of the parameters, by their names.
    """

    positional_names: Sequence[str] = ()
    widths: Mapping[str, int] = {}
    compiled_name_by_driver_name: Mapping[str, str] = {}
    compiled: CompiledNames | None = None
    values: Mapping[str, Any] = {}


# Of a statement that SQLAlchemy has not compiled: a text, or a driver's own.
UNNAMED = StatementNames()


def action(
    name: str,
    *,
    database: int | str,
    params: dict[str, Any] | None = None,
    shared: bool = False,
) -> ClientCall:
    """Describe a request to a database that is no statement, such as `COMMIT`.

    Args:
        name: The request, in capitals.
        database: The number of the database in the test.
        params: What tells equal requests apart, if it is not their order in a test.
        shared: Whether the recording serves all tests.
    """
    described: dict[str, Any] = {}
    if database:
        described["database"] = database
    if params is not None:
        described["params"] = params
    parts = {"database": database, "statement": name, "params": params}
    return ClientCall(
        name, parts, identity=_PARTS_OF_IDENTITY, described=described, shared=shared
    )


class _PreparedStatement:
    """What all calls of one statement share, whatever their parameters.

    The text of the statement, its compiled form and the rules for secrets decide it.

    Attributes:
        statement: The statement as its text reads.
        mentions_secret: Whether the statement has a secret name anywhere.
        is_text: Whether SQLAlchemy does not know the columns of the result.
        is_unclear: Whether a text in the compiled statement names a secret, so that it
            cannot be followed.
        text: The statement for the identity, its secret literals replaced.
        literals: The secret literals that were replaced.
    """

    def __init__(
        self, sql: str, compiled: CompiledNames | None, redactor: Redactor
    ) -> None:
        self._compiled = compiled
        self._is_secret_name = redactor.secret
        self._is_judged_by_look = redactor.judges_by_look
        # Both take the name of a parameter. The same names come with each execution.
        self.types_in_clear = cache(self._find_types_in_clear)
        self.name_judged_by_look = cache(self._find_name_judged_by_look)
        self.statement = read_statement(_NAME_OF_CURSOR.sub("c_", sql))
        self.mentions_secret = self.statement.mentions(redactor.secret)
        self.is_text = compiled is None or compiled.columns is None
        self.is_unclear = False
        if compiled is not None:
            self.is_unclear = any(map(redactor.secret, compiled.words_of_texts))
        # An expression of SQLAlchemy has its values in parameters, not as numbers.
        self._hides_numbers = self.is_text or self.is_unclear
        self.text, self.literals = self.statement.text_and_literals(
            redactor, hides_numbers=self._hides_numbers
        )

    def shown_name(self, name: str) -> str:
        """Return a column's name as the driver tells it, without secret literals.

        These are the literals of a statement that names a secret.

        SQLite and MySQL make the name of an expression: that of `SELECT password = 'x'`
        is `password = 'x'`.
        """
        if not self.mentions_secret or name.isidentifier():
            return name
        return read_statement(name).hide_literals(hides_numbers=self._hides_numbers)[0]

    def name_of_secret(self, compiled_name: str) -> str:
        """Return the name under which a hidden parameter is compared with other calls.

        Whether the parameter is hidden is decided before, by `types_in_clear`. The
        first secret name is returned: of the parameter's column, of the parameter
        itself, or in the text of the statement. If none is secret, it is the
        parameter's own name.
        """
        names_beside: Collection[str] = ()
        if self._compiled is not None:
            names_beside = self._compiled.names_beside_parameter.get(compiled_name, ())
        own_name = _ROW_NUMBER.sub("", compiled_name)
        for name in (*sorted(names_beside), own_name, *sorted(self.statement.names)):
            if self._is_secret_name(name):
                return name
        return own_name

    def _find_name_judged_by_look(self, compiled_name: str) -> str:
        """Return the name for which a parameter is secret if it looks like a token.

        The name is that of its column, or its own; empty: it has no such name.
        """
        names_beside: Collection[str] = ()
        if self._compiled is not None:
            names_beside = self._compiled.names_beside_parameter.get(compiled_name, ())
        own_name = _ROW_NUMBER.sub("", compiled_name)
        for name in (*sorted(names_beside), own_name):
            if self._is_judged_by_look(name):
                return name
        return ""

    def _find_types_in_clear(self, compiled_name: str) -> Any:
        """Return the types of which the values of a parameter are no secrets.

        `object` stands for all. Values of other types are hidden in the identity.
        """
        if self._is_secret_name(compiled_name):
            return ()
        # SQLAlchemy knows beside which columns the parameter stands. None: it does not,
        # so that the text has to tell.
        names_beside = None
        if self._compiled is not None:
            names_beside = self._compiled.names_beside_parameter.get(compiled_name)
        if names_beside is not None:
            if any(map(self._is_secret_name, names_beside)):
                return ()
            return object
        own_name = _ROW_NUMBER.sub("", compiled_name)
        if not self.mentions_secret or own_name.lower() in self.statement.names:
            # No secret is named, or the parameter has the name of another column.
            return object
        # The statement names a secret, and the parameter may be its value.
        if self.is_text or self.statement.verb != "SELECT":
            return ()
        # In a query, a number may be a limit.
        return _TYPES_OF_NUMBERS


# A session has its own redactor, and SQLAlchemy compiles a statement for each dialect.
_prepared_statement = lru_cache(maxsize=1024)(_PreparedStatement)


class StatementCall:
    """A statement with its parameters, as a call of a cursor.

    The call is `cursor.execute(sql, parameters)`, or `executemany` if there are many.

    The statement has the driver's own marks for parameters. `parameters` is a mapping,
    a sequence, or None; with `many`, a list of them. `database` is the number of the
    database in the test.

    Attributes:
        call: The call at the client.
        secrets: The texts of secret parameters and literals, which an error's message
            must not contain.
        is_unordered: Whether the rows of the result may come in any order.
        refused_parameter: The error of a parameter that no driver takes, if there is
            one.
    """

    def __init__(
        self,
        sql: str,
        parameters: Any,
        *,
        database: int,
        redactor: Redactor,
        secrets_of_test: KnownSecrets | None = None,
        names: StatementNames = UNNAMED,
        many: bool = False,
    ) -> None:
        self._names = names
        self._secrets_of_test = secrets_of_test
        # By each secret that the test was issued, `tok-4711`: what stands for it.
        self._placeholder_of_issued: dict[str, str] = {}
        if secrets_of_test is not None:
            self._placeholder_of_issued = secrets_of_test.stand_ins_of_issued()
        self._redactor = redactor
        # Knows what stands for the secrets that the test was issued.
        self._redactor_of_test = redactor
        if secrets_of_test is not None:
            self._redactor_of_test = redactor.knowing(secrets_of_test)
        # The names of the parameters that are secret. A column of the result that shows
        # one of them is hidden, too.
        self._names_of_secrets: set[str] = set()
        # By each secret text, the name for which it is secret. The engine compares it
        # with what other calls have sent under this name.
        self._name_of_secret: dict[str, str] = {}
        self._prepared = _prepared_statement(sql, names.compiled, redactor)
        statement = self._prepared.statement
        # The names of the parameters that may name a part of a JSON value.
        self._names_of_json_keys: Collection[str] = ()
        if names.compiled is not None:
            self._names_of_json_keys = names.compiled.json_path_parameters
        self._is_unclear = self._prepared.is_unclear or self._asks_for_secret()
        self.secrets = list(self._prepared.literals)
        self.is_unordered = statement.is_unordered
        self.refused_parameter: UnstableIdentityError | None = None
        params: Any = None
        if many:
            params = list(map(self._plain_parameters, parameters))
            returns_rows = not statement.names.isdisjoint(("returning", "output"))
            if statement.verb in ("INSERT", "UPDATE", "DELETE") and not returns_rows:
                # A unit of work writes the objects of a set in any order.
                params.sort(key=repr)
        elif parameters:
            params = self._plain_parameters(parameters)
        # What the call is identified by.
        parts = {
            "database": database,
            "statement": hide_values(self._prepared.text, self._placeholder_of_issued),
            "params": params,
        }
        # What messages show of the call.
        described = {}
        for name in ("statement", "params", "database"):
            if parts[name]:
                described[name] = parts[name]
        self.call = ClientCall(
            statement.signature,
            parts,
            identity=_PARTS_OF_IDENTITY,
            described=described,
            sent_secrets=self._name_of_secret,
        )

    def _asks_for_secret(self) -> bool:
        """Check whether a parameter names a part of JSON that is secret.

        All texts are hidden then, as it cannot be followed which of them are secret.
        """
        for name in self._names_of_json_keys:
            words = words_in(self._names.values.get(name, ""))
            if any(map(self._redactor.secret, words)):
                return True
        return False

    def _plain_parameters(self, parameters: Any) -> dict[str, Any]:
        """Return parameters as plain data without secrets, as they count.

        The key of a parameter is its name; without a name, its place from 1: `"1"`.
        """
        plain_parameters: dict[str, Any] = {}
        # The names of the parameters of each `IN`, by the name of the `IN`.
        names_by_in: dict[str, list[str]] = {}
        named_parameters = self._named_parameters(parameters)
        for index, (driver_name, value) in enumerate(named_parameters, 1):
            name = _free_name(driver_name or str(index), plain_parameters)
            compiled_name = self._names.compiled_name_by_driver_name.get(
                driver_name, driver_name
            )
            plain_parameters[name] = self._plain_value(value, name, compiled_name)
            if compiled_name in self._names.widths:
                names_by_in.setdefault(compiled_name, []).append(name)
        # `IN (2, 1)` counts as `IN (1, 2)`: the values may come from a set.
        for compiled_name, names in names_by_in.items():
            _sort_values(
                plain_parameters, names, width=self._names.widths[compiled_name]
            )
        return plain_parameters

    def _plain_value(self, value: Any, name: str, compiled_name: str) -> Any:
        """Return the value of a parameter without secrets, and note a secret value.

        Args:
            value: The value as the driver gets it.
            name: The name under which it is recorded.
            compiled_name: The name in the compiled statement, which may be that of an
                `IN`.
        """
        if self._is_secret_parameter(type(value), compiled_name):
            if value is not None:
                self._names_of_secrets.add(compiled_name)
            if isinstance(value, str):
                name_of_secret = self._prepared.name_of_secret(compiled_name)
                self._note_secret(value, name_of_secret)
            return self._stand_in_of_parameter(by_value(value))
        if type(value) in _TYPES_WITHOUT_SECRETS:
            return value
        # The name for which the value is secret if it looks like a token.
        look_name = self._prepared.name_judged_by_look(compiled_name)
        looks_secret = False
        if look_name:
            looks_secret = self._redactor.hides(look_name, by_value(value))
        if looks_secret:
            self._names_of_secrets.add(compiled_name)
            self._note_secret(value, look_name)
            return self._stand_in_of_parameter(by_value(value))
        if type(value) is str and not _MARK_OF_DATA.search(value):
            # No names are in the text, so that only known secrets are sought there.
            return hide_values(value, self._placeholder_of_issued)
        try:
            hidden_value = hide_inside(
                value,
                self._redactor_of_test,
                self._placeholder_of_issued,
                name=look_name,
            )
            return _plain_parameter(hidden_value, name)
        except UnstableIdentityError as error:
            # The cursor raises it, outside of the block that makes the test fail.
            self.refused_parameter = error
            return None

    def _note_secret(self, text: str, name: str) -> None:
        """Note the text of a secret parameter, and the name for which it is secret."""
        secret = by_value(text)
        self.secrets.append(secret)
        self._name_of_secret[secret] = name

    def _stand_in_of_parameter(self, value: Any) -> Any:
        """Return what stands for the value of a secret parameter in the identity.

        A secret that the test was issued has a placeholder of its own.
        """
        if value is None or isinstance(value, bool):
            return value
        if self._secrets_of_test is None or type(value) not in (str, int, float):
            return PLACEHOLDER
        stand_in = self._secrets_of_test.stand_in(value)
        is_number = type(value) is not str and stand_in != PLACEHOLDER
        if is_number:
            return type(value)(stand_in)
        return stand_in

    def _is_secret_parameter(self, type_of_value: type, compiled_name: str) -> bool:
        """Check whether the value of a parameter is secret, by its type and its name.

        Args:
            type_of_value: The type of the value.
            compiled_name: The name in the compiled statement.
        """
        types_in_clear = self._prepared.types_in_clear(compiled_name)
        if types_in_clear is object and self._is_unclear:
            # Any text may be the secret, but for what only names a part of JSON.
            return (
                issubclass(type_of_value, str)
                and compiled_name not in self._names_of_json_keys
            )
        return not issubclass(type_of_value, types_in_clear)

    def _named_parameters(self, parameters: Any) -> Iterable[tuple[str, Any]]:
        """Return each parameter with the driver's name of it; empty: it has none."""
        if isinstance(parameters, Mapping):
            # The names may be of SQLAlchemy's own subclass of `str`.
            return zip(map(str, parameters), parameters.values())
        driver_names = list(self._names.positional_names)
        if driver_names and len(parameters) % len(driver_names) == 0:
            # SQLAlchemy writes many rows with one INSERT.
            driver_names *= len(parameters) // len(driver_names)
        if len(driver_names) != len(parameters):
            # An event has replaced the parameters.
            driver_names = [""] * len(parameters)
        return zip(driver_names, parameters)

    def shown_name(self, name: Any) -> Any:
        """Return the name of a result's column without secrets, as it is stored."""
        if not isinstance(name, str):
            return name
        return self._prepared.shown_name(name)

    def hidden_columns(self, columns: Sequence[str]) -> list[Hidden]:
        """Return for each column of the result whether it is secret.

        `Rows.store` hides the values so. The columns are given by the driver's names.

        `"text"`: hide only text values, because the column's origin is unknown. A
        `ByLook`: hide what looks like a token, because of this name of the column.
        """
        prepared = self._prepared
        # For each column of the result, the names in its expression.
        expressions: Sequence[tuple[frozenset[str], frozenset[str]]] | None = None
        if self._names.compiled is not None:
            expressions = self._names.compiled.columns
        if expressions is not None and len(expressions) == len(columns):
            is_unclear = self._is_unclear
            listed_columns: frozenset[str] = frozenset()
        else:
            # SQLAlchemy does not know the columns, so that the text has to tell.
            unknown_names: frozenset[str] = frozenset()
            expressions = ((unknown_names, unknown_names),) * len(columns)
            is_unclear = prepared.mentions_secret or bool(self._names_of_secrets)
            listed_columns = prepared.statement.listed_columns
        hidden_columns: list[Hidden] = []
        for column, (names, parameters) in zip(columns, expressions):
            is_listed = "*" in listed_columns or column.lower() in listed_columns
            if self._is_secret_column(column, names, parameters):
                hidden_columns.append(True)
            elif is_unclear and not is_listed:
                # The column may show a secret under another name.
                hidden_columns.append("text")
            else:
                hidden_columns.append(self._hiding_by_look(column, names))
        return hidden_columns

    def _hiding_by_look(self, column: str, names: frozenset[str]) -> Hidden:
        """Return how a column is hidden whose texts are secret by their look.

        Args:
            column: The name of the column as the driver tells it.
            names: The names of the columns and functions in the column's expression.
        """
        for name in (column, *sorted(names)):
            if self._redactor.judges_by_look(name):
                return ByLook(name)
        return False

    def _is_secret_column(
        self, column: str, names: frozenset[str], parameters: frozenset[str]
    ) -> bool:
        """Check whether a column of the result shows a secret.

        Args:
            column: The name of the column as the driver tells it.
            names: The names of the columns and functions in the column's expression.
            parameters: The names of the parameters in the column's expression.
        """
        # SQLite calls a column by its expression, `length(password)`, if the column has
        # no name.
        if column.isidentifier() and self._redactor.secret(column):
            return True
        if any(map(self._redactor.secret, names)):
            return True
        return not self._names_of_secrets.isdisjoint(parameters)


def _free_name(name: str, taken_names: Collection[str]) -> str:
    """Return a name that no parameter has yet: `id`, or else `id_2`, `id_3`.

    Positional parameters may have the same name several times.
    """
    free_name = name
    number = 1
    while free_name in taken_names:
        number += 1
        free_name = f"{name}_{number}"
    return free_name


def _sort_values(
    plain_parameters: dict[str, Any], names: list[str], *, width: int
) -> None:
    """Sort the values of an `IN` among its parameters, as their order may be a set's.

    With a `width` of 2, each two parameters are one tuple.
    """
    values_of_in = []
    for start in range(0, len(names), width):
        names_of_value = names[start : start + width]
        values_of_in.append([plain_parameters[name] for name in names_of_value])
    values_of_in.sort(key=repr)
    plain_parameters.update(zip(names, chain.from_iterable(values_of_in)))


def _plain_parameter(value: Any, name: str) -> Any:
    """Return a parameter as plain data, by its value.

    A parameter of an unknown type stays as it is: the identity takes or refuses it.

    Args:
        value: The parameter.
        name: The name of the parameter, for the path in an error.

    Raises:
        UnstableIdentityError: The parameter is an expression of SQLAlchemy, which no
            driver takes.
    """
    value = by_value(value)
    if type(value) in PLAIN:
        return value
    if _is_expression(type(value)):
        raise _refused_expression(value, name)
    try:
        return parameter_to_plain(value)
    except UnstorableOutcomeError:
        # The engine knows more types: `register_fingerprint` adds some.
        return value


def _is_expression(type_of_value: type) -> bool:
    """Check whether a class is one of the parts that SQLAlchemy makes statements of."""
    return any(
        base.__module__.startswith("sqlalchemy.sql.") for base in type_of_value.__mro__
    )


def _refused_expression(value: object, name: str) -> UnstableIdentityError:
    """Return the error for a parameter that is an expression of SQLAlchemy."""
    path = f"params.{name}"
    return UnstableIdentityError(
        "sqlalchemy has a parameter without a stable identity",
        facts=[f"{path}: an expression of SQLAlchemy, {type(value).__qualname__}"],
        remedies=["execute it as a statement, or pass its value"],
        target="sqlalchemy",
        path=path,
    )
