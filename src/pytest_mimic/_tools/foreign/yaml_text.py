"""The YAML of vcrpy's cassettes as plain data. Nothing in a file is run, whichever tags it has."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_PYTHON = "tag:yaml.org,2002:python/"


class YamlError(ValueError):
    """A text is not YAML, or asks for Python objects."""


def parse_yaml(text: str) -> object:
    """Return the plain data in a YAML text.

    YamlError: it is not YAML, or has a tag of a Python object. ModuleNotFoundError: PyYAML is not installed.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    try:
        return yaml.load(text, Loader=_loader())
    except YamlError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise YamlError(f"is damaged, {f'line {mark.line + 1}: ' if mark else ''}{problem}") from None
    except RecursionError:
        raise YamlError("is damaged: it is nested too deeply") from None
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        # Of a scalar that is not what its tag says.
        raise YamlError(f"is damaged: a value is not valid: {error}") from None


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
    for name in ("str", "unicode"):
        CassetteLoader.add_constructor(_PYTHON + name, lambda loader, node: loader.construct_scalar(node))
    CassetteLoader.add_constructor(
        f"{_PYTHON}tuple", lambda loader, node: loader.construct_sequence(node, deep=True)
    )
    # A body that was a file: only what it held is read.
    CassetteLoader.add_constructor(f"{_PYTHON}object/new:_io.BytesIO", _content_of_file)
    CassetteLoader.add_multi_constructor(_PYTHON, _refuse)
    return CassetteLoader


def _content_of_file(loader: Any, node: Any) -> object:
    return loader.construct_mapping(node, deep=True)["state"][0]


def _refuse(_loader: object, suffix: str, node: Any) -> object:
    line = node.start_mark.line + 1
    raise YamlError(f"line {line}: the tag !!python/{suffix} asks for a Python object; nothing was run")
