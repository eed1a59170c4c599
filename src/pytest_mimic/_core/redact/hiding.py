"""One walk over plain data that finds what is secret by a name: the walk of all that hides, learns or looks for secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.redact.secret_names import PLACEHOLDER, is_empty

if TYPE_CHECKING:
    from pytest_mimic._core.redact.secret_names import SecretNames


class Place(NamedTuple):
    """A value in plain data, at `box[key]`, and the name that it has there, if any.

    Attributes:
        is_secret: Whether its name, or that of a part around it, is secret. None, booleans and empty texts are not.
    """

    box: Any
    key: Any
    value: Any
    name: object = None
    is_secret: bool = False
    in_list: bool = False


def places(root: dict[str, Any], names: SecretNames, *, stored: bool = False) -> Iterator[Place]:
    """Yield the values in a mapping, in the order of its JSON text. What replaces one meanwhile is walked instead.

    A value has the name of its key, of the first item of its pair in a list, of the `name` or `key` beside it
    (`{"name": "token", "value": …}`), or of the flag before it (`--token`). With `stored`, the data is what clients
    store: in a command of Redis each word may be the name of the next one, and in rows the columns are names.
    """
    given: dict[int, Sequence[object]] = {}  # names of the items of lists, by the id of the list
    todo = [Place({"": root}, "", root)]
    while todo:
        outer = todo.pop()
        if outer.value is not root:
            yield outer
        box, secret = outer.box[outer.key], outer.is_secret
        found = []
        if isinstance(box, dict):
            if stored:
                given.update(_given(box))
            for (key, value), (name, _) in zip(box.items(), named(box), strict=True):
                is_secret = names.hides(name, value) or (secret and not is_empty(value))
                found.append(Place(box, key, value, name, is_secret))
        elif isinstance(box, list):
            is_pair = outer.in_list and len(box) == 2 and isinstance(box[0], str)
            of_items = given.get(id(box)) or ((None, box[0]) if is_pair else ())
            for key, value in enumerate(box):
                name = of_items[key] if key < len(of_items) else None
                is_flagged = key > 0 and _is_word(value) and names.secret_flag(box[key - 1])
                is_secret = names.hides(name, value) or ((secret or is_flagged) and not is_empty(value))
                found.append(Place(box, key, value, name, is_secret, True))
        todo += reversed(found)


def named(box: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the values of a mapping with their names: their keys or, in one of a name and a value, that name."""
    beside = None
    if "value" in box or "Value" in box:
        names = (box.get(key) for key in ("name", "key", "Name", "Key"))
        beside = next((name for name in names if isinstance(name, str)), None)
    for key, value in box.items():
        yield beside if beside is not None and key in ("value", "Value") else key, value


def _is_word(value: object) -> bool:
    return isinstance(value, str) and not value.startswith("-")


def _given(box: dict[Any, Any]) -> Iterator[tuple[int, Sequence[object]]]:
    """Yield the names of what clients store beside names: the words of commands, and the rows of a statement."""
    commands, columns, rows = box.get("commands"), box.get("columns"), box.get("rows")
    for words in (box.get("command"), *(commands if type(commands) is list else ())):
        if type(words) is list:
            yield id(words), (None, *words)
    if type(columns) is list and type(rows) is list:
        names = [column[0] if type(column) is list and column else None for column in columns]
        yield from ((id(row), names) for row in rows if type(row) is list)


def holds_text(plain: Any, names: SecretNames) -> bool:
    """Check whether plain data of a client holds a text under a secret name."""
    return any(
        place.is_secret and type(place.value) is str and PLACEHOLDER not in place.value
        for place in places({"": plain}, names, stored=True)
    )


def copied(plain: Any) -> Any:
    """Return a copy of plain data, however deep it is."""
    root = [plain]
    todo: list[Any] = [root]
    while todo:
        box = todo.pop()
        for key, value in enumerate(box) if isinstance(box, list) else box.items():
            if isinstance(value, (dict, list)):
                box[key] = value.copy()
                todo.append(box[key])
    return root[0]
