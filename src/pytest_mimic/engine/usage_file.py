"""The file of `--mimic-usage`: what one run used, to be judged with other runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic.engine.usage import Usage
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from typing_extensions import Self

_VERSION = 7


class UsageFile(NamedTuple):
    """The file that one run has left for the command `unused`.

    Attributes:
        path: Where it is.
        commit: The commit of the checkout; empty: it is none.
        environment: `Python 3.11 on linux`.
        usage: What the run used.
    """

    path: Path
    commit: str
    environment: str
    usage: Usage

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the file of a run.

        Raises:
            MimicError: It is no such file, or of another version.
        """
        try:
            plain = json.loads(path.read_text("utf-8"))
            if plain["pytest_mimic_usage"] != _VERSION:
                raise MimicError(f"{path} is of another version of pytest-mimic")
            usage = Usage.of_plain(plain["usage"])
            return cls(path, plain["commit"], plain["environment"], usage)
        except OSError as error:
            raise MimicError(f"{path} cannot be read: {error.strerror}") from None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise MimicError(f"{path} is no file of --mimic-usage") from None

    @classmethod
    def prepare(cls, path: Path) -> None:
        """Delete the file of an earlier run: if this one is killed, none is left.

        Raises:
            MimicError: It cannot be deleted.
        """
        try:
            if path.is_file():
                path.resolve().unlink()  # a link stays
        except OSError as error:
            raise MimicError(f"cannot delete {path}: {error.strerror}") from None

    @classmethod
    def write(cls, path: Path, usage: Usage, rootdir: Path) -> None:
        """Write what a run used.

        Raises:
            MimicError: The file cannot be written.
        """
        major, minor = sys.version_info[:2]
        plain = {
            "pytest_mimic_usage": _VERSION,
            "commit": commit_of(rootdir),
            "environment": f"Python {major}.{minor} on {sys.platform}",
            "usage": usage.to_plain(),
        }
        try:
            path.write_text(json.dumps(plain, indent=1), "utf-8")
        except OSError as error:
            raise MimicError(f"cannot write {path}: {error.strerror}") from None


def commit_of(folder: Path) -> str:
    """Return the commit that is checked out in a folder; empty: there is none."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""  # git is not installed
    return done.stdout.strip() if done.returncode == 0 else ""
