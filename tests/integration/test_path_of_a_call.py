"""How many named functions of pytest-mimic a call passes, in how many modules.

A change that raises these numbers says so in its commit.

A recorded call of a function is bound and identified (`call`, `call_identity`), its
file is sought (`equal_calls`, `recordings`, `vault`, `folder`), its arguments are described
(`making`, `secrets_in_objects`, `secret_names`) and kept as they were
(`mutated_arguments`, `reached_and_read`), it runs (`execution`, `steps`), its outcome becomes
text (`record`, `encoding`, `json_layout`), what identifies its parts is kept beside (`kept_parts`), the
file is written (`recording_facts`, `writing`, `folder`), and what was made anew in it
is noted (`next_run`, `made_in_run`). What depends on the target or the run alone is not
asked again.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.http_server import running_server

import pytest_mimic

INPUTS = "warn"
# Functions and modules, recorded and then replayed.
OF_A_FUNCTION = (130, 32, 11, 6)
OF_A_REQUEST = (214, 45, 71, 23)
# The second call of a test is counted: the first one also imports.
TESTS = """
    import gc
    import sys
    from pathlib import Path

    {imports}
    ROOT = {root!r}

    def test_calls():
        for number in (1, 2):
            entered = []
            # A collection of garbage calls a function of ours at any time.
            gc.disable()
            sys.setprofile(lambda frame, event, arg: event == "call" and entered.append(frame.f_code))
            try:
                {call}
            finally:
                sys.setprofile(None)
                gc.enable()
        ours = {{code for code in entered if code.co_filename.startswith(ROOT) and code.co_name[0] != "<"}}
        Path("counted.txt").write_text(f"{{len(ours)}} {{len({{code.co_filename for code in ours}})}}")
"""


def counted(project, run, imports: str, call: str) -> tuple[int, int]:
    root = str(Path(pytest_mimic.__file__).parent)
    project.tests(TESTS.format(imports=imports, call=call, root=root))
    run().expect(passed=1)
    functions, modules = (project.root / "counted.txt").read_text().split()
    return int(functions), int(modules)


def test_a_call_of_a_function_passes_few_functions(project):
    project.ini("shop:fetch")
    project.module("def fetch(base): return {'base': base}")

    recorded = counted(project, project.record, "import shop", "shop.fetch(number)")
    replayed = counted(project, project.run, "import shop", "shop.fetch(number)")

    assert not [
        pair for pair in zip((*recorded, *replayed), OF_A_FUNCTION) if pair[0] > pair[1]
    ]


def test_a_request_passes_few_functions(project):
    pytest.importorskip("httpx")
    project.ini("httpx")

    with running_server() as server:
        call = f'httpx.get(f"{server.url}/json?n={{number}}")'
        recorded = counted(project, project.record, "import httpx", call)
    replayed = counted(project, project.run, "import httpx", call)

    assert not [
        pair for pair in zip((*recorded, *replayed), OF_A_REQUEST) if pair[0] > pair[1]
    ]
