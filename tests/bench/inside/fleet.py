"""Ten functions, and a test that calls each of them many times."""

import json
import os
from pathlib import Path

import measured
from steps import timed

TARGETS = tuple(f"fleet:rates{n}" for n in range(10))


def rates0(number, word, options):
    return measured.small(number, word, options)


def rates1(number, word, options):
    return measured.small(number, word, options)


def rates2(number, word, options):
    return measured.small(number, word, options)


def rates3(number, word, options):
    return measured.small(number, word, options)


def rates4(number, word, options):
    return measured.small(number, word, options)


def rates5(number, word, options):
    return measured.small(number, word, options)


def rates6(number, word, options):
    return measured.small(number, word, options)


def rates7(number, word, options):
    return measured.small(number, word, options)


def rates8(number, word, options):
    return measured.small(number, word, options)


def rates9(number, word, options):
    return measured.small(number, word, options)


FUNCTIONS = [name.partition(":")[2] for name in TARGETS]


def test_fleet():
    """Call all of them in turn, with small arguments."""
    figures = {}
    functions = [globals()[name] for name in FUNCTIONS]
    calls = [measured.small_arguments(number) for number in range(int(os.environ["BENCH_CALLS"]))]
    with timed(figures, "first", per=len(calls)):
        for number, arguments in enumerate(calls):
            functions[number % 10](*arguments)
    Path("figures.json").write_text(json.dumps(figures))
