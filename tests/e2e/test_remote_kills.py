"""A recording run that is killed loses no recording in a remote vault, and stops no later run.

`MIMIC_KILLED_RUNS=200` sets the number of kills, `MIMIC_SEED` the first seed: each kill prints its own.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_mimic._remote.place import parse_place
from pytest_mimic._remote.store import RemoteStore
from pytest_mimic._vault.vault import Vault

pytest.importorskip("obstore", exc_type=ImportError)

KILLS = int(os.environ.get("MIMIC_KILLED_RUNS", "1"))
SEED = int(os.environ.get("MIMIC_SEED", "1"))
#: A run after this many kills is not killed.
ROUND = 10
#: The claims of a dead process on another machine take longer to notice.
MACHINES = 3 if KILLS > ROUND else 1
SMALL, LARGE, POLLS = 24, 4, 6
CALLS = SMALL + LARGE + POLLS

SHOP = """
import random
from ipaddress import ip_address
from tally import ran

def compute(number):
    ran("compute", number)
    return {"number": number, "form": ip_address(number) if number % 2 else {number}}

def picture(number):
    ran("picture", number)
    return number, random.Random(number).randbytes(300_000)

def poll(part):
    ran("poll", part)
    return random.SystemRandom().randrange(1 << 60)
"""

TEST = f"""
import json, os
from concurrent.futures import ThreadPoolExecutor
import shop

SEEN = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def seen(*what):
    os.write(SEEN, json.dumps(what).encode() + b"\\n")
    if "PIPE" in os.environ:
        os.write(int(os.environ["PIPE"]), b".")

def compute(number):
    assert shop.compute(number)["number"] == number
    seen("compute", number)

def picture(number):
    assert shop.picture(number)[0] == number
    seen("picture", number)

def polls(part):
    for place in range({POLLS}):
        seen("poll", 100 * part + place, shop.poll(part))

def test_all():
    with ThreadPoolExecutor(4) as pool:
        for part in range(int(os.environ["FROM"]), int(os.environ["TO"]) + 1):
            done = [pool.submit(compute, number) for number in range(100 * part, 100 * part + {SMALL})]
            done += [pool.submit(picture, number) for number in range(100 * part, 100 * part + {LARGE})]
            polls(part)
            for one in done:
                one.result()
"""


def machine(tmp_path: Path, name: str) -> dict[str, str]:
    """Return the variables of a machine: its own locks and copies."""
    folder = tmp_path / name
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    return {"TMPDIR": str(folder / "tmp"), "PYTEST_MIMIC_CACHE_DIR": str(folder / "cache")}


@pytest.mark.promise("a killed recording run loses no recording of a remote vault, and stops no later run")
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_runs_lose_nothing_that_was_recorded(project, s3, s3_url, tmp_path):
    """Threads, sequences and large objects, killed at a random instant, also while recordings are put into packs."""
    project.write("shop.py", SHOP)
    project.write("test_shop.py", TEST)
    starter = Starter(project)
    for first in range(SEED, SEED + KILLS, ROUND):
        url = f"s3://{s3.new_bucket()}/vault"
        project.ini("shop:compute", "shop:picture", "shop:poll sequence", mimic_vault_path=url)
        seen = tmp_path / f"seen {first}"
        seeds = range(first, min(first + ROUND, SEED + KILLS))
        calls = {"SEEN": str(seen), "FROM": str(seeds[0]), "TO": str(seeds[-1])}
        for seed in seeds:
            on = machine(tmp_path, f"machine {seed % MACHINES}")
            own = {"FROM": str(seed), "TO": str(seed)}
            killed = starter.kill_a_run({**on, **calls, **own}, random.Random(seed))
            print(f"seed {seed}: {killed}, {check(url, seen, tmp_path / f'cold {seed}')} calls are there")

        on = machine(tmp_path, f"machine {first % MACHINES}")
        project.record(process=True, env={**on, **calls}).expect(passed=1, never=["in flight"])

        assert check(url, seen, tmp_path / f"cold after {first}") == CALLS * len(seeds)
        on = machine(tmp_path, f"cold {first}")
        project.replay(env={**on, **calls}).expect(passed=1, real=[])
    starter.close()


#: Starts a recording run for each line that it reads. To fork takes a fraction of the time of a new process.
STARTER = """
import json, os, sys
import obstore.store, pytest, pytest_mimic.plugin, pytest_mimic._remote.store, pytest_mimic._engine.decisions

for line in sys.stdin:
    folder, variables, arguments = json.loads(line)
    run = os.fork()
    if run == 0:
        os.chdir(folder)
        os.environ.update(variables)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os._exit(pytest.main(arguments))
    print(run, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(run, 0)[1]), flush=True)
"""


class Starter:
    """Starts runs, and kills them."""

    def __init__(self, project) -> None:
        self.project = project
        self.calls, write = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", STARTER],
            env=project.environment({"PIPE": str(write), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}),
            pass_fds=[write],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        os.close(write)

    def kill_a_run(self, variables, chance) -> str:
        """Kill a run at its start, between its calls, or while it ends."""
        arguments = ["-q", "-p", "pytest_mimic.plugin", "-p", "no:cacheprovider", "--mimic-record"]
        self.process.stdin.write(json.dumps([str(self.project.root), variables, arguments]) + "\n")
        self.process.stdin.flush()
        run = int(self.process.stdout.readline())
        after = chance.choice([0, *[chance.randrange(1, CALLS)] * 5, *[CALLS] * 3])
        longest = {0: 1.0, CALLS: 0.5}.get(after, 0.1)
        for _ in range(after):
            assert select.select([self.calls], [], [], 120)[0], "the run makes no calls"
            os.read(self.calls, 1)
        threading.Event().wait(chance.uniform(0, longest))
        with suppress(ProcessLookupError):
            os.kill(run, signal.SIGKILL)
        code = self.process.stdout.readline().strip()
        os.set_blocking(self.calls, False)
        with suppress(BlockingIOError):
            os.read(self.calls, 1000)
        os.set_blocking(self.calls, True)
        return f"killed after {after} calls, exit code {code}"

    def close(self) -> None:
        self.process.communicate()
        os.close(self.calls)


def check(url: str, seen: Path, cold: Path) -> int:
    """Check that each call that the test has seen is there, and that all that is there is right; count the calls."""
    vault = Vault(RemoteStore(parse_place(url), str(cold)))
    there: dict[str, dict[object, object]] = {"compute": {}, "picture": {}, "poll": {}}
    for name in vault.names():
        recording = vault.read(name)
        assert recording is not None, name
        values = [outcome.load().value for outcome in recording.outcomes]
        kind = recording.target.rpartition(":")[2]
        if kind == "poll":
            there[kind] |= enumerate(values, 100 * recording.arguments["part"])
        else:
            there[kind][recording.arguments["number"]] = values[0]
    for number, value in there["compute"].items():
        assert value["number"] == number
    for number, (same, data) in there["picture"].items():
        assert (same, data) == (number, random.Random(number).randbytes(300_000))
    for kind, key, *value in map(json.loads, seen.read_text().splitlines() if seen.exists() else ()):
        assert key in there[kind], (kind, key)
        assert not value or there[kind][key] == value[0], (kind, key)
    return sum(map(len, there.values()))
