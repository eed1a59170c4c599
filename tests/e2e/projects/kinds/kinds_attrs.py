"""Objects of classes made by attrs."""

import attrs


@attrs.define
class Basket:
    items: list
    owner: str = "Ann"


@attrs.frozen
class Item:
    name: str
    price: float = 0.5


@attrs.define(slots=False)
class Open:
    n: int


ARGUMENTS = {
    "objects": lambda: [Basket([1]), Item("pen"), Open(1)],
    "class": lambda: Open,
}
OUTCOMES = {"objects": lambda: [Basket([Item("pen")]), Open(1)]}
