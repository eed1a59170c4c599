"""Stores what a call gave back as JSON and pickles, and gives fresh copies of it."""

from __future__ import annotations

import marshal
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from json import dumps, loads  # A test may replace those of the module.
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol, TypeAlias

from pytest_mimic.errors import (
    CorruptRecordingError,
    MimicError,
    StaleRecordingError,
    UnstorableOutcomeError,
)
from pytest_mimic.values.folders import NOWHERE, Folders
from pytest_mimic.values.names import name_of
from pytest_mimic.values.rows import content_of
from pytest_mimic.values.tree import (
    BEGINNING,
    SCALARS,
    LeftOut,
    Node,
    Path,
    Tree,
    is_tagged,
    leaves,
    levels_of,
    mapped,
    ordered_digest_of,
    path_to,
    path_to_refused,
    refused_at,
    shown_path,
    text_of,
    without,
)
from pytest_mimic.values.walk import LATE_FILE, Walk, deeply, tree_of

if TYPE_CHECKING:
    from mmap import mmap

    from pytest_mimic.values.differences import Difference
    from pytest_mimic.values.pickles import Mask

_MOST_PARTS = 10_000
"""An outcome with more parts that need a tag is kept as a pickle."""
_LONG_TEXT = 2_048
_LARGE = 65_536
# In bytes of marshal, of which one takes at most six characters of JSON.
_SURELY_SMALL = 10_000
# In bytes. A larger object is read again for each copy.
_MOST_KEPT = 1 << 20
MOST_BYTES = 64 << 20
"""What stands again in a call, or is decompressed, has no more bytes than this."""
MOST_PARTS = 1_000_000
_TOO_MUCH = f"it would take more than {MOST_BYTES >> 20} MB"
# An array is made by a function of ours, and code by value tells its Python.
_OF_ANY_VERSION = frozenset({"numpy", "cloudpickle", "pytest_mimic"})


class Objects(Protocol):
    """Large parts that stand in files of their own, named by their content."""

    def write_object(self, suffix: str, chunks: Iterable[bytes | memoryview]) -> str:
        """Write an object once, and give its name: `objects/9f/9f31….pkl`."""

    def read_object(self, name: str) -> bytes | mmap:
        """Give the bytes of an object; a map is for one value.

        Raises:
            CorruptRecordingError: The object is gone or damaged.
        """


# -- storing


Chunks: TypeAlias = "Callable[[], Iterable[bytes | memoryview]]"
"""Gives the bytes of an object, in pieces."""


class Seen(NamedTuple):
    """A part that may not be kept.

    Attributes:
        path: Where it stands.
        what: What it is.
        way: What to do.
    """

    path: Path
    what: str
    way: str


class Look(Protocol):
    """Sees what is kept."""

    def __call__(self, tree: Tree, *, is_pickle: bool) -> Seen | None:
        """Look at the tree of what is kept; a part that a pickle keeps may be refused.

        Args:
            tree: The tree.
            is_pickle: Whether only a pickle keeps it.
        """

    def at_bytes(self, chunks: Chunks) -> Seen | None:
        """Look at the bytes of an object, of which a tree does not show all."""

    def is_absent(self, module: str, /) -> bool:
        """Return whether the run that replays will not have imported a module."""

    def shown(self, tree: Tree) -> Tree:
        """Give a tree as it may be shown."""


class _SeeNothing:
    """Looks at nothing."""

    def __call__(self, tree: Tree, *, is_pickle: bool) -> None:
        """Look at no tree."""

    def at_bytes(self, chunks: Chunks) -> None:
        """Look at no bytes."""

    def is_absent(self, _module: str, /) -> bool:
        """Return that each module is there."""
        return False

    def shown(self, tree: Tree) -> Tree:
        """Give a tree as it is."""
        return tree


_see_nothing = _SeeNothing()


def store(
    value: object,
    objects: Objects,
    folders: Folders = NOWHERE,
    mask: Mask = str,
    *,
    forbid: bool = False,
    name: str = "result",
    look: Look = _see_nothing,
) -> Tree:
    """Give the JSON from which a replay makes the value again.

    Args:
        value: A value or an exception.
        objects: Where its pickles are written, once the whole is proven.
        folders: The folders of this run, which get what an exception is kept without,
            and the versions of what is pickled.
        mask: Gives a text without keys: a request hangs on the exception of a client.
        forbid: Whether nothing may be pickled.
        name: What a path in an error begins with.
        look: Sees the tree of what is kept, and may refuse a part of it.

    Raises:
        UnstorableOutcomeError: A part cannot be kept; nothing is left behind.
    """
    storing = _Storing(folders, mask, forbid, name, look)

    def stored() -> Tree:
        tree, parts = storing.proven(value)
        for part in parts:
            tag = next(iter(part.node))
            part.node[tag] = objects.write_object(part.suffix, part.chunks())
        return tree

    try:
        return deeply(stored)
    except RecursionError:
        storing.refuse((), "an outcome that is nested too deeply")


class _Part(NamedTuple):
    """A part that becomes an object.

    Attributes:
        suffix: That of its file.
        node: What stands for it in the outcome; its name is set when it is written.
        chunks: Gives the bytes of the object.
    """

    suffix: str
    node: Node
    chunks: Chunks


@dataclass
class _Storing:
    """Encodes a value, decodes it, and compares the two; see `store`."""

    _folders: Folders
    _mask: Mask
    _forbid: bool
    _name: str
    _look: Look
    # The module that a replay lacks to make the value of its tree.
    _absent: str = ""

    def proven(self, value: object) -> tuple[Tree, list[_Part]]:
        """Give the tree of a value, and what becomes an object of its own."""
        walk = Walk("kept", self._folders)
        tree = walk.node(value)
        walk.forget()
        if walk.is_plain or type(tree) in SCALARS:
            self._look(tree, is_pickle=False)
            return tree, []  # What is JSON already comes back as it is.
        self._refuse_views(walk)
        can_be_made = not (walk.needs_pickle or walk.has_refused or walk.is_shared)
        if (
            can_be_made
            and walk.size <= _MOST_PARTS
            and self._comes_back(tree, walk.arrays)
        ):
            self._look(tree, is_pickle=False)
            return tree, self._in_files(tree, walk.arrays)
        part = self._as_pickle(value, tree, walk)
        return part.node, [part]

    def _refuse_views(self, walk: Walk) -> None:
        """Refuse what has the memory of an argument: a copy changes alone."""
        if not self._folders.named_parts:
            return
        from pytest_mimic.values.states import shared_memory

        for part in walk.changeable.values():
            name = shared_memory(part, self._folders.named_parts)
            if name:
                self.refuse((), f"a view of {name}", "return a copy of it")

    def _comes_back(self, tree: Tree, arrays: list[tuple[Node, Any]]) -> bool:
        """Tell whether what is made of a tree has this tree."""
        from pytest_mimic.values.making import Maker  # Most outcomes are plain JSON.

        by_digest = {node["$npy"]: array for node, array in arrays}
        maker = Maker(
            self._folders,
            lambda node: by_digest[node["$npy"]],
            is_absent=self._look.is_absent,
        )
        try:
            # Read from a file, no text or number is the same object.
            text = dumps(tree, allow_nan=False)
            again = tree_of(maker.value_of(loads(text)), "kept", self._folders)
            return dumps(again, allow_nan=False) == text
        except RecursionError:
            raise
        except Exception:
            # Whatever a class of the user does while it is made: a pickle is tried.
            self._absent = maker.absent
            return False

    def _in_files(self, tree: Tree, arrays: list[tuple[Node, Any]]) -> list[_Part]:
        parts: list[_Part] = []
        for node, array in arrays:
            from pytest_mimic.values.arrays import file_of  # few outcomes have one

            chunks = partial(file_of, array)
            seen = self._look.at_bytes(chunks)
            if seen is not None:
                self.refuse(path_to(tree, node), seen.what, seen.way)
            parts.append(_Part("npy", node, chunks))
        return parts

    def _as_pickle(self, value: object, tree: Tree, walk: Walk) -> _Part:
        # Most outcomes have none.
        from pytest_mimic.values.differences import differences
        from pytest_mimic.values.drawing import class_named_in, view_of
        from pytest_mimic.values.pickles import Pickled

        is_error = isinstance(value, BaseException)
        place = path_to(tree, walk.odd)
        if is_error:
            tree = mapped(tree, self._masked)
        self._refuse_parts(tree, walk)
        odd = class_named_in(walk.odd) if place else name_of(type(value))
        kind = f"an object of {odd.replace(':', '.').removeprefix('builtins.')}"
        if self._forbid and self._absent:
            what = f"an object of {self._absent}, which only the real call imports"
            self.refuse((), what, "import it where the function is defined")
        if self._forbid:
            self.refuse(place, f"{kind}, which only a pickle keeps")
        names: set[str] = set()
        try:
            mask = self._mask if is_error else None
            pickled = Pickled.of_value(value, walk.left_out, mask, self._folders)
            loaded = pickled.load(names.add, self._folders)
        except RecursionError:
            raise
        except Exception as error:
            self.refuse(place, f"{kind}, which cannot be pickled ({error})")
        again = tree_of(loaded, "kept", self._folders)
        left_out: list[Path] = []
        if walk.left_out:
            left_out = [at for at, leaf in leaves(tree) if isinstance(leaf, LeftOut)]
        is_equal = ordered_digest_of(again) == ordered_digest_of(tree)
        if not (is_equal or is_error):
            tree = self._as_filled(value, tree)
            is_equal = ordered_digest_of(again) == ordered_digest_of(tree)
        if not is_equal:
            differing = differences(tree, again)
            lost = [one.steps for one in differing if not _shows_more(one)]
            if is_error:
                # What the class of a part of it does not give to be pickled.
                left_out += [steps for steps in lost if "shows" in steps]
                lost = [steps for steps in lost if "shows" not in steps]
            if lost:
                unsteady = self._unsteady(loaded)
                tree = without(tree, unsteady)
                lost = [steps for steps in lost if steps not in unsteady]
            if lost or not differing:
                self.refuse(lost[0] if lost else (), "a copy of it differs")
        node: Node = {"$pickle": "", "imports": [*sorted(names)]}
        if pickled.python:
            node["python"] = pickled.python
            self._folders.versions.add(f"Python {pickled.python}")
        view = self._look.shown(view_of(tree))
        # Of equal sets the pickles differ, and the digests of the values do not.
        node |= {"digest": ordered_digest_of(tree), "view": view}
        for steps in left_out:
            in_code = [step for step in steps if step != "shows"]
            self._folders.left_out[shown_path((self._name, *in_code))] = None
        self._folders.versions |= _versions_of(names)
        in_bytes = self._look.at_bytes(pickled.chunks)
        if in_bytes is not None:
            self.refuse((), in_bytes.what, in_bytes.way)
        return _Part("pkl", node, pickled.chunks)

    def _as_filled(self, value: object, tree: Tree) -> Tree:
        """Give the tree of a value as it is now, if it has only got what was `None`.

        To pickle an object may fill what it makes when it is read, as xarray does.
        """
        from pytest_mimic.values.differences import differences

        now = tree_of(value, "kept", self._folders)
        is_filled = all(one.old is None for one in differences(tree, now))
        return now if is_filled else tree

    def _masked(self, part: Tree) -> Tree:
        return self._mask(part) if isinstance(part, str) else part

    def _refuse_parts(self, tree: Tree, walk: Walk) -> None:
        """Refuse what a pickle may not hold."""
        found = refused_at(tree) if walk.has_refused else None
        if found is not None:
            path, refused = found
            self.refuse(path, refused.what, refused.way)
        if walk.late_file is not None:
            late = path_to(tree, walk.late_file)
            self.refuse(late, LATE_FILE.what, LATE_FILE.way)
        seen = self._look(tree, is_pickle=True)
        if seen is not None:
            self.refuse(seen.path, seen.what, seen.way)

    def _unsteady(self, copy: object) -> list[Path]:
        """Give the parts that differ in any two copies: memory that nobody has written.

        Their difference from the original tells nothing of the value.
        """
        from pytest_mimic.values.differences import differences
        from pytest_mimic.values.pickles import two_copies

        copies = two_copies(copy)
        if not copies:
            return []
        first, second = (tree_of(one, "kept", self._folders) for one in copies)
        return [one.steps for one in differences(first, second) if _is_memory(one.old)]

    def refuse(self, path: Path, what: str, way: str = "") -> NoReturn:
        # What helps with an argument is said as what to pass.
        way = way.replace("pass ", "return ", 1)
        ways = [(way or "name an outer function that returns data", "")]
        raise UnstorableOutcomeError(
            "the outcome cannot be stored",
            [
                f"{path_to_refused((self._name, *path))}: {what}",
                "nothing was recorded",
            ],
            ways,
        )


def _is_memory(side: object) -> bool:
    if not isinstance(side, dict):
        return False
    return side.get("$long") == "memory" or "$base64" in side or "$npy" in side


def _shows_more(difference: Difference) -> bool:
    """Tell whether a copy has public attributes more, which are None."""
    steps, new = difference.steps, difference.new
    if not difference.is_new:
        return False
    if steps[-1:] == ("shows",) and isinstance(new, dict):
        return all(part is None for part in new.values())
    return steps[-2:-1] == ("shows",) and new is None


def _versions_of(names: Iterable[str]) -> set[str]:
    """Give of which versions the libraries of some names are: `sklearn 1.7.2`."""
    found: set[str] = set()
    packages = {re.split("[.:]", name)[0] for name in names}
    for name in packages - _OF_ANY_VERSION:
        # Asked for by name, a module may warn.
        package = getattr(sys.modules.get(name), "__dict__", {})
        version = package.get("__version__", "")
        if version and "site-packages" in str(package.get("__file__", "")):
            found.add(f"{name} {version}")
    return found


def by_value(tree: Tree) -> Tree:
    """Give a stored tree with the digests of values in place of their pickles."""

    def changed(part: Tree) -> Tree:
        if isinstance(part, dict) and "$pickle" in part and "digest" in part:
            return {"$pickle": part["digest"]}
        return part

    return mapped(tree, changed)


# -- loading


def copies_of(
    tree: Tree,
    objects: Objects,
    folders: Folders = NOWHERE,
    *,
    forbid: bool = False,
    load_imports: Callable[[], object] | None = None,
) -> Callable[[], object]:
    """Give a function that makes a fresh copy of what was stored at each call.

    The objects of the tree are read, and checked, at the first call; those of a large
    outcome at each. The function raises CorruptRecordingError (the tree or an object of
    it is damaged, or pickles are forbidden) and StaleRecordingError (a class or name of
    it is gone or has other fields).

    Args:
        tree: What `store` gave, shelved or not.
        objects: Where its pickles and large parts are.
        folders: The folders of this run.
        forbid: Whether nothing may be unpickled.
        load_imports: Imports what the code of the target names.
    """
    if type(tree) in SCALARS:
        return lambda: tree
    data = _marshalled(tree)
    if data and not _has_tags(tree, data):
        return partial(marshal.loads, data)
    from pytest_mimic.values.making import Maker  # Most outcomes are plain JSON.

    kept: dict[str, bytes] = {}

    def read(name: str) -> bytes | mmap:
        content = kept.get(name) or objects.read_object(name)
        if isinstance(content, bytes) and len(content) <= _MOST_KEPT:
            kept[name] = content
        return content

    load_object = partial(_read, read=read, folders=folders, forbid=forbid)
    maker = Maker(folders, load_object, load_imports)
    if _names_no_object(data):
        return lambda: deeply(lambda: maker.made(tree))
    return lambda: deeply(lambda: maker.made(_with_objects(tree, read)))


def _read(
    node: Node,
    read: Callable[[str], bytes | mmap],
    folders: Folders,
    *,
    forbid: bool,
) -> object:
    name = content_of(node)
    is_pickle = "$pickle" in node
    if forbid and is_pickle:
        what = f"mimic_pickle = forbid: the outcome {name} is a pickle"
        ways = [("to load it anyway", "mimic_pickle = listed")]
        raise CorruptRecordingError(what, [], ways, file=name, damage="forbidden")
    content = read(name)
    try:
        if not is_pickle:
            from pytest_mimic.values.arrays import of_file  # few outcomes are arrays

            return of_file(content)
        from pytest_mimic.values.pickles import Pickled  # Most outcomes have none.

        listed = frozenset(node.get("imports", ()))
        pickled = Pickled.of_file(content, node.get("python", ""))
    except Exception as error:
        raise _unusable(name, error) from error

    def allow(imported: str) -> None:
        if imported not in listed:
            what = f"{name} imports {imported}, which its recording does not list"
            raise CorruptRecordingError(what, file=name, damage="content")

    try:
        return pickled.load(allow, folders)
    except (MimicError, RecursionError):
        raise
    except Exception as error:
        # Its bytes are those that were recorded.
        reason = f"{type(error).__name__}: {error}"
        what = f"{name} needs its libraries in the versions that recorded it ({reason})"
        raise StaleRecordingError(what) from error


def _unusable(name: str, error: Exception) -> CorruptRecordingError:
    reason = f"{type(error).__name__}: {error}"
    what = f"no value can be loaded from {name}"
    return CorruptRecordingError(what, [reason], file=name, damage="content")


# -- large parts in files of their own


def shelve(tree: Tree, objects: Objects) -> Tree:
    """Put texts over 2 KB, and an outcome of over 64 KB of JSON, into objects.

    Returns:
        The tree with `{"$text": name, "length", "begins"}` in place of texts, or
        `{"$json": name, "length"}` in place of the whole.

    Raises:
        UnstorableOutcomeError: A long text stands so often that no run would open it.
    """
    weight = Weight()

    def without_text(part: Tree) -> Tree:
        if isinstance(part, str) and len(part) > _LONG_TEXT:
            content = part.encode()
            name = objects.write_object("txt", [content])
            try:
                weight.add(name, content)
            except ValueError as error:
                raise UnstorableOutcomeError(
                    "a long text stands too often", [str(error)]
                ) from None
            return {"$text": name, "length": len(part), "begins": part[:BEGINNING]}
        if isinstance(part, dict) and is_tagged(part):
            # A value may have a text of its own form, as bytes have one.
            return {**part} if isinstance(content_of(part), str) else part
        return part

    shelved: Tree
    plain: Any = tree
    levels = levels_of([plain])
    if levels is None or any(map(_has_long_text, levels)):
        shelved = deeply(lambda: mapped(tree, without_text))
    else:
        # What is no JSON would come back as something else.
        data = marshal.dumps(plain, 2)
        shelved = marshal.loads(data)
        if len(data) <= _SURELY_SMALL:
            return shelved
    text = deeply(lambda: dumps(shelved, ensure_ascii=False, allow_nan=False))
    if len(text) <= _LARGE:
        return shelved
    return {"$json": objects.write_object("json", [text.encode()]), "length": len(text)}


def _has_long_text(parts: list[Any]) -> bool:
    texts = [part for part in parts if type(part) is str]
    return max(map(len, texts), default=0) > _LONG_TEXT


def shelve_answer(answer: Node, objects: Objects) -> Node:
    """Put what is large into objects part by part: how a call went stays in sight."""
    return {name: shelve(part, objects) for name, part in answer.items()}


def unshelve(tree: Tree, objects: Objects) -> Tree:
    """Give a copy of the tree with what its objects hold, but for pickles.

    Raises:
        CorruptRecordingError: An object is gone or damaged.
    """
    return _with_objects(tree, objects.read_object)


def _with_objects(tree: Tree, read: Callable[[str], bytes | mmap]) -> Tree:
    data = _marshalled(tree)
    if _names_no_object(data):
        # What holds no object is copied in C.
        copied: Tree = marshal.loads(data)
        return copied
    weight = Weight()

    def with_object(part: Tree) -> Tree:
        if not isinstance(part, dict):
            return part
        name = part.get("$json", part.get("$text"))
        if not isinstance(name, str):
            return part
        content = read(name)
        try:
            weight.add(name, content)
            text = content[:].decode()
            if "$text" in part:
                return text
            inner = loads(text)
            return inner if _names_no_object(content) else mapped(inner, with_text)
        except ValueError as error:
            raise _unusable(name, error) from error

    def with_text(part: Tree) -> Tree:
        if isinstance(part, dict) and "$json" in part:
            raise ValueError("it names an object that may name others")
        return with_object(part)

    try:
        return deeply(lambda: mapped(tree, with_object))
    except RecursionError as error:
        raise _unusable("an object", error) from error


class Weight:
    """How much a call holds, an object counted each time it stands.

    The first time it takes no more than its file does.
    """

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._bytes = self._parts = 0

    def add(self, name: str, content: bytes | mmap) -> None:
        """Add an object.

        Raises:
            ValueError: Its content stands too often.
        """
        if name not in self._seen:
            self._seen.add(name)
            return
        self._bytes += len(content)
        if name.endswith(".json"):
            self._parts += content[:].count(b",")
        if self._bytes > MOST_BYTES or self._parts > MOST_PARTS:
            raise ValueError(f"together with what stands again, {_TOO_MUCH}")


def _marshalled(tree: Any) -> bytes:
    """Give a tree as bytes in which each text stands as it is; none: it is too deep."""
    try:
        return marshal.dumps(tree)
    except ValueError:
        return b""


def _has_tags(tree: Tree, data: bytes) -> bool:
    # A length or a number may look like the sign with which a tag begins.
    return b"$" in data and '"$' in deeply(lambda: text_of(tree))


def _names_no_object(data: bytes | mmap) -> bool:
    return bool(data) and data.find(b"$json") < 0 and data.find(b"$text") < 0
