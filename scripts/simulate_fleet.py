#!/usr/bin/env python
"""Simulate a vault in an object store that a fleet of machines uses: requests, bytes, price, times, and where it breaks.

The script measures the sizes of packs and manifests, and the requests of a run, with the code of this checkout and a
small vault in a folder. The rest is arithmetic on these figures, and a simulation of the runs of some days: which
machine has which pack, who folds at the same time. The same seed gives the same output, but for what is measured in
seconds.

Names of recordings are hashes. So the recordings that a run uses, and the new ones, fall evenly into all packs of their
target.
"""

from __future__ import annotations

import argparse
import heapq
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from itertools import accumulate, count
from pathlib import Path
from random import Random
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from measured_vault import FEW, MANY, WORTH, Measured, measure

MB, GB = 1e6, 1e9
DAYS_A_MONTH = 30
#: The share of a pack's size that is used after many splits: ln 2, as in a B-tree (A. Yao, "On random 2-3 trees", 1978).
FILLED = 0.69

#: S3 Standard in us-east-1, in US dollars, from https://aws.amazon.com/s3/pricing/: storage and requests as the AWS Price
#: List API gave them on 28 October 2025, for the first 50 TB; egress to the Internet for the first 10 TB a month, of which
#: the free 100 GB are not subtracted. Within the region egress is free: `--price egress=0`. Uploads and DELETE are free.
PRICES = {
    "storage": 0.023,  # a GB and month
    "put": 0.005 / 1000,  # PUT, POST, COPY
    "list": 0.005 / 1000,
    "get": 0.0004 / 1000,  # GET, HEAD
    "delete": 0.0,
    "egress": 0.09,  # a GB
}


@dataclass
class Fleet:
    """The parameters. Each is an option of the command line."""

    recordings: int = field(default=10_000_000, metadata={"help": "in the vault"})
    targets: int = field(default=1_000, metadata={"help": "the n-th has 1/n of the recordings of the first"})
    runs: int = field(default=200, metadata={"help": "a day"})
    days: int = field(default=5, metadata={"help": "that are simulated"})
    machines: int = field(default=50, metadata={"help": "of CI"})
    persistent: float = field(default=0.5, metadata={"help": "share of these that keep their cache"})
    developers: int = field(
        default=20, metadata={"help": "who keep their caches and make a third of the runs"}
    )
    calls: int = field(default=10_000, metadata={"help": "of a run"})
    suites: int = field(default=20, metadata={"help": "that the runs are of"})
    wide: float = field(
        default=0.1, metadata={"help": "share of the suites that use all targets; others 1 %%"}
    )
    recording: float = field(default=0.1, metadata={"help": "share of the runs that record"})
    new: int = field(default=100, metadata={"help": "recordings of such a run"})
    seconds: float = field(default=1.0, metadata={"help": "that a recorded call takes"})
    cache: float = field(default=2.147, metadata={"help": "of a machine, in GB of uncompressed packs"})
    latency: float = field(default=0.03, metadata={"help": "of a request, in seconds"})
    bandwidth: float = field(default=100.0, metadata={"help": "of a machine, in Mbit/s"})
    parallel: int = field(default=16, metadata={"help": "requests at once"})
    seed: int = field(default=20, metadata={"help": "of the simulation"})


@dataclass
class Traffic:
    """Requests by verb, and bytes.

    Attributes:
        requests: By verb.
        alone: How many of them were made one after the other.
        down: Bytes from the store.
        up: Bytes to the store.
    """

    requests: Counter[str] = field(default_factory=Counter)
    alone: int = 0
    down: float = 0.0
    up: float = 0.0

    def add(
        self, verb: str, number: int = 1, *, down: float = 0.0, up: float = 0.0, alone: bool = False
    ) -> None:
        """Count requests."""
        self.requests[verb] += number
        self.alone += number if alone else 0
        self.down += down
        self.up += up

    def add_all(self, other: Traffic) -> None:
        """Count the requests of another one."""
        self.requests.update(other.requests)
        self.alone += other.alone
        self.down += other.down
        self.up += other.up

    def seconds(self, fleet: Fleet, measured: Measured) -> float:
        """Return the time of these requests, and of opening what they fetch, if one machine makes them."""
        rounds = self.alone + -(-(self.requests.total() - self.alone) // fleet.parallel)
        opened = self.down * measured.plain / measured.packed / measured.opened
        return rounds * fleet.latency + (self.down + self.up) * 8 / (fleet.bandwidth * 1e6) + opened

    def price(self, prices: dict[str, float]) -> float:
        """Return the price in US dollars, without storage."""
        return (
            sum(prices[verb] * count for verb, count in self.requests.items())
            + prices["egress"] * self.down / GB
        )


class Vault:
    """The packs in the order of their recordings' names. Each has a number; its version counts how often it changed."""

    def __init__(self, fleet: Fleet, measured: Measured, pack_size: int) -> None:
        self.measured = measured
        self.limit = max(int(pack_size / measured.plain), 1)
        whole = sum(1 / n for n in range(1, fleet.targets + 1))
        counts = [max(int(fleet.recordings / whole / n), 1) for n in range(1, fleet.targets + 1)]
        #: How many recordings there are before the end of each target.
        self.ends = list(accumulate(counts))
        self._per_pack = self.limit * FILLED
        self.held = [self._per_pack] * -int(-self.ends[-1] // self._per_pack)
        self.version = [0] * len(self.held)
        self.generation = 0

    def stored(self, pack: int) -> float:
        """Return the bytes of a pack in the store."""
        return self.measured.pack + self.held[pack] * self.measured.packed

    def manifest(self) -> float:
        """Return the bytes of the manifest in the store."""
        return self.measured.manifest * len(self.held)

    def bytes(self) -> float:
        """Return the bytes of all packs in the store."""
        return sum(map(self.stored, range(len(self.held))))

    def drawn(self, random: Random, calls: int, targets: range) -> list[int]:
        """Return the pack of each of so many recordings of these targets. Larger targets have more of them."""
        begin = self.ends[targets[0] - 1] if targets[0] else 0
        end = self.ends[targets[-1]]
        return [int(random.randrange(begin, end) / self._per_pack) for _ in range(calls)]

    def grow(self, pack: int, count: float) -> int | None:
        """Add recordings to a pack. Return the new pack if it had to be split."""
        self.version[pack] += 1
        self.held[pack] += count
        if self.held[pack] <= self.limit:
            return None
        self.held[pack] /= 2
        self.held.append(self.held[pack])
        self.version.append(0)
        return len(self.held) - 1


# -- what one run does


def reading(vault: Vault, packs: set[int], cached: dict[int, int], traffic: Traffic) -> None:
    """Count what a run fetches that uses these packs, and put them into the machine's cache (-1: the manifest)."""
    for verb, number in vault.measured.warm.items():
        traffic.add(verb, round(number))
    if cached.get(-1) != vault.generation:
        traffic.add("get", down=vault.manifest())
        cached[-1] = vault.generation
    for pack in sorted(packs):
        if cached.pop(pack, None) != vault.version[pack]:
            traffic.add("get", down=vault.stored(pack))
        cached[pack] = vault.version[pack]  # at the end, as the pack that was used last


def trimmed(vault: Vault, cached: dict[int, int], limit: float) -> dict[int, int]:
    """Return a cache without the packs that were not used for the longest time, if it is too large."""
    room, kept = limit, []
    for pack in reversed(cached):
        room -= vault.held[pack] * vault.measured.plain if pack >= 0 else 0
        if room < 0:
            break
        kept.append(pack)
    return {pack: cached[pack] for pack in reversed(kept)}


def recording(vault: Vault, count: int, traffic: Traffic) -> None:
    """Count what recording calls takes until they are folded."""
    for verb, share in vault.measured.recorded.items():
        traffic.add(verb, round(count * share))
    traffic.up += count * vault.measured.loose


def folding(vault: Vault, packs: set[int], cached: dict[int, int], traffic: Traffic) -> None:
    """Count what a fold takes that changes these packs. Others' packs are fetched first."""
    for pack in packs:
        if cached.get(pack) != vault.version[pack]:
            traffic.add("get", down=vault.stored(pack))
        traffic.add("put", up=vault.stored(pack))
    for verb, number in vault.measured.fold.items():
        traffic.add(verb, round(number))
    traffic.up += vault.manifest()


# -- some days of a fleet


class Suite(NamedTuple):
    """The tests that runs are of: their targets, the packs of their recordings, and the kind that the tables name."""

    targets: range
    packs: set[int]
    kind: str


@dataclass
class Batch:
    """What one run records, one recording after the other.

    Attributes:
        number: Of the batch, from 2 on.
        begun: When the run began, in seconds.
        suite: The suite that it ran.
        packs: The pack of each recording.
        folded: How many of them are in packs.
    """

    number: int
    begun: float
    suite: Suite
    packs: list[int]
    folded: int = 0


class Days:
    """The simulated days.

    Attributes:
        traffic: All requests.
        times: The seconds that runs waited for the store, by the kind of the run.
        folds, lost: The folds, and how many more tries lost the race for the next manifest.
        recorded: The recordings that were made.
        put_off: The runs that recorded and left their recordings loose.
        replaced: The bytes of packs that were written again.
        loose: The loose recordings that replays fetched.
    """

    def __init__(self, fleet: Fleet, vault: Vault) -> None:
        self.fleet, self.vault, self.random = fleet, vault, Random(fleet.seed)
        self.traffic = Traffic()
        self.times: dict[str, list[float]] = {}
        self.folds = self.lost = self.recorded = self.put_off = self.loose = 0
        self.replaced = 0.0
        self._caches: dict[int, dict[int, int]] = {}
        self._batches: dict[int, Batch] = {}
        # What is to happen: when, and its number as there may be two at a time.
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = count(2)
        self._suites = [self._suite(n < round(fleet.wide * fleet.suites)) for n in range(fleet.suites)]

    def _suite(self, wide: bool) -> Suite:
        number = self.fleet.targets
        few = max(number // 100, 1)
        begin = self.random.randrange(number - few + 1)
        targets = range(number) if wide else range(begin, begin + few)
        packs = set(self.vault.drawn(self.random, self.fleet.calls, targets))
        return Suite(targets, packs, "all targets" if wide else "1 % of the targets")

    def simulate(self) -> None:
        """Simulate all runs in the order in which they begin. Each day has ten busy hours."""
        fleet, random = self.fleet, self.random
        for day in range(fleet.days):
            for begun in sorted(day * 86_400 + random.random() * 36_000 for _ in range(fleet.runs)):
                self._go_on_until(begun)
                machine = random.randrange(fleet.machines)
                keeps = machine < round(fleet.persistent * fleet.machines)
                if random.random() < 1 / 3:
                    machine, keeps = fleet.machines + random.randrange(fleet.developers), True
                cached = self._caches.get(machine, {}) if keeps else {}
                self._run(begun, random.choice(self._suites), cached, keeps)
                if keeps:
                    self._caches[machine] = trimmed(self.vault, cached, fleet.cache * GB)
        self._go_on_until(float("inf"))

    def _go_on_until(self, now: float) -> None:
        while self._events and self._events[0][0] <= now:
            due, _, act = heapq.heappop(self._events)
            act(due)

    def _later(self, due: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (due, next(self._numbers), act))

    def _run(self, begun: float, suite: Suite, cached: dict[int, int], keeps: bool) -> None:
        traffic = Traffic()
        reading(self.vault, suite.packs, cached, traffic)
        self._read_loose(begun, suite, cached, traffic)
        kind = f"{suite.kind}, {'kept' if keeps else 'no'} cache"
        self.times.setdefault(kind, []).append(traffic.seconds(self.fleet, self.vault.measured))
        self.traffic.add_all(traffic)
        if self.random.random() < self.fleet.recording:
            new, written = self.fleet.new, Traffic()
            packs = self.vault.drawn(self.random, new, suite.targets)
            batch = Batch(next(self._numbers), begun, suite, packs)
            self._batches[batch.number] = batch
            self.recorded += new
            recording(self.vault, new, written)
            self.traffic.add_all(written)
            self._later(begun + new * self.fleet.seconds, lambda now: self._fold(now, cached))

    def _seen(self, now: float) -> dict[int, int]:
        """Return how many recordings of each batch are in the store."""
        per_second = 1 / self.fleet.seconds
        return {
            number: min(len(batch.packs), int((now - batch.begun) * per_second + 1e-6))
            for number, batch in self._batches.items()
        }

    def _read_loose(self, now: float, suite: Suite, cached: dict[int, int], traffic: Traffic) -> None:
        """Fetch the loose recordings that the machine does not have: all of a few, or the suite's, one by one."""
        seen = self._seen(now)
        are_few = sum(seen[number] - batch.folded for number, batch in self._batches.items()) <= FEW
        for number, batch in self._batches.items():
            missing = seen[number] - max(batch.folded, cached.get(-number, 0))
            if missing > 0 and (are_few or batch.suite is suite):
                traffic.add("get", missing, down=missing * self.vault.measured.loose, alone=not are_few)
                self.loose += missing
                cached[-number] = seen[number]

    def _fold(self, now: float, cached: dict[int, int]) -> None:
        """Write the packs of all loose recordings, if these are many or the packs few."""
        seen = self._seen(now)
        packs = Counter[int]()
        for number, batch in self._batches.items():
            packs.update(batch.packs[batch.folded : seen[number]])
        if not packs:
            return
        if packs.total() < MANY and sum(map(self.vault.stored, packs)) > WORTH * packs.total():
            self.put_off += 1
            return
        traffic = Traffic()
        folding(self.vault, set(packs), cached, traffic)
        self.traffic.add_all(traffic)
        generation = self.vault.generation
        due = now + traffic.seconds(self.fleet, self.vault.measured)
        self._later(due, lambda now: self._commit(now, generation, seen, packs, cached))

    def _commit(
        self, now: float, generation: int, seen: dict[int, int], packs: Counter[int], cached: dict[int, int]
    ) -> None:
        """Create the manifest. If another machine was faster, look again: it has folded what it saw."""
        if generation != self.vault.generation:
            self.lost += 1
            self._fold(now, cached)
            return
        self.folds += 1
        self.vault.generation += 1
        for number, folded in seen.items():
            batch = self._batches[number]
            batch.suite.packs.update(batch.packs[batch.folded : folded])
            batch.folded = folded
            if folded == len(batch.packs):
                del self._batches[number]
        for pack, grown in sorted(packs.items()):
            self.replaced += self.vault.stored(pack)
            half = self.vault.grow(pack, grown)
            cached[pack] = self.vault.version[pack]
            for suite in self._suites:
                if half is not None and pack in suite.packs:
                    suite.packs.add(half)


# -- the tables


def table(title: str, head: list[str], rows: list[list[str]]) -> None:
    """Print a table."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    print(f"\n{title}\n")
    for row in [head, *rows] if any(head) else rows:
        first, *others = (
            cell.rjust(width) if n else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(["", first, *others]).rstrip())


def print_measured(measured: Measured, vault: Vault) -> None:
    """Print what was measured, and the vault that follows from it."""
    rows = [
        ["bytes of a recording in a pack, plain", f"{measured.plain:,.0f}"],
        ["… compressed", f"{measured.packed:,.1f}"],
        ["bytes of a pack besides, compressed", f"{measured.pack:,.0f}"],
        ["bytes of a pack in the manifest", f"{measured.manifest:,.1f}"],
        ["bytes of a loose recording", f"{measured.loose:,.0f}"],
        ["requests of a warm replay run", _verbs(measured.warm)],
        ["requests for each recorded call", _verbs(measured.recorded)],
        ["requests of a fold, besides packs", _verbs(measured.fold)],
        ["MB of packs opened a second (plain)", f"{measured.opened / MB:,.0f}"],
    ]
    table("Measured with this code", ["", ""], rows)
    rows = [
        ["packs", f"{len(vault.held):,}"],
        ["recordings of a full pack", f"{vault.limit:,}"],
        ["MB of all packs", f"{vault.bytes() / MB:,.0f}"],
        ["MB of the manifest", f"{vault.manifest() / MB:,.3f}"],
    ]
    table("The vault", ["", ""], rows)


def _verbs(requests: dict[str, float]) -> str:
    return ", ".join(f"{count:g} {verb}" for verb, count in sorted(requests.items()) if count) or "0"


def print_runs(fleet: Fleet, vault: Vault, prices: dict[str, float]) -> None:
    """Print what one run takes, from a cold and a warm cache."""
    rows = []
    for name, calls, targets in (
        (f"{fleet.calls:,} calls of 1 % of the targets", fleet.calls, middling(fleet)),
        (f"{fleet.calls:,} calls of all targets", fleet.calls, range(fleet.targets)),
        ("100 calls of all targets", 100, range(fleet.targets)),
    ):
        packs, cached = set(vault.drawn(Random(fleet.seed), calls, targets)), dict[int, int]()
        for state in ("cold", "warm"):
            traffic = Traffic()
            reading(vault, packs, cached, traffic)
            rows.append(
                [
                    f"{name}, {state}",
                    f"{sum(traffic.requests.values()):,}",
                    f"{traffic.down / MB:,.2f}",
                    f"{traffic.seconds(fleet, vault.measured):,.2f}",
                    f"{traffic.price(prices):.5f}",
                    f"{traffic.price({**prices, 'egress': 0}):.5f}",
                ]
            )
    table("One replay run", ["", "requests", "MB in", "seconds", "$", "$ in the region"], rows)


def print_folds(fleet: Fleet, vault: Vault) -> None:
    """Print what folding takes, and what many folds at the same moment do."""
    rows = []
    for name, new, targets in (
        ("20 new recordings of all targets", 20, range(fleet.targets)),
        ("20 new recordings of the largest target", 20, range(1)),
        ("500 new recordings of the largest target", 500, range(1)),
        ("500 new recordings of 1 % of the targets", 500, middling(fleet)),
    ):
        packs, traffic = set(vault.drawn(Random(fleet.seed), new, targets)), Traffic()
        folding(vault, packs, {}, traffic)
        seconds = traffic.seconds(fleet, vault.measured)
        # Each of them folds what it sees of all recordings.
        together = Traffic()
        all_packs = set(vault.drawn(Random(fleet.seed), new * fleet.machines, targets))
        folding(vault, all_packs, {}, together)
        rows.append(
            [
                name,
                f"{len(packs):,}",
                f"{traffic.up / MB:,.2f}",
                f"{traffic.up / new / vault.measured.packed:,.0f} x",
                f"{seconds:,.2f}",
                f"{together.up * fleet.machines / MB:,.0f}",
            ]
        )
    head = [
        "",
        "packs",
        "MB out",
        "of what is new",
        "seconds",
        f"MB out, {fleet.machines} at once",
    ]
    table("One fold, with none of its packs in the cache", head, rows)


def print_days(fleet: Fleet, days: Days, prices: dict[str, float]) -> None:
    """Print the traffic and the price of the simulated days."""
    verbs = ("get", "list", "put", "delete")
    per_day = {verb: days.traffic.requests[verb] / fleet.days for verb in verbs}
    rows = [[f"{verb.upper()} requests", f"{count:,.0f}", ""] for verb, count in per_day.items()]
    rows += [
        ["MB from the store", f"{days.traffic.down / fleet.days / MB:,.0f}", ""],
        ["MB to the store", f"{days.traffic.up / fleet.days / MB:,.0f}", ""],
    ]
    table("A day", ["", "", ""], rows)
    storage = (days.vault.bytes() + days.replaced / fleet.days) / GB  # replaced packs stay for a day
    lines = {verb: prices[verb] * count * DAYS_A_MONTH for verb, count in per_day.items()}
    lines["storage"] = prices["storage"] * storage
    lines["egress"] = prices["egress"] * days.traffic.down / fleet.days * DAYS_A_MONTH / GB
    rows = [[name, f"{price:,.2f}"] for name, price in lines.items()]
    rows += [
        ["all", f"{sum(lines.values()):,.2f}"],
        ["all, in the region", f"{sum(lines.values()) - lines['egress']:,.2f}"],
    ]
    table("Price of a month in $", ["", ""], rows)
    rows = []
    for kind, times in sorted(days.times.items()):
        times.sort()
        rows.append([kind, f"{len(times):,}", f"{times[len(times) // 2]:,.2f}", f"{times[-1]:,.2f}"])
    table("Seconds that a run waits for the store", ["", "runs", "median", "longest"], rows)
    rows = [
        ["folds", f"{days.folds:,}"],
        ["runs that recorded and left that to a later fold", f"{days.put_off:,}"],
        ["races for the manifest lost", f"{days.lost:,}"],
        ["loose recordings that replays fetched", f"{days.loose:,}"],
        [
            "MB of new recordings a day",
            f"{days.recorded * days.vault.measured.packed / fleet.days / MB:,.3f}",
        ],
        ["MB of replaced packs a day, deleted a day later", f"{days.replaced / fleet.days / MB:,.1f}"],
    ]
    table("Writing", ["", ""], rows)


def print_limits(fleet: Fleet, measured: Measured, pack_size: int) -> None:
    """Print what grows with the vault."""
    rows = []
    for factor in (0.01, 0.1, 1, 10, 100):
        scaled = Fleet(**{**vars(fleet), "recordings": max(int(fleet.recordings * factor), fleet.targets)})
        vault, random = Vault(scaled, measured, pack_size), Random(fleet.seed)
        narrow, wide, fold = Traffic(), Traffic(), Traffic()
        reading(vault, set(vault.drawn(random, fleet.calls, middling(fleet))), {}, narrow)
        reading(vault, set(vault.drawn(random, fleet.calls, range(fleet.targets))), {}, wide)
        folding(vault, set(vault.drawn(random, 500, range(1))), {}, fold)
        rows.append(
            [
                f"{scaled.recordings:,}",
                f"{vault.bytes() / GB:,.2f}",
                f"{vault.manifest() / MB:,.2f}",
                f"{sum(narrow.requests.values()):,}",
                f"{narrow.down / MB:,.1f}",
                f"{sum(wide.requests.values()):,}",
                f"{wide.down / MB:,.0f}",
                f"{fold.up / MB:,.0f}",
            ]
        )
    calls = f"{fleet.calls:,} calls"
    head = [
        "recordings",
        "GB of packs",
        "MB manifest",
        f"{calls}, 1 %: requests",
        "MB in",
        f"{calls}, all: requests",
        "MB in",
        "fold of 500, largest: MB out",
    ]
    table("Where it breaks: cold runs and a fold, with more recordings of as many targets", head, rows)
    print(FINDINGS)


FINDINGS = """
What grows first, and what one would do:

  1. The bytes of a run that uses few recordings of many targets. A pack has neighbours by hash, not by test.
     Give each team a vault of its own, keep a cache in CI that holds all of it, or make packs smaller.
  2. The bytes of a fold into a target with many packs. New names fall into all of them. So few recordings stay loose.
     With many more: keep new packs beside the old ones and merge them later, as a log-structured store does.
  3. Folds of many machines at the same moment. Each writes the packs of all loose recordings, and one of them wins.
     Let one of them fold for all, by a claim. The recordings are in the store before that.
  4. The manifest. Every run reads it after every fold. Split it by target once it has tens of megabytes."""


def middling(fleet: Fleet) -> range:
    """Return 1 % of the targets, of middling size."""
    few = max(fleet.targets // 100, 1)
    begin = min(fleet.targets // 5, fleet.targets - few)
    return range(begin, begin + few)


def main(arguments: list[str] | None = None) -> int:
    """Measure, simulate, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for option in fields(Fleet):
        kind = type(option.default)
        help_text = f"{option.metadata['help']} (default: {option.default:,})"
        parser.add_argument(
            f"--{option.name}", type=kind, default=option.default, help=help_text, metavar="N"
        )
    parser.add_argument(
        "--pack-size", type=int, metavar="BYTES", help="of a full pack, plain (default: that of the code)"
    )
    known = ", ".join(f"{name}={price:g}" for name, price in PRICES.items())
    parser.add_argument(
        "--price", action="append", default=[], metavar="NAME=DOLLARS", help=f"default: {known}"
    )
    options = vars(parser.parse_args(arguments))
    changed, pack_size = dict(each.split("=", 1) for each in options.pop("price")), options.pop("pack_size")
    if unknown := changed.keys() - PRICES.keys():
        parser.error(f"no price {', '.join(sorted(unknown))}")
    prices = {**PRICES, **{name: float(price) for name, price in changed.items()}}
    fleet, measured = Fleet(**options), measure()
    pack_size = pack_size or measured.pack_size
    vault = Vault(fleet, measured, pack_size)
    print_measured(measured, vault)
    print_runs(fleet, vault, prices)
    print_folds(fleet, vault)
    days = Days(fleet, vault)
    days.simulate()
    print_days(fleet, days, prices)
    print_limits(fleet, measured, pack_size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
