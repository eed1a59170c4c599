"""Section 5, security: before the first real call the run shows that it can write."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

SHOP = """
    def fetch(city):
        ran("fetch", city)
        return city
"""
TESTS = """
    import shop

    def test_it():
        assert shop.fetch("Oslo") == "Oslo"
"""
CASSETTE = """
    import shop

    def test_it(mimic_auto):
        with mimic_auto():
            assert shop.fetch("Oslo") == "Oslo"
"""
# A user who is root may write everywhere, as long as it has these rights.
LIKE_A_USER = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]
PLUGINS = ["-p", "pytest_mimic.plugin", "-p", "no:cacheprovider"]
LIMITED = ["sh", "-c", 'ulimit -f 5; exec "$@"', "sh"]
pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="it has other rights"),
    pytest.mark.skipif(
        os.name != "nt" and os.geteuid() == 0 and not shutil.which("setpriv"),
        reason="needs setpriv",
    ),
]


def read_only(vault):
    vault.mkdir()
    vault.chmod(0o555)


def linked(vault):
    behind = vault.parent / "behind"
    for folder in ("calls", "logs", "cassettes", "objects"):
        (behind / folder).mkdir(parents=True)
    vault.mkdir()
    for folder in behind.iterdir():
        (vault / folder.name).symlink_to(folder)


def linked_below(vault):
    """As another target's folder, and as that of the test's cassettes."""
    behind = vault.parent / "behind"
    behind.mkdir()
    for folder in ("calls/shop.other", "cassettes/test_shop.py"):
        (vault / folder).parent.mkdir(parents=True)
        (vault / folder).symlink_to(behind)


def no_folders(vault):
    vault.mkdir()
    for folder in ("calls", "cassettes"):
        (vault / folder).touch()


STATES = {
    "no right": (read_only, [], "Permission denied"),
    "a link": (linked, [], "is a link or no folder"),
    "a link further down": (linked_below, [], "is a link or no folder"),
    "a file in its place": (no_folders, [], "is a link or no folder"),
    "a full disk": (lambda vault: None, LIMITED, "File too large"),
}
RUNS = {
    "record": (TESTS, ["--mimic-record"]),
    "rerecord": (TESTS, ["--mimic-rerecord"]),
    "in two workers": (TESTS, ["--mimic-record", "-n2", "-p", "xdist"]),
    "a cassette": (CASSETTE, []),
    "a cassette in two workers": (CASSETTE, ["-n2", "-p", "xdist"]),
}


# A run tries to write in the same way in each state.
CASES = [("no right", run) for run in list(RUNS)[:-1]]
CASES += [
    pytest.param("no right", "a cassette in two workers", marks=pytest.mark.rare),
    *((state, run) for state in [*STATES][1:] for run in ("record", "a cassette")),
]


@pytest.mark.parametrize(("state", "run"), CASES)
def test_nothing_is_called_if_its_outcome_could_not_be_kept(project, state, run):
    prepare, limits, says = STATES[state]
    tests, options = RUNS[run]
    project.ini("shop:fetch")
    project.module(SHOP)
    project.tests(tests)
    prepare(project.vault)

    rights = LIKE_A_USER if os.geteuid() == 0 else []
    done = subprocess.run(
        [*rights, *limits, sys.executable, "-m", "pytest", *PLUGINS, *options],
        cwd=project.root,
        env=project.environment({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CI": ""}),
        capture_output=True,
        text=True,
    )

    said = done.stdout + done.stderr
    assert (done.returncode, project.real()) == (4, []), said
    lines = [line for line in said.splitlines() if line.startswith("ERROR: ")]
    assert len([line for line in lines if says in line]) == 1, said
    assert "INTERNALERROR" not in said
    assert not [*project.root.rglob(".mimic-*")]
