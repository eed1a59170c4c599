"""The error for an outcome that cannot be stored, which names the part that cannot."""

from __future__ import annotations

from pytest_mimic._core.identity.libraries import words_for
from pytest_mimic._core.identity.opening import parts_of
from pytest_mimic._core.outcome import pickles
from pytest_mimic._core.outcome.outcome import OutcomeKind
from pytest_mimic._core.outcome.reducing import UnkeptError, lazy_remedy
from pytest_mimic.errors import UnstorableOutcomeError

_VERBS = {"value": "returned", "raised": "raised", "stream": "yielded"}


def refusal(
    roots: dict[str, object], kind: OutcomeKind, target: str | None, reason: Exception
) -> UnstorableOutcomeError:
    """Return the error that names the part which cannot be stored; `roots` are the outcome's parts by name."""
    guilty = [(name, value) for name, value in roots.items() if not is_storable(value)]
    path = guilty[0][0] if guilty else next(iter(roots))
    is_lost = isinstance(reason, UnkeptError)
    cause = str(reason) if is_lost else f"{type(reason).__name__}: {reason}"
    remedy = "name a function further out, which returns data"
    if is_lost:
        remedy = f"give its class a __reduce__ that keeps all of it, or {remedy}"
    if isinstance(reason, RecursionError):
        facts = [f"{path}: nested too deeply"]
    elif not guilty:
        facts = [f"{path}: {cause}"]
    else:
        root = path
        path, part = _find_part(guilty[0][1], root)
        facts = [f"{path}: {describe(part)}"]
        if (lazy := lazy_remedy(part)) is not None:
            remedy = f"let {target or 'the call'} return its data: {lazy}"
        elif path == root or is_lost:
            facts.append(cause)
    return UnstorableOutcomeError(
        f"what {target or 'the call'} {_VERBS[kind]} cannot be stored",
        facts=facts,
        remedies=[remedy, "nothing was recorded"],
        path=path,
    )


def is_storable(value: object) -> bool:
    try:
        pickles.dump(value)
    except Exception:  # the value's parts may raise anything
        return False
    return True


def _find_part(value: object, path: str) -> tuple[str, object]:
    """Return the path of the first innermost part that cannot be stored, and that part."""
    seen: set[int] = set()
    while True:
        seen.add(id(value))
        if lazy_remedy(value) is not None:
            return path, value
        for part in parts_of(value):
            if id(part.value) not in seen and not is_storable(part.value):
                path, value = path + part.step, part.value
                break
        else:
            return path, value


def describe(part: object) -> str:
    """Return what a part is: `an open file`, `a Session object`."""
    kind = type(part)
    article = "an" if kind.__name__[:1].lower() in "aeiou" else "a"
    what = words_for(kind) or f"{article} {kind.__name__} object"
    return what if lazy_remedy(part) is None else f"{what}, which may read files later"
