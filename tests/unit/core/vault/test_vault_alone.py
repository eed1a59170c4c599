"""A vault, outcomes, identities, redaction and trees without a run of pytest."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]

RECORDING = """{
 "format": 5,
 "target": "shop:rates",
 "arguments": {"base": "EUR"},
 "source": null,
 "test": "test_a.py::test_a",
 "recorded": "2026-11-25",
 "owner": null,
 "outcomes": [
  {
   "duration": 0.5,
   "value": {"USD": 1.07}
  }
 ]
}
"""

OTHERS = '''
from pytest_mimic import fingerprint
from pytest_mimic._core.outcome.encoding import encode
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.difference_words import difference_lines
from pytest_mimic._core.tree.differing import argument_differences
from pytest_mimic._core.tree.describing import described_arguments

trees = [described_arguments({"a": n, "password": "x"}, Redactor(())) for n in (1, 2)]
print(len(fingerprint([1, 2])), difference_lines(argument_differences(*trees)))
'''  # fmt: skip

NO_PYTEST = """
import sys

class Refuse:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("pytest", "_pytest"):
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
"""


def _run(program: str, *args: str) -> str:
    command = [sys.executable, "-c", NO_PYTEST + program, *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.stdout


def test_a_program_reads_a_vault_in_five_lines(tmp_path: Path) -> None:
    folder = tmp_path / "calls" / "shop" / "rates"
    folder.mkdir(parents=True)
    name = "0" * 32
    (folder / f"{name}.json").write_text(RECORDING, encoding="utf-8")

    page = ROOT / "docs/internals/without-a-run.md"
    program = re.findall(
        r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL
    )[0]
    assert _run(program, str(tmp_path)) == "shop:rates {'base': 'EUR'} {'USD': 1.07}\n"


def test_the_other_rooms_need_no_run_either() -> None:
    assert _run(OTHERS) == "32 ['a: 1 recorded, 2 now']\n"
