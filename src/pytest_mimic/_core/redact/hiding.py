"""One walk over plain data that finds what is secret by a name: the walk of all that hides, learns or looks for secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.redact.secret_names import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_mimic._core.redact.secret_names import SecretNames


class Place(NamedTuple):
    """A value in plain data, at `box[key]`, and the name that it has there, if any.

    Attributes:
        is_secret: Whether its name, or that of a part around it, is secret. None, booleans and empty texts are not.
    """

    box: Any
    key: Any
    value: Any
    name: object
    is_secret: bool
    in_list: bool


def places(root: dict[str, Any], names: SecretNames, *, stored: bool = False) -> Iterator[Place]:
    """Yield the values in a mapping, in the order of its JSON text. What replaces one meanwhile is walked instead.

    A value has the name of its key, of the first item of its pair in a list, of the `name` or `key` beside it
    (`{"name": "token", "value": …}`), or of the flag before it (`--token`). With `stored`, the data is what clients
    store: in a command of Redis each word may be the name of the next one, and in rows the columns are names.
    """
    given: dict[int, Sequence[object]] = {}  # names of the items of lists, by the id of the list
    todo = _inside(root, names, given, Place(None, None, root, None, False, False), stored=stored)
    while todo:
        place = todo.pop()
        yield place
        value = place.box[place.key]
        if isinstance(value, (dict, list)):
            todo += _inside(value, names, given, place, stored=stored)


def _inside(
    box: Any, names: SecretNames, given: dict[int, Sequence[object]], outer: Place, *, stored: bool
) -> list[Place]:
    """Return the places in a mapping or list, the last one first."""
    is_list = isinstance(box, list)
    if is_list:
        is_pair = outer.in_list and len(box) == 2 and isinstance(box[0], str)
        of_items = given.get(id(box)) or ((None, box[0]) if is_pair else ())
    else:
        if stored:
            given.update(_given(box))
        of_items = [name for name, _ in named(box)]
    found = []
    for place, (key, value) in enumerate(enumerate(box) if is_list else box.items()):
        name = of_items[place] if place < len(of_items) else None
        is_flagged = is_list and place > 0 and _is_word(value) and names.secret_flag(box[place - 1])
        is_empty = value is None or value is True or value is False or value in ("", b"")
        is_secret = not is_empty and (outer.is_secret or is_flagged or names.hides(name, value))
        found.append(Place(box, key, value, name, is_secret, is_list))
    found.reverse()
    return found


def named(box: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the values of a mapping with their names: their keys or, in one of a name and a value, that name."""
    beside = None
    if "value" in box or "Value" in box:
        beside = next(
            (box[key] for key in ("name", "key", "Name", "Key") if isinstance(box.get(key), str)), None
        )
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
