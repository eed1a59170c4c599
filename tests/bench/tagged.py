"""What replaying readable values costs, beside pickles: 1,000 records with dates and Decimals.

All in one process, in interleaved rounds: a first replay, from the files to the value, then replays of the same
recording. Prints milliseconds of CPU time, sizes and ratios; read the ratios. Asserts nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from pytest_mimic._outcome.encoding import encode_pickled
from pytest_mimic._outcome.outcome import Outcome
from pytest_mimic._vault import FolderStore, Recording, Vault

ROUNDS = 15
NAME = "calls/shop/orders/00.json"
SINGLE = 100


@dataclass
class Order:
    """A record."""

    id: int
    customer: str
    placed: datetime
    due: date
    total: Decimal
    tax: Decimal
    is_paid: bool
    labels: list[str] = field(default_factory=list)


def order(number: int) -> Order:
    """Returns one of the records."""
    placed = datetime(2026, 11, 1 + number % 28, number % 24, number % 60, tzinfo=timezone.utc)
    total = Decimal(number * 7) / 100
    due = date(2026, 12, 1 + number % 31)
    return Order(
        number, f"customer {number % 97}", placed, due, total, total / 5, number % 2 == 0, ["a", "b"]
    )


ORDERS = [order(number) for number in range(1000)]
VALUES: dict[str, object] = {
    "dataclasses": ORDERS,
    "dicts": [vars(each) for each in ORDERS],
    "tuples": [tuple(vars(each).values()) for each in ORDERS],
    "one dataclass": ORDERS[0],
}


def recorded(folder: Path, value: object, *, pickled: bool) -> FolderStore:
    """Returns the vault with the recording of a value."""
    store = FolderStore(folder)
    vault = Vault(store)
    outcome = Outcome.of_value(value)
    stored = vault.stored(outcome, 0.5)
    if pickled:
        stored.encoded = encode_pickled(outcome)
    vault.write(NAME, Recording("shop:orders", None, None, None, "2026-11-02", None, [stored]))
    return store


def size(folder: Path) -> tuple[int, int]:
    """Returns the bytes of a vault, and those that they take on a disk with blocks of 4 KB."""
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.suffix in (".json", ".pkl")]
    return sum(sizes), sum(-(-each // 4096) * 4096 for each in sizes)


def milliseconds(call: Callable[[], object], repeat: int) -> float:
    """Returns the CPU time of a call, the mean of several."""
    began = process_time()
    for _ in range(repeat):
        call()
    return (process_time() - began) / repeat * 1000


def player(store: FolderStore) -> Callable[[], object]:
    """Returns the function that replays the recording."""
    return Vault(store).read(NAME).outcomes[0].player()


def main() -> None:
    """Prints a line for each kind of value."""
    print(f"{'':15}{'tagged':>9}{'on disk':>9}{'pickle':>9}{'on disk':>9}", end="")
    print(f"{'first: tagged':>16}{'pickle':>8}{'ratio':>7}{'again: tagged':>16}{'pickle':>8}{'ratio':>7}")
    with TemporaryDirectory() as scratch:
        for kind, value in VALUES.items():
            folders = [Path(scratch, kind, form) for form in ("tagged", "pickle")]
            stores = [recorded(folder, value, pickled=folder.name == "pickle") for folder in folders]
            players = [player(store) for store in stores]
            for play in players * 2:  # the first value is one that was read already
                play()
            repeat = 1 if type(value) is list else SINGLE
            first: list[list[float]] = [[], []]
            again: list[list[float]] = [[], []]
            for _ in range(ROUNDS):
                for index, (store, play) in enumerate(zip(stores, players, strict=True)):
                    first[index].append(milliseconds(lambda store=store: player(store)(), repeat))
                    again[index].append(milliseconds(play, repeat))
            line = f"{kind:15}"
            for folder in folders:
                line += "{:9}{:9}".format(*size(folder))
            for rounds, width in ((first, 16), (again, 16)):
                tagged, pickle = map(min, rounds)
                line += f"{tagged:{width}.3f}{pickle:8.3f}{tagged / pickle:6.2f}x"
            print(line)


if __name__ == "__main__":
    main()
