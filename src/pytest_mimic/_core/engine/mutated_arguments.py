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

_SHOWN = 5
_MOST_ITEMS = 10_000
# The types of arguments that no call can change.
_UNCHANGEABLE = frozenset({bool, bytes, complex, float, int, str, type(None)})


class _NamedPath(NamedTuple):
    """A path that an argument, or an item of one, is.

    Attributes:
        path: The absolute path.
        is_text: Whether it stands as a text, which may be no path.
        name: The argument.
        key: Its key or place in the argument; None for the argument itself.
    """

    path: str
    is_text: bool
    name: str
    key: object


class ArgumentsBefore:
    """The arguments of a call, and the files that they name, as they were before it.

    Files that ignored arguments name do not count.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        # Streams and generators of random numbers by path, with their states.
        self._advancing: dict[str, tuple[object, State]] = {}
        #: The states of those that the call has changed, once that is known.
        self.states: dict[str, State] = {}
        # The identities of the arguments, by their names.
        self._before: dict[str, str | None] = {}
        arguments = call.named(call.plan.options.ignore)
        # The arguments that may change, by their names, with their positions in
        # the signature.
        self._changeable = self._positions_of_changeable()
        if self._changeable:
            self._advancing = _states_before(arguments)
            self._before = self._identities()
        # The paths, each with the facts of its file.
        self._files: list[tuple[_NamedPath, _FileFacts | None]] = []
        for named_path in _paths_in(arguments, names=call.parameters):
            self._files.append((named_path, _facts(named_path.path)))

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
        files = self._changed_files()
        changed_names = []
        if self._before:
            now = self._identities_with_states_before()
            for name, digits in self._before.items():
                if digits != now[name]:
                    changed_names.append(name)
        if files or changed_names:
            from pytest_mimic._core.tree.differing import (
                argument_differences,
                fills_private_attribute,
            )
            from pytest_mimic._core.tree.messages import error_of_mutation, mutations

            differences = argument_differences(
                call.arguments, call.plan.described(call)
            )
            filled_paths: list[str] = []
            if all(map(fills_private_attribute, differences)):
                filled_paths = [each.path for each in differences]
            raise error_of_mutation(
                call.plan.target,
                limited(files, _SHOWN) or mutations(changed_names, differences),
                remedies=self._remedies(changed_names, filled_paths),
            )

    def _changed_files(self) -> list[str]:
        """Return a line for each file that the call has made, changed or removed."""
        lines = []
        for named_path, before in self._files:
            path, is_text, name, key = named_path
            after = _facts(path)
            if after == before:
                continue
            place = self._call.plan.places.place_of(path)
            # Most strings are no paths.
            if before is None and is_text and place is None:
                continue
            verb = "changed"
            if before is None:
                verb = "made"
            elif after is None:
                verb = "removed"
            step = name
            if key is not None:
                step = f"{name}[{key!r}]"
            shown_path = path
            if place is not None:
                shown_path = place.text
            lines.append(f"{step}: {shown_path}: {verb} by the call")
        return lines

    def _identities_with_states_before(self) -> dict[str, str | None]:
        """Return the identities as they would be if no stream or generator had moved.

        Notes the states of those that have. None: as in `_identities`.
        """
        moved = []
        for path, (value, before) in self._advancing.items():
            try:
                after = state_of_advancing(value)
            except ValueError:
                # The call has closed the stream, which is a change.
                continue
            new_state = changed_state(before, after)
            if new_state is not None:
                self.states[path] = new_state
                moved.append((value, before, after))
        for value, before, _ in moved:
            set_state(value, before)
        try:
            return self._identities()
        finally:
            for value, _, after in moved:
                set_state(value, after)

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
    """Leave streams and generators among the arguments of a call as it left them."""
    values = advancing_in(call.named(call.plan.options.ignore))
    for path, state in states.items():
        if path in values:
            set_state(values[path], state)


def _paths_in(
    arguments: dict[str, object], *, names: tuple[str, ...]
) -> Iterator[_NamedPath]:
    """Yield the paths that arguments or their items are, and where each is.

    Strings may be paths, too.

    Args:
        arguments: The arguments by name.
        names: The parameters, with their stars.
    """
    arguments_and_rest: dict[str, object] = {}
    for name, value in arguments.items():
        is_rest = name.startswith("*") and name in names
        if is_rest and isinstance(value, tuple):
            for at, item in enumerate(value):
                arguments_and_rest[f"{name[1:]}[{at}]"] = item
        else:
            arguments_and_rest[name] = value
    for name, value in arguments_and_rest.items():
        for key, part in islice(_values_to_search(value), _MOST_ITEMS):
            is_text = type(part) is str
            if isinstance(part, str):
                # An object of a subclass of `str` is no path.
                may_be_path = is_text and len(part) <= LONGEST_PATH
            else:
                may_be_path = isinstance(part, PurePath)
            if may_be_path:
                path = os.path.abspath(str(part))  # noqa: PTH100
                yield _NamedPath(path, is_text, name, key)


def _values_to_search(value: object) -> Iterable[tuple[object, object]]:
    """Return the values in which a path is looked for, each with its key or place.

    These are the items of a container, or else the argument itself, with None.
    """
    # A proxy or a mock may give another class as its `__class__`.
    kind = type(value)
    if issubclass(kind, dict):
        # A subclass may override `items`, whose code may not run here.
        return dict.items(value)  # type: ignore[arg-type]
    if issubclass(kind, (list, tuple, set, frozenset)):
        return enumerate(items_of_container(value))
    return [(None, value)]


def _facts(path: str) -> _FileFacts | None:
    """Return the size of a file and the time of its last change.

    None: there is no file.
    """
    try:
        facts = os.stat(path)  # noqa: PTH116 - a string, at each call
    # ValueError: a null character, a lone surrogate.
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    return facts.st_size, facts.st_mtime_ns
