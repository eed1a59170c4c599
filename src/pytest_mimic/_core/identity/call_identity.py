"""The identity of values and of calls, in 32 hex digits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from marshal import dumps
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.identity.short_scalars import (
    LONGEST_DUMPED,
    MARSHAL_VERSION,
    MOST_DUMPED_TOGETHER,
    NAN,
    ONLY_TEXTS,
    SCALARS,
    SCALARS_BUT_FLOATS,
    SEPARATOR,
    TEXTS_AND_BYTES,
    Plain,
    has_long,
    mentions_folder,
    plain_nans,
)
from pytest_mimic._core.types.reductions import Unstable

if TYPE_CHECKING:
    from pytest_mimic._core.identity.rest_of_identity import RestOfIdentity

VERSION = 1

Forms = Mapping[int, Any]
"""The forms of the arguments of a call that count, by their positions."""


@cache
def rest_of_identity() -> type[RestOfIdentity]:
    """Return what identifies values that have no short form, and parts of values.

    It is the door to the rest of this package: most calls have short arguments.
    """
    from pytest_mimic._core.identity.rest_of_identity import RestOfIdentity

    return RestOfIdentity


def fingerprint(value: object, *, places: Places | None = None) -> str:
    """Return the identity of a value, 32 hex digits.

    The identity is the same for equal values in every process and on every machine.
    Paths below the folders of a run count by their `places`.

    Raises:
        Unstable: A part of the value has no stable identity.
    """
    places = places or Places()
    dumped_form = dumps([_form_of_value(value, places, "value")], MARSHAL_VERSION)
    if mentions_folder(dumped_form, places.temporary_folders):
        # Few values mention a folder. Only those are searched for paths, which takes
        # longer.
        dumped_form = dumps(
            [_form_of_value(value, places, "value", finds_paths=True)], MARSHAL_VERSION
        )
    return xxh3_128_hexdigest(_VALUE_PREFIX + dumped_form)


def identity_of(value: object, places: Places | None = None) -> str | None:
    """Return the value's fingerprint, or None for a value without a stable identity.

    Who only compares or describes values asks this, and goes on without an identity.
    """
    try:
        return fingerprint(value, places=places)
    except Exception:
        # Code of the value's class may raise anything. Only a call that needs the
        # identity reports that.
        return None


def fingerprint_outcome(value: object) -> str | None:
    """Return the identity of an outcome, 32 hex digits.

    It tells whether the value that is read back from a recording equals the one that
    was stored, and whether a call that is recorded again has given the same. So more
    counts than for an argument: the order of dicts and the memory layout of arrays.

    None: a part of the value has no stable identity, so that nothing can be told.
    """
    try:
        # No folder of the run is known here: a path counts by its text.
        outcome_digest = rest_of_identity().digest(value, Places(), is_outcome=True)
    except Unstable:
        return None
    return xxh3_128_hexdigest(_OUTCOME_PREFIX + outcome_digest)


# A prefix stands before the data that is hashed, so that a value, an outcome and a call
# never have the same identity.
_VALUE_PREFIX = dumps(("value", VERSION), MARSHAL_VERSION)
_OUTCOME_PREFIX = dumps(("outcome", VERSION), MARSHAL_VERSION)


class CallIdentity:
    """The identity of the calls of one target.

    Args:
        target: The canonical name of the target.
        names: The target's parameters in order; `*rest` and `**extra` as in the
            signature.
        defaults: Parallel to `names`: the value that the binder uses for an omitted
            argument.
        ignore: Paths of parts that do not count: arguments, parts of them, names inside
            `**extra`.
        key: Takes the bound arguments, a mapping by name, and returns the value that
            represents them.
        content: Arguments, or names inside `**extra`, whose paths count by the content
            of what they name.
        places: The folders of the run.
        note_path: Called with each path of `ignore` at the first call, and again, with
            True, when the path has met something.

    The *position* of an argument is its index in `names`.
    """

    __slots__ = (
        "_bare_names",
        "_counted_positions",
        "_default_markers",
        "_extra_position",
        "_ignored_steps",
        "_key_function",
        "_names_by_content",
        "_note_path",
        "_places",
        "_special_positions",
        "_starred_names",
        "_target_prefix",
        "_unmet_paths",
    )

    def __init__(
        self,
        target: str,
        names: tuple[str, ...],
        *,
        defaults: Sequence[object] = (),
        ignore: Sequence[str] = (),
        key: Callable[[Mapping[str, Any]], object] | None = None,
        content: Sequence[str] = (),
        places: Places | None = None,
        note_path: Callable[[str, bool], None] | None = None,
    ) -> None:
        plain_names = tuple([name.lstrip("*") for name in names])
        self._bare_names = plain_names
        self._starred_names = names
        # The position of `**extra`, which is always the last parameter.
        self._extra_position: int | None = None
        if names and names[-1].startswith("**"):
            self._extra_position = len(names) - 1
        self._key_function = key
        self._places = places or Places()
        self._names_by_content = frozenset(content)
        # Defaults that are a bare object(): markers for "not given", which have no
        # identity of their own.
        self._default_markers: dict[int, object] = {}
        for position, default in enumerate(defaults):
            if type(default) is object:
                self._default_markers[position] = default
        self._ignored_steps: dict[int, list[tuple[str, ...]]] = {}
        self._note_path = note_path
        # The paths of `ignore=` that have met nothing so far, each with the position of
        # its argument and the steps in it: `{"order.day": (0, ("day",))}`. Without a
        # position, the path names no parameter.
        self._unmet_paths: dict[str, tuple[int | None, tuple[str, ...]]] = {}
        positions_left_out = set()
        for path in ignore:
            steps = rest_of_identity().parse_path(path)
            if steps[0] in plain_names:
                position = plain_names.index(steps[0])
                steps = steps[1:]
            elif self._extra_position is not None:
                position = self._extra_position
            else:
                self._unmet_paths[path] = None, steps
                continue
            if steps:
                self._unmet_paths[path] = position, steps
                self._ignored_steps.setdefault(position, []).append(steps)
            else:
                positions_left_out.add(position)
        # The positions of the arguments that need a look besides their value.
        self._special_positions = {
            *self._default_markers,
            *self._ignored_steps,
            self._extra_position,
        }
        counted = set(range(len(names))) - positions_left_out
        self._counted_positions = tuple(sorted(counted))
        counted_names = [names[position] for position in self._counted_positions]
        self._target_prefix = dumps(
            ("call", VERSION, target, counted_names, key is not None), MARSHAL_VERSION
        )

    def key(self, values: tuple[Any, ...]) -> str:
        """Return the identity of a call, 32 hex digits.

        A recording is found by it: where it changes, recorded calls are misses.

        Args:
            values: The arguments of the call as the binder returns them.

        Raises:
            Unstable: An argument has no stable identity; its path starts with the
                argument's name.
        """
        places, switches_before = self._places, self._places.folder_switches
        if self._unmet_paths and self._note_path is not None:
            self._note_met_paths(values)
        if self._key_function is not None:
            key = self._key_function(dict(zip(self._bare_names, values)))
            dumped_forms = dumps(
                [_form_of_value(key, places, "key", finds_paths=True)], MARSHAL_VERSION
            )
        elif self._names_by_content:
            dumped_forms = self._dumped_forms_with_paths(values)
        else:
            forms = []
            for position in self._counted_positions:
                value = values[position]
                type_ = type(value)
                # Most arguments are short scalars, which are forms themselves. To call
                # a function for each would be the greatest cost of a plain replay.
                if type_ in SCALARS_BUT_FLOATS and (
                    type_ not in TEXTS_AND_BYTES or len(value) <= LONGEST_DUMPED
                ):
                    forms.append(value)
                elif position in self._special_positions:
                    forms.append(self._form_of_argument(position, value))
                else:
                    forms.append(
                        _form_of_value(value, places, self._bare_names[position])
                    )
            dumped_forms = dumps(forms, MARSHAL_VERSION)
            if (
                places.temporary_folders
                and dumped_forms.find(SEPARATOR) >= 0
                and mentions_folder(dumped_forms, places.temporary_folders)
            ):
                # A string may be a path, which counts by its place in the run.
                dumped_forms = self._dumped_forms_with_paths(values)
        if places.folder_switches != switches_before:
            # The paths of this call may lie in several folders, which counts.
            dumped_forms += self._folder_numbers(values)
        return xxh3_128_hexdigest(self._target_prefix + dumped_forms)

    def _note_met_paths(self, values: Sequence[object]) -> None:
        """Note which paths of `ignore=` meet something in these arguments.

        A path that has met nothing in a complete run is named in the summary.
        """
        prune = rest_of_identity().prune
        assert self._note_path is not None
        for path, (position, steps) in list(self._unmet_paths.items()):
            self._note_path(path, False)
            if position is None:
                continue
            value = values[position]
            # A value without identity is refused later, for that reason.
            with suppress(Unstable):
                if prune(value, [steps], self._places) is not value:
                    del self._unmet_paths[path]
                    self._note_path(path, True)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters with their stars, also those that do not count."""
        return self._starred_names

    def counts(self, position: int) -> bool:
        """Return whether an argument counts, at least in part."""
        return position in self._counted_positions

    def ignored_in(self, position: int) -> list[tuple[str, ...]]:
        """Return the paths in an argument that do not count, each as its steps."""
        return sorted(self._ignored_steps.get(position, ()))

    def counts_by_content(self, position: int) -> bool:
        """Return whether an argument counts by the content of files that it names.

        A recording keeps no description of it from which it could be identified again.

        The argument is one of `content=`, or is the `**extra` that may have one of
        these in it.
        """
        if position == self._extra_position and self._names_by_content:
            return True
        return self._bare_names[position] in self._names_by_content

    def forms(self, values: Sequence[Any]) -> Forms | None:
        """Return the forms of the arguments that count, by their positions.

        `key_of_forms` makes the identity from these forms, and the recording keeps the
        digests among them. None: the identity is made of more, as the call is
        identified by `key=`, or has paths in several folders.

        Raises:
            Unstable: An argument has no stable identity.
        """
        switches_before = self._places.folder_switches
        if self._key_function is not None:
            return None
        if self._unmet_paths and self._note_path is not None:
            self._note_met_paths(values)
        forms = {}
        for position in self._counted_positions:
            forms[position] = self.form(position, values[position])
        folders = self._places.temporary_folders
        if folders and mentions_folder(
            dumps(list(forms.values()), MARSHAL_VERSION), folders
        ):
            # A string may be a path, which counts by its place, as in `key`.
            for position in self._counted_positions:
                forms[position] = self._form_of_argument(
                    position, values[position], finds_paths=True
                )
        may_name_several_folders = self._places.folder_switches != switches_before
        if may_name_several_folders and self._folder_numbers(tuple(values)):
            # No form says which paths share a folder, which counts, too.
            return None
        return forms

    def form(self, position: int, value: Any) -> Any:
        """Return the form of one argument, as `key` hashes it."""
        return self._form_of_argument(
            position, value, finds_paths=bool(self._names_by_content)
        )

    def whole_form(self, position: int, value: Any) -> Any:
        """Return the form of one argument of which every part counts.

        By it, an argument is compared with what its description gives back.

        Raises:
            Unstable: The argument has no stable identity.
        """
        return _form_of_value(value, self._places, self._bare_names[position])

    def key_of_forms(self, forms: Forms) -> str:
        """Return the identity of a call, from the forms of the arguments that count.

        A call of a function is identified so where no player replays it, and `rekey`
        and a miss identify a recorded one so.
        """
        data = dumps(
            [forms[position] for position in self._counted_positions], MARSHAL_VERSION
        )
        return xxh3_128_hexdigest(self._target_prefix + data)

    def _folder_numbers(self, values: tuple[object, ...]) -> bytes:
        """Return which paths lie in the same given folder, as a number for each path.

        The names of the folders do not count. But a call with paths in two folders
        differs from a call with paths in one folder: its outcome may name both.

        a/x, a/y  →  nothing        a/x, b/y, a/z  →  0, 1, 0
        """
        positions_by_place = list(
            filter(self._paths_count_by_place, self._counted_positions)
        )
        folders = self._folders_in_arguments(values, positions_by_place)
        numbers: dict[str, int] = {}
        for folder in folders:
            numbers.setdefault(folder, len(numbers))
        if len(numbers) < 2:
            return b""
        return dumps([numbers[folder] for folder in folders], MARSHAL_VERSION)

    def folders(self, values: tuple[object, ...]) -> list[str]:
        """Return the folders from pytest in which the arguments' paths are.

        They are for outcomes, not for the identity: a stored path of an outcome names
        the second folder by its number, `tmp_path:2`. Arguments whose paths do not
        count by their place may have other paths in a replay. Their folders come last,
        so that the others keep their numbers.
        """
        positions_by_place = []
        other_positions = []
        for position in range(len(self._bare_names)):
            if self._paths_count_by_place(position):
                positions_by_place.append(position)
            else:
                other_positions.append(position)
        return self._folders_in_arguments(
            values, [*positions_by_place, *other_positions]
        )

    def _folders_in_arguments(
        self, values: tuple[object, ...], positions: Iterable[int]
    ) -> list[str]:
        """Return the folders from pytest, as `tmp_path`, that hold paths of arguments.

        A folder is there once for each path in it, so that calls with paths in one
        folder differ from calls with paths in two.

        Args:
            values: All arguments of the call.
            positions: The positions of the arguments to look into, in this order.
        """
        given_folders = rest_of_identity().given_folders
        folders: list[str] = []
        for position in positions:
            folders += given_folders(values[position], self._places)
        return folders

    def _paths_count_by_place(self, position: int) -> bool:
        """Return whether the paths in an argument count by the place of their file.

        Else they count by content, by what `key=` returns, or perhaps not at all.
        """
        is_of_content = self._bare_names[position] in self._names_by_content
        has_option = self._key_function is not None or is_of_content
        return (
            position in self._counted_positions
            and position not in self._ignored_steps
            and not has_option
        )

    def _dumped_forms_with_paths(self, values: tuple[object, ...]) -> bytes:
        """Return what is hashed of a call in which strings that are paths count so.

        The paths in arguments of `content=` count by content.
        """
        forms = []
        for position in self._counted_positions:
            forms.append(
                self._form_of_argument(position, values[position], finds_paths=True)
            )
        return dumps(forms, MARSHAL_VERSION)

    def digest_of_content(self, position: int, value: object) -> str | None:
        """Return an argument's identity in which empty private attributes do not count.

        Taken before and after a real call, it shows whether the call has changed the
        argument. A call that only reads an object may give that object an empty cache.
        None: the argument does not count, or is unstable.
        """
        if position not in self._counted_positions:
            return None
        try:
            form = self._form_of_argument(
                position, value, finds_paths=True, ignores_empty=True
            )
        except Unstable:
            # Nothing tells whether a call has changed such an argument.
            return None
        return xxh3_128_hexdigest(dumps([form], MARSHAL_VERSION))

    def _form_of_argument(
        self,
        position: int,
        value: Any,
        *,
        finds_paths: bool = False,
        ignores_empty: bool = False,
    ) -> object:
        """Return the form of the argument at a position, see `_form_of_value`."""
        if (
            position in self._default_markers
            and self._default_markers[position] is value
        ):
            # The argument was not given: `...` is the form of any such marker.
            return ...
        name = self._bare_names[position]
        try:
            if finds_paths and self._names_by_content:
                value = self._with_contents(position, value)
            if position in self._ignored_steps:
                prune = rest_of_identity().prune
                value = prune(value, self._ignored_steps[position], self._places)
        except Unstable as error:
            # The refused part has no path yet: the message names the whole argument.
            raise Unstable(
                error.type_name, error.kind, name, remedy=error.remedy
            ) from error
        try:
            return _form_of_value(
                value,
                self._places,
                name,
                finds_paths=finds_paths,
                ignores_empty=ignores_empty,
            )
        except Unstable:
            if position == self._extra_position:
                # The error is to name the argument in `**extra` that is unstable.
                for extra_name, extra_value in value.items():
                    _form_of_value(
                        extra_value, self._places, extra_name, finds_paths=finds_paths
                    )
            raise

    def _with_contents(self, position: int, value: Any) -> Any:
        """Return an argument with the content of paths in place of the paths.

        The argument is one of `content=`, or is the `**extra` that has some of these.
        """
        with_contents = rest_of_identity().with_contents
        if self._bare_names[position] in self._names_by_content:
            return with_contents(value, self._places)
        if position == self._extra_position:
            for name in self._names_by_content & value.keys():
                value = {**value, name: with_contents(value[name], self._places)}
        return value


def _form_of_value(
    value: Any,
    places: Places,
    name: str,
    *,
    finds_paths: bool = False,
    ignores_empty: bool = False,
) -> object:
    """Return the form in which marshal writes a value.

    The forms cannot be mistaken for one another:

    | value | form |
    |---|---|
    | a short scalar | itself |
    | a short list or tuple of scalars | itself |
    | a short dict of scalars by text | `[keys, values]` |
    | any other | `[[digest]]` |

    With `finds_paths`, a value that holds a string which is a path has no short form.
    Without it, the short form is dumped, and a folder is searched for in the dump.
    """
    type_ = type(value)
    if finds_paths and _holds_path(value, places):
        # The digest of the graph puts the place of the path for the string.
        pass
    elif type_ is dict:
        if len(value) <= MOST_DUMPED_TOGETHER and ONLY_TEXTS.issuperset(
            map(type, value)
        ):
            keys = sorted(value)
            items = _short_form([value[key] for key in keys])
            if items is not None:
                return [keys, items]
    elif type_ in SCALARS_BUT_FLOATS:
        if type_ not in TEXTS_AND_BYTES or len(value) <= LONGEST_DUMPED:
            return value
    elif type_ is float:
        is_nan = value != value
        return NAN if is_nan else value
    elif (type_ is list or type_ is tuple) and len(value) <= MOST_DUMPED_TOGETHER:
        short = _short_form(value)
        if short is not None:
            return short
    try:
        digest = rest_of_identity().digest
        return [[digest(value, places, ignores_empty=ignores_empty)]]
    except Unstable as error:
        # The walk does not keep the way to each part. Only for a refusal, the value is
        # searched again, for the path that the message names.
        refusal_with_path = rest_of_identity().refusal_with_path
        raise refusal_with_path(error, value, places, name) from None


def _short_form(values: Plain) -> Plain | None:
    """Return at most `MOST_DUMPED_TOGETHER` scalars as they are dumped.

    None: one of the values is long or no scalar.
    """
    types = set(map(type, values))
    if not types <= SCALARS:
        return None
    if types <= TEXTS_AND_BYTES:
        # For few texts, `max` takes half the time of `has_long`.
        if max(map(len, values), default=0) > LONGEST_DUMPED:
            return None
        return values
    if not types.isdisjoint(TEXTS_AND_BYTES) and has_long(values):
        return None
    if float in types:
        return plain_nans(values)
    return values


def _holds_path(value: Any, places: Places) -> bool:
    """Return whether a value is or holds a string that is a path of the run.

    Such a value has no short form, as the path counts by its place. Only a value that
    could have a short form is looked at.
    """
    if not places.temporary_folders:
        return False
    texts = [value]
    if type(value) in (list, tuple, dict) and len(value) <= MOST_DUMPED_TOGETHER:
        texts = list(value)
        if type(value) is dict:
            texts += value.values()
    for text in texts:
        if type(text) is str and places.place_of_text(text) is not None:
            return True
    return False
