"""Sums the seconds of a run's calls: those of calls at the same time count once."""

from __future__ import annotations

from collections import deque
from threading import Lock

# A call rarely takes as long as so many others, one after the other.
_MOST_SPANS = 1_000


class WallTime:
    """Tells which part of a call's time another call has taken already.

    The sum of the other parts is the time in which at least one call was made.

    Example: of two calls, the first takes the seconds 0 to 3, and the second 1 to 5.
    The first one has all of its three seconds, the second has two beside the first.
    """

    def __init__(self) -> None:
        # The spans of the calls that have ended, in the order of time. Those that
        # overlap are merged into one.
        self._spans: deque[tuple[float, float]] = deque(maxlen=_MOST_SPANS)
        self._lock = Lock()

    def start_over(self) -> None:
        """Begin anew in a forked process.

        A thread of its parent may have taken the lock.
        """
        self._lock = Lock()

    def seconds_shared(self, call_began: float, call_ended: float) -> float:
        """Return how many seconds of a call that ends now others have taken already.

        Args:
            call_began: When the call began, on the clock of the run.
            call_ended: When it ended.
        """
        shared_seconds = 0.0
        merged_began = call_began
        merged_ended = call_ended
        # A thread may come here later than its call has ended. Other calls may have
        # begun and ended meanwhile.
        later_spans = []
        with self._lock:
            while self._spans and self._spans[-1][1] > call_began:
                span = self._spans.pop()
                other_began, other_ended = span
                if other_began >= call_ended:
                    later_spans.append(span)
                    continue
                overlap_began = max(call_began, other_began)
                overlap_ended = min(call_ended, other_ended)
                shared_seconds += overlap_ended - overlap_began
                merged_began = min(merged_began, other_began)
                merged_ended = max(merged_ended, other_ended)
            self._spans.append((merged_began, merged_ended))
            self._spans.extend(reversed(later_spans))
        return shared_seconds
