"""Recordings by name: read, replaced without a loss, put back, deleted with what they need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.vault.recording import Entry, Recording

IsEqual = Callable[[Entry, Entry], bool]


class Written(NamedTuple):
    """What a write has done.

    Attributes:
        name: The file.
        before: What it held. None: it did not exist.
        now: What it holds.
    """

    name: str
    before: bytes | None
    now: bytes

    @property
    def changed(self) -> bool:
        return self.before != self.now


class Part:
    """The part file of a log: each finished call, as long as its owner runs."""

    def append(self, entry: Entry) -> None:
        """Keep a finished call, whatever happens to this process."""
        raise NotImplementedError

    def discard(self) -> None:
        """Delete it, and those that killed processes have left for the same log."""
        raise NotImplementedError


class Vault:
    """The folder of all recordings.

    Each method may raise MimicError: the disk is full, the folder is a file.

    Args:
        path: The folder. It need not exist.
        label: How errors name it. Default: its path.
    """

    def __init__(self, path: Path, *, label: str = "") -> None:
        self.path = path
        self.label = label or str(path)

    def read(self, name: str) -> Recording | None:
        """Return a recording; None: there is none.

        Raises:
            CorruptRecordingError: The file is damaged, or has another format.
        """
        raise NotImplementedError

    def write(
        self, name: str, recording: Recording, *, equal: IsEqual | None = None
    ) -> Written:
        """Replace a recording.

        Args:
            name: The file.
            recording: What is to stand there.
            equal: Whether the outcomes of a recorded call and of a new one are equal
                as verifying compares them. Where all are, the file keeps its calls but
                for the fingerprints of source and inputs.

        Raises:
            CorruptRecordingError: A newer version has written the file.
        """
        raise NotImplementedError

    def put_back(self, written: Written) -> None:
        """Undo a write, if nobody has written since."""
        raise NotImplementedError

    def delete(self, names: Iterable[str]) -> int:
        """Delete files, and all objects that nothing refers to; return how many files.

        Objects stay while another process records, and where a file is damaged.
        """
        raise NotImplementedError

    def names(self, folder: str = "") -> list[str]:
        """Return the files of logs, cassettes and shared calls, sorted."""
        raise NotImplementedError

    def all(self) -> Iterator[tuple[str, Recording | CorruptRecordingError]]:
        """Return each recording, or what is wrong with it."""
        raise NotImplementedError

    def write_object(self, suffix: str, chunks: Iterable[bytes | memoryview]) -> str:
        """Keep bytes under a name made of them; return it: `objects/9f/9f31….pkl`.

        Args:
            suffix: `pkl`, `txt`, `json` or `bin`.
            chunks: The bytes, in pieces. Read twice.
        """
        raise NotImplementedError

    def read_object(self, name: str) -> bytes:
        """Return an object.

        Raises:
            CorruptRecordingError: It is missing, or is not what was recorded.
        """
        raise NotImplementedError

    def part(self, name: str, *, owner: str, recorded: str) -> Part:
        """Return the part file of a log; it is made with its first call."""
        raise NotImplementedError

    def abandoned_parts(self, name: str) -> Recording | None:
        """Return the calls that a killed process has left for a log.

        Of several the most. The files stay until the part of the log is discarded.
        """
        raise NotImplementedError

    def recording(self) -> None:
        """Join those who record: nobody deletes objects until this process ends."""
        raise NotImplementedError

    def end(self) -> None:
        """Leave those who record, and delete objects that this run needs no more."""
        raise NotImplementedError
