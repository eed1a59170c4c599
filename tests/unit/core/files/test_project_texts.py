"""Which files of a project are read."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_mimic._core.files.project_texts import texts_of


def test_files_of_the_run_and_of_others_are_not_read(tmp_path: Path) -> None:
    names = ["a.py", ".git/b.py", "node_modules/c.py", "env/d.py", "vault/e.py", "new"]
    for name in [*names, "env/pyvenv.cfg"]:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(name, encoding="utf-8")
        os.utime(file, (0, 1 if name == "new" else 0))

    assert list(texts_of(tmp_path, tmp_path / "vault", before=0.5)) == ["a.py"]
