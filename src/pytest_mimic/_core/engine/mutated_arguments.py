"""What a call of a function may not change: its arguments, and files that they name.

A file counts if an argument, or an item of one, names it. Streams and generators may
move: their states after the call are recorded.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pytest_mimic._core.commands import do
from pytest_mimic._core.files.places import LONGEST_PATH
from pytest_mimic._core.identity.call_identity import rest_of_identity
from pytest_mimic._core.outcome.advancing import (
    State,
    advancing_in,
    changed_state,
    kind_of_advancing,
    set_state,
    state_of_advancing,
)
from pytest_mimic._core.target_options import target_line
from pytest_mimic._core.types.attributes_and_parts import items_of_container
from pytest_mimic._core.types.words_for_types import is_stream
from pytest_mimic._core.words import limited

if TYPE_CHECKING:
    from pytest_mimic._core.commands import Remedy
    from pytest_mimic._core.engine.call import Call

_FileFacts: TypeAlias = "tuple[int, int]"
"""The size of a file, and the time of its last change in nanoseconds."""

# How many changed files the error names.
_MOST_FILES_SHOWN = 5
# How many items of an argument are looked at for paths: a list may have millions.
_MOST_ITEMS_SEARCHED = 10_000
# The types of arguments that no call can change.
_UNCHANGEABLE = frozenset({bool, bytes, complex, float, int, str, type(None)})


class _NamedPath(NamedTuple):
    """A path that an argument, or an item of one, is.

    Attributes:
        path: The absolute path.
        is_text: Whether it stands as a text, which may be no path.
        name: The argument.
        key_or_place: Where the item is in the argument; None for the argument itself.
    """

    path: str
    is_text: bool
    name: str
    key_or_place: object


class ArgumentsBefore:
    """The arguments of a call, and the files that they name, as they were before it.

    Files that ignored arguments name do not count.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        # Streams and generators of random numbers, each with its state before the call,
        # by its path in the arguments.
        self._advancing_by_path: dict[str, tuple[object, State]] = {}
        #: The new states of those that the call has moved, once that is known. They are
        #: recorded, and a replay sets them.
        self.states: dict[str, State] = {}
        # The identities of the arguments before the call, by their names.
        self._identities_before: dict[str, str | None] = {}
        arguments = call.named(call.plan.options.ignore)
        # The arguments that may change, by their names, with their positions in
        # the signature.
        self._changeable = self._positions_of_changeable()
        if self._changeable:
            self._advancing_by_path = _states_before(arguments)
            self._identities_before = self._identities()
        # The paths in the arguments, each with the facts of its file before the call.
        self._files_before: list[tuple[_NamedPath, _FileFacts | None]] = []
        for named_path in _paths_in(arguments, names=call.parameters):
            facts_before = _file_facts(named_path.path)
            self._files_before.append((named_path, facts_before))

    def _positions_of_changeable(self) -> dict[str, int]:
        """Return the positions of the arguments that may change, by their names.

        A text may, if the content of the file or folder that it names is part of the
        identity of the call.
        """
        call = self._call
        positions = {}
        arguments = zip(call.parameters, call.bound_values, strict=True)
        for position, (parameter, value) in enumerate(arguments):
            name = parameter.lstrip("*")
            may_change = type(value) not in _UNCHANGEABLE
            if type(value) is str:
                is_temporary = call.plan.places.place_of_text(value) is not None
                may_change = is_temporary or name in call.plan.options.content
            if may_change:
                positions[name] = position
        return positions

    def _identities(self) -> dict[str, str | None]:
        """Return the identities of the arguments that may change, by their names.

        None: the argument does not count, or has no stable identity.
        """
        call, identity = self._call, self._call.identity
        assert identity is not None
        identities = {}
        for name, position in self._changeable.items():
            value = call.bound_values[position]
            identities[name] = identity.digest_of_content(position, value)
        return identities

    def refuse_changes(self) -> None:
        """Check that the call has changed no argument, and no file that one names.

        Raises:
            MutatedInputError: The call has changed an argument, or changed or made a
                file.
        """
        call = self._call
        changed_files = self._changed_files()
        changed_names = []
        if self._identities_before:
            identities_now = self._identities_with_states_before()
            for name, identity_before in self._identities_before.items():
                if identity_before != identities_now[name]:
                    changed_names.append(name)
        if changed_files or changed_names:
            from pytest_mimic._core.tree.differing import (
                argument_differences,
                fills_private_attribute,
            )
            from pytest_mimic._core.tree.messages import error_of_mutation, mutations

            # The arguments were described before the call, and are described again now.
            differences = argument_differences(
                call.arguments, call.plan.described(call)
            )
            # A line that leaves out such attributes is offered if it would be enough.
            filled_paths: list[str] = []
            if all(map(fills_private_attribute, differences)):
                filled_paths = [each.path for each in differences]
            raise error_of_mutation(
                call.plan.target,
                limited(changed_files, _MOST_FILES_SHOWN)
                or mutations(changed_names, differences),
                remedies=self._remedies(changed_names, filled_paths),
            )

    def _changed_files(self) -> list[str]:
        """Return a line for each file that the call has made, changed or removed."""
        lines = []
        for named_path, facts_before in self._files_before:
            path, is_text, name, key_or_place = named_path
            facts_now = _file_facts(path)
            if facts_now == facts_before:
                continue
            place = self._call.plan.places.place_of(path)
            # Most strings are no paths: that a file has one as its name is chance.
            if facts_before is None and is_text and place is None:
                continue
            verb = "changed"
            if facts_before is None:
                verb = "made"
            elif facts_now is None:
                verb = "removed"
            argument_or_item = name
            if key_or_place is not None:
                argument_or_item = f"{name}[{key_or_place!r}]"
            shown_path = path
            if place is not None:
                shown_path = place.text
            lines.append(f"{argument_or_item}: {shown_path}: {verb} by the call")
        return lines

    def _identities_with_states_before(self) -> dict[str, str | None]:
        """Return the identities as they would be if no stream or generator had moved.

        Notes the states of those that have. None: as in `_identities`.
        """
        # The streams and generators that the call has moved, each with its state before
        # the call and its state now.
        moved_values = []
        for path, (value, state_before) in self._advancing_by_path.items():
            try:
                state_now = state_of_advancing(value)
            except ValueError:
                # The call has closed the stream, which is a change.
                continue
            new_state = changed_state(state_before, state_now)
            if new_state is not None:
                self.states[path] = new_state
                moved_values.append((value, state_before, state_now))
        # The identities are computed with the states before the call, and the caller
        # gets the arguments as the call has left them.
        for value, state_before, _ in moved_values:
            set_state(value, state_before)
        try:
            return self._identities()
        finally:
            for value, _, state_now in moved_values:
                set_state(value, state_now)

    def _remedies(
        self, changed_names: list[str], filled_paths: list[str]
    ) -> list[Remedy]:
        """Return what to write for a stream, or for private attributes now filled.

        Args:
            changed_names: The arguments that the call has changed.
            filled_paths: The paths of the private attributes that the call has filled,
                if it has changed nothing else.
        """
        target, options = self._call.plan.target, self._call.plan.options
        arguments = self._call.named()
        streams = []
        for name in changed_names:
            value = arguments.get(name)
            # The numbers that a `Generator` draws are no change. It has made others by
            # `spawn`, which its state does not tell: no replay would make them.
            if is_stream(value) and kind_of_advancing(value) != "Generator":
                streams.append(name)
        if streams:
            name = streams[0]
            content = rest_of_identity().stream_content(
                name, type(arguments[name]), options
            )
            line = rest_of_identity().stream_line(target, name, content, options)
            return [do(f"say what stands for it: {line}")]
        if filled_paths:
            line = target_line(target, options, "ignore", filled_paths)
            return [do(f"if they only remember something, leave them out: {line}")]
        return []


def _states_before(arguments: dict[str, object]) -> dict[str, tuple[object, State]]:
    """Return the streams and generators among the arguments, with their states now.

    A call may move them, which is recorded. Any other change of an argument is refused.
    """
    states: dict[str, tuple[object, State]] = {}
    for path, value in advancing_in(arguments).items():
        # ValueError: a closed stream has no state.
        with suppress(ValueError):
            states[path] = value, state_of_advancing(value)
    return states


def set_states(call: Call, states: dict[str, State]) -> None:
    """Let a replay leave streams and generators as the recorded call left them.

    Args:
        call: The call, among whose arguments they are.
        states: Their states after the recorded call, by their paths in the arguments.
    """
    values = advancing_in(call.named(call.plan.options.ignore))
    for path, state in states.items():
        if path in values:
            set_state(values[path], state)


def _paths_in(
    arguments: dict[str, object], *, names: tuple[str, ...]
) -> Iterator[_NamedPath]:
    """Yield the paths whose files the call may not change, and where each is.

    These are the arguments, and items of them, that are paths. Strings may be, too.

    Args:
        arguments: The arguments by name.
        names: The parameters, with their stars.
    """
    # The values of `*rest` are arguments like others: `rest[0]`, `rest[1]`.
    each_argument: dict[str, object] = {}
    for name, value in arguments.items():
        is_rest = name.startswith("*") and name in names
        if is_rest and isinstance(value, tuple):
            for position, argument in enumerate(value):
                each_argument[f"{name[1:]}[{position}]"] = argument
        else:
            each_argument[name] = value
    for name, value in each_argument.items():
        items = _items_that_may_be_paths(value)
        for key_or_place, item in islice(items, _MOST_ITEMS_SEARCHED):
            is_text = type(item) is str
            if isinstance(item, str):
                # An object of a subclass of `str` is no path.
                may_be_path = is_text and len(item) <= LONGEST_PATH
            else:
                may_be_path = isinstance(item, PurePath)
            if may_be_path:
                path = os.path.abspath(str(item))  # noqa: PTH100
                yield _NamedPath(path, is_text, name, key_or_place)


def _items_that_may_be_paths(argument: object) -> Iterable[tuple[object, object]]:
    """Return the items of an argument, each with its key or place.

    What is no container is its own only item, with None. Deeper items are not searched.
    """
    # A proxy or a mock may give another class as its `__class__`.
    class_of_argument = type(argument)
    if issubclass(class_of_argument, dict):
        # A subclass may override `items`, whose code may not run here.
        return dict.items(argument)  # type: ignore[arg-type]
    if issubclass(class_of_argument, (list, tuple, set, frozenset)):
        return enumerate(items_of_container(argument))
    # The argument may be the path of a file that the call may not change.
    return [(None, argument)]


def _file_facts(path: str) -> _FileFacts | None:
    """Return the size of a file and the time of its last change.

    None: there is no file, or the path is that of a folder or a device.
    """
    try:
        facts = os.stat(path)  # noqa: PTH116 - a string, at each call
    # ValueError: a null character, a lone surrogate.
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    return facts.st_size, facts.st_mtime_ns
