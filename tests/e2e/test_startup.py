"""The start-up cost of the plugin, as the modules it loads."""

from __future__ import annotations

import json
import subprocess
import sys

WATCHED = {"pytest_mimic", "filelock", "cloudpickle", "xxhash", "backports"}
if sys.version_info < (3, 14):  # from then on, pytest loads them with pdb and shutil
    WATCHED |= {"asyncio", "compression"}


def test_a_run_that_mimics_nothing_loads_a_few_small_modules(project):
    project.conftest("""
        import json, sys

        def pytest_unconfigure():
            with open("loaded.json", "w") as file:
                json.dump(sorted(sys.modules), file)
    """)
    project.write("test_empty.py", "def test_empty(): pass")

    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = project.run(
        "-p", "pytest_mimic.plugin", process=True, is_warm=False, env=alone
    ).expect(passed=1)

    loaded = json.loads((project.root / "loaded.json").read_text())
    assert {name for name in loaded if name.partition(".")[0] in WATCHED} == {
        "pytest_mimic",
        "pytest_mimic.plugin",
    }
    assert (run.header, run.section, run.vault) == ("", [], {})


def test_the_plugins_own_modules_are_imported_without_assertion_rewriting(project):
    """Also in a second run of the process; pytest warns of modules that it would rewrite but finds imported."""
    project.ini("svc:fetch")
    project.write("svc.py", "def fetch(n):\n    return {'n': n}\n")
    project.write(
        "test_svc.py",
        "import svc\n\ndef test_svc():\n    assert svc.fetch(1) == {'n': 1}\n",
    )
    project.record()
    # As pytest does for a distribution with a plugin, which an editable installation is
    # not.
    project.write(
        "marking.py",
        """
        import pytest

        def pytest_addhooks():
            pytest.register_assert_rewrite("pytest_mimic")
        """,
    )
    project.write(
        "twice.py",
        """
        import json, sys, pytest

        finders = list(sys.meta_path)
        codes = [pytest.main(sys.argv[1:]) for _ in range(2)]
        names = sorted(name for name in sys.modules if name.partition(".")[0] == "pytest_mimic")
        rewritten = [name for name in names if "rewrite" in type(sys.modules[name].__loader__).__module__]
        print(json.dumps([codes, sys.meta_path == finders, rewritten]))
        """,
    )

    command = [
        sys.executable,
        "twice.py",
        "-p",
        "marking",
        "-p",
        "pytest_mimic.plugin",
        "-W",
        "error",
    ]
    env = project.environment({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    done = subprocess.run(
        command, cwd=project.root, env=env, capture_output=True, text=True, check=False
    )

    assert json.loads(done.stdout.splitlines()[-1]) == [
        [0, 0],
        True,
        [
            "pytest_mimic",
            "pytest_mimic._run",
            "pytest_mimic._run.plain_imports",
            "pytest_mimic.plugin",
        ],
    ], done.stdout + done.stderr


# Everything that a replay of one call loads, so that no module joins unnoticed: each
# one makes every run start later.
REPLAY = """
    pytest_mimic errors plugin
    _core _core.commands _core.modules _core.named_fields _core.settings
    _core.target_options _core.words
    _core.engine _core.engine.function_plan _core.engine.coverings _core.engine.decisions
    _core.engine.account _core.engine.account_events _core.engine.current
    _core.engine.owners _core.engine.run _core.engine.scopes _core.engine.wrappers
    _core.files _core.files.places
    _core.identity _core.identity.call_identity _core.identity.short_scalars _core.identity.source
    _core.patch _core.patch.find _core.patch.imports _core.patch.patches
    _core.seam _core.seam.registry
    _core.swallowed _core.swallowed.pending_errors
    _core.targets _core.identity.binding _core.targets.option_grammar _core.targets.target
    _core.types _core.types.reductions
    _core.vault _core.vault.folder
    _core.vault.format _core.vault.vault
    _run _run.selected_tests _run.configuration _run.ending _run.fixture_scopes _run.phases _run.plain_imports _run.pytest_run _run.session
    _run.summary
    _tools _tools.unused _tools.unused.judging
"""


def test_a_plain_replay_loads_these_modules_and_no_others(project):
    project.ini("svc:fetch")
    project.write("svc.py", "def fetch(n, opts=None):\n    return {'n': n}\n")
    project.write(
        "test_svc.py",
        "import svc\n\ndef test_svc():\n    assert svc.fetch(1, {'a': 2}) == {'n': 1}\n",
    )
    project.conftest("""
        import json, sys

        def pytest_unconfigure():
            with open("loaded.json", "w") as file:
                json.dump(sorted(sys.modules), file)
    """)
    project.record()

    project.run(process=True, is_warm=False).expect(passed=1, says=["1 call replayed"])

    loaded = json.loads((project.root / "loaded.json").read_text())
    watched = {
        name.removeprefix("pytest_mimic.")
        for name in loaded
        if name.partition(".")[0] in WATCHED
    }
    assert watched == {*REPLAY.split(), "xxhash", "xxhash._xxhash", "xxhash.version"}
    assert not list(project.root.rglob("*.html"))
