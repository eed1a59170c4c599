"""Classes and functions that note whatever runs of them, for hostile recordings to name."""

from __future__ import annotations

import dataclasses
import enum
import typing

NOTED: list[str] = []


def noted(*_, **__):
    NOTED.append("a function")


class Descriptor:
    def __set__(self, instance, value):
        NOTED.append("__set__")

    def __get__(self, instance, owner):
        return self


class Meta(type):
    def __call__(cls, *args, **kwargs):
        NOTED.append("a metaclass")
        return super().__call__(*args, **kwargs)


class Tripwire(metaclass=Meta):
    field = Descriptor()

    def __new__(cls, *args, **kwargs):
        NOTED.append("__new__")
        return super().__new__(cls)

    def __init__(self, *args, **kwargs):
        NOTED.append("__init__")

    def __setattr__(self, name, value):
        NOTED.append("__setattr__")

    def __setstate__(self, state):
        NOTED.append("__setstate__")


class Tripped(Exception):
    field = Descriptor()

    def __new__(cls, *args):
        NOTED.append("__new__")
        return super().__new__(cls)

    def __init__(self, *args):
        NOTED.append("__init__")


class Color(enum.Enum):
    RED = 1

    @classmethod
    def _missing_(cls, value):
        NOTED.append("_missing_")


@dataclasses.dataclass
class Order:
    customer: object
    due: object

    def __post_init__(self):
        NOTED.append("__post_init__")

    def __setattr__(self, name, value):
        NOTED.append("__setattr__")
        super().__setattr__(name, value)


class Pair(typing.NamedTuple):
    left: object
    right: object


class Failed(Exception):
    def __init__(self, reason):
        NOTED.append("__init__")
        super().__init__(reason)
        self.__cause__ = reason


SETTINGS = object()


class Listener:
    """Whatever is asked of its objects is noted."""

    text: str

    def __getattribute__(self, name):
        NOTED.append(name)
        return object.__getattribute__(self, name)

    def _note(self, *_):
        NOTED.append("a method")
        return ""

    __repr__ = __str__ = __getattr__ = _note
    __eq__ = __lt__ = __len__ = __iter__ = __bool__ = __float__ = __index__ = __call__ = __fspath__ = _note
    __hash__ = None
    __class__ = property(_note)


LISTENER = Listener()
object.__setattr__(LISTENER, "text", "a")


class ListeningMeta(type):
    def __getattribute__(cls, name):
        NOTED.append(name)
        return super().__getattribute__(name)


class Listening(metaclass=ListeningMeta):
    class inner:
        pass


NOTED.clear()
