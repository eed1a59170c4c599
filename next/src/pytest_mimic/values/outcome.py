"""Stores what a call gave back as JSON and pickles, and gives fresh copies of it."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable, Iterator
from json import dumps, loads  # A test may replace those of the module.
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_mimic.errors import (
    CorruptRecordingError,
    MimicError,
    UnstorableOutcomeError,
)
from pytest_mimic.values.making import Maker
from pytest_mimic.values.tree import (
    SCALARS,
    Leaf,
    Path,
    Raw,
    Tree,
    is_tagged,
    leaves,
    ordered_digest_of,
    parts,
    refused_at,
    shown_path,
)
from pytest_mimic.values.walk import KEPT_HASH, Walk, deeply, tree_of

if TYPE_CHECKING:
    from pytest_mimic.values.places import Places

MOST_PARTS = 10_000
"""An outcome with more parts that need a tag is kept as a pickle."""


class Objects(Protocol):
    """Large parts that stand in files of their own, named by their content."""

    def write_object(self, suffix: str, chunks: Iterable[bytes | memoryview]) -> str:
        """Write an object once, and give its name: `objects/9f/9f31….pkl`."""

    def read_object(self, name: str) -> bytes:
        """Give the bytes of an object.

        Raises:
            CorruptRecordingError: The object is gone or damaged.
        """


# -- storing


class _Pickle(NamedTuple):
    """A part that becomes a pickle, where it stands, and what was loaded from it.

    Attributes:
        digest: That of the value: of equal sets the pickles differ.
        preview: What it is, in words without any value of it.
    """

    path: Path
    pickled: Any
    names: list[str]
    loaded: object
    proof: Walk
    digest: str
    preview: str


def store(
    value: object,
    objects: Objects,
    places: Places | None = None,
    hide: Callable[[Tree], Tree] | None = None,
    *,
    forbid: bool = False,
    name: str = "result",
) -> Tree:
    """Give the JSON from which a replay makes the value again.

    Args:
        value: A value or an exception.
        objects: Where its pickles are written, once the whole is proven.
        places: The folders of this run.
        hide: Gives a readable tree, and what pickles are, with its secrets replaced.
        forbid: Whether nothing may be pickled.
        name: What the path in an error begins with.

    Raises:
        UnstorableOutcomeError: A part cannot be kept; nothing is left behind.
    """
    storing = _Storing(places, forbid=forbid, name=name)
    proven, pickles = deeply(lambda: storing.proven(value))
    tree = _with_pickles(proven, iter(pickles), objects)
    return tree if hide is None else hide(tree)


class _Storing:
    """Encodes a value, decodes it, and compares the two."""

    def __init__(self, places: Places | None, *, forbid: bool, name: str) -> None:
        self._places = places
        self._forbid = forbid
        self._name = name

    def proven(self, value: object) -> tuple[Tree, list[_Pickle]]:
        """Give the tree of a value and its pickles, in the order of their leaves."""
        exact = Walk("exact", self._places)
        tree = exact.node(value)
        if exact.is_plain and type(value) in (list, dict):
            # What is JSON already comes back as it is.
            return tree, []
        if exact.is_shared or exact.size > MOST_PARTS:
            tree = Raw(value)
        pickles = self._pickles_in(tree)
        if not isinstance(tree, Raw):
            is_apart = _are_apart([exact, *(pickle.proof for pickle in pickles)])
            if not is_apart or not self._comes_back(value, tree, pickles):
                tree = Raw(value)
                pickles = self._pickles_in(tree)
        for walk in (exact, *(pickle.proof for pickle in pickles)):
            walk.forget()
        return tree, pickles

    def _comes_back(self, value: object, tree: Tree, pickles: list[_Pickle]) -> bool:
        """Tell whether what is made of a tree has this tree and the same proof."""
        loaded = iter(pickles)
        maker = Maker(self._places, lambda _: next(loaded).loaded)
        try:
            made = maker.value_of(_read_again(tree))
            again = tree_of(made, "exact", self._places)
            if ordered_digest_of(again) != ordered_digest_of(tree):
                return False
            return self._proof_of(made) == self._proof_of(value)
        except RecursionError:
            raise
        except Exception:
            # Whatever a class of the user does while it is made: a pickle is tried.
            return False

    def _proof_of(self, value: object) -> str:
        tree = tree_of(value, "proof", self._places)
        if refused_at(tree) is not None:
            raise ValueError("it holds what another process would not find again")
        return ordered_digest_of(tree)

    def _pickles_in(self, tree: Tree) -> list[_Pickle]:
        pickles: list[_Pickle] = []
        for path, leaf in leaves(tree):
            if isinstance(leaf, Raw):
                pickles.append(self._pickle(path, leaf.value))
        return pickles

    def _pickle(self, path: Path, value: object) -> _Pickle:
        # Most outcomes have none.
        from pytest_mimic.values import pickles
        from pytest_mimic.values.drawing import preview

        proof = Walk("proof", self._places)
        proven = proof.node(value)
        self._refuse_parts(path, proven)
        if proof.keeps_hash:
            self._refuse(path, KEPT_HASH)
        if self._forbid:
            self._refuse(path, f"{_kind(value)}, which only a pickle keeps")
        try:
            pickled = pickles.dump(value)
            loaded, names = pickles.load_pickled(pickled)
        except RecursionError:
            raise
        except Exception as error:
            self._refuse(path, f"{_kind(value)}, which cannot be pickled ({error})")
        again = tree_of(loaded, "proof", self._places)
        digest = ordered_digest_of(proven)
        if ordered_digest_of(again) != digest:
            deeper = first_difference(proven, again)
            self._refuse((*path, *deeper), "a copy of it differs")
        return _Pickle(path, pickled, names, loaded, proof, digest, preview(proven))

    def _refuse_parts(self, path: Path, proven: Tree) -> None:
        found = refused_at(proven)
        if found is not None:
            deeper, refused = found
            self._refuse((*path, *deeper), refused.what, refused.way)

    def _refuse(self, path: Path, what: str, way: str = "") -> None:
        # What helps with an argument is said as what to pass.
        way = way.replace("pass ", "return ", 1)
        ways = [(way or "name a function further out, which returns data", "")]
        raise UnstorableOutcomeError(
            "the outcome cannot be stored",
            [f"{shown_path((self._name, *path))}: {what}", "nothing was recorded"],
            ways,
        )


def _are_apart(walks: list[Walk]) -> bool:
    """Tell whether nothing that may change was seen in two of the walks."""
    seen: set[int] = set()
    for walk in walks:
        if not seen.isdisjoint(walk.changeable):
            return False
        seen |= walk.changeable
    return True


def _kind(value: object) -> str:
    cls = type(value)
    return f"an object of {cls.__module__}.{cls.__qualname__}"


def _read_again(tree: Tree) -> Any:
    """Give the tree as a file would: no text or number is the same object."""
    return loads(dumps(tree, default=Raw.plain, allow_nan=False))


def first_difference(one: Tree, other: Tree) -> Path:
    """Give the path to the first part in which two trees differ."""
    if isinstance(one, Leaf) or isinstance(other, Leaf) or type(one) is not type(other):
        return ()
    steps, others = list(parts(one)), list(parts(other))
    if [step for step, _ in steps] != [step for step, _ in others]:
        return ()
    for (step, part), (_, again) in zip(steps, others, strict=True):
        if ordered_digest_of(part) != ordered_digest_of(again):
            return (step, *first_difference(part, again))
    return ()


def _with_pickles(tree: Tree, pickles: Iterator[_Pickle], objects: Objects) -> Tree:
    """Write the pickles of a tree, and put their names in."""
    if isinstance(tree, Raw):
        return _written(next(pickles), objects)
    if isinstance(tree, list):
        return [_with_pickles(item, pickles, objects) for item in tree]
    if isinstance(tree, dict):
        return {
            key: _with_pickles(part, pickles, objects) for key, part in tree.items()
        }
    return tree


def _written(pickle: _Pickle, objects: Objects) -> Tree:
    name = objects.write_object("pkl", pickle.pickled.chunks())
    node: dict[str, Tree] = {"$pickle": name, "imports": [*pickle.names]}
    if pickle.pickled.python:
        node["python"] = pickle.pickled.python
    node.update(digest=pickle.digest, preview=pickle.preview)
    return node


def by_value(tree: Tree) -> Tree:
    """Give a stored tree with the digests of values in place of their pickles."""
    if isinstance(tree, list):
        return [by_value(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "$pickle" in tree and "digest" in tree:
        return {"$pickle": tree["digest"]}
    return {key: by_value(part) for key, part in tree.items()}


# -- loading


def load(
    tree: Tree, objects: Objects, places: Places | None = None, *, forbid: bool = False
) -> object:
    """Make the value that was stored.

    Args:
        tree: What `store` gave, shelved or not.
        objects: Where its pickles and large parts are.
        places: The folders of this run.
        forbid: Whether nothing may be unpickled.

    Raises:
        CorruptRecordingError: The tree or an object of it is damaged, or pickles are
            forbidden.
        StaleRecordingError: A class or name of it is gone or has other fields.
    """
    return player(tree, objects, places, forbid=forbid)()


def player(
    tree: Tree, objects: Objects, places: Places | None = None, *, forbid: bool = False
) -> Callable[[], object]:
    """Give a function that makes a fresh copy at each call; see `load`.

    The objects of the tree are read, and checked, once: at the first call.
    """
    if type(tree) in SCALARS:
        return lambda: tree
    data = _plain_bytes(tree)
    if data is not None:
        return lambda: marshal.loads(data)
    reader = _Reader(objects, forbid=forbid)
    reader.maker = maker = Maker(places, reader)
    return lambda: deeply(lambda: maker.value_of(tree))


def _plain_bytes(tree: Any) -> bytes | None:
    """Give the bytes of a tree that has no tags, else `None`."""
    try:
        data = marshal.dumps(tree)
    except ValueError:  # It has leaves, or is very deep.
        return None
    return None if b"$" in data else data


class _Reader:
    """Reads the objects of one outcome, each once."""

    maker: Maker

    def __init__(self, objects: Objects, *, forbid: bool) -> None:
        self._objects = objects
        self._forbid = forbid
        self._read: dict[str, Any] = {}

    def __call__(self, node: dict[str, Any]) -> Any:
        tag, name = next(iter(node.items()))
        if tag == "$pickle":
            return self._unpickled(name, node)
        if name not in self._read:
            text = self._objects.read_object(name).decode("utf-8", "surrogatepass")
            self._read[name] = text
        if tag == "$text":
            return self._read[name]
        return self.maker._make(loads(self._read[name]))

    def _unpickled(self, name: str, node: dict[str, Any]) -> object:
        if self._forbid:
            what = f"{name} is a pickle, and mimic_pickle = forbid"
            raise CorruptRecordingError(what, file=name, damage="forbidden")
        file = self._read.get(name)
        if file is None:
            from pytest_mimic.values import pickles  # Most outcomes have none.

            file = pickles.PickleFile.of(self._objects.read_object(name))
            self._read[name] = file
        try:
            return file.load(node.get("imports", ()), node.get("python", ""))
        except (MimicError, RecursionError):
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise CorruptRecordingError(
                f"nothing can be loaded from {name}", [reason]
            ) from error


# -- large parts in files of their own

LONG_TEXT = 2_048
LARGE = 65_536
_BEGINNING = 200


def shelve(tree: Tree, objects: Objects) -> Tree:
    """Put texts over 2 KB, and an outcome of over 64 KB of JSON, into objects.

    Returns:
        The tree with `{"$text": name, "length", "begins"}` in place of texts, or
        `{"$json": name, "length"}` in place of the whole.
    """
    shelved = _with_texts_away(tree, objects)
    text = dumps(shelved, ensure_ascii=False, allow_nan=False)
    if len(text) <= LARGE:
        return shelved
    return {"$json": objects.write_object("json", [text.encode()]), "length": len(text)}


def _with_texts_away(tree: Tree, objects: Objects) -> Tree:
    if isinstance(tree, str) and len(tree) > LONG_TEXT:
        name = objects.write_object("txt", [tree.encode()])
        return {"$text": name, "length": len(tree), "begins": tree[:_BEGINNING]}
    if isinstance(tree, list):
        return [_with_texts_away(item, objects) for item in tree]
    if isinstance(tree, dict) and not _is_text_with_tag(tree):
        return {key: _with_texts_away(part, objects) for key, part in tree.items()}
    return tree


def _is_text_with_tag(tree: dict[str, Tree]) -> bool:
    """Tell whether a tree is a value that is made of a text, as bytes are."""
    return is_tagged(tree) and isinstance(next(iter(tree.values())), str)


def unshelve(tree: Tree, objects: Objects) -> Tree:
    """Give the tree with what its objects hold, but for pickles.

    Raises:
        CorruptRecordingError: An object is gone or damaged.
    """
    # What holds no object is copied in C.
    plain: Any = tree
    data = marshal.dumps(plain)
    if b"$json" not in data and b"$text" not in data:
        copied: Tree = marshal.loads(data)
        return copied
    return _with_objects(tree, objects)


def _with_objects(tree: Tree, objects: Objects) -> Tree:
    if isinstance(tree, list):
        return [_with_objects(item, objects) for item in tree]
    if not isinstance(tree, dict):
        return tree
    name = tree.get("$json")
    if isinstance(name, str):
        return unshelve(loads(objects.read_object(name)), objects)
    name = tree.get("$text")
    if isinstance(name, str):
        return objects.read_object(name).decode()
    return {key: _with_objects(part, objects) for key, part in tree.items()}
