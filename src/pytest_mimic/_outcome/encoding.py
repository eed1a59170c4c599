"""Outcomes turned into readable JSON where that keeps them exactly, else into pickles; and back."""

from __future__ import annotations

from json import loads
from typing import Any, cast

from xxhash import xxh3_128

from pytest_mimic._outcome import Kind, Outcome, exceptions, loading, pickles, unstorable
from pytest_mimic._outcome.plain import text_of
from pytest_mimic.errors import UnstorableOutcomeError

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

_VERBS = {"value": "returned", "raised": "raised", "stream": "yielded"}
_NOTHING_RECORDED = "nothing was recorded"


class Snapshot:
    """One value as it was at one moment: an item of a stream."""

    __slots__ = ("fingerprint", "pickled", "text")

    def __init__(self, fingerprint: str, *, text: str | None, pickled: pickles.Pickled | None) -> None:
        self.fingerprint = fingerprint
        self.text = text
        self.pickled = pickled

    def load(self) -> Any:
        """The value, fresh."""
        if self.text is not None:
            return loads(self.text)
        kept = cast(pickles.Pickled, self.pickled)
        return loading.load_all(b"".join(kept.chunks), kept.copies(), pickles.Census(), count=1)[0]


class Encoded:
    """An outcome in memory: the text of a JSON body, or a pickled one.

    Attributes:
        kind: The outcome's kind.
        changes: The names of the arguments it changes.
        fingerprint: 32 hex digits; equal for equal outcomes.
        text: The body as readable JSON, or None.
        pickled: The body and a stream's items as pickles, or None.
        count: How many pickles there are.
    """

    __slots__ = ("changes", "count", "fingerprint", "kind", "pickled", "text")

    def __init__(
        self,
        kind: Kind,
        changes: list[str],
        fingerprint: str,
        *,
        text: str | None = None,
        pickled: pickles.Pickled | None = None,
        count: int = 1,
    ) -> None:
        self.kind: Kind = kind
        self.changes = changes
        self.fingerprint = fingerprint
        self.text = text
        self.pickled = pickled
        self.count = count


def encode(outcome: Outcome, *, target: str | None = None) -> Encoded:
    """See `pytest_mimic._outcome.encode`."""
    items = [
        item if isinstance(item, Snapshot) else snapshot(item, path=f"items[{index}]", target=target)
        for index, item in enumerate(outcome.items)
    ]
    last = outcome.end if outcome.kind == "stream" else outcome
    if last is None or last.exception is None:
        return _encode(outcome, items, target)
    with exceptions.cut(last.exception, last.outer):
        try:
            return _encode(outcome, items, target)
        except UnstorableOutcomeError:
            guilty = _unstorable_context(last.exception)
            if guilty is None:
                raise
            # A cause is part of the outcome; a context that cannot be stored is not.
            with exceptions.cut(last.exception, guilty):
                return _encode(outcome, items, target)


def _encode(outcome: Outcome, items: list[Snapshot], target: str | None) -> Encoded:
    changes = list(outcome.changed)
    text = _plain_text(outcome, items)
    if text is not None:
        return Encoded(outcome.kind, changes, _hex(text), text=text)
    body = _body(outcome, len(items))
    pickled = _dump_outcome(body, outcome, target)
    fingerprint = _fingerprint(_counted(outcome, body), pickled)
    if items:
        pickled = _joined([pickled, *(_pickled(item) for item in items)])
        fingerprint = _hex("".join([fingerprint, *(item.fingerprint for item in items)]))
    return Encoded(outcome.kind, changes, fingerprint, pickled=pickled, count=1 + len(items))


def snapshot(value: object, *, path: str, target: str | None) -> Snapshot:
    """See `pytest_mimic._outcome.snapshot`."""
    text = text_of(value)
    if text is not None:
        return Snapshot(_hex(text), text=text, pickled=None)
    try:
        pickled = pickles.dump(value)
    except Exception as reason:  # whatever the value's parts raise
        raise _refusal({path: value}, "stream", target, reason) from None
    pickled.detach()
    return Snapshot(_fingerprint(value, pickled), text=None, pickled=pickled)


def decode_plain(body: Any) -> Outcome:
    """The outcome of a JSON body, which it takes over.

    Raises:
        KeyError, TypeError, ValueError: The body has another shape.
        ImportError, AttributeError: An exception's class does not exist.
    """
    outcome = _decode(body)
    if outcome.kind == "stream":
        outcome.items = body["stream"]["items"]
    return outcome


def decode_pickled(bodies: list[Any]) -> Outcome:
    """The outcome of loaded pickles: the body, then a stream's items.

    Raises:
        LookupError, TypeError, AttributeError: The body has another shape.
    """
    outcome = _decode(bodies[0])
    outcome.items = bodies[1:]
    return outcome


def _decode(body: Any) -> Outcome:
    changed = body.get("changed", {})
    if "raised" in body:
        outcome = Outcome("raised", exception=_exception(body["raised"]))
    elif "stream" in body:
        stream = body["stream"]
        end = stream.get("end")
        outcome = Outcome("stream", end=None if end is None else _decode(end), sent=stream.get("sent"))
    elif "returned" in body:
        outcome = Outcome("value", value=changed[body["returned"]])
    else:
        outcome = Outcome("value", value=body["value"])
    outcome.changed = changed
    return outcome


def _exception(held: Any) -> Exception:
    made = exceptions.from_plain(held) if isinstance(held, dict) else held
    if not isinstance(made, Exception):
        raise TypeError(f"{type(made)!r} is no outcome: only an Exception is")
    return made


def _plain_text(outcome: Outcome, items: list[Snapshot]) -> str | None:
    """The JSON body, where all of it is plain."""
    if any(item.text is None for item in items):
        return None
    body = _body(outcome, [item.load() for item in items], plain=True)
    return text_of(body)


def _body(outcome: Outcome, items: object, *, plain: bool = False) -> dict[str, Any]:
    """The outcome as a tree; exceptions as trees too where it is for JSON."""
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
    elif returned is not None and not _is_atom(outcome.value):
        body["returned"] = returned
    else:
        body["value"] = outcome.value
    if outcome.changed:
        body["changed"] = outcome.changed
    return body


def _is_atom(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float, bytes))


def _dump_outcome(body: dict[str, Any], outcome: Outcome, target: str | None) -> pickles.Pickled:
    try:
        return pickles.dump(body)
    except Exception as reason:  # whatever the value's parts raise
        last = outcome.end if outcome.kind == "stream" and outcome.end is not None else outcome
        roots: dict[str, object] = dict(outcome.changed)
        if last.kind == "raised":
            roots["exception"] = last.exception
        else:
            roots["result"] = last.value
        roots["sent"] = outcome.sent
        raise _refusal(roots, last.kind, target, reason) from None


def _unstorable_context(exception: BaseException) -> BaseException | None:
    """The first context that cannot be stored."""
    for link in exceptions.chain(exception):
        context = link.__context__
        if context is not None and context is not link.__cause__ and not _storable(context):
            return context
    return None


def _refusal(
    roots: dict[str, object], kind: Kind, target: str | None, reason: Exception
) -> UnstorableOutcomeError:
    """The error that names the part."""
    what = f"what {target or 'the call'} {_VERBS[kind]} cannot be stored"
    guilty = [(path, value) for path, value in roots.items() if not _storable(value)]
    if isinstance(reason, RecursionError) or not guilty:
        path = guilty[0][0] if guilty else next(iter(roots))
        cause = (
            "nested too deeply"
            if isinstance(reason, RecursionError)
            else f"{type(reason).__name__}: {reason}"
        )
        return UnstorableOutcomeError(
            what, facts=[f"{path}: {cause}"], remedies=[_NOTHING_RECORDED], path=path
        )
    path, part = unstorable.find_part(guilty[0][1], guilty[0][0], _storable)
    facts = [f"{path}: {unstorable.describe(part)}"]
    if path == guilty[0][0]:
        facts.append(f"{type(reason).__name__}: {reason}")
    return UnstorableOutcomeError(what, facts=facts, remedies=[_NOTHING_RECORDED], path=path)


def _storable(value: object) -> bool:
    try:
        pickles.dump(value)
    except Exception:  # whatever the value's parts raise
        return False
    return True


def _pickled(item: Snapshot) -> pickles.Pickled:
    if item.pickled is not None:
        return item.pickled
    return pickles.dump(item.load())


def _joined(parts: list[pickles.Pickled]) -> pickles.Pickled:
    return pickles.Pickled(
        [chunk for part in parts for chunk in part.chunks],
        [buffer for part in parts for buffer in part.buffers],
        imports={name for part in parts for name in part.imports},
        code={name for part in parts for name in part.code},
        by_value=any(part.by_value for part in parts),
        is_told=any(part.is_told for part in parts),
    )


def _counted(outcome: Outcome, body: dict[str, Any]) -> object:
    """What the outcome's identity is taken of: exceptions taken apart."""
    last = outcome.end if outcome.kind == "stream" else outcome
    if last is None or last.kind != "raised":
        return body
    parts = _exception_parts(cast(BaseException, last.exception))
    return {"kind": outcome.kind, "raised": parts, "changed": outcome.changed, "sent": outcome.sent}


def _exception_parts(exception: BaseException, seen: tuple[int, ...] = ()) -> object:
    seen = (*seen, id(exception))
    state = exceptions.state_of(exception)
    for name in ("context", "cause"):
        if name in state:
            state[name] = None if id(state[name]) in seen else _exception_parts(state[name], seen)
    args = [_exception_parts(arg, seen) if isinstance(arg, BaseException) else arg for arg in exception.args]
    return type(exception), args, state


def _fingerprint(value: object, pickled: pickles.Pickled) -> str:
    """The outcome's identity; its pickle's, where it has none or where a type's own idea of it may hide parts."""
    found = None
    if not pickled.is_told:
        found = _identity(value)
    if found is None:
        digest = xxh3_128()
        for chunk in pickled.chunks:
            digest.update(chunk)
        for buffer in pickled.buffers:
            digest.update(buffer.memory)
        return digest.hexdigest()
    return _hex(found + loading.python_version()) if pickled.by_value else found


def _identity(value: object) -> str | None:
    from pytest_mimic._identity import fingerprint_outcome

    try:
        return fingerprint_outcome(value)
    except Exception:  # methods of the value's own types may raise anything
        return None


def _hex(text: str) -> str:
    return xxh3_128(text.encode()).hexdigest()
