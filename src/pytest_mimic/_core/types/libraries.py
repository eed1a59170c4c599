"""The libraries whose values the plugin knows, a row for each library.

A row says where the rules of identity for its classes are, and which values are data
for descriptions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from pytest_mimic._core.types.reductions import Reduction, type_tag
from pytest_mimic._core.types.type_names import lineage


class Rule(NamedTuple):
    """The identity rule of a class of a library.

    The objects of subclasses in other packages count by the rule, and by what the
    subclasses add.

    Attributes:
        reduce: Returns what counts of a value. Its second argument says whether the
            value is an outcome, in which more counts.
        name: The name in the tag, by default the name of the type. Classes of other
            packages have their usual tag.
        tag_names_module: Whether the tag names the module, too.
        has_no_data: Whether the class has no data of its own, so that the objects of
            other packages' subclasses count by their pickled state alone.
        reads_added: Whether `reduce` reads the attributes that others add to the
            library's objects.
    """

    reduce: Callable[[Any, bool], object]
    name: str = ""
    tag_names_module: bool = False
    has_no_data: bool = False
    reads_added: bool = False

    def reduction(self, type_: type, library: str, is_outcome: bool) -> Reduction:
        """Return how the values of a type are reduced that counts by this rule.

        The type is the class that the rule is for, or derives from it.
        """
        package = type_.__module__.partition(".")[0]
        tag = type_tag(type_)
        # A library moves its own classes between its modules from version to version.
        if package == library and not self.tag_names_module:
            tag = f"{library}:{self.name or type_.__name__}"
        rule_reduce = self.reduce

        def reduce(value: object) -> object:
            return rule_reduce(value, is_outcome)

        return Reduction(tag, reduce)


class Library(NamedTuple):
    """A library, found by the top-level package of a type.

    Only the users of a library import it: its types are known by name.

    Attributes:
        which_are_data: Which values are data, shown by type, dtype and shape instead of
            by attributes: those of its own classes and of all that derive from them
            (`all`), of its own classes and of those that derive from one with a `shape`
            (`shaped`), or `none`.
        identity: The module whose `RULES` are those of its types, by package and class.
            The module is imported for the first value of such a type; empty: no rule is
            needed.
    """

    which_are_data: Literal["all", "shaped", "none"] = "none"
    identity: str = ""


_IDENTITY = "pytest_mimic._core.identity"

# By the top-level package of the types.
LIBRARIES: dict[str, Library] = {
    "PIL": Library("all", f"{_IDENTITY}.images"),
    "awkward": Library(identity=f"{_IDENTITY}.library_objects"),
    "google": Library(identity=f"{_IDENTITY}.library_objects"),
    "numba": Library(identity=f"{_IDENTITY}.library_objects"),
    "numpy": Library("shaped", f"{_IDENTITY}.arrays"),
    "pandas": Library("shaped", f"{_IDENTITY}.tables"),
    "pendulum": Library(identity=f"{_IDENTITY}.library_objects"),
    "polars": Library("all", f"{_IDENTITY}.tables"),
    "pyarrow": Library("all", f"{_IDENTITY}.tables"),
    "rdkit": Library(identity=f"{_IDENTITY}.library_objects"),
    "scipy": Library("shaped", f"{_IDENTITY}.arrays"),
    "sklearn": Library(identity=f"{_IDENTITY}.library_objects"),
    "sqlalchemy": Library(),
    "torch": Library("shaped", f"{_IDENTITY}.tensors"),
    "xarray": Library(identity=f"{_IDENTITY}.datasets"),
}


def library_of(type_: type) -> str | None:
    """Return the package of the library whose data the values of a type are.

    Whoever looks into objects asks it, since data has no parts to look into. Data of a
    subclass in another package is the library's, too. None: the values are no data, but
    objects with attributes.
    """
    for base in type_.__mro__:
        package = str(base.__module__).partition(".")[0]
        library = LIBRARIES.get(package)
        if library is None or library.which_are_data == "none":
            continue
        is_own_class = base is type_
        if is_own_class or library.which_are_data == "all" or hasattr(base, "shape"):
            return package
    return None


# The types of numpy whose values are shown as one text, as they have no shape.
_TYPES_SHOWN_AS_TEXT = frozenset({"numpy.dtype", "numpy.generic"})


def is_data(value: object) -> bool:
    """Return whether a description shows a value as a library's data.

    Data has a shape, a length or fields rather than one text. No identity asks this.
    """
    type_ = type(value)
    if library_of(type_) is None:
        return False
    names = lineage(type_)
    is_shown_as_text = not _TYPES_SHOWN_AS_TEXT.isdisjoint(names)
    # A record of numpy is a scalar, and shown by its fields all the same.
    has_fields = "numpy.void" in names
    if is_shown_as_text and not has_fields:
        return False
    return any(hasattr(type_, name) for name in ("shape", "size", "__len__"))
