"""The start-up cost of the plugin, as the modules it loads."""

from __future__ import annotations

import json
import subprocess
import sys

from support import face

WATCHED = {"pytest_mimic", "filelock", "cloudpickle", "xxhash", "backports"}
if sys.version_info < (3, 14):  # from then on, pytest loads them with pdb and shutil
    WATCHED |= {"asyncio", "compression"}


def test_a_run_that_mimics_nothing_loads_a_few_small_modules(project):
    project.conftest("""
        def pytest_unconfigure():
            with open("loaded.json", "w") as file:
                json.dump(sorted(sys.modules), file)
    """)
    project.write("test_empty.py", "def test_empty(): pass")

    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = project.run("-p", "pytest_mimic.plugin", process=True, env=alone).expect(
        passed=1
    )

    loaded = json.loads((project.root / "loaded.json").read_text())
    watched = {name for name in loaded if name.partition(".")[0] in WATCHED}
    assert watched >= {"pytest_mimic", "pytest_mimic.plugin"}
    assert {name.partition(".")[0] for name in watched} == {"pytest_mimic"}
    assert len(watched) <= 4, watched
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
    project["marking.py"] = """
        def pytest_addhooks():
            pytest.register_assert_rewrite("pytest_mimic")
    """
    project["twice.py"] = """
        finders = list(sys.meta_path)
        codes = [pytest.main(sys.argv[1:]) for _ in range(2)]
        names = sorted(name for name in sys.modules if name.partition(".")[0] == "pytest_mimic")
        rewritten = [name for name in names if "rewrite" in type(sys.modules[name].__loader__).__module__]
        print(json.dumps([codes, sys.meta_path == finders, rewritten]))
    """

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

    codes, are_restored, rewritten = json.loads(done.stdout.splitlines()[-1])
    assert (codes, are_restored) == ([0, 0], True), done.stdout + done.stderr
    # Those that pytest loads before the plugin can keep it from that.
    assert len(rewritten) <= 4, rewritten


def test_a_plain_replay_loads_nothing_that_it_does_not_need(project):
    """Each module makes every run start later."""
    project.ini("svc:fetch")
    project.write("svc.py", "def fetch(n, opts=None):\n    return {'n': n}\n")
    project.write(
        "test_svc.py",
        "import svc\n\ndef test_svc():\n    assert svc.fetch(1, {'a': 2}) == {'n': 1}\n",
    )
    project.conftest("""
        def pytest_unconfigure():
            with open("loaded.json", "w") as file:
                json.dump(sorted(sys.modules), file)
    """)
    project.record()

    project.run(process=True).expect(passed=1, says=["1 call replayed"])

    loaded = json.loads((project.root / "loaded.json").read_text())
    assert not [name for name in loaded if name.startswith(face.NOT_IN_A_REPLAY)]
    assert {"cloudpickle", "filelock"}.isdisjoint(loaded)
    assert not list(project.root.rglob("*.html"))
