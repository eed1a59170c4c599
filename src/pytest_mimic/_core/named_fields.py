"""The base of tuples with named fields whose classes are made fast."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_: object) -> Any:
        """Return a decorator that changes nothing: it is for type checkers."""
        return lambda decorated: decorated


@dataclass_transform(frozen_default=True)
class NamedFields(tuple[Any, ...]):
    """The base of a class of tuples, whose annotations are the fields.

    To make the class of a `NamedTuple` takes half a millisecond, and a run makes all
    classes of the modules that it loads. A class with this base takes a twentieth of
    that. Its objects take longer to make, so that it is for what a run has few of.

    An example. `class Point(NamedFields): x: int; y: int = 0` makes `Point(1)`, which
    equals `(1, 0)`, and whose `x` is 1. It has the methods of a `NamedTuple` that are
    used, under the same names.
    """

    __slots__: tuple[str, ...] = ()
    _fields: ClassVar[tuple[str, ...]] = ()
    _field_defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        members = vars(cls)
        names = tuple(cls.__annotations__)
        cls._fields = names
        cls._field_defaults = {name: members[name] for name in names if name in members}
        for position, name in enumerate(names):
            setattr(cls, name, property(itemgetter(position)))

    def __new__(cls, *values: Any, **fields_by_name: Any) -> Self:
        """Make a tuple from values in order and by name, as a `NamedTuple` does.

        Raises:
            TypeError: A field is missing, is given twice, or does not exist.
        """
        names = cls._fields
        if len(values) != len(names) or fields_by_name:
            positional = dict(zip(names, values))
            fields = {**cls._field_defaults, **positional, **fields_by_name}
            has_too_many = len(values) > len(names)
            has_repeated = not fields_by_name.keys().isdisjoint(positional)
            if has_too_many or has_repeated or fields.keys() != set(names):
                raise TypeError(f"{cls.__name__} has the fields {', '.join(names)}")
            ordered_values = tuple([fields[name] for name in names])
            return super().__new__(cls, ordered_values)
        return super().__new__(cls, values)

    def _replace(self, **changed: Any) -> Self:
        """Return a copy in which some fields have new values."""
        return type(self)(**{**self._asdict(), **changed})

    def _asdict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return dict(zip(self._fields, self))

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Return what makes a copy. A pickle calls it; that of `tuple` does not fit."""
        return tuple(self)

    def __repr__(self) -> str:
        fields = self._asdict().items()
        shown = ", ".join([f"{name}={value!r}" for name, value in fields])
        return f"{type(self).__name__}({shown})"
