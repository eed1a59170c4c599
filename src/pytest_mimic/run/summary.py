"""Says at the end of a run what became of its calls, from its events alone."""

from __future__ import annotations

from pytest_mimic.engine.events import CALLS
from pytest_mimic.engine.unused import rows_of
from pytest_mimic.engine.usage import CRASHED
from pytest_mimic.run.costs import saved, spent, tokens_by_model
from pytest_mimic.run.session import Session
from pytest_mimic.words import SHOWN, duration, folded, plural, size_in_words, to_paste

# What needs no word beside the counts of the first line.
_COUNTED = ("replayed", "recorded", "verified", "opened", "put back")


def summary(session: Session, *, is_whole: bool) -> list[str]:
    """Return the lines of the section `mimic`; none: there is nothing to say.

    Args:
        session: What the run has.
        is_whole: Whether what nobody must act on has rows, too.
    """
    events, is_quiet = session.run.events, session.config.option.verbose < 0
    wrong = events.of_kinds("wrong target", "not writable", "stray")
    errors = dict.fromkeys(one.call for one in wrong)
    lines = [line for error in errors for line in f"ERROR: {error}".split("\n")]
    problems: list[str] = []
    if any(one.kind not in _COUNTED for one in events.rows):
        from pytest_mimic.run.remarks import remarks  # a sound run has none

        problems = remarks(session, is_whole=is_whole, is_quiet=is_quiet)
    problems += _unused(session)
    counts = _counts(session)
    recorded = events.of_kinds("recorded")
    if counts and (problems or recorded or not is_quiet):
        lines += folded(counts, session.width)
        if CRASHED in session.usage.partial:
            lines.append(f"{CRASHED}: what it has done is not counted")
    by_model = tokens_by_model(recorded)
    if by_model:
        lines += folded(f"tokens spent: {by_model}", session.width)
    if recorded and not is_quiet:
        vault = session.run.vault
        files = plural(len([*vault.names()]), "file")
        label, size = session.settings.vault_label, size_in_words(vault.size())
        lines.append(f"vault: {label}, {files}, {size}")
    lines += problems
    if not lines and _says_that_nothing_is_mimicked(session):
        lines.append("nothing is mimicked")
    return lines + _verdict_on_unused(session)


def _says_that_nothing_is_mimicked(session: Session) -> bool:
    if session.usage.mimicked:
        return False
    options = vars(session.config.option).items()
    was_asked = any(given for name, given in options if name.startswith("mimic_"))
    return was_asked or session.settings.vault.is_dir()


# -- the first line


def _counts(session: Session) -> str:
    """Return `1 call recorded in 0.2 s, 4 replayed, 38.2 s saved; 3 …`.

    Of more tests than anybody counts, `92 calls of 40 tests recorded`.
    """
    events = session.run.events
    recorded, replayed = events.of_kinds("recorded"), events.of_kinds("replayed")
    tests = len({event.test for event in recorded})
    of_tests = f"of {tests} tests " if tests > SHOWN else ""
    counted = {f"{of_tests}recorded in {duration(spent(recorded))}": len(recorded)}
    for kind in CALLS[1:]:
        counted[kind] = sum(event.times for event in events.of_kinds(kind))
    phrases: list[str] = []
    for words, count in counted.items():
        if count:
            number = str(count) if phrases else plural(count, "call")
            phrases.append(f"{number} {words}")
    if replayed:
        phrases.append(f"{duration(saved(replayed))} saved")
    tokens = sum(event.number("tokens") for event in replayed)
    if tokens:
        phrases.append(f"{tokens:,.0f} tokens saved")
    put_back = len(events.of_kinds("put back"))
    if put_back:
        phrases.append(f"{plural(put_back, 'recording')} put back")
    if session.settings.mode == "live" and session.usage.mimicked:
        phrases.append("every call ran for real, and nothing was recorded or compared")
    return "; ".join(filter(None, (", ".join(phrases), _count_of_unused(session))))


def _count_of_unused(session: Session) -> str:
    judgement = session.judgement
    if session.cleared:
        count = plural(judgement.count, "unused recording")
        return f"{count} cleared ({size_in_words(session.cleared)})"
    if not judgement.unused:
        return ""
    words = f"{plural(judgement.count, 'recording')} unused"
    if judgement.is_part:
        words = f"at least {words}"
    if session.settings.clears_unused:
        words += ", not cleared: --mimic-no-record was given"
    return words


# -- unused recordings


def _unused(session: Session) -> list[str]:
    unused = session.judgement.unused
    if not unused:
        return []
    label_of = session.run.secrecy.secrets.label_of
    rows = rows_of(unused, label_of, session.width)
    lines = ["cleared:" if session.cleared else "unused:", *rows]
    if not session.cleared:
        command = session.commands.pytest("--mimic-clear-unused")
        lines += to_paste(f"to drop the unused: {command}", session.width)
    return lines


def _verdict_on_unused(session: Session) -> list[str]:
    """Return what a run that was asked about unused recordings says of its verdict."""
    settings, judgement = session.settings, session.judgement
    if settings.fails_on_unused:
        option = "--mimic-fail-on-unused"
    elif settings.clears_unused:
        option = "--mimic-clear-unused"
    else:
        return []
    lines = []
    if judgement.reason:
        warning = f"warning: {option} could not judge: {judgement.reason}"
        lines += folded(warning, session.width)
    elif judgement.unproven:
        count = plural(sum(judgement.unproven.values()), "recording")
        reasons = "; ".join(judgement.unproven)
        warning = f"warning: {option} could not judge {count}: {reasons}"
        lines += folded(warning, session.width)
    if settings.fails_on_unused and judgement.unused:
        verb = "is" if judgement.count == 1 else "are"
        count = plural(judgement.count, "recording")
        lines.append(f"failed: {count} {verb} unused (--mimic-fail-on-unused)")
    return lines
