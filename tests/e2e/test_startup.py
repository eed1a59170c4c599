"""The start-up cost of the plugin, as the modules it loads."""

from __future__ import annotations

import json

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
