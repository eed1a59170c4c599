"""The directive `pytest-mimic`: a call of the command in examples/, with the output that it prints now."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.errors import ExtensionError

_ROOT = Path(__file__).parents[2]


class CommandOutput(Directive):
    """Its argument is what follows `pytest-mimic`.

    Options: `lines`, how many lines of output are shown; `exit`, the exit code; `damaged`, to cut a recording short
    before.
    """

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {
        "lines": directives.positive_int,
        "exit": directives.nonnegative_int,
        "damaged": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """Call the command on a copy of the recordings of examples/."""
        [words] = self.arguments
        with TemporaryDirectory() as folder:
            examples = Path(folder) / "examples"
            shutil.copytree(
                _ROOT / "examples",
                examples,
                ignore=shutil.ignore_patterns("web", "__pycache__"),
            )
            shutil.copytree(_ROOT / ".mimic_vault", Path(folder) / ".mimic_vault")
            if "damaged" in self.options:
                file = min(
                    (Path(folder) / ".mimic_vault/calls/factors/factorise").glob(
                        "*.json"
                    )
                )
                file.write_bytes(file.read_bytes()[:270])
            done = subprocess.run(
                [
                    sys.executable,
                    "-X",
                    "utf8",
                    "-m",
                    "pytest_mimic",
                    *shlex.split(words),
                ],
                cwd=examples,
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
        if done.returncode != self.options.get("exit", 0):
            raise ExtensionError(
                f"pytest-mimic {words}: exit code {done.returncode}\n{done.stderr}"
            )
        lines = (done.stdout + done.stderr).splitlines()
        shown = lines[: self.options.get("lines", len(lines))]
        if len(shown) < len(lines):
            shown.append("...")
        text = "\n".join([f"$ pytest-mimic {words}", *shown])
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Any) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("pytest-mimic", CommandOutput)
    return {"parallel_read_safe": True}
