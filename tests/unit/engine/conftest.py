"""Trees are compared and drawn in rooms of their own, which the other tree does not have."""

from __future__ import annotations

from support import face

collect_ignore_glob = [] if face.FORMAT == 6 else ["test_*.py"]
