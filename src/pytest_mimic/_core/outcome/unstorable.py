"""The error for an outcome that cannot be stored, which names the part that cannot."""

from __future__ import annotations

from pytest_mimic._core.outcome import pickling
from pytest_mimic._core.outcome.faults import UnkeptError
from pytest_mimic._core.outcome.outcome import OutcomeKind
from pytest_mimic._core.types.libraries import words_for
from pytest_mimic._core.types.opening import parts_of
from pytest_mimic.errors import UnstorableOutcomeError

_VERBS = {"value": "returned", "raised": "raised", "stream": "yielded"}


def refusal(
    roots: dict[str, object], kind: OutcomeKind, target: str | None, reason: Exception
) -> UnstorableOutcomeError:
    """Return the error that names the part which cannot be stored; `roots` are the outcome's parts by name."""
    guilty = [(name, value) for name, value in roots.items() if not _is_storable(value)]
    root, part = guilty[0] if guilty else next(iter(roots.items()))
    path = root
    if guilty and not isinstance(reason, RecursionError):
        path, part = _find_part(part, root)
    cause = str(reason) if isinstance(reason, UnkeptError) else f"{type(reason).__name__}: {reason}"
    facts = [f"{path}: {_words(part)}"]
    remedy = "name a function further out, which returns data"
    if (lazy := pickling.lazy_remedy(part)) is not None:
        facts = [f"{facts[0]}, which may read files later"]
        remedy = f"let {target or 'the call'} return its data: {lazy}"
    elif isinstance(reason, RecursionError):
        facts = [f"{path}: nested too deeply"]
    elif path == root or isinstance(reason, UnkeptError):
        facts.append(cause)
    return UnstorableOutcomeError(
        f"what {target or 'the call'} {_VERBS[kind]} cannot be stored",
        facts=facts,
        remedies=[remedy, "nothing was recorded"],
        path=path,
    )


def _is_storable(value: object) -> bool:
    try:
        pickling.dump(value)
    except Exception:  # the value's parts may raise anything
        return False
    return True


def _find_part(value: object, path: str) -> tuple[str, object]:
    """Return the path of the first innermost part that cannot be stored, and that part."""
    seen: set[int] = set()
    while pickling.lazy_remedy(value) is None:
        seen.add(id(value))
        inner = (part for part in parts_of(value) if id(part.value) not in seen)
        guilty = next((part for part in inner if not _is_storable(part.value)), None)
        if guilty is None:
            break
        path, value = path + guilty.step, guilty.value
    return path, value


def _words(part: object) -> str:
    """Return what a part is: `an open file`, `a Session object`."""
    kind = type(part)
    article = "an" if kind.__name__[:1].lower() in "aeiou" else "a"
    return words_for(kind) or f"{article} {kind.__name__} object"
