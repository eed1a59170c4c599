"""The places in plain data, each with the name of its value: `{"token": "abc"}`.

A value under a secret name is a secret. Which names are secret, `secret_names` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_mimic._core.placeholders import PLACEHOLDER_START
from pytest_mimic._core.redact.secret_names import (
    KEY_OF_AWS_FORM,
    KEYS_OF_MANIFEST,
    KEYS_OF_NAME,
    KEYS_OF_VALUE,
    SecretNames,
    is_empty,
    is_of_login,
)
from pytest_mimic._core.words import pattern

# The name of the values in a manifest of Kubernetes for a secret.
_NAME_OF_MANIFEST = "secret"
# The keys of mappings in which a value may have another name than its key.
_KEYS_OF_RENAMED = KEYS_OF_VALUE | KEYS_OF_MANIFEST | {KEY_OF_AWS_FORM}
# A name in a path, which is no index. SCIM puts the schema before it (RFC 7644, 3.10):
# `urn:ietf:params:scim:schemas:core:2.0:User:password`.
_NAME_IN_PATH = pattern(r"(?:^|(?<=[/.:]))(?=[\w -]*[A-Za-z_])[\w -]+")
# A variable of GraphQL where it is passed to an argument: `password: $p`.
_VARIABLE_AS_ARGUMENT = pattern(
    r"(?<![\w$])([A-Za-z_]\w{0,200})\s{0,20}:\s{0,20}\$(\w{1,200})"
)


class Place(NamedTuple):
    """A place in plain data, `box[key]`: the value there, and its name.

    `PathPlace` of `_core/files/places.py` is another thing, the place of a file.

    Attributes:
        name: The name of the value there, if it has one.
        is_secret: Whether the name of the value, or that of a part around it, hides it.
        in_list: Whether the box is a list.
        hiding_name: The name that hides the value, which may be that of a part around
            it.
    """

    box: Any
    key: Any
    value: Any
    name: object = None
    is_secret: bool = False
    in_list: bool = False
    hiding_name: object = None


def places(
    root: dict[str, Any], names: SecretNames, *, stored: bool = False
) -> Iterator[Place]:
    """Yield the places of the values in a mapping, in the order of its JSON text.

    Other data is given in a mapping: `{"": [1, 2]}`.

    The loop that is given a place may replace the value there, `box[key] = …`. What
    replaces it is walked instead.

    Copies take the places of the mappings and lists in the root, so that those it had
    stay as they are.

    A value has the name of its key, of the first item of its pair in a list, of the
    `name` or `setting` beside it (`{"name": "token", "value": …}`), or of the flag
    before it (`--token`). A variable of GraphQL has that of its argument, too. With
    `stored`, the data is what clients store: in a command of Redis each word may be the
    name of the next one, and in rows the columns are names.
    """
    # The names of the items of lists, by the id of the list.
    names_of_lists: dict[int, Sequence[object]] = {}
    # By the id of the variables of GraphQL: the arguments that each is passed to.
    arguments_of_variables: dict[int, dict[str, list[str]]] = {}
    pending = [Place({"": root}, "", root)]
    while pending:
        place = pending.pop()
        if place.value is not root:
            yield place
        # The caller may have replaced the value at the place that it was given.
        container = place.box[place.key]
        if isinstance(container, dict):
            if container is not root:
                container = place.box[place.key] = container.copy()
            if stored:
                names_of_lists.update(_names_of_lists(container))
            if "variables" in container:
                # The container is a body of GraphQL.
                variables_id = id(container["variables"])
                arguments_of_variables[variables_id] = _arguments_of_variables(
                    container.get("query")
                )
            arguments = arguments_of_variables.get(id(place.value), {})
            inner_places = _places_in_mapping(container, place, names, arguments)
        elif isinstance(container, list):
            container = place.box[place.key] = container.copy()
            names_of_items = names_of_lists.get(id(place.value), ())
            inner_places = _places_in_list(container, place, names, names_of_items)
        else:
            continue
        pending.extend(reversed(inner_places))


def _places_in_mapping(
    mapping: dict[Any, Any],
    place_of_mapping: Place,
    names: SecretNames,
    arguments: Mapping[str, Sequence[str]],
) -> list[Place]:
    """Return the values of a mapping, which stands at a place.

    Args:
        mapping: The mapping.
        place_of_mapping: Where the mapping stands.
        names: The secret names.
        arguments: The names of the arguments that each variable of GraphQL is passed
            to, if the mapping holds variables. One secret name hides the variable.
    """
    secret_beside = names.names_secret_beside(mapping)
    of_login = is_of_login(mapping)
    places_of_values = []
    for key, (name, value) in zip(mapping, named_values_of(mapping), strict=True):
        is_secret = names.hides(name, value)
        if not is_secret:
            for argument in arguments.get(key, ()):
                name = argument
                is_secret = names.hides(argument, value)
                if is_secret:
                    break
        if not is_secret and secret_beside:
            is_secret = names.hides_beside(
                name, value, secret_beside, of_login=of_login
            )
        hiding_name = name
        if not is_secret and place_of_mapping.is_secret:
            is_secret = not is_empty(value)
            hiding_name = place_of_mapping.hiding_name
        places_of_values.append(
            Place(mapping, key, value, name, is_secret, False, hiding_name)
        )
    return places_of_values


def _arguments_of_variables(query: object) -> dict[str, list[str]]:
    """Return the arguments of a query of GraphQL that each variable is passed to.

    `{"p": ["password"]}` of `mutation($p: String!) { login(password: $p) { id } }`.
    """
    if not isinstance(query, str):
        return {}
    arguments: dict[str, list[str]] = {}
    for name, variable in _VARIABLE_AS_ARGUMENT.findall(query):
        arguments.setdefault(variable, []).append(name)
    return arguments


def _places_in_list(
    items: list[Any],
    place_of_list: Place,
    names: SecretNames,
    names_of_items: Sequence[object],
) -> list[Place]:
    """Return the items of a list, which stands at a place."""
    is_pair = place_of_list.in_list and len(items) == 2 and isinstance(items[0], str)
    if is_pair and not names_of_items:
        names_of_items = (None, items[0])
    places_of_items = []
    for index, item in enumerate(items):
        name: object = None
        if index < len(names_of_items):
            name = names_of_items[index]
        if name is None and place_of_list.name == "tokens":
            # A list of tokens may be of log-ins. Tokens of a language model do not look
            # secret.
            name = place_of_list.name
        is_secret = names.hides(name, item)
        hiding_name = name
        if not is_secret and place_of_list.is_secret:
            is_secret = not is_empty(item)
            hiding_name = place_of_list.hiding_name
        is_word = index > 0 and isinstance(item, str) and item[:1] != "-"
        if not is_secret and is_word and names.secret_flag(items[index - 1]):
            is_secret = not is_empty(item)
            hiding_name = items[index - 1].lstrip("-")
        places_of_items.append(
            Place(items, index, item, name, is_secret, True, hiding_name)
        )
    return places_of_items


def named_values_of(mapping: Mapping[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """Return the values of a mapping with their names.

    The name of a value is its key. In a mapping of a name and a value, it is that name.
    A change of a document (RFC 6902, and RFC 7644, 3.5.2) names its value by a path.
    The data in a manifest of Kubernetes for a secret has the name `secret`.
    """
    # Few mappings have one of these keys.
    if _KEYS_OF_RENAMED.isdisjoint(mapping):
        return mapping.items()
    name_by_key = _names_by_key(mapping)
    return [(name_by_key.get(key, key), value) for key, value in mapping.items()]


def _names_by_key(mapping: Mapping[Any, Any]) -> dict[Any, str]:
    """Return the keys of a mapping whose values have another name, with that name."""
    if not KEYS_OF_VALUE.isdisjoint(mapping):
        name = _name_of_value(mapping)
        return {} if name is None else dict.fromkeys(KEYS_OF_VALUE, name)
    if KEY_OF_AWS_FORM in mapping:
        return _names_in_aws_form(mapping)
    if _is_manifest_of_secret(mapping):
        return dict.fromkeys(KEYS_OF_MANIFEST, _NAME_OF_MANIFEST)
    return {}


def _names_in_aws_form(form: Mapping[Any, Any]) -> dict[Any, str]:
    """Return the fields of a form of AWS that are the values of pairs, with names.

    Parameters.member.1.ParameterKey=DbPassword, Parameters.member.1.ParameterValue=abc
    →  {"Parameters.member.1.ParameterValue": "DbPassword"}
    """
    name_by_key = {}
    for key in form:
        place, _, last_step = str(key).rpartition(".")
        if not place or last_step not in KEYS_OF_VALUE:
            continue
        for key_of_name in KEYS_OF_NAME:
            name = form.get(f"{place}.{key_of_name}")
            if isinstance(name, str):
                name_by_key[key] = name
    return name_by_key


def _is_manifest_of_secret(mapping: Mapping[Any, Any]) -> bool:
    """Check whether a mapping is a `Secret` of Kubernetes, or an item of a list."""
    if mapping.get("kind") == "Secret" and "apiVersion" in mapping:
        return True
    # The items of a list do not say their kind.
    type_of_secret = mapping.get("type")
    return (
        "metadata" in mapping
        and isinstance(type_of_secret, str)
        and (type_of_secret == "Opaque" or type_of_secret.startswith("kubernetes.io/"))
    )


def _name_of_value(mapping: Mapping[Any, Any]) -> str | None:
    """Return `token` of `{"name": "token", "value": "abc"}`; None without a name.

    A change has it in its path: `{"op": "add", "path": "/token", "value": "abc"}`.
    """
    if "op" in mapping:
        name_in_path = _last_name(mapping.get("path"))
        if name_in_path:
            return name_in_path
    for key in KEYS_OF_NAME:
        name = mapping.get(key)
        if isinstance(name, str):
            return name
    return None


def _last_name(path: object) -> str:
    """Return the last name in the path of a change; empty if there is none.

    /users/1/tokens/-      tokens
    name.password          password
    /client%20secret       client secret
    """
    if not isinstance(path, str):
        return ""
    names = _NAME_IN_PATH.findall(path.replace("%20", " "))
    return names[-1] if names else ""


def _names_of_lists(mapping: dict[Any, Any]) -> Iterator[tuple[int, Sequence[object]]]:
    """Yield the ids of the lists whose items have names, in what clients store.

    Each comes with the names of its items.

    | stored | list | names of its items |
    |---|---|---|
    | `{"command": ["AUTH", "abc"]}` | the command | none, `AUTH`, `abc` |
    | `{"columns": [["id"], ["token"]], "rows": …}` | each row | `id`, `token` |
    """
    commands = [mapping.get("command")]
    pipeline = mapping.get("commands")
    if type(pipeline) is list:
        commands += pipeline
    for words in commands:
        if type(words) is list:
            yield id(words), (None, *words)
    columns = mapping.get("columns")
    rows = mapping.get("rows")
    if type(columns) is list and type(rows) is list:
        names = [_name_of_column(column) for column in columns]
        for row in rows:
            if type(row) is list:
                yield id(row), names


def _name_of_column(column: object) -> object:
    """Return the name of a stored column, which is a list that begins with it."""
    if type(column) is not list or not column:
        return None
    return column[0]


def holds_unhidden_text(plain: Any, names: SecretNames) -> bool:
    """Check whether a client's stored data has an unhidden text under a secret name.

    It has one if the name was not secret when the call was recorded. A text with a
    placeholder in it counts as hidden: `Bearer <redacted>`.
    """
    for place in places({"": plain}, names, stored=True):
        is_text = type(place.value) is str
        if place.is_secret and is_text and PLACEHOLDER_START not in place.value:
            return True
    return False
