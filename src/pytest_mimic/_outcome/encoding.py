"""Outcomes as readable JSON if JSON keeps them exactly, otherwise as pickles."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from json import loads
from typing import Any, cast

from xxhash import xxh3_128

from pytest_mimic._outcome import exceptions, loading, pickles, unstorable
from pytest_mimic._outcome.outcome import Outcome, OutcomeKind
from pytest_mimic._outcome.placing import NEUTRAL, NOWHERE, PathStore
from pytest_mimic._outcome.plain import repeated_parts, text_of
from pytest_mimic._outcome.reducing import lazy_remedy
from pytest_mimic._outcome.tags import tagged, untagged
from pytest_mimic.errors import UnstorableOutcomeError

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_VERBS = {"value": "returned", "raised": "raised", "stream": "yielded"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of one item of a stream, made when the item was yielded.

    The fingerprint is 32 hex digits, equal for equal items. `text` is readable JSON, perhaps with tags; it or `pickled` is
    None. `paths` stored its paths.
    """

    fingerprint: str
    text: str | None
    pickled: pickles.Pickled | None
    is_tagged: bool = False
    paths: PathStore = NOWHERE

    def load(self) -> Any:
        """Return a fresh copy of the item."""
        if self.text is not None:
            tree = loads(self.text)
            return untagged(tree, self.paths) if self.is_tagged else tree
        return _load(cast(pickles.Pickled, self.pickled), self.paths)


@dataclass(frozen=True, slots=True)
class Encoded:
    """An outcome in memory: the text of a JSON body, or pickles.

    `changes` names the arguments that the call changed. The fingerprint is 32 hex digits, equal for equal outcomes.
    `text` is readable JSON; it or `pickled` is None. The pickles are the body and a stream's items, `count` in all. It
    `is_tagged` if parts of it are stored as tags, or paths by their places.
    """

    kind: OutcomeKind
    changes: list[str]
    fingerprint: str
    text: str | None = None
    pickled: pickles.Pickled | None = None
    count: int = 1
    is_tagged: bool = False


def snapshot(
    value: object, *, path: str = "result", target: str | None = None, paths: PathStore = NOWHERE
) -> Snapshot:
    """Return a copy of an item of a stream, whose object may change afterwards. An error names it by `path`.

    Raises:
        UnstorableOutcomeError: A part can neither be written as JSON nor pickled and loaded again.
    """
    text, is_tagged = _text(value, paths)
    if text is not None:
        return Snapshot(_hex(text), text=text, pickled=None, is_tagged=is_tagged, paths=paths)
    try:
        pickled = pickles.dump(value, paths)
    except Exception as reason:  # the value's parts may raise anything
        raise _refusal({path: value}, "stream", target, reason) from None
    pickled.detach()
    return Snapshot(_fingerprint(value, pickled), text=None, pickled=pickled, paths=paths)


def encode(outcome: Outcome, *, target: str | None = None, paths: PathStore = NOWHERE) -> Encoded:
    """Return the outcome in memory, ready to be stored; its paths as `paths` stores them.

    Its large buffers are not copied: call `pickled.detach()` before they may change.

    Raises:
        UnstorableOutcomeError: A part can neither be written as JSON nor pickled and loaded again.
    """
    items = [
        item if isinstance(item, Snapshot) else snapshot(item, path=f"items[{index}]", target=target)
        for index, item in enumerate(outcome.items)
    ]
    last = outcome.last
    if last is None or last.exception is None:
        return _encode(outcome, items, target, paths)
    with exceptions.cut(last.exception, last.outer):
        try:
            return _encode(outcome, items, target, paths)
        except UnstorableOutcomeError:
            # A cause is part of the outcome: it was chosen with `from`. A context came along by chance, so a recording
            # does without one that cannot be stored.
            for link in exceptions.chain(last.exception):
                context = link.__context__
                if context is not None and context is not link.__cause__ and not _is_storable(context):
                    with exceptions.cut(last.exception, context):
                        return _encode(outcome, items, target, paths)
            raise


def _encode(outcome: Outcome, items: list[Snapshot], target: str | None, paths: PathStore) -> Encoded:
    changes = list(outcome.changed)
    if all(item.text is not None for item in items):
        text, is_tagged = _text(_body(outcome, [item.load() for item in items], plain=True), paths)
        if text is not None:
            return Encoded(outcome.kind, changes, _hex(text), text=text, is_tagged=is_tagged)
    body = _body(outcome, len(items))
    try:
        pickled = pickles.dump(body, paths)
    except Exception as reason:  # the value's parts may raise anything
        last = outcome.last or outcome
        result = {"exception": last.exception} if last.kind == "raised" else {"result": last.value}
        roots = {**outcome.changed, **result, "sent": outcome.sent}
        raise _refusal(roots, last.kind, target, reason) from None
    fingerprint = _fingerprint(body, pickled, counted=_counted_parts)
    if items:
        pickled = _joined([pickled, *(item.pickled or pickles.dump(item.load(), paths) for item in items)])
        fingerprint = _hex("".join([fingerprint, *(item.fingerprint for item in items)]))
    count, is_tagged = 1 + len(items), pickled.has_paths
    return Encoded(outcome.kind, changes, fingerprint, pickled=pickled, count=count, is_tagged=is_tagged)


def _text(value: Any, paths: PathStore) -> tuple[str | None, bool]:
    """Return a value as readable JSON, or None if JSON does not keep it, and whether it has tags."""
    text = text_of(value)
    if text is not None and not paths.may_hold(text):
        return text, False
    tree = tagged(value, paths)
    if tree is value:
        return text, False
    return (None, False) if tree is None else (text_of(tree), True)


def _load(pickled: pickles.Pickled, paths: loading.PathRestorer) -> Any:
    stream, buffers = b"".join(pickled.chunks), pickled.copies()
    return loading.load_all(stream, buffers, pickles.ImportCollector(), count=1, paths=paths)[0]


def _body(outcome: Outcome, items: object, *, plain: bool = False) -> dict[str, Any]:
    """Return the outcome as a tree. For JSON (`plain`), its exceptions are trees as well."""
    body: dict[str, Any] = {}
    returned = next((name for name, new in outcome.changed.items() if new is outcome.value), None)
    if outcome.kind == "raised":
        exception = cast(BaseException, outcome.exception)
        body["raised"] = exceptions.to_plain(exception) if plain else exception
    elif outcome.kind == "stream":
        end = None if outcome.end is None else _body(outcome.end, (), plain=plain)
        body["stream"] = {"items": items, "end": end}
        if outcome.sent is not None:
            body["stream"]["sent"] = outcome.sent
    elif returned is not None and not isinstance(outcome.value, (str, int, float, bytes, type(None))):
        body["returned"] = returned
    else:
        body["value"] = outcome.value
    if outcome.changed:
        body["changed"] = outcome.changed
    return body


def _joined(parts: list[pickles.Pickled]) -> pickles.Pickled:
    return pickles.Pickled(
        [chunk for part in parts for chunk in part.chunks],
        [buffer for part in parts for buffer in part.buffers],
        imports=sorted({name for part in parts for name in part.imports}),
        code=sorted({name for part in parts for name in part.code}),
        by_value=any(part.by_value for part in parts),
        has_custom_identity=any(part.has_custom_identity for part in parts),
        has_paths=any(part.has_paths for part in parts),
    )


# Errors


def _refusal(
    roots: dict[str, object], kind: OutcomeKind, target: str | None, reason: Exception
) -> UnstorableOutcomeError:
    """Return the error that names the part which cannot be stored; `roots` are the outcome's parts by name."""
    guilty = [(name, value) for name, value in roots.items() if not _is_storable(value)]
    path = guilty[0][0] if guilty else next(iter(roots))
    cause = f"{type(reason).__name__}: {reason}"
    remedies = ["nothing was recorded"]
    if isinstance(reason, RecursionError):
        facts = [f"{path}: nested too deeply"]
    elif not guilty:
        facts = [f"{path}: {cause}"]
    else:
        root = path
        path, part = unstorable.find_part(guilty[0][1], root, _is_storable)
        facts = [f"{path}: {unstorable.describe(part)}"]
        if (remedy := lazy_remedy(part)) is not None:
            remedies.insert(0, f"let {target or 'the call'} return its data: {remedy}")
        elif path == root:
            facts.append(cause)
    return UnstorableOutcomeError(
        f"what {target or 'the call'} {_VERBS[kind]} cannot be stored",
        facts=facts,
        remedies=remedies,
        path=path,
    )


def _is_storable(value: object) -> bool:
    try:
        pickles.dump(value)
    except Exception:  # the value's parts may raise anything
        return False
    return True


# Fingerprints


def _exception_parts(exception: BaseException, seen: tuple[int, ...] = ()) -> object:
    """Return the data that an exception's fingerprint is computed from."""
    seen = (*seen, id(exception))
    state = exceptions.state_of(exception)
    for name in ("context", "cause"):
        if name in state:
            state[name] = None if id(state[name]) in seen else _exception_parts(state[name], seen)
    args = [_exception_parts(arg, seen) if isinstance(arg, BaseException) else arg for arg in exception.args]
    return type(exception), args, state


def _counted_parts(body: dict[str, Any]) -> object:
    """Return a body, in which the exception that it ends with is replaced by its parts."""
    stream = body.get("stream", {})
    end = stream.get("end") or body
    if "raised" not in end:
        return body
    kind, raised = "stream" if stream else "raised", _exception_parts(end["raised"])
    return {"kind": kind, "raised": raised, "changed": body.get("changed", {}), "sent": stream.get("sent")}


def _fingerprint(
    value: Any, pickled: pickles.Pickled, counted: Callable[[Any], object] = lambda value: value
) -> str:
    # A value without identity has its pickle's hash. So has a value with a class that defines its own identity, which
    # may leave out parts that a replay must give back.
    from pytest_mimic._identity import fingerprint_outcome

    found = None
    if not pickled.has_custom_identity:
        with suppress(Exception):  # methods of the value's own types may raise anything
            found = fingerprint_outcome(counted(_load(pickled, NEUTRAL) if pickled.has_paths else value))
    if found is None:
        digest = xxh3_128()
        for chunk in pickled.chunks:
            digest.update(chunk)
        for buffer in pickled.buffers:
            digest.update(buffer.memory)
        return digest.hexdigest()
    if repeated := repeated_parts(value):  # which do not count in identities
        found = _hex(f"{found}{repeated}")
    return _hex(found + loading.python_version()) if pickled.by_value else found


def _hex(text: str) -> str:
    return xxh3_128(text.encode()).hexdigest()
