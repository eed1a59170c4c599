"""The names of types and functions, and the identities that users give to types.

`Reduction` says what counts of the values of a type, and `Unstable` is the refusal of a
value without identity. `Events` and `ServerSentEvent` are the types that adapters give
to streams, so that the paths of options lead into all events.
"""

from __future__ import annotations

import copyreg
import sys
import types
from collections.abc import Callable, Collection, Iterable
from importlib import import_module
from typing import Any, Final

Reduce = Callable[[Any], object]

# The only module-level state of the plugin besides the open files of
# locks and the runs whose processes fork: the calls of `register_fingerprint`.
_registered: dict[type, Reduce] = {}

# Py_TPFLAGS_HEAPTYPE, the flag of a class that a program makes while it runs. The
# classes of the builtins do not have it.
HEAP_TYPE = 1 << 9

# Members that a class, asked for them, gives bound to itself or unwrapped.
_BOUND_BY_CLASSES = (classmethod, staticmethod, types.ClassMethodDescriptorType)

# Builtins that identities and readable outcomes encode by themselves.
PLAIN = frozenset(
    {int, float, str, bool, type(None), bytes, list, tuple, dict, set, frozenset}
)


# `Reduction` and `Raw` are written out, because each replay loads them, and the class
# of a `NamedTuple` takes ten times as long to make.


class Reduction:
    """What counts of the values of a type: they are reduced to plainer data.

    Attributes:
        tag: The name of the type. Types with different values have different tags.
        reduce: Returns plainer data that stands for a value.
        reduce_column: Reduces a long column of values at once, faster than one by one,
            and returns columns of plainer data. None: the type has no such way.
    """

    __slots__ = ("reduce", "reduce_column", "tag")

    def __init__(
        self,
        tag: str,
        reduce: Reduce,
        reduce_column: Callable[[list[Any]], tuple[list[Any], ...]] | None = None,
    ) -> None:
        self.tag: Final = tag
        self.reduce: Final = reduce
        self.reduce_column: Final = reduce_column


class Raw:
    """Memory that is hashed byte by byte.

    Attributes:
        head: The meaning of the bytes, in plain scalars. With `size`, it is
            unambiguous.
        size: The number of bytes in all buffers.
        parts: Returns the buffers in order. Each digest calls it once.
        floats: For floats, their format as in `struct`. Buffers then have single bytes
            as items, and contain whole floats.
    """

    __slots__ = ("floats", "head", "parts", "size")

    def __init__(
        self,
        head: tuple[object, ...],
        size: int,
        parts: Callable[[], Iterable[Any]],
        floats: str = "",
    ) -> None:
        self.head: Final = head
        self.size: Final = size
        self.parts: Final = parts
        self.floats: Final = floats


class Unstable(TypeError):  # noqa: N818 - it becomes an UnstableIdentityError with the call's facts
    """A value has no stable identity.

    Args:
        type_name: The words for the type of the value, such as `a thread lock`.
        kind: The type of the value.
        path: The path that leads to the value, such as `config.clients[2]._lock`; empty
            until the path is known.
        remedy: How a user can change the value instead of leaving it out.
    """

    def __init__(
        self, type_name: str, kind: type, path: str = "", *, remedy: str = ""
    ) -> None:
        super().__init__(f"{path or 'the value'} has no stable identity: {type_name}")
        self.type_name = type_name
        self.kind = kind
        self.path = path
        self.remedy = remedy


def type_tag(type_: type) -> str:
    """Return the name of a type in identities: `shop.models:Rate`."""
    return f"{type_.__module__}:{type_.__qualname__}"


def full_name(type_: type) -> str:
    """Return the dotted name under which tables list a type, on every Python."""
    name = f"{type_.__module__}.{type_.__qualname__}"
    return name.replace("pathlib._local.", "pathlib.")


def lineage(type_: type) -> list[str]:
    """Return the full names of a type and of its bases, in their order."""
    return [full_name(base) for base in type_.__mro__]


def is_stdlib(module: str) -> bool:
    """Return whether a module of this name is in the standard library."""
    return module.partition(".")[0] in sys.stdlib_module_names


def name_of(thing: object) -> str:
    """Return the name that a class or function says it has: `shop.models:Rate`.

    Nothing checks the name: it may lead to something else, or to nothing. To check it,
    compare the thing with what `find` returns for the name. A part that is missing is
    `None`, as in `shop.models:None`.
    """
    module = getattr(thing, "__module__", None)
    qualname = getattr(thing, "__qualname__", None)
    return f"{module}:{qualname}"


def public_module(name: str) -> str:
    """Return a module's name without the private parts of the standard library.

    The private parts vary by version: `pathlib._local` is `pathlib` on Python 3.12.
    """
    if not name or not is_stdlib(name):
        return name
    first, *steps = name.split(".")
    public = [step for step in steps if not step.startswith("_")]
    return ".".join([first, *public])


def find(name: str) -> Any:
    """Return the object with a name, importing its module.

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name.
    """
    module, _, qualname = name.partition(":")
    thing: object = module_of(module)
    for step in qualname.split("."):
        thing = getattr(thing, step)
    return thing


def find_plainly(name: str) -> Any:
    """Return the object with a name, importing its module; no attribute runs code.

    Neither the `__getattr__` of a module nor a property of a class is asked.

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name, or it leads through what is no
            class.
    """
    module, _, qualname = name.partition(":")
    first, *steps = qualname.split(".")
    namespace = object.__getattribute__(module_of(module), "__dict__")
    if first not in namespace:
        raise AttributeError(f"{module} has no {first}")
    thing: Any = namespace[first]
    for step in steps:
        thing = _class_attribute(thing, step)
    return thing


def find_through_classes(name: str) -> Any:
    """Return the object that a pickle imports under a name, importing its module.

    Only the first step of a qualified name is taken from the module. Each further step
    is an attribute that a class defines:

    | name | gives |
    |---|---|
    | `shop:Basket.Item` | a class in a class |
    | `shop:Basket.empty` | a function of a class, a class method bound to the class |
    | `shop:json.codecs.open` | AttributeError: `shop.json` is no class |

    Raises:
        ImportError: There is no such module.
        AttributeError: The module has no such name, or it leads through what is no
            class.
    """
    module, _, qualname = name.partition(":")
    first, *steps = qualname.split(".")
    thing: Any = getattr(module_of(module), first)
    for step in steps:
        attribute = _class_attribute(thing, step)
        if isinstance(attribute, _BOUND_BY_CLASSES):
            attribute = attribute.__get__(None, thing)
        thing = attribute
    return thing


def _class_attribute(holder: Any, name: str) -> Any:
    """Return what a class or its bases have under a name; no code of theirs runs.

    Raises:
        AttributeError: They have nothing, or the holder is no class.
    """
    bases = type.__getattribute__(holder, "__mro__") if isinstance(holder, type) else ()
    for base in bases:
        namespace = type.__getattribute__(base, "__dict__")
        if name in namespace:
            return namespace[name]
    # The holder is not shown: its `__repr__` is code, too.
    raise AttributeError(
        f"what should have {name!r:.60} is no class with an attribute of that name"
    )


def module_of(name: str) -> Any:
    """Return a module, importing it if needed.

    In place of a private module that is gone, the public one is returned.
    Python 3.13 has paths in `pathlib._local`, other versions in `pathlib`.

    Raises:
        ImportError: There is no such module.
    """
    loaded_module = sys.modules.get(name)
    if loaded_module is not None:
        return loaded_module
    try:
        return import_module(name)
    except ModuleNotFoundError:
        public = public_module(name)
        if public == name:
            raise
        return import_module(public)


def original(thing: object) -> Any:
    """Return the function behind a mimic wrapper.

    Any other value is returned as it is.
    """
    return getattr(thing, "__mimic_original__", thing)


def named_like(thing: object) -> object:
    """Return what the own name of a class or function leads to; None: to nothing."""
    namesake: Any = sys.modules.get(getattr(thing, "__module__", None) or "")
    for step in str(getattr(thing, "__qualname__", "")).split("."):
        namesake = getattr(namesake, step, None)
    return namesake


def importable(thing: object) -> object:
    """Return what the own name of a class or function leads to.

    The name leads to the thing itself, or to its mimic wrapper. None: it leads
    elsewhere.
    """
    namesake = named_like(thing)
    if namesake is None or original(namesake) is not original(thing):
        return None
    return namesake


def register_fingerprint(type_: type, reduce: Reduce) -> None:
    """Define the identity of a type and its subclasses.

    Args:
        type_: The type.
        reduce: Returns plainer data that represents a value.

    Raises:
        TypeError: `type_` is not a class, or is a plain builtin; or `reduce` is not
            callable.
    """
    if not isinstance(type_, type):
        raise TypeError(f"register_fingerprint takes a class first, not {type_!r}")
    if type_ in PLAIN:
        raise TypeError(
            f"{type_.__name__} already has an identity:"
            " register a subclass of it instead"
        )
    if not callable(reduce):
        raise TypeError(f"register_fingerprint takes a function second, not {reduce!r}")
    _registered[type_] = reduce


def registered_reduction(type_: type) -> Reduction | None:
    """Return the reduction of a type that defines its own identity.

    A type does so by `register_fingerprint` or `__mimic_identity__`. None: the type
    does neither.
    """
    for base in type_.__mro__:
        if base in _registered:
            return Reduction(type_tag(type_), _registered[base])
        if "__mimic_identity__" in base.__dict__:
            return Reduction(type_tag(type_), _own_identity)
    return None


def _own_identity(value: Any) -> object:
    return value.__mimic_identity__()


# Modules that write methods into the classes of users. These methods do what Python's
# own methods do.
_METHOD_WRITING_MODULES = tuple(
    "attr._make dataclasses enum pydantic.main pydantic.root_model"
    " pydantic._internal._model_construction".split()
)


def is_generated(method: object, names: Collection[str] = ()) -> bool:
    """Return whether dataclasses, attrs or the like have written a method.

    Or another one of the modules `names`.
    """
    function: Any = method
    if isinstance(method, (staticmethod, classmethod)):
        function = method.__func__
    if type(function) is not types.FunctionType:
        return False
    return function.__globals__.get("__name__") in (*_METHOD_WRITING_MODULES, *names)


def origin_and_arguments(type_: type) -> tuple[type, tuple[Any, ...]] | None:
    """Return the origin and the arguments of a class that a subscript has made.

    Of `Page[Item]`, a model of pydantic, that is `(Page, (Item,))`. None: no subscript
    has made the class.
    """
    metadata = vars(type_).get("__pydantic_generic_metadata__")
    if type(metadata) is not dict or metadata.get("origin") is None:
        return None
    return metadata["origin"], tuple(metadata["args"])


def class_recipe(type_: type) -> tuple[Any, ...] | None:
    """Return how pickle makes a class again: a function, then the function's arguments.

    The author of a metaclass decides that by `copyreg`, where the classes of the
    metaclass have no importable name, as the undefined functions of sympy. None: pickle
    finds the class by its name.
    """
    reduce: Any = copyreg.dispatch_table.get(type(type_))
    if reduce is None:
        return None
    try:
        recipe = reduce(type_)
    except Exception:
        # A metaclass may raise anything for a class that it cannot keep.
        return None
    return recipe if isinstance(recipe, tuple) else None


def parametrised(origin: Any, arguments: tuple[Any, ...]) -> Any:
    """Return a generic model of pydantic with its arguments, `Page[Item]`."""
    base = sys.modules["pydantic"].BaseModel
    if not (isinstance(origin, type) and issubclass(origin, base)):
        raise TypeError("no model of pydantic")
    # pydantic's own method runs, even if the model defines another.
    subscript = vars(base)["__class_getitem__"].__func__
    return subscript(origin, arguments)


class Events(list[Any]):
    """The events of a stream in order, as an adapter gives them to be compared.

    Paths need not name the number of an event: `data.id` leads into every event.

    Attributes:
        is_whole: Whether the stream was read to its end. A slice or a copy of the list
            does not know that.
    """

    def __init__(self, events: Iterable[Any], *, is_whole: bool = True) -> None:
        super().__init__(events)
        self.is_whole = is_whole


class ServerSentEvent(dict[str, Any]):
    """The fields of one server-sent event.

    Paths need not name `data`, its text or the JSON in it.
    """
