"""The YAML of vcrpy's cassettes as plain data. Nothing in a file is run, whichever tags it has."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

_PYTHON = "tag:yaml.org,2002:python/"
_PLAIN = {
    "none": "null",
    "bool": "bool",
    "int": "int",
    "long": "int",
    "float": "float",
    "list": "seq",
    "dict": "map",
    "bytes": "binary",
}


# How many times its length a text may hold by aliases. PyYAML writes one for a list of headers that occurs twice.
_GROWTH = 100


class YamlError(ValueError):
    """A text is not YAML, or asks for Python objects. `line` is counted from 1; 0 if it is not known."""

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(problem)
        self.line = line


def parse_yaml(text: str) -> object:
    """Return the plain data in a YAML text.

    YamlError: it is not YAML, or has a tag of a Python object. ModuleNotFoundError: PyYAML is not installed.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    try:
        data = yaml.load(text, Loader=_loader())
        if _size(data, {}) > _GROWTH * (len(text) + 1_000):
            raise YamlError("its aliases make much more of it than it holds")
        return data
    except YamlError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise YamlError(problem, mark.line + 1 if mark is not None else 0) from None
    except RecursionError:
        raise YamlError("it is nested too deeply") from None
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        # Of a scalar that is not what its tag says.
        raise YamlError(f"a value is not valid: {error}") from None


def _size(value: object, sizes: dict[int, int]) -> int:
    """Return how much a value holds if all that its aliases name is copied there."""
    if isinstance(value, (str, bytes)):
        return 1 + len(value)
    if not isinstance(value, (dict, list, tuple, set)):
        return 1
    if id(value) not in sizes:
        sizes[id(value)] = 1  # it may hold itself
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        sizes[id(value)] = 1 + sum(_size(part, sizes) for part in parts)
    return sizes[id(value)]


@lru_cache(maxsize=1)
def _loader() -> Any:
    """Return the class that reads cassettes: PyYAML's safe loader, and the few plain types that vcrpy wrote with a tag."""
    import yaml  # type: ignore[import-untyped, unused-ignore]

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class CassetteLoader(base):  # type: ignore[misc]
        """A safe loader. A date stays a text, as headers and bodies have texts only."""

    CassetteLoader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
        for first, found in base.yaml_implicit_resolvers.items()
    }
    for name, plain in _PLAIN.items():
        CassetteLoader.add_constructor(_PYTHON + name, base.yaml_constructors[f"tag:yaml.org,2002:{plain}"])
    for name in ("str", "unicode"):
        CassetteLoader.add_constructor(_PYTHON + name, lambda loader, node: loader.construct_scalar(node))
    CassetteLoader.add_constructor(
        f"{_PYTHON}tuple", lambda loader, node: loader.construct_sequence(node, deep=True)
    )
    # Bodies that were files or iterators: only what they held is read.
    for name, key in (
        ("new:_io.BytesIO", "state"),
        ("new:_io.StringIO", "state"),
        ("apply:builtins.iter", "args"),
        ("apply:__builtin__.iter", "args"),
    ):
        CassetteLoader.add_constructor(f"{_PYTHON}object/{name}", partial(_first, key))
    # aiohttp's type for the names of headers.
    for module in ("_istr", "_multidict", "_multidict_py", "_abc"):
        CassetteLoader.add_constructor(
            f"{_PYTHON}object/new:multidict.{module}.istr", partial(_first, "args")
        )
    CassetteLoader.add_multi_constructor(_PYTHON, _refuse)
    return CassetteLoader


def _first(key: str, loader: Any, node: Any) -> object:
    """Return the first of the arguments, or of the state, with which an object would be made."""
    if node.id == "sequence":
        parts = loader.construct_sequence(node, deep=True)
    else:
        parts = loader.construct_mapping(node, deep=True).get(key)
    return parts[0] if isinstance(parts, (list, tuple)) and parts else ""


def _refuse(_loader: object, suffix: str, node: Any) -> object:
    raise YamlError(f"the tag !!python/{suffix} asks for a Python object", node.start_mark.line + 1)
