"""The start-up cost of the plugin, as the modules it loads."""

from __future__ import annotations

import json
import subprocess
import sys

WATCHED = {"pytest_mimic", "filelock", "cloudpickle", "xxhash", "asyncio", "backports", "compression"}


def test_a_run_that_mimics_nothing_loads_four_small_modules(project):
    project.write(
        "conftest.py",
        """
        import json, sys

        def pytest_unconfigure():
            with open("loaded.json", "w") as file:
                json.dump(sorted(sys.modules), file)
        """,
    )
    project.write("test_empty.py", "def test_empty(): pass")

    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = project.run("-p", "pytest_mimic.plugin", process=True, env=alone).expect(passed=1)

    loaded = json.loads((project.root / "loaded.json").read_text())
    assert {name for name in loaded if name.partition(".")[0] in WATCHED} == {
        "pytest_mimic",
        "pytest_mimic._ambient",
        "pytest_mimic.plugin",
    }
    assert (run.header, run.section, run.vault) == ("", [], {})


def test_the_plugins_own_modules_are_imported_without_assertion_rewriting(project):
    """Also in a second run of the process; pytest warns of modules that it would rewrite but finds imported."""
    project.ini("svc:fetch")
    project.write("svc.py", "def fetch(n):\n    return {'n': n}\n")
    project.write("test_svc.py", "import svc\n\ndef test_svc():\n    assert svc.fetch(1) == {'n': 1}\n")
    project.record()
    # As pytest does for a distribution with a plugin, which an editable installation is not.
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

    command = [sys.executable, "twice.py", "-p", "marking", "-p", "pytest_mimic.plugin", "-W", "error"]
    env = project.environment({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    done = subprocess.run(command, cwd=project.root, env=env, capture_output=True, text=True, check=False)

    assert json.loads(done.stdout.splitlines()[-1]) == [
        [0, 0],
        True,
        [
            "pytest_mimic",
            "pytest_mimic._ambient",
            "pytest_mimic._run",
            "pytest_mimic._run.plain_imports",
            "pytest_mimic.plugin",
        ],
    ], done.stdout + done.stderr
