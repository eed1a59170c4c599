"""Classes full of hooks, each of which says that it ran. A file may name them; nothing of them may run."""

from __future__ import annotations

import abc
import contextlib  # noqa: F401 - a name that leads on through a module
import enum
import ipaddress
import os  # noqa: F401
import pathlib
import sys
import zoneinfo
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import attr
import pydantic

ran: list[str] = []
T = TypeVar("T")


def _hook(name: str, result: Any = None) -> Any:
    def run(*_args: Any, **_named: Any) -> Any:
        ran.append(name)
        return result

    return run


class ClassProperty:
    """A descriptor that runs when its class is asked."""

    def __get__(self, *_: Any) -> Any:
        ran.append("classproperty")
        return {}


class Setting:
    """A descriptor that runs when an attribute is set."""

    __get__ = _hook("__get__")
    __set__ = _hook("__set__")
    __set_name__ = _hook("__set_name__")


METHODS = (
    "__del__ __getattr__ __setattr__ __delattr__ __init__ __post_init__ __iter__"
    " __len__ keys items __bool__ __eq__ __hash__ __repr__ __str__ __call__ __index__"
    " __float__ __int__ __complex__ __fspath__ __bytes__ __instancecheck__ __setstate__"
    " __getitem__ __contains__ __lt__ __add__ __reduce__ __reduce_ex__ __getstate__"
    " __copy__ __deepcopy__ __enter__ __exit__ __set_name__ __get__ __array__"
    " __array_interface__ __dlpack__ __getnewargs__ __class_getitem__ __mro_entries__"
    " utcoffset __format__ __sizeof__ __dir__ __subclasshook__"
).split()
for _name in METHODS:
    _spy = type(f"Spy{_name.strip('_')}", (), {_name: _hook(_name)})
    _spy.__module__ = __name__
    globals()[_spy.__name__] = _spy


class Getattribute:
    def __getattribute__(self, name: str) -> Any:
        ran.append("__getattribute__")
        return object.__getattribute__(self, name)


class DictProperty:
    __dict__ = property(_hook("__dict__", {}))  # type: ignore[assignment]


class ClassOfProperty:
    __class__ = property(_hook("__class__", int))  # type: ignore[assignment]


class SlotsProperty:
    fields = ClassProperty()
    __pydantic_fields_set__ = ClassProperty()
    __pydantic_generic_metadata__ = ClassProperty()
    __dataclass_fields__ = ClassProperty()
    __attrs_attrs__ = ClassProperty()
    _fields = ClassProperty()
    _member_map_ = ClassProperty()
    model_config = ClassProperty()
    __private_attributes__ = ClassProperty()


class Setters:
    value = Setting()
    other = property(_hook("getter"), _hook("setter"))

    def close(self) -> None:
        ran.append("method")


class SlotBelow:
    __slots__ = ("a", "b")


class SlotHidden(SlotBelow):
    a = ClassProperty()  # type: ignore[assignment]
    b = Setting()  # type: ignore[assignment]


class Meta(type):
    __getattr__ = _hook("metaclass __getattr__")


class MetaAttribute(type):
    def __getattribute__(cls, name: str) -> Any:
        ran.append("metaclass __getattribute__")
        return type.__getattribute__(cls, name)


class MetaEqual(type):
    __eq__ = _hook("metaclass __eq__", result=False)
    __hash__ = _hook("metaclass __hash__", result=1)  # type: ignore[assignment]


class MetaProperty(type):
    __mro__ = property(_hook("metaclass __mro__", (object,)))  # type: ignore[assignment]
    __dict__ = property(_hook("metaclass __dict__", {}))  # type: ignore[assignment]
    __module__ = property(_hook("metaclass __module__", "x"))  # type: ignore[assignment]


class MetaCall(abc.ABCMeta):
    __call__ = _hook("metaclass __call__")
    __instancecheck__ = _hook("metaclass __instancecheck__", result=True)
    __subclasscheck__ = _hook("metaclass __subclasscheck__", result=True)


class OfMeta(metaclass=Meta):
    x = 1


class OfMetaAttribute(metaclass=MetaAttribute):
    x = 1


class OfMetaEqual(metaclass=MetaEqual):
    x = 1


class OfMetaProperty(metaclass=MetaProperty):
    x = 1


class OfMetaCall(metaclass=MetaCall):
    x = 1


class Outer:
    class Inner:
        def __del__(self) -> None:
            ran.append("inner __del__")

    @property
    def danger(self) -> Any:
        ran.append("property")
        return 1


outer = Outer()


class OwnPath(pathlib.PurePosixPath):
    __new__ = _hook("Path.__new__")
    __init__ = _hook("Path.__init__")  # type: ignore[assignment]


class OwnAddress(ipaddress.IPv4Address):
    __init__ = _hook("IPv4Address.__init__")  # type: ignore[assignment]


class OwnZone(zoneinfo.ZoneInfo):
    __new__ = _hook("ZoneInfo.__new__")


class OwnText(str):
    __new__ = _hook("str.__new__")
    __init__ = _hook("str.__init__")  # type: ignore[assignment]
    __hash__ = _hook("str.__hash__", result=1)  # type: ignore[assignment]
    __eq__ = _hook("str.__eq__", result=False)


class OwnTuple(tuple[Any, ...]):
    __new__ = _hook("tuple.__new__")
    __hash__ = _hook("tuple.__hash__", result=1)  # type: ignore[assignment]


class OwnInt(int):
    __new__ = _hook("int.__new__")
    __index__ = _hook("int.__index__", result=1)


class OwnDict(dict[Any, Any]):
    keys = _hook("dict.keys")
    items = _hook("dict.items")
    __setitem__ = _hook("dict.__setitem__")
    __iter__ = _hook("dict.__iter__")
    __getitem__ = _hook("dict.__getitem__")
    __len__ = _hook("dict.__len__", result=1)


class OwnList(list[Any]):
    append = _hook("list.append")
    extend = _hook("list.extend")
    __iter__ = _hook("list.__iter__")
    __init__ = _hook("list.__init__")  # type: ignore[assignment]


class OwnSet(set[Any]):
    add = _hook("set.add")
    __init__ = _hook("set.__init__")  # type: ignore[assignment]


class Named(NamedTuple):
    x: Any
    y: Any = None


class NamedLoud(Named):
    __hash__ = _hook("named __hash__", result=1)
    __new__ = _hook("named __new__")


@dataclass(frozen=True)
class Frozen:
    x: Any

    def __post_init__(self) -> None:
        ran.append("__post_init__")


@dataclass(eq=False)
class HashedField:
    x: Any = None
    __hash__ = _hook("field __hash__", result=1)
    __eq__ = _hook("field __eq__", result=False)


@attr.frozen
class FrozenAttrs:
    x: Any = attr.field(validator=_hook("attrs validator"))


class Model(pydantic.BaseModel):
    x: Any = None

    @pydantic.field_validator("x")
    @classmethod
    def check(cls, value: Any) -> Any:
        ran.append("validator")
        return value

    def model_post_init(self, context: Any, /) -> None:
        ran.append("model_post_init")


class ModelDel(pydantic.BaseModel):
    x: Any = None
    __del__ = _hook("model __del__")


class Page(pydantic.BaseModel, Generic[T]):
    x: Any = None

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        ran.append("__pydantic_init_subclass__")

    def __init_subclass__(cls, **named: Any) -> None:
        ran.append("__init_subclass__")
        super().__init_subclass__(**named)


class Color(enum.Enum):
    RED = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        ran.append("_missing_")
        return cls.RED


class LoudFlag(enum.Flag):
    A = 1
    B = 2

    @classmethod
    def _missing_(cls, value: object) -> Any:
        ran.append("flag _missing_")
        return cls.A


class HashedMember(enum.Enum):
    A = 1
    __hash__ = _hook("member __hash__", result=1)  # type: ignore[assignment]


class PlainFlag(enum.IntFlag):
    A = 1
    B = 2


class ReadFlag(enum.IntFlag):
    A = 1
    B = 2

    def __getattribute__(self, name: str) -> Any:
        ran.append(f"flag __getattribute__ {name}")
        return object.__getattribute__(self, name)


class SplitFlag(enum.Flag):
    A = 1
    B = 2

    if sys.version_info >= (3, 11):  # Before, no flag may have it.

        @classmethod
        def _iter_member_(cls, value: int) -> Any:
            ran.append("_iter_member_")
            return iter(())


class Odd:
    """Notes whatever is asked of it."""

    __str__ = __repr__ = _hook("odd __str__", "hooked")  # type: ignore[assignment]
    __eq__ = _hook("odd __eq__", result=True)
    __hash__ = _hook("odd __hash__", result=1)  # type: ignore[assignment]
    __bool__ = __len__ = _hook("odd __bool__", result=True)
    __iter__ = _hook("odd __iter__", iter(()))
    __getattr__ = _hook("odd __getattr__", "")


class OddModule:
    pass


class BelowOddModule(OddModule):
    pass


OddModule.__module__ = Odd()  # type: ignore[assignment]


class OddFields:
    __dataclass_fields__ = {"x": Odd()}


class OddNames(tuple[Any, ...]):
    _fields = (Odd(),)


class OddModel:
    __slots__ = ("__dict__", "__pydantic_fields_set__", "__pydantic_private__")
    model_config = {"extra": Odd()}
    __private_attributes__ = Odd()


class MetaFields(type):
    __dataclass_fields__ = property(_hook("metaclass fields", {}))


class OfMetaFields(metaclass=MetaFields):
    __dataclass_fields__: dict[str, Any] = {}  # type: ignore[misc]


class LoudError(Exception):
    __init__ = _hook("error __init__")  # type: ignore[assignment]
    __setattr__ = _hook("error __setattr__")  # type: ignore[assignment]
    __cause__ = property(_hook("__cause__"), _hook("__cause__ setter"))  # type: ignore[assignment]
    args = property(_hook("args"), _hook("args setter"))  # type: ignore[assignment]
    errno = property(_hook("errno"), _hook("errno setter"))


class DelError(Exception):
    __del__ = _hook("error __del__")


class Ending(BaseException):
    pass


class OwnOSError(OSError):
    errno = property(_hook("OSError.errno"), _hook("OSError.errno setter"))  # type: ignore[assignment]


class OwnDecodeError(UnicodeDecodeError):
    __new__ = _hook("UnicodeDecodeError.__new__")


def __getattr__(name: str) -> Any:
    if not name.startswith("__"):
        ran.append(f"module __getattr__ {name}")
    raise AttributeError(name)


ran.clear()
