"""What identifies any value: all that short calls do without, in one place."""

from __future__ import annotations

from pytest_mimic._core.identity.digest_graph import digest
from pytest_mimic._core.identity.file_paths import given_folders, with_contents
from pytest_mimic._core.identity.pruning import prune
from pytest_mimic._core.identity.without_identity import (
    error_of_unstable,
    refusal_with_path,
    stream_content,
    stream_line,
)
from pytest_mimic._core.types.option_paths import parse_path


class RestOfIdentity:
    """Functions of the replay layer; `call_identity.rest_of_identity` loads them."""

    digest = staticmethod(digest)
    given_folders = staticmethod(given_folders)
    with_contents = staticmethod(with_contents)
    prune = staticmethod(prune)
    error_of_unstable = staticmethod(error_of_unstable)
    refusal_with_path = staticmethod(refusal_with_path)
    stream_content = staticmethod(stream_content)
    stream_line = staticmethod(stream_line)
    parse_path = staticmethod(parse_path)
