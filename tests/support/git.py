"""Git in folders of tests, with an identity and without the configuration of a user."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SETTINGS = (
    "user.name=Dev",
    "user.email=dev@example.com",
    "commit.gpgsign=false",
    "core.autocrlf=false",
)


def git(folder: Path, *words: str, check: bool = True) -> str:
    """Run git in a folder and return its output.

    It must succeed, unless `check` is off.
    """
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    return subprocess.run(
        ["git", *settings, *words],
        cwd=folder,
        check=check,
        capture_output=True,
        text=True,
        encoding="utf-8",
    ).stdout
