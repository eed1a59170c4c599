"""Outcomes as readable JSON if JSON keeps them exactly, otherwise as pickles."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from json import loads
from typing import Any, cast

from xxhash import xxh3_128

from pytest_mimic._outcome import exceptions, loading, pickles, unstorable
from pytest_mimic._outcome.outcome import Outcome, OutcomeKind
from pytest_mimic._outcome.plain import text_of
from pytest_mimic.errors import UnstorableOutcomeError

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_VERBS = {"value": "returned", "raised": "raised", "stream": "yielded"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of one item of a stream, made when the item was yielded.

    The fingerprint is 32 hex digits, equal for equal items. `text` is readable JSON; it or `pickled` is None.
    """

    fingerprint: str
    text: str | None
    pickled: pickles.Pickled | None

    def load(self) -> Any:
        """Return a fresh copy of the item."""
        if self.text is not None:
            return loads(self.text)
        kept = cast(pickles.Pickled, self.pickled)
        return loading.load_all(b"".join(kept.chunks), kept.copies(), pickles.ImportCollector(), count=1)[0]


@dataclass(frozen=True, slots=True)
class Encoded:
    """An outcome in memory: the text of a JSON body, or pickles.

    `changes` names the arguments that the call changed. The fingerprint is 32 hex digits, equal for equal outcomes.
    `text` is readable JSON; it or `pickled` is None. The pickles are the body and a stream's items, `count` in all.
    """

    kind: OutcomeKind
    changes: list[str]
    fingerprint: str
    text: str | None = None
    pickled: pickles.Pickled | None = None
    count: int = 1


def snapshot(value: object, *, path: str = "result", target: str | None = None) -> Snapshot:
    """Return a copy of an item of a stream, whose object may change afterwards. An error names it by `path`.

    Raises:
        UnstorableOutcomeError: A part can neither be written as JSON nor pickled and loaded again.
    """
    text = text_of(value)
    if text is not None:
        return Snapshot(_hex(text), text=text, pickled=None)
    try:
        pickled = pickles.dump(value)
    except Exception as reason:  # the value's parts may raise anything
        raise _refusal({path: value}, "stream", target, reason) from None
    pickled.detach()
    return Snapshot(_fingerprint(value, pickled), text=None, pickled=pickled)


def encode(outcome: Outcome, *, target: str | None = None) -> Encoded:
    """Return the outcome in memory, ready to be stored.

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
        return _encode(outcome, items, target)
    with exceptions.cut(last.exception, last.outer):
        try:
            return _encode(outcome, items, target)
        except UnstorableOutcomeError:
            # A cause is part of the outcome: it was chosen with `from`. A context came along by chance, so a recording
            # does without one that cannot be stored.
            for link in exceptions.chain(last.exception):
                context = link.__context__
                if context is not None and context is not link.__cause__ and not _is_storable(context):
                    with exceptions.cut(last.exception, context):
                        return _encode(outcome, items, target)
            raise


def _encode(outcome: Outcome, items: list[Snapshot], target: str | None) -> Encoded:
    changes = list(outcome.changed)
    if all(item.text is not None for item in items):
        text = text_of(_body(outcome, [item.load() for item in items], plain=True))
        if text is not None:
            return Encoded(outcome.kind, changes, _hex(text), text=text)
    body = _body(outcome, len(items))
    last = outcome.last or outcome
    error = last.exception if last.kind == "raised" else None
    try:
        pickled = pickles.dump(body)
    except Exception as reason:  # the value's parts may raise anything
        result = {"exception": error} if last.kind == "raised" else {"result": last.value}
        roots = {**outcome.changed, **result, "sent": outcome.sent}
        raise _refusal(roots, last.kind, target, reason) from None
    parts: object = body
    if error is not None:
        raised = _exception_parts(error)
        parts = {"kind": outcome.kind, "raised": raised, "changed": outcome.changed, "sent": outcome.sent}
    fingerprint = _fingerprint(parts, pickled)
    if items:
        pickled = _joined([pickled, *(item.pickled or pickles.dump(item.load()) for item in items)])
        fingerprint = _hex("".join([fingerprint, *(item.fingerprint for item in items)]))
    return Encoded(outcome.kind, changes, fingerprint, pickled=pickled, count=1 + len(items))


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
    )


# Errors


def _refusal(
    roots: dict[str, object], kind: OutcomeKind, target: str | None, reason: Exception
) -> UnstorableOutcomeError:
    """Return the error that names the part which cannot be stored; `roots` are the outcome's parts by name."""
    guilty = [(name, value) for name, value in roots.items() if not _is_storable(value)]
    path = guilty[0][0] if guilty else next(iter(roots))
    cause = f"{type(reason).__name__}: {reason}"
    if isinstance(reason, RecursionError):
        facts = [f"{path}: nested too deeply"]
    elif not guilty:
        facts = [f"{path}: {cause}"]
    else:
        root = path
        path, part = unstorable.find_part(guilty[0][1], root, _is_storable)
        facts = [f"{path}: {unstorable.describe(part)}"]
        if path == root:
            facts.append(cause)
    return UnstorableOutcomeError(
        f"what {target or 'the call'} {_VERBS[kind]} cannot be stored",
        facts=facts,
        remedies=["nothing was recorded"],
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


def _fingerprint(value: object, pickled: pickles.Pickled) -> str:
    # A value without identity has its pickle's hash. So has a value with a class that defines its own identity, which
    # may leave out parts that a replay must give back.
    from pytest_mimic._identity import fingerprint_outcome

    found = None
    if not pickled.has_custom_identity:
        with suppress(Exception):  # methods of the value's own types may raise anything
            found = fingerprint_outcome(value)
    if found is None:
        digest = xxh3_128()
        for chunk in pickled.chunks:
            digest.update(chunk)
        for buffer in pickled.buffers:
            digest.update(buffer.memory)
        return digest.hexdigest()
    return _hex(found + loading.python_version()) if pickled.by_value else found


def _hex(text: str) -> str:
    return xxh3_128(text.encode()).hexdigest()
