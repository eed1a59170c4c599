"""Processes that are started without the patches of this one are named in the summary."""

from __future__ import annotations

import pytest

SHOP = """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return city

    def in_process(method, city):
        process = multiprocessing.get_context(method).Process(target=fetch, args=(city,))
        process.start()
        process.join()

    def in_executor(method, cities):
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            return list(pool.map(fetch, cities))
"""
HEADING = "processes in which nothing is mimicked:"
REMEDY = "to mimic calls there: start the process by fork, or name the function that starts it"


@pytest.fixture
def shop(project):
    """`shop.fetch` is mimicked and recorded for Oslo.

    Returns a function that runs a test.
    """
    project.ini("shop:fetch")
    project.test("shop.fetch('Oslo')")
    project.record_once(passed=1)

    def run(expression, *options):
        project.test(expression)
        # So that nothing is judged unused.
        return project.run("-k", "test_it", *options, process=True)

    run.project = project
    return run


@pytest.mark.parametrize(
    ("expression", "method"),
    [
        ("shop.in_process('forkserver', 'Oslo')", "forkserver"),
        ("shop.in_executor('spawn', ['Oslo', 'Oslo', 'Oslo'])", "spawn"),
    ],
    ids=["process", "executor"],
)
def test_a_process_started_anew_is_named(shop, expression, method):
    run = shop(expression).expect(passed=1)

    assert set(run.real) == {"fetch Oslo"}
    assert run.section[-3:] == [
        HEADING,
        f"  {method}    test_shop.py::test_it",
        REMEDY,
    ]


@pytest.mark.parametrize(
    ("method", "option"), [("fork", "-q"), ("spawn", "--mimic-live")]
)
def test_other_processes_are_not_named(shop, method, option):
    run = shop(f"shop.in_process('{method}', 'Oslo')", option).expect(passed=1)

    assert HEADING not in run.output


def test_a_process_of_a_recorded_function_is_not_named(shop):
    """Nothing inside of a call that is being recorded is mimicked, in this process either."""
    shop.project.ini("shop:in_executor", "shop:fetch")

    recorded = shop("shop.in_executor('spawn', ['Rome'])", "--mimic-record").expect(
        passed=1
    )
    replayed = shop("shop.in_executor('spawn', ['Rome'])").expect(passed=1, real=[])

    assert HEADING not in recorded.output + replayed.output


def test_workers_of_xdist_report_theirs(shop):
    run = shop("shop.in_process('spawn', 'Oslo')", "-n1").expect(passed=1)

    assert run.section[-2] == "  spawn    test_shop.py::test_it"
