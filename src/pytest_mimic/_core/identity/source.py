"""Fingerprints of source code, without comments, docstrings and layout.

A recording of a function keeps the fingerprint of the function's source, and is stale
when it changes. The fingerprints of functions and classes that are arguments count in
identities: where one changes, calls miss.
"""

from __future__ import annotations

import ast
import linecache
import sys
import warnings
from collections.abc import Iterator
from functools import cached_property, lru_cache
from itertools import filterfalse
from marshal import dumps
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.identity.short_scalars import MARSHAL_VERSION
from pytest_mimic._core.modules import is_in_project
from pytest_mimic._core.types.reductions import PLAIN

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda

# Fields of syntax trees that say where or how code was written, and not what it does.
IGNORED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
# The attribute of a function or class that was stored by value: its source when it was
# recorded. Identities are made of it.
KEPT_SOURCE = "__mimic_source__"
# The name of the file in the warnings of Python about source that is parsed here.
_NAME_OF_PARSED_FILE = "<pytest-mimic>"
# Before Python 3.13, threads that parse at the same time may disturb one another, which
# is a SystemError: https://github.com/python/cpython/issues/106905
_MOST_ATTEMPTS_TO_PARSE = 20
# How lines begin that do not end a function, however they are indented: empty lines,
# comments and closing brackets.
_STARTS_OF_CONTINUING_LINES = ("", "\\", "#", ")", "]", "}")


def source_fingerprint(function: object) -> str | None:
    """Return the fingerprint of a function's or class's source, 32 hex digits.

    The fingerprint is the same on every Python version. Comments, docstrings, layout
    and line numbers do not count; decorators do. For a wrapper (`functools.wraps`,
    `lru_cache`, `partial`), the source is that of the function inside. None: builtins,
    functions written in C and code that is made at run time have no source.
    """
    innermost = _innermost(function)
    if isinstance(innermost, type):
        return class_source(innermost)
    code = code_of(innermost)
    if code is None:
        return None
    return code_source(code)


def code_of(function: object) -> CodeType | None:
    """Return the code of the function behind wrappers; None: it is written in C."""
    code = getattr(_innermost(function), "__code__", None)
    if not isinstance(code, CodeType):
        return None
    return code


def source_in_project(function: object, module: str, rootdir: Path) -> str | None:
    """Return the fingerprint of a mimicked function's source if it is in the project.

    By it, a replay sees whether a recording is stale. A function written in C belongs
    to the module. None: the function is outside of the project.
    """
    code = code_of(function)
    if code is None:
        file = getattr(sys.modules.get(module), "__file__", None)
    else:
        file = code.co_filename
    if file is None or not is_in_project(file, rootdir):
        return None
    return source_fingerprint(function)


def _innermost(function: object) -> object:
    """Return the function or class whose source counts.

    It stands behind wrappers, methods, partials and descriptors. A class, and what has
    nothing behind it, comes back as it is.
    """
    from inspect import getattr_static

    seen_ids: set[int] = set()
    while id(function) not in seen_ids:
        seen_ids.add(id(function))
        if isinstance(function, type):
            break
        for name in ("__mimic_original__", "__wrapped__", "__func__", "fget", "func"):
            # The attribute is looked up statically first: a Mock has every attribute
            # that it is asked for.
            if getattr_static(function, name, None) is None:
                continue
            wrapped = getattr(function, name, None)
            if wrapped is not None:
                # The search goes on behind this wrapper.
                function = wrapped
                break
    return function


# Functions


def code_source(code: CodeType) -> str | None:
    """Return the fingerprint of the definition that code was compiled from.

    None: the definition is not found.
    """
    linecache.checkcache(code.co_filename)
    return _source_of_code(code, _stamp_of_file(code.co_filename))


def _stamp_of_file(file: str) -> tuple[int, int] | None:
    """Return the time and size of a file, a cache key that changes with the file.

    None: the file is gone.
    """
    try:
        facts = Path(file).stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size


@lru_cache(maxsize=4096)
def _source_of_code(code: CodeType, stamp: object) -> str | None:
    """Return the fingerprint of the definition of some code, by the file's `stamp`.

    None: the definition cannot be found for certain.
    """
    statement = _parsed_alone(code, stamp)
    if statement is not None:
        return digest_of_syntax(statement)
    # A lambda, or a function whose end is not certain: the whole file is parsed.
    definitions = _definitions_in_file(code.co_filename, stamp)
    candidates = definitions.get((code.co_firstlineno, code.co_name), [])
    if len(candidates) != 1:
        # Two lambdas stand on one line: which one the code is of is not known.
        return None
    [node] = candidates
    if isinstance(node, ast.Lambda):
        # The defaults of a lambda count by their values, and not by their source.
        fields = dict(ast.iter_fields(node.args))
        fields["defaults"] = []
        fields["kw_defaults"] = []
        return digest_of_syntax(ast.Lambda(ast.arguments(**fields), node.body))
    return digest_of_syntax(node)


def _parsed_alone(code: CodeType, stamp: object) -> ast.stmt | None:
    """Return a function's definition, parsed without the rest of its file.

    To parse a whole file for each of its functions would take long. None: the end of
    the definition is not certain, or the definition does not begin at the line that its
    code says, as the file has changed since.
    """
    lines = _lines_of_file(code.co_filename, stamp)
    first_line = code.co_firstlineno - 1
    # The line of `def`, behind the decorators.
    start = first_line
    while 0 <= start < len(lines) and lines[start].lstrip()[:1] == "@":
        start += 1
    if not 0 <= start < len(lines):
        return None
    words_before_bracket = lines[start].partition("(")[0].split()
    if words_before_bracket[-2:] != ["def", code.co_name]:
        # A lambda, a decorator of several lines, or another version of the file.
        return None
    indent = _indent(lines[start])
    end = start + 1
    while end < len(lines) and _belongs_below(lines[end], indent):
        end += 1
    definition = "".join(lines[first_line:end])
    if indent:
        # Python parses indented lines only in a block.
        definition = f"if 1:\n{definition}"
    tree = syntax_tree_of(definition)
    if tree is None:
        # The lines end inside of a text or of brackets.
        return None
    statement = tree.body[0]
    if isinstance(statement, ast.If):
        # The block that was put around an indented function.
        return statement.body[0]
    return statement


def _belongs_below(line: str, indent: int) -> bool:
    """Check whether a line is a part of the function whose `def` has this indent."""
    return _indent(line) > indent or line.lstrip()[:1] in _STARTS_OF_CONTINUING_LINES


def _indent(line: str) -> int:
    """Return the number of blanks before a line."""
    return len(line) - len(line.lstrip())


@lru_cache(maxsize=64)
def _definitions_in_file(
    file: str, stamp: object
) -> dict[tuple[int, str], list[Definition]]:
    """Return the functions of a file by first line and name.

    The first line is that of the first decorator, if there is one.
    """
    definitions: dict[tuple[int, str], list[Definition]] = {}
    tree = _tree_of_file(file, stamp)
    if tree is None:
        return definitions
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            first_line = node.lineno
            for decorator in getattr(node, "decorator_list", ()):
                first_line = min(first_line, decorator.lineno)
            name = getattr(node, "name", "<lambda>")
            definitions.setdefault((first_line, name), []).append(node)
    return definitions


@lru_cache(maxsize=64)
def _tree_of_file(file: str, stamp: object) -> ast.Module | None:
    """Return the syntax tree of a file; None: the file is empty or cannot be parsed."""
    text = "".join(_lines_of_file(file, stamp))
    if not text:
        return None
    return syntax_tree_of(text)


def _lines_of_file(file: str, stamp: object) -> list[str]:
    """Return the lines of a file; no lines if the file cannot be read."""
    # The linecache of Python 3.14 opens archives. A module in an archive has no source,
    # as on other versions: a parent of its file is then a file itself.
    if stamp is None and any(map(Path.is_file, Path(file).parents)):
        return []
    return linecache.getlines(file)


def syntax_tree_of(source: str | bytes) -> ast.Module | None:
    """Return the syntax tree of a source, or None if it cannot be parsed.

    The files that recorded calls reach are parsed by it, too.
    """
    # The import has shown the warnings of Python about the source. Where warnings are
    # errors, the warning about `"\d"` would be a SyntaxError here. The filter stays,
    # for the name of the parsed file alone: another thread may have changed the filters
    # in the meantime, so that they cannot be restored.
    warnings.filterwarnings("ignore", module=_NAME_OF_PARSED_FILE)
    attempts_left = _MOST_ATTEMPTS_TO_PARSE
    while True:
        try:
            return ast.parse(source, _NAME_OF_PARSED_FILE)
        except SystemError:
            attempts_left -= 1
            if not attempts_left:
                raise
        except (SyntaxError, ValueError):
            # Python 3.10 raises a ValueError for null bytes.
            return None


# Classes


def class_source(value: type) -> str | None:
    """Return the fingerprint of a class's definition, or None if it is not found.

    It counts for a class that is an argument. A pickle of the class by value keeps it.
    """
    kept_source = vars(value).get(KEPT_SOURCE)
    if kept_source is not None:
        # The class comes from a pickle that holds it by value, and is in no file.
        return str(kept_source)
    file = _file_of_class(value)
    if file is None:
        return None
    linecache.checkcache(file)
    return _source_of_class(value.__qualname__, file, _stamp_of_file(file))


def _file_of_class(value: type) -> str | None:
    """Return the file in which a class is defined, None if a call has made it."""
    for method in own_methods(value):
        return method.__code__.co_filename
    namesake: Any = sys.modules.get(value.__module__)
    for step in value.__qualname__.split("."):
        namesake = getattr(namesake, step, None)
    # The name of a class that a call has made may lead to another class, which has
    # another source. The name of a class of a reloaded module leads to a class that is
    # alike.
    if isinstance(namesake, type) and _members_to_compare(
        namesake
    ) != _members_to_compare(value):
        # The file has the source of the other class.
        return None
    file: str | None = getattr(sys.modules.get(value.__module__), "__file__", None)
    return file


def _members_to_compare(value: type) -> dict[str, object]:
    """Return the members of a class by name: plain values, and the types of others.

    Two classes of one name are taken for the same if they agree in these.
    """
    plain_values_and_types: dict[str, object] = {}
    for name, member in vars(value).items():
        if name.startswith("__"):
            continue
        plain_values_and_types[name] = type(member)
        if type(member) in PLAIN:
            plain_values_and_types[name] = member
    return plain_values_and_types


def behind_wrappers(function: object) -> list[object]:
    """Return a function and what it wraps, from the outside in, each once.

    A chain of `__wrapped__` may lead back into itself.
    """
    chain: list[object] = []
    seen_ids: set[int] = set()
    while id(function) not in seen_ids:
        seen_ids.add(id(function))
        chain.append(function)
        if type(function) is FunctionType:
            function = function.__dict__.get("__wrapped__", function)
    return chain


def own_methods(value: type) -> Iterator[FunctionType]:
    """Yield the methods that a class itself has, without their decorators.

    Their file is that of the class, and what they close over counts with it.
    """
    members: list[tuple[str, Any]] = []
    for name, member in value.__dict__.items():
        if type(member) is property:
            members += [(name, member.fget), (name, member.fset), (name, member.fdel)]
        else:
            members.append((name, member))
    for name, member in members:
        if type(member) is cached_property:
            outermost = member.func
        else:
            outermost = getattr(member, "__func__", member)
        # What the decorators of the method have wrapped.
        function = behind_wrappers(outermost)[-1]
        if type(function) is FunctionType and _is_method_of(function, name, value):
            yield function


def _is_method_of(function: FunctionType, name: str, cls: type) -> bool:
    """Check whether a function that a class has under a name was written in it."""
    if function.__globals__.get("__name__") != cls.__module__:
        return False
    # Python 3.14 makes `__annotate_func__` for annotations (PEP 649). That function
    # closes over the names of the class.
    if name == "__annotate_func__":
        return False
    if not function.__qualname__.startswith(f"{cls.__qualname__}."):
        return False
    # attrs gives a class methods that are compiled of a text, under names like those
    # of the class's own: the file of their code is `<attrs generated …>`.
    is_in_file = function.__code__.co_filename[:1] != "<"
    return is_in_file or KEPT_SOURCE in function.__dict__


@lru_cache(maxsize=1024)
def _source_of_class(qualname: str, file: str, stamp: object) -> str | None:
    """Return the fingerprint of the class of a qualified name in a file.

    None: the file cannot be parsed, or has no such class.
    """
    tree = _tree_of_file(file, stamp)
    if tree is None:
        return None
    steps = qualname.replace("<locals>.", "").split(".")
    classes = list(_classes_named(tree, steps))
    if not classes:
        return None
    # Of several classes of one name, the last one counts.
    return digest_of_syntax(classes[-1])


def _classes_named(tree: ast.AST, class_names: list[str]) -> Iterator[ast.ClassDef]:
    """Yield the classes to which names lead, through functions and other classes."""
    pending = list(ast.iter_child_nodes(tree))
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name != class_names[0]:
                continue
            # The name leads into this function or class, or is that of the class.
            if len(class_names) > 1:
                yield from _classes_named(node, class_names[1:])
            elif isinstance(node, ast.ClassDef):
                yield node
        else:
            pending += ast.iter_child_nodes(node)


# Syntax trees


def digest_of_syntax(node: ast.AST) -> str:
    """Return a digest of a syntax tree, the same on every Python version.

    The layout does not count. Fields that are None or empty are left out, since
    versions add such fields. The digest is that of a row of words: for a node the name
    of its class, and the number and the names of its fields; for a list its length; for
    a constant its type and value. What recorded calls reach in the project is compared
    by it, too.

    return 1  →  "Return", 1, "value", "Constant", 1, "value", ("int", 1)
    """
    words: list[object] = []
    pending: list[object] = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, ast.AST):
            fields = _counting_fields(item)
            words += [type(item).__name__, len(fields), *fields]
            for name, value in reversed(fields.items()):
                pending.append(_without_remarks(item, name, value))
        elif isinstance(item, list):
            words.append(len(item))
            pending += reversed(item)
        elif item is ...:
            # An ellipsis is known by the name of its type.
            words.append((type(item).__name__, None))
        else:
            words.append((type(item).__name__, item))
    return xxh3_128_hexdigest(dumps(words, MARSHAL_VERSION))


def _counting_fields(node: ast.AST) -> dict[str, Any]:
    """Return the fields of a node that count, by name.

    Empty fields do not count. But the value of a constant counts if it is `None`, too.
    """
    fields = {}
    for name, value in ast.iter_fields(node):
        is_empty = value is None or value == []
        is_counting = isinstance(node, ast.Constant) or not is_empty
        if name not in IGNORED_FIELDS and is_counting:
            fields[name] = value
    return fields


def _without_remarks(node: ast.AST, name: str, value: Any) -> object:
    """Return the value of a field without docstrings, `pass` and `...`.

    The empty parts of an f-string are left out as well.
    """
    if name == "body" and isinstance(value, list):
        return list(filterfalse(_is_remark, value))
    if name == "values" and isinstance(node, ast.JoinedStr):
        return list(filterfalse(_is_empty_text, value))
    return value


def _is_empty_text(part: ast.AST) -> bool:
    """Return whether a part of an f-string adds nothing to it."""
    return isinstance(part, ast.Constant) and part.value == ""


def _is_remark(line: ast.stmt) -> bool:
    """Return whether a statement does nothing: a docstring, `...`, `pass`."""
    if isinstance(line, ast.Pass):
        return True
    if not isinstance(line, ast.Expr):
        return False
    value = getattr(line.value, "value", None)
    return isinstance(value, str) or value is ...
