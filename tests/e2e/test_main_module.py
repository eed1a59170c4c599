"""A script that runs pytest itself and defines classes in `__main__`."""

from __future__ import annotations

import subprocess


def test_objects_of_classes_in_the_main_module_replay(project):
    project.ini("shop:fetch")
    project.module("""
        import sys
        from tally import ran

        def fetch(city):
            ran("fetch", city)
            return sys.modules["__main__"].City(city)
    """)
    project.test('assert shop.fetch("Oslo") == sys.modules["__main__"].City("Oslo")')
    project.write(
        "script.py",
        """
        import sys
        from dataclasses import dataclass
        import pytest

        @dataclass
        class City:
            name: str

        if __name__ == "__main__":
            sys.exit(pytest.main(sys.argv[1:]))
        """,
    )

    for arguments in (["--mimic-record"], []):
        done = subprocess.run(
            **project.process_of(*arguments, program=["script.py"]),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    assert project.real() == ["fetch Oslo"]
