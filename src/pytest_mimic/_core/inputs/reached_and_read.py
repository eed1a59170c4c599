"""What recorded calls reach and read in the project, as fingerprints and compared.

Calls reach code by the names in their own code, and read the files that they open. A
real call is watched by an `InputTrace`. No identity depends on a fingerprint: where one
has changed, a replay warns or the recording is stale (`mimic_inputs`).
"""

from __future__ import annotations

import ast
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from xxhash import xxh3_64, xxh3_64_hexdigest

from pytest_mimic._core.commands import relative_path
from pytest_mimic._core.files.places import ROOTDIR, Places
from pytest_mimic._core.identity.source import digest_of_syntax, syntax_tree_of
from pytest_mimic._core.modules import (
    file_of_module,
    is_in_project,
    path_when_installed,
)
from pytest_mimic._core.words import pattern

if TYPE_CHECKING:
    # Only types need it: a replay starts without it.

    class CallTrace(Protocol):
        """What notes the inputs of one real call: an `InputTrace`.

        Attributes:
            paths: The files that the call has opened.
        """

        paths: set[str]


class CodeName(NamedTuple):
    """A name in the code of a module: what the code of a target may reach.

    | module | name | what |
    |---|---|---|
    | `shop.api` | `Client.get` | a function, class, value or import of a module |
    | `shop.api` | | the module itself |
    | | `get` | an attribute `get` of anything |
    """

    module: str
    name: str


# How many hex digits of a hash stand for a piece of code.
_DIGITS_OF_FINGERPRINT = 8
_PATH_LEFT_OUT = pattern(r"(?:^|/)(?:(?:site|dist)-packages|__pycache__|\.[^/]*)/")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _no_trace() -> None:
    """Return None: no real call is running."""


class ProjectSources:
    """The files of a project, for one run. Each file is looked at once.

    Args:
        places: Tells which files are under the rootdir.
        rootdir: The folder of the project.
        vault: The folder of the vault, whose files do not count.
        started: When the run began, in ns after the epoch.
        running_trace: Returns the trace of the real call that the current thread is
            part of, or None.
    """

    def __init__(
        self,
        places: Places,
        rootdir: Path,
        vault: Path,
        *,
        started: int,
        running_trace: Callable[[], CallTrace | None] = _no_trace,
    ) -> None:
        self._places = places
        self._rootdir = rootdir
        self._started = started
        self.running_trace = running_trace
        self._vault = f"{relative_path(vault, start=rootdir)}/"
        # What each of these returns is kept for the run: files are not expected to
        # change meanwhile.
        self._digest_of_file = cache(_digest_of_file)
        self.code_of: Callable[..., SourceCode | None] = cache(self._code_of)
        self._code = cache(self._read_code)
        self.reached: Callable[..., dict[str, dict[str, str]]] = cache(
            self._reached_fingerprints
        )
        # The list of inputs by target, classes of arguments, and files. Most calls of a
        # target read the same files.
        self.listed: Callable[..., str] = lru_cache(maxsize=100)(self._list_of_inputs)

    def file_at(self, path: str) -> tuple[str, str] | None:
        """Return name and fingerprint of a file under the rootdir, `data/rates.csv`.

        None: the file is not noted. It lies elsewhere, in the vault or among installed
        packages, or the run has written it.
        """
        place = self._places.place_of(path)
        if place is None or place.token != ROOTDIR:
            return None
        name = place.rest
        if name.startswith(self._vault) or _PATH_LEFT_OUT.search(name):
            return None
        try:
            facts = os.stat(path)  # noqa: PTH116
        except OSError:
            return None
        if max(facts.st_mtime_ns, facts.st_ctime_ns) >= self._started:
            # The run itself has written it.
            return None
        digest = self.digest(name)
        if digest is None:
            return None
        return name, digest

    def digest(self, name: str, module: str = "") -> str | None:
        """Return the fingerprint of the bytes of a file; None if there is no such file.

        In a text, ends of lines do not count.
        """
        return self._digest_of_file(self._path_of_file(name, module))

    def _path_of_file(self, name: str, module: str) -> Path:
        """Return the path of a file.

        A source may be elsewhere than where it was recorded: installed, for example.
        """
        path = self._rootdir / name
        if not module or path.is_file():
            return path
        return Path(file_of_module(module) or path)

    def _read_code(self, file: str, module: str) -> SourceCode:
        """Return the code of a source file, by its name in lists and its module."""
        return SourceCode(self._path_of_file(file, module), module=module, file=file)

    def _list_of_inputs(
        self, target: str, classes: frozenset[type], files: frozenset[tuple[str, str]]
    ) -> str:
        """Return the list of what calls of a target reach and read, as it is stored.

        It is an object of the vault beside the recording. Empty: there is nothing.
        """
        inputs = {"files": dict(files), "functions": self.reached(target, classes)}
        if not any(inputs.values()):
            return ""
        return json.dumps(inputs, indent=1, sort_keys=True) + "\n"

    def changed(self, list_of_inputs: str | bytes) -> list[str]:
        """Return what has changed since a list was made, for messages.

        For example `shop.tax:rate (shop/tax.py)`, `data/rates.csv`. Empty: the
        recording is not stale.
        """
        inputs = json.loads(list_of_inputs)
        changes = []
        for file, digests in inputs["functions"].items():
            for name in self._changed_functions(file, digests):
                changes.append(f"{name} ({file})")
        for name, digest in inputs["files"].items():
            if self.digest(name) != digest:
                changes.append(name)
        return changes

    def _changed_functions(self, file: str, digests: dict[str, str]) -> list[str]:
        """Return which names of a file have another fingerprint than in a list.

        The names are those of `_reached_fingerprints`: `shop.tax`, `shop.tax:rate`.
        """
        names = [name for name in digests if name]
        # By its module, a file is found that is installed now.
        module = ""
        if names:
            module, _, _ = names[0].partition(":")
        # Equal bytes settle all functions.
        if digests.get("") == self.digest(file, module):
            return []
        digests_now = self._code(file, module).fingerprints
        changed_functions = []
        for name in names:
            _, _, path = name.partition(":")
            if digests[name] != digests_now.get(path):
                changed_functions.append(name)
        return changed_functions

    def _code_of(self, module: str) -> SourceCode | None:
        """Return the code of a module; None for one outside of the project."""
        file = getattr(sys.modules.get(module), "__file__", None)
        file = file or file_of_module(module)
        if file is None or not file.endswith(".py"):
            return None
        if not is_in_project(file, self._rootdir):
            return None
        path = path_when_installed(file)
        if not path:
            path = relative_path(Path(file), start=self._rootdir)
        return self._code(path, module)

    def _reached_fingerprints(
        self, target: str, classes: Iterable[type]
    ) -> dict[str, dict[str, str]]:
        """Return the fingerprints of what a target's code reaches.

        The classes of its arguments count like names in that code.

        The fingerprints come by source file, and in the file by name:

        | name | fingerprint of |
        |---|---|
        | empty | the file's bytes |
        | `shop.tax` | the top-level statements of the module |
        | `shop.tax:rate` | one function, method or class |

        A name counts wherever it leads: to a function, a class with its bases, a value,
        an import. Of classes and of modules that are named, only members that the code
        reads as attributes count, and methods with a special name.

        An example: `shop.api:quote` calls `rate` of `shop.tax`, which reads `TABLE`.

            from shop.tax import rate        {"shop/tax.py": {"": "1f…",
            def quote(price):                                 "shop.tax": "2a…",
                return price * rate()                         "shop.tax:rate": "3b…"}}

        `TABLE` is a top-level statement, so its change is one of `shop.tax`. The code
        of `quote` itself is compared apart, as the source of the recording.
        """
        module, _, path = target.partition(":")
        target_name = CodeName(module, path)
        enclosing = path.rpartition(".")[0] or path
        # A method may use what its class binds.
        pending_names = {target_name, CodeName(module, enclosing)}
        pending_names |= {
            CodeName(class_of_argument.__module__, class_of_argument.__qualname__)
            for class_of_argument in classes
        }
        # By source file, then by name: the fingerprints that the list gets.
        reached = defaultdict[str, dict[str, str]](dict)
        seen_names = set[CodeName]()
        while pending_names:
            code_name = pending_names.pop()
            seen_names.add(code_name)
            code = None
            if code_name.module:
                code = self.code_of(code_name.module)
            # Code outside of the project is not followed.
            if code is not None:
                used_names = code.names_used_in(code_name.name)
                pending_names |= used_names - seen_names
                if _has_fingerprints(
                    code_name,
                    code,
                    used_names=used_names,
                    target_name=target_name,
                ):
                    self._enter_name(
                        code_name, code, reached, is_target=code_name == target_name
                    )
            if not pending_names:
                # Which members count is known only when all that has such members was
                # seen.
                pending_names = self._members(seen_names) - seen_names
        return reached

    def _enter_name(
        self,
        code_name: CodeName,
        code: SourceCode,
        reached: defaultdict[str, dict[str, str]],
        *,
        is_target: bool,
    ) -> None:
        """Enter the fingerprints of a file, its statements, and the name.

        The target itself gets none here: the recording has the fingerprint of its
        source.
        """
        fingerprints_of_file = reached[code.file]
        fingerprints_of_file[""] = self.digest(code.file, code_name.module) or ""
        fingerprints_of_file[code_name.module] = code.fingerprints[""]
        if code_name.name in code.fingerprints and not is_target:
            name_in_list = f"{code_name.module}:{code_name.name}"
            fingerprints_of_file[name_in_list] = code.fingerprints[code_name.name]

    def _members(self, seen_names: Iterable[CodeName]) -> set[CodeName]:
        """Return members of modules and classes that are attributes somewhere.

        If the code seen so far names the class `shop.api:Client`, and reads an
        attribute `.get` of anything, `Client.get` may be meant.
        """
        attributes = {
            code_name.name for code_name in seen_names if not code_name.module
        }
        members = set[CodeName]()
        for module, name in seen_names:
            # An attribute alone has no module, and no members.
            code = self.code_of(module) if module else None
            if code is None:
                continue
            for member in code.members.get(name, set()) & attributes:
                members.add(CodeName(module, _qualified_name(name, member)))
        return members


def _qualified_name(holder: str, name: str) -> str:
    """Return the qualified name of what a class or a module holds.

    A member of a class is `Client.get`. The holder `""` is the module.
    """
    if not holder:
        return name
    return f"{holder}.{name}"


def _has_fingerprints(
    code_name: CodeName,
    code: SourceCode,
    *,
    used_names: set[CodeName],
    target_name: CodeName,
) -> bool:
    """Return whether the fingerprints of a name count.

    An import does not: what it leads to counts. The target's own code is compared
    apart, so that its module counts only if the code names something in it.
    """
    if code_name.name not in code.used_names:
        return False
    modules = {used_name.module for used_name in used_names}
    is_import = bool(modules) and modules.isdisjoint(("", code_name.module))
    if is_import:
        return False
    if code_name != target_name:
        return True
    for used_name in used_names:
        if used_name.module == code_name.module and used_name.name in code.used_names:
            return True
    return False


def _digest_of_file(path: Path) -> str | None:
    """Return the fingerprint of a file's bytes; None if it cannot be read."""
    hasher = xxh3_64()
    try:
        with path.open("rb") as file:
            while file_bytes := file.read(1 << 26):
                is_text = b"\0" not in file_bytes
                if is_text:
                    # git may write other ends of lines on another system, by which no
                    # recording is stale.
                    file_bytes = file_bytes.replace(b"\r\n", b"\n")
                hasher.update(file_bytes)
    except (OSError, TypeError):
        # A test may replace `open`.
        return None
    return hasher.hexdigest()[:_DIGITS_OF_FINGERPRINT]


class SourceCode:
    """The code of a source file of the project.

    Of a file that has gone, or is of a newer Python, nothing is known.

    Args:
        path: The file to read, perhaps one that is installed.
        module: The name of its module.
        file: Its path in the lists of inputs, see `file` below.

    Attributes:
        file: The path of the file under the rootdir, `shop/api.py`.
        fingerprints: The fingerprints of functions, methods, and classes without their
            methods, by qualified name; under the empty name, that of all other
            statements. Layout, comments and docstrings do not count.
        used_names: By each bound name: the names that its code uses. A name is bound
            by a function, a class with its methods of special names, the statements of
            a value, or an import, which may bind `*`.
        members: The names that a class binds, by the name of the class; those that the
            module binds, by the empty name.
    """

    def __init__(self, path: Path, *, module: str, file: str) -> None:
        self.file = file
        self.used_names = defaultdict[str, set[CodeName]](set)
        self.members = defaultdict[str, set[str]](set)
        self._module = module
        tree = ast.Module([], [])
        # A test may replace `open`.
        with suppress(OSError, TypeError):
            tree = syntax_tree_of(path.read_bytes()) or tree
        # The package that `from .` means in this module.
        package, _, _ = module.rpartition(".")
        if path.stem == "__init__":
            package = module
        self._add_imports(tree, package)
        texts_by_name = self._add_statements(tree)
        for name in self.used_names:
            holder, _, member = name.rpartition(".")
            self.members[holder].add(member)
        self.fingerprints = {
            name: _short_digest(texts) for name, texts in texts_by_name.items()
        }

    def names_used_in(self, name: str) -> set[CodeName]:
        """Return what the code of a name uses.

        A name that is not bound is a module, or perhaps one of those that `from
        shop.base import *` binds.
        """
        if name in self.used_names:
            return self.used_names[name]
        return {CodeName(origin, name) for origin, _ in self.used_names.get("*", ())}

    def _add_statements(self, tree: ast.Module) -> dict[str, list[str]]:
        """Add what each definition and other statement uses, also those of classes.

        The texts of both are returned, by qualified name; under the empty name, those
        of the other statements.
        """
        # A name may be defined several times.
        texts_by_name = defaultdict[str, list[str]](list, {"": []})
        # Each statement with the class around it, empty for the module.
        statements: list[tuple[str, ast.stmt]] = [("", node) for node in tree.body]
        # The list grows by the methods of the classes in it.
        for holder, node in statements:
            name = ""
            if isinstance(node, _DEFINITIONS):
                name = _qualified_name(holder, node.name)
            if isinstance(node, ast.ClassDef):
                # The methods are added apart, so the class keeps its other
                # statements alone.
                methods, node.body = _split_body(node)
                statements += [(name, method) for method in methods]
            elif holder and name.endswith("__"):
                # Python calls `__init__` and the like, whatever names the class.
                self.used_names[holder].add(CodeName(self._module, name))
            texts_by_name[name].append(digest_of_syntax(node))
            self._add_used_names(node, name)
        return texts_by_name

    def _add_used_names(self, statement: ast.stmt, defined_name: str) -> None:
        """Add what a statement uses to `used_names`.

        What a call reaches is found by following these names. In the module `shop.api`,
        `def quote(): return RATE * tax.rate()` uses the names `RATE` and `tax` of
        `shop.api`, and an attribute `rate` of anything.

        Args:
            statement: The statement.
            defined_name: The function, class or method that it defines. Empty: the
                statement counts for each name that it binds.
        """
        used_names = set[CodeName]()
        bound_names = []
        for syntax_node in ast.walk(statement):
            if isinstance(syntax_node, ast.Attribute):
                # What has this attribute is not known.
                used_names.add(CodeName("", syntax_node.attr))
            elif isinstance(syntax_node, _DEFINITIONS):
                bound_names.append(syntax_node.name)
            elif isinstance(syntax_node, ast.Name):
                if isinstance(syntax_node.ctx, ast.Load):
                    used_names.add(CodeName(self._module, syntax_node.id))
                elif isinstance(syntax_node.ctx, ast.Store):
                    bound_names.append(syntax_node.id)
            elif isinstance(syntax_node, ast.Global) and defined_name:
                for global_name in syntax_node.names:
                    # The value of a global may come from this function.
                    self.used_names[global_name].add(
                        CodeName(self._module, defined_name)
                    )
            bound_names += _names_bound_otherwise(syntax_node)
        # What a definition binds inside of it is no name of the module.
        if defined_name:
            bound_names = [defined_name]
        for bound_name in bound_names:
            self.used_names[bound_name] |= used_names

    def _add_imports(self, tree: ast.Module, package: str) -> None:
        """Add each imported name, which uses the name that it comes from."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    # `import a.b` binds the name `a`.
                    name = alias.asname or alias.name.partition(".")[0]
                    self.used_names[name].add(CodeName(alias.name, ""))
            elif isinstance(node, ast.ImportFrom):
                origin = _module_of_import(node, package)
                for alias in node.names:
                    # What is imported from a package may be a module.
                    self.used_names[alias.asname or alias.name] |= {
                        CodeName(origin, alias.name),
                        CodeName(f"{origin}.{alias.name}", ""),
                    }


def _names_bound_otherwise(node: ast.AST) -> list[str]:
    """Return the names that a part of a statement binds without an `ast.Name`.

    A change of what a name holds counts, too:

    | part | name |
    |---|---|
    | the target in `TABLE["a"] = 1` or `TABLE.a = 1` | `TABLE` |
    | the pattern in `case {"a": RATE}` | `RATE` |
    """
    if isinstance(node, (ast.Subscript, ast.Attribute)):
        if isinstance(node.ctx, ast.Store):
            holder: ast.expr = node
            while isinstance(holder, (ast.Subscript, ast.Attribute)):
                holder = holder.value
            if isinstance(holder, ast.Name):
                return [holder.id]
    elif isinstance(node, (ast.MatchAs, ast.MatchStar)):
        if node.name is not None:
            return [node.name]
    elif isinstance(node, ast.MatchMapping) and node.rest is not None:
        return [node.rest]
    return []


def _split_body(node: ast.ClassDef) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """Return the definitions in a class, and its other statements.

    A change of a method is one of that method, and not of the class.
    """
    definitions: list[ast.stmt] = []
    statements: list[ast.stmt] = []
    for statement in node.body:
        if isinstance(statement, _DEFINITIONS):
            definitions.append(statement)
        else:
            statements.append(statement)
    return definitions, statements


def _module_of_import(node: ast.ImportFrom, package: str) -> str:
    """Return the module that `from … import` names.

    In the package `shop`, `from .tax import rate` names `shop.tax`.
    """
    module_names = []
    if node.level:
        # One dot is the package itself, each further dot one package further out.
        module_names = package.split(".")[: 1 - node.level or None]
    if node.module:
        module_names.append(node.module)
    return ".".join(module_names)


def _short_digest(texts: Iterable[str]) -> str:
    """Return the fingerprint of a name: of the texts of all its definitions."""
    return xxh3_64_hexdigest(" ".join(texts).encode())[:_DIGITS_OF_FINGERPRINT]
