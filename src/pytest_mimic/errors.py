"""Everything that pytest-mimic raises: what happened, the facts, the remedy."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


def command(option: str, test: str | None) -> str:
    """The command line that runs one test with an option; everything where the test is not known.

    It repeats what this run was given and the next one needs, and names the test as seen from where pytest was started.
    """
    from pytest_mimic import _ambient

    session = _ambient.current()
    words = ["pytest", option]
    if session is not None:
        words += session.settings.given
        words += session.settings.outside if test and test.startswith("../") else ()
    if test:
        words.append(test if session is None else session.settings.prefix + test)
    return shlex.join(words)


def printable(text: str) -> str:
    """The text without what a terminal would obey: whoever can edit a recording can write its test's name."""
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class MimicError(Exception):
    """The base of all errors of pytest-mimic.

    Args:
        what: What happened, and to what, in one line.
        facts: One line each, nearest first.
        remedies: One line each: a command or an ini line that can be pasted.
        data: The facts as values, set as attributes of the same names.
    """

    def __init__(
        self,
        what: str,
        *,
        facts: Sequence[str] = (),
        remedies: Sequence[str] = (),
        **data: object,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.facts = tuple(facts)
        self.remedies = tuple(remedies)
        self.data = data
        self.__dict__.update(data)

    def __str__(self) -> str:
        return printable("\n".join([self.what, *(f"  {line}" for line in (*self.facts, *self.remedies))]))

    def with_traceback(self, tb: TracebackType | None) -> Self:
        """As of any exception; `way` still knows what is taken away, as `assertRaises` does."""
        self._way = self.way
        return super().with_traceback(tb)

    @property
    def way(self) -> TracebackType | None:
        """The traceback, the latest one where it was taken away."""
        return self.__traceback__ or self._way

    #: What its parent knows it by, in a forked process.
    mark = ""
    _way: TracebackType | None = None
    #: The file that has handled an exception group with this error in it.
    group_handled_in = ""

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.facts, self.remedies, self.data, self.mark)


def _rebuild(
    kind: type[MimicError],
    what: str,
    facts: tuple[str, ...],
    remedies: tuple[str, ...],
    data: dict[str, object],
    mark: str,
) -> MimicError:
    """The error again; one that comes from a forked process fails the test that it comes to."""
    error = kind(what, facts=facts, remedies=remedies, **data)
    if mark:
        from pytest_mimic import _ambient

        error.mark = mark
        session = _ambient.current()
        if session is not None:
            session.take_in(error)
    return error


class MissingRecordingError(MimicError, RuntimeError):
    """A call has no recording, and the mode does not run it. Attribute: `call`."""


class StaleRecordingError(MissingRecordingError):
    """A call has a recording, made from another source of its target. Attribute: `call`."""


class MutatedInputError(MimicError, RuntimeError):
    """A recorded function changed its arguments, which `mutates=` does not name."""


class UnstableIdentityError(MimicError, TypeError):
    """A value has no stable identity. Attributes: `target`, `path`."""


class UnstorableOutcomeError(MimicError, TypeError):
    """An outcome cannot be stored. Attribute: `path`, the part that cannot."""


class CorruptRecordingError(MimicError, RuntimeError):
    """A file of the vault is not what was recorded. Attribute: `file`."""


class DriftError(MimicError, AssertionError):
    """A real call no longer gives what was recorded. Attribute: `call`."""


class CassetteError(MimicError, RuntimeError):
    """A cassette cannot be used as asked, or was not replayed as recorded."""


class TargetError(MimicError, ValueError):
    """A target line is wrong, or names what does not exist."""


# Tracebacks and pickles name the public module, wherever the class is defined.
for _kind in (
    MimicError,
    MissingRecordingError,
    StaleRecordingError,
    MutatedInputError,
    UnstableIdentityError,
    UnstorableOutcomeError,
    CorruptRecordingError,
    DriftError,
    CassetteError,
    TargetError,
):
    _kind.__module__ = "pytest_mimic"
