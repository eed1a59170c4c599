"""The parts of a call that its recording keeps, to identify the call again.

An identity is one number of the whole call. When the options of a target change, the
identities of its recorded calls under the new options are computed from their parts. A
recording keeps these as a mapping by name. That of a function has its parameters, with
their stars, in order:

| value | the argument |
|---|---|
| `null` | stands in the description of the call, under this name |
| `{"value": …}` | has this description, which the one of the call cuts |
| `"1a2b…"` | is known by the digest of what counts of it, 32 hex digits |
| `"default"` | is the bare `object()` of the signature |
| `"ignored"` | does not count, and nothing of it is kept |
| `"in part"` | is described, but for what is ignored of it |

That of a client has the parts that count by default, in their order:

| value | the part |
|---|---|
| `null` | stands in the description of the call, under this name |
| `{"value": …}` | has this value, which is `null` or such a mapping |
| any other | has this value |

Of what redaction hides there is no digest. A part that the description shows cut or
redacted is `null`, too: the identity that is computed from it is not the recorded one,
which shows that the part is not kept whole.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from marshal import dumps
from math import isfinite
from typing import Any, TypeGuard

from pytest_mimic._core.identity.call_identity import CallIdentity, Forms
from pytest_mimic._core.identity.short_scalars import MARSHAL_VERSION
from pytest_mimic._core.nodes.json_tags import TAG_SIGN
from pytest_mimic._core.nodes.node_classes import Cut, Items, Node, Opaque
from pytest_mimic._core.nodes.node_json import plain_of
from pytest_mimic._core.nodes.node_values import value_described_by
from pytest_mimic._core.types.option_paths import uncounted_paths
from pytest_mimic._core.types.reductions import Unstable

KeptParts = dict[str, Any]
"""What a recording keeps of the parts of its call, by name: see above."""

# What is kept of an argument of a function in place of a digest, see above.
_DEFAULT, _IGNORED, _IN_PART = "default", "ignored", "in part"

# The types of the values that JSON has as they are.
_SCALAR_TYPES = frozenset({str, int, float, bool, type(None)})


class NotKeptError(Exception):
    """A part of a call is not kept so that it could be identified again.

    `rekey` lists the recordings for which it is raised, with the name of the part.

    Attributes:
        part: The name of the part.
    """

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


# -- functions


def function_parts(
    identity: CallIdentity,
    forms: Forms,
    values: Sequence[object],
    described: Mapping[str, Any],
    *,
    hides: Callable[[Sequence[object]], bool],
) -> KeptParts:
    """Return what to keep of the arguments of a function, by the names of these.

    It is asked when a call is recorded, and by a miss, to compare its call.

    Args:
        identity: How the call was identified.
        forms: The forms of the arguments of which the identity of the call is made.
        values: The bound arguments.
        described: The description of the arguments, by name.
        hides: Returns whether a secret is among the arguments, or in the texts of those
            that it gets. Then no argument is kept as a digest or whole, which might
            tell the secret.
    """
    kept_parts: KeptParts = {}
    # The parts that are computed of whole arguments, which might tell a secret in
    # these, and those of these arguments that are texts or short.
    parts_from_content: dict[str, Any] = {}
    whole_values: list[object] = []
    for position, name in enumerate(identity.names):
        kept_parts[name] = None
        if not identity.counts(position):
            kept_parts[name] = _IGNORED
        elif forms[position] is ...:
            kept_parts[name] = _DEFAULT
        else:
            value = values[position]
            tree = _argument_tree(name, identity.names, described)
            if _is_restored_exactly(identity, position, value, tree):
                # The description says all: nothing is kept beside it.
                continue
            if identity.ignored_in(position):
                kept_parts[name] = _IN_PART
            digest = _digest_in(forms[position])
            if digest is not None:
                parts_from_content[name] = digest.hex()
                if type(value) in (str, bytes):
                    whole_values.append(value)
            elif _is_restored_exactly(
                identity, position, value, tree_of_kept_value(value)
            ):
                # The description cuts a short value, which is kept whole beside it.
                parts_from_content[name] = {"value": tree_of_kept_value(value)}
                whole_values.append(value)
    if parts_from_content and not hides(whole_values):
        kept_parts.update(parts_from_content)
    return kept_parts


def _is_restored_exactly(
    identity: CallIdentity, position: int, value: object, tree: object
) -> bool:
    """Return whether an argument can be made again from its description, a `tree`."""
    if identity.counts_by_content(position):
        # The description has the path, and not what is in the file.
        return False
    if _is_same_plainly(tree, value):
        return True
    try:
        restored_value = _restored_value("", tree)
        return bool(
            identity.whole_form(position, restored_value)
            == identity.whole_form(position, value)
        )
    except (NotKeptError, Unstable):
        return False


def _is_same_plainly(tree: Any, value: Any) -> bool:
    """Return whether a description is JSON of a value that is such JSON itself.

    Most arguments of a recorded call are checked by this quick way. If it returns
    False, the value may be described exactly in another form.
    """
    type_ = type(value)
    if type(tree) is not type_:
        return False
    if type_ is int or type_ is bool or type_ is str:
        # A text that looks like a tag may stand for another value.
        return bool(tree == value) and (type_ is not str or TAG_SIGN not in value)
    marshalled_tree = dumps(tree, MARSHAL_VERSION)
    if TAG_SIGN.encode() in marshalled_tree:
        # A tag stands for another value, or for one that is not there as a whole.
        return False
    try:
        # Unlike `==`, the dump tells 1 from True, and 0.0 from -0.0.
        return dumps(value, MARSHAL_VERSION) == marshalled_tree
    except ValueError:
        # A part is of a class of its own.
        return False


def function_key(
    target: str,
    kept_parts: KeptParts,
    described: Mapping[str, Any],
    *,
    recorded: Mapping[str, Any],
    ignore: Sequence[str] | None = None,
) -> str:
    """Return the identity of a function's recorded call, by what is kept of it.

    `rekey` gives a recording the identity under the line of today so, and a miss asks
    whether `rekey` would give a recording the identity of its call.

    Args:
        target: The canonical name of the function.
        kept_parts: What is kept of the arguments.
        described: The description of the arguments.
        recorded: The options that went into the recorded identity.
        ignore: The paths of `ignore=` to identify the call under. None: those that it
            was recorded under.

    Raises:
        NotKeptError: An argument that counts is not kept, or is known by the digest of
            another part of it than counts now.
    """
    names = tuple(kept_parts)
    content = recorded.get("content", ())
    recorded_identity = CallIdentity(
        target, names, ignore=recorded.get("ignore", ()), content=content
    )
    new_identity = recorded_identity
    if ignore is not None:
        new_identity = CallIdentity(target, names, ignore=ignore, content=content)
    forms: dict[int, Any] = {}
    for position, (name, kept_part) in enumerate(kept_parts.items()):
        if not new_identity.counts(position):
            continue
        # Whether `ignore=` leaves out the same of the argument as in the recorded call.
        is_same = new_identity.ignored_in(position) == recorded_identity.ignored_in(
            position
        )
        is_whole = kept_part is None or type(kept_part) is dict
        # A part that is described but for what `ignore=` names serves as long as the
        # same is ignored.
        if is_whole or (kept_part == _IN_PART and is_same):
            if type(kept_part) is dict:
                tree = kept_part["value"]
            else:
                tree = _argument_tree(name, names, described)
            forms[position] = new_identity.form(
                position, _restored_value(name.lstrip("*"), tree)
            )
        elif kept_part == _DEFAULT:
            forms[position] = ...
        elif kept_part not in (_IGNORED, _IN_PART) and is_same:
            digest: Any = kept_part
            forms[position] = [[bytes.fromhex(digest)]]
        else:
            # The argument counts now, or another part of it, and nothing tells it.
            raise NotKeptError(name.lstrip("*"))
    return new_identity.key_of_forms(forms)


def _argument_tree(
    name: str, names: Sequence[str], described: Mapping[str, Any]
) -> Any:
    """Return the description of an argument, by the name in the signature.

    `**extra` is described by the names that the call gave, and an empty `*rest` not at
    all.
    """
    if name in described:
        return described[name]
    if name.startswith("**"):
        return {key: tree for key, tree in described.items() if key not in names}
    if name.startswith("*"):
        return plain_of(Items("tuple", []))
    return _NotDescribed


class _NotDescribed:
    """Stands for a part that the description does not have."""


def is_digest(part: object) -> TypeGuard[str]:
    """Return whether what is kept of an argument is the digest of what counts of it."""
    return type(part) is str and part not in (_DEFAULT, _IGNORED, _IN_PART)


def _digest_in(form: object) -> bytes | None:
    """Return the digest in a form of `CallIdentity`, `[[b"..."]]`.

    None: the form is a short value itself.
    """
    if type(form) is list and len(form) == 1 and type(form[0]) is list:
        digest_list: list[Any] = form[0]
        if len(digest_list) == 1 and type(digest_list[0]) is bytes:
            return digest_list[0]
    return None


# -- clients


def client_parts(
    names: Sequence[str],
    parts: Mapping[str, Any],
    described: Mapping[str, Any],
    without_secrets: Callable[[dict[str, Any]], dict[str, Any]],
) -> KeptParts:
    """Return what to keep of a client's call; see `function_parts`.

    Args:
        names: The parts that count by default, in their order.
        parts: All parts by name, redacted.
        described: The description of the call.
        without_secrets: Hides the secrets of the call, as its description does.
    """
    parts_without_secrets = without_secrets({name: parts[name] for name in names})
    kept_parts: KeptParts = {}
    for name in names:
        kept_parts[name] = None
        if not _is_described(name, parts_without_secrets[name], described):
            kept_parts[name] = kept_value(parts_without_secrets[name])
    return kept_parts


def kept_value(value: Any) -> Any:
    """Return what a recording keeps of a client's part that it does not describe.

    That is the value itself, unless it would read as something else in the file.
    `rekey` asks it, too, for a part in which it has hidden a secret.
    """
    is_mapping = type(value) is dict and value.keys() == {"value"}
    return {"value": value} if value is None or is_mapping else value


def _is_described(name: str, value: object, described: Mapping[str, Any]) -> bool:
    """Return whether the description of a call has the value of a part.

    It may have another word for the part: a server may be described by its name, and
    count by its number.
    """
    if name not in described:
        return False
    tree = described[name]
    is_plain = type(value) in _SCALAR_TYPES and type(tree) in _SCALAR_TYPES
    return not is_plain or (type(value) is type(tree) and value == tree)


def values_of_client_parts(
    kept_parts: KeptParts, described: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values of the kept parts of a client's call, by name.

    Raises:
        NotKeptError: The description does not show a part whole.
    """
    values: dict[str, Any] = {}
    for name, kept_part in kept_parts.items():
        if kept_part is None:
            # The description has the value, so it is not kept twice.
            tree = described.get(name, _NotDescribed)
            values[name] = _restored_value(name, tree, is_of_client=True)
        elif type(kept_part) is dict and kept_part.keys() == {"value"}:
            # `kept_value` has wrapped `null`, or another such mapping.
            values[name] = kept_part["value"]
        else:
            values[name] = kept_part
    return values


def client_key(
    client_kind: str,
    values: Mapping[str, Any],
    described: Mapping[str, Any],
    *,
    recorded_match: Sequence[str],
    ignore: Sequence[str],
    match: Sequence[str],
    implied: Mapping[str, Sequence[str]],
) -> str:
    """Return the identity of a client's recorded call under these options.

    `rekey` and a miss ask for it, as for `function_key`.

    Args:
        client_kind: The name under which the calls of the client are recorded, `http`.
        values: The parts that count by default, by name.
        described: The description of the call, which has what `match=` has named.
        recorded_match: The paths that `match=` named when the call was recorded.
        ignore: The paths of `ignore=`.
        match: The paths of `match=`.
        implied: Parts that are left out together with another one.

    Raises:
        NotKeptError: A part that `match=` names is not kept.
    """
    counted_parts = dict(values)
    for path in sorted(match):
        is_ignored = any(
            path == ignored_path or path.startswith(f"{ignored_path}.")
            for ignored_path in ignore
        )
        value = None
        if not is_ignored:
            value = value_at_match_path(path, values, described, recorded_match)
        # Under such a name, a call counts a part of `match=` when it is made, too.
        counted_parts[f"match {path}"] = value
    names = tuple(counted_parts)
    identity = CallIdentity(
        client_kind, names, ignore=uncounted_paths(ignore, names, implied)
    )
    return identity.key(tuple(counted_parts.values()))


def value_at_match_path(
    path: str,
    values: Mapping[str, Any],
    described: Mapping[str, Any],
    recorded_match: Sequence[str],
) -> Any:
    """Return the value at a path of `match=`.

    `headers.accept` leads to the value of `accept` in the part `headers`. `client_key`
    puts it into the identity of a recorded call.

    Raises:
        NotKeptError: The part is not kept.
    """
    if path in recorded_match:
        return _restored_value(path, described.get(path), is_of_client=True)
    first_step, *inner_steps = path.split(".")
    if first_step not in values:
        raise NotKeptError(path)
    matched_value = values[first_step]
    for step in inner_steps:
        if not isinstance(matched_value, dict):
            return None
        matched_value = matched_value.get(step)
    return matched_value


# -- values


def tree_of_kept_value(value: object) -> Any:
    """Return the whole description of a text, bytes, or a list or mapping of scalars.

    Any other value becomes a description from which nothing can be restored.
    """
    return plain_of(_node_of_kept_value(value))


def _node_of_kept_value(value: object) -> Node:
    """Return the nodes of a value; a `Cut` for what is none of those values."""
    if type(value) is list or type(value) is tuple:
        parts: Sequence[object] = value
        return Items(
            type(value).__name__, [_node_of_kept_value(item) for item in parts]
        )
    if type(value) is dict:
        # Its keys need not be texts, which alone could be keys of JSON.
        pairs: list[Node] = []
        for key, item in value.items():
            pairs.append(
                Items("list", [_node_of_kept_value(key), _node_of_kept_value(item)])
            )
        return Items("dict", pairs)
    if type(value) is float and not isfinite(value):
        return Opaque("float", repr(value))
    if type(value) is bytes and value.isascii():
        return Opaque("bytes", value.decode())
    if type(value) is bytes:
        return Opaque("base64", b64encode(value).decode())
    is_scalar = type(value) in _SCALAR_TYPES
    return value if is_scalar else Cut("")  # type: ignore[return-value]


def _restored_value(name: str, tree: object, *, is_of_client: bool = False) -> Any:
    """Return the value that a description shows.

    `is_of_client` is as for `value_described_by`.

    Raises:
        NotKeptError: The description shows no such value, or cuts it. The error has the
            `name`.
    """
    if tree is _NotDescribed:
        raise NotKeptError(name)
    try:
        return value_described_by(tree, is_of_client=is_of_client)
    except ValueError:
        raise NotKeptError(name) from None
