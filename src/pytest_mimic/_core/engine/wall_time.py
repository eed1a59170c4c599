"""The wall time of real calls, in which calls at the same time count once."""

from __future__ import annotations

from collections import deque
from threading import Lock

# A call rarely takes as long as so many others, one after the other.
_SPANS = 1_000


class WallTime:
    """Tells which part of a call's time another call has taken already.

    The sum of the other parts is the time in which at least one call was made.

    Example: of two calls, the first takes the seconds 0 to 3, and the second 1 to 5.
    The first one has all of its three seconds, the second has two beside the first.
    """

    def __init__(self) -> None:
        # The spans of the calls that have ended, in their order; those that touch are
        # one.
        self._spans: deque[tuple[float, float]] = deque(maxlen=_SPANS)
        self._lock = Lock()

    def beside(self, began: float, ended: float) -> float:
        """Return how many seconds of a call that ends now others have taken already.

        Args:
            began: When the call began, on the clock of the run.
            ended: When it ended.
        """
        taken = 0.0
        first = began
        last = ended
        # A thread may come here later than its call has ended.
        later = []
        with self._lock:
            while self._spans and self._spans[-1][1] > began:
                span = self._spans.pop()
                other_began, other_ended = span
                if other_began >= ended:
                    later.append(span)
                    continue
                taken += min(ended, other_ended) - max(began, other_began)
                first = min(first, other_began)
                last = max(last, other_ended)
            self._spans.append((first, last))
            self._spans.extend(reversed(later))
        return taken
