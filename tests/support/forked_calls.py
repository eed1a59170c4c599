"""The code of a test that makes calls in forked processes."""

from __future__ import annotations

import pytest

# The ways to fork, and the modes that record, for tests of which the first is enough at
# each change.
WAYS = [
    "in_fork",
    pytest.param("in_process", marks=pytest.mark.rare),
    pytest.param("in_pool", marks=pytest.mark.rare),
]
MODES = ["--mimic-record", pytest.param("--mimic-rerecord", marks=pytest.mark.rare)]

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
