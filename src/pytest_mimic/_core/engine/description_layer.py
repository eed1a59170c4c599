"""What describes calls: all that the layers below reach of it, in one place."""

from __future__ import annotations

from pytest_mimic._core.identity.file_paths import with_contents
from pytest_mimic._core.identity.kept_parts import client_parts, function_parts
from pytest_mimic._core.inputs import input_trace
from pytest_mimic._core.outcome.encoding import snapshot
from pytest_mimic._core.tree.call_labels import (
    call_label,
    label_of_recorded_call,
    words_that_tell_apart,
)
from pytest_mimic._core.tree.describing import described_arguments, described_parts
from pytest_mimic._core.tree.secrets_in_objects import has_secret_text, secrets_in


class Descriptions:
    """What `function_plan.descriptions` gives: functions of a layer, and a class.

    The class needs no `staticmethod`.
    """

    call_label = staticmethod(call_label)
    label_of_recorded_call = staticmethod(label_of_recorded_call)
    words_that_tell_apart = staticmethod(words_that_tell_apart)
    described_arguments = staticmethod(described_arguments)
    described_parts = staticmethod(described_parts)
    with_contents = staticmethod(with_contents)
    function_parts = staticmethod(function_parts)
    client_parts = staticmethod(client_parts)
    secrets_in = staticmethod(secrets_in)
    has_secret_text = staticmethod(has_secret_text)
    snapshot = staticmethod(snapshot)
    InputTrace = input_trace.InputTrace
