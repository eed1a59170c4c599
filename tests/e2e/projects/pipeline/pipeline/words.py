"""Counts words in several processes."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tally import ran


def _count(text: str) -> Counter[str]:
    return Counter(text.split())


def count(texts: list[str]) -> Counter[str]:
    """Return how often each word occurs in the texts."""
    ran("count", len(texts))
    with ProcessPoolExecutor(
        2, mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        return sum(pool.map(_count, texts), Counter())
