"""Projects whose tests make calls in forked processes."""

from __future__ import annotations

from typing import Any

import pytest

# The ways in which a test makes a call in a forked process, and gets its outcome.
CHILDREN = """
import json, multiprocessing, os, signal, sys, threading
from concurrent.futures import ProcessPoolExecutor
import requests

URL = os.environ["API"]
CONTEXT = multiprocessing.get_context("fork")

def get(path):
    return requests.get(URL + path).text

def in_fork(function, *args):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 9
        try:
            os.write(writing, json.dumps(function(*args)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading, "rb") as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    return json.loads(text) if status == 0 else f"ended with {status}"

def put(queue, function, args):
    queue.put(function(*args))

def in_process(function, *args):
    queue = CONTEXT.SimpleQueue()
    process = CONTEXT.Process(target=put, args=(queue, function, args))
    process.start()
    outcome = queue.get()
    process.join()
    return outcome

def in_pool(function, *args):
    with ProcessPoolExecutor(1, mp_context=CONTEXT) as pool:
        return pool.submit(function, *args).result()
"""


@pytest.fixture
def forking(project: Any, server: Any) -> Any:
    """A project whose tests call a server, that of the test module, in forked processes.

    `run_forking(*options)` runs them, also after the server has stopped. `env` has
    further variables.
    """
    project.ini("http")
    project.env = {}

    def run(*options: str) -> Any:
        variables = {"API": server.url, **project.env}
        return project.run(*options, process=True, env=variables)

    def tests(body: str) -> None:
        project.tests(CHILDREN + body)

    project.run_forking = run
    project.forking_tests = tests
    return project
