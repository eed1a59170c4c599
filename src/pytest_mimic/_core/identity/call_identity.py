"""The identity of values and of calls, in 32 hex digits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from marshal import dumps
from typing import Any

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.identity.short import (
    EXACT,
    LONG,
    NAN,
    SCALARS,
    SEPARATOR,
    SHORT,
    SIZED,
    TEXT,
    Plain,
    has_long,
    is_marked,
    plain_nans,
)
from pytest_mimic._core.types.kinds import Unstable

VERSION = 1


def fingerprint(value: object, *, places: Places | None = None) -> str:
    """Return the identity of a value, 32 hex digits.

    It is the same for equal values in every process and on every machine. Paths below
    the folders of a run count by their `places`.

    Raises:
        Unstable: A part of the value has no stable identity.
    """
    places = places or Places()
    data = dumps([_part(value, places, "value")], 2)
    if is_marked(data, places.marks):
        data = dumps([_part(value, places, "value", locates=True)], 2)
    return xxh3_128_hexdigest(_VALUE + data)


def identity_of(value: object, places: Places | None = None) -> str | None:
    """Return the value's fingerprint, or None for a value without a stable identity."""
    try:
        return fingerprint(value, places=places)
    except Exception:
        # The value's own code failed, which is reported when a call needs the identity.
        return None


def fingerprint_outcome(value: object) -> str | None:
    """Return the identity of an outcome, 32 hex digits.

    The order of dicts and the memory layout of arrays count as well. None: a part of
    the value has no stable identity.
    """
    from pytest_mimic._core.identity.graph import digest

    try:
        found = digest(value, Places(), is_outcome=True)
    except Unstable:
        return None
    return xxh3_128_hexdigest(_OUTCOME + found)


_VALUE = dumps(("value", VERSION), 2)
_OUTCOME = dumps(("outcome", VERSION), 2)


class CallIdentity:
    """The identity of the calls of one target.

    Args:
        target: The canonical name of the target.
        names: Its parameters in order; `*rest` and `**extra` as in the signature.
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
    """

    __slots__ = (
        *(
            "_by_content",
            "_counted",
            "_extra",
            "_ignored",
            "_key",
            "_markers",
            "_names",
            "_note_path",
            "_places",
        ),
        *("_prefix", "_signature", "_special", "_unmet"),
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
        self._names = plain_names
        self._signature = names
        # The place of `**extra`, which is always the last one.
        self._extra: int | None = None
        if names and names[-1].startswith("**"):
            self._extra = len(names) - 1
        self._key = key
        self._places = places or Places()
        self._by_content = frozenset(content)
        # Defaults that are a bare object(): markers for "not given", which have no
        # identity of their own.
        self._markers: dict[int, object] = {}
        for place, default in enumerate(defaults):
            if type(default) is object:
                self._markers[place] = default
        self._ignored: dict[int, list[tuple[str, ...]]] = {}
        self._note_path = note_path
        # The paths that have met nothing so far: their argument, and the steps in it.
        self._unmet: dict[str, tuple[int | None, tuple[str, ...]]] = {}
        left_out = set()
        for path in ignore:
            from pytest_mimic._core.types.opening import parse_path

            steps = parse_path(path)
            if steps[0] in plain_names:
                place = plain_names.index(steps[0])
                steps = steps[1:]
            elif self._extra is not None:
                place = self._extra
            else:
                self._unmet[path] = None, steps
                continue
            if steps:
                self._unmet[path] = place, steps
                self._ignored.setdefault(place, []).append(steps)
            else:
                left_out.add(place)
        # The places of the arguments of which not only the value counts.
        self._special = {*self._markers, *self._ignored, self._extra}
        counted = set(range(len(names))) - left_out
        self._counted = tuple(sorted(counted))
        counted_names = [names[place] for place in self._counted]
        self._prefix = dumps(
            ("call", VERSION, target, counted_names, key is not None), 2
        )

    def key(self, values: tuple[Any, ...]) -> str:
        """Return the identity of a call, 32 hex digits.

        Args:
            values: Its arguments as the binder returns them.

        Raises:
            Unstable: An argument has no stable identity; its path starts with the
                argument's name.
        """
        places, before = self._places, self._places.changes
        if self._unmet and self._note_path is not None:
            self._look_for_paths(values)
        if self._key is not None:
            key = self._key(dict(zip(self._names, values)))
            data = dumps([_part(key, places, "key", locates=True)], 2)
        elif self._by_content:
            data = self._with_paths(values)
        else:
            parts = []
            for place in self._counted:
                value = values[place]
                type_ = type(value)
                if type_ in EXACT and (type_ not in SIZED or len(value) <= LONG):
                    parts.append(value)
                elif place in self._special:
                    parts.append(self._argument(place, value))
                else:
                    parts.append(_part(value, places, self._names[place]))
            data = dumps(parts, 2)
            if (
                places.marks
                and data.find(SEPARATOR) >= 0
                and is_marked(data, places.marks)
            ):
                data = self._with_paths(values)
        if places.changes != before:
            data += self._folder_numbers(values)
        return xxh3_128_hexdigest(self._prefix + data)

    def _look_for_paths(self, values: tuple[object, ...]) -> None:
        """Note which paths of `ignore=` meet something in these arguments."""
        from pytest_mimic._core.identity.pruning import prune

        assert self._note_path is not None
        for path, (place, steps) in list(self._unmet.items()):
            self._note_path(path, False)
            if place is None:
                continue
            value = values[place]
            # A value that has no identity is refused for another reason.
            with suppress(Unstable):
                if prune(value, [steps], self._places) is not value:
                    del self._unmet[path]
                    self._note_path(path, True)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters with their stars, also those that do not count."""
        return self._signature

    def counts(self, place: int) -> bool:
        """Return whether an argument counts, at least in part."""
        return place in self._counted

    def ignored_in(self, place: int) -> list[tuple[str, ...]]:
        """Return the paths in an argument that do not count, each as its steps."""
        return sorted(self._ignored.get(place, ()))

    def is_content(self, place: int) -> bool:
        """Return whether files count that an argument, or one in `**extra`, names."""
        if place == self._extra and self._by_content:
            return True
        return self._names[place] in self._by_content

    def forms(self, values: Sequence[Any]) -> dict[int, Any] | None:
        """Return the forms of the arguments that count, by their places.

        `key_of_forms` makes the identity of them. None if it cannot: for a call that is
        identified by `key=`, or has paths in several folders.

        Raises:
            Unstable: An argument has no stable identity.
        """
        changes_before = self._places.changes
        if self._key is not None:
            return None
        forms = {}
        for place in self._counted:
            forms[place] = self.form(place, values[place])
        if is_marked(dumps(list(forms.values()), 2), self._places.marks):
            for place in self._counted:
                forms[place] = self._argument(place, values[place], locates=True)
        has_changed = self._places.changes != changes_before
        if has_changed and self._folder_numbers(tuple(values)):
            return None
        return forms

    def form(self, place: int, value: Any) -> Any:
        """Return the form of one argument, as `key` hashes it."""
        return self._argument(place, value, locates=bool(self._by_content))

    def whole_form(self, place: int, value: Any) -> Any:
        """Return the form of one argument of which every part counts.

        Raises:
            Unstable: It has no stable identity.
        """
        return _part(value, self._places, self._names[place])

    def key_of_forms(self, forms: Mapping[int, Any]) -> str:
        """Return the identity of a call, from the forms of the arguments that count."""
        data = dumps([forms[place] for place in self._counted], 2)
        return xxh3_128_hexdigest(self._prefix + data)

    def _folder_numbers(self, values: tuple[object, ...]) -> bytes:
        """Return which paths are in one given folder, as a number for each path.

        The names of these folders do not count. But a call with paths in two folders is
        another one than with paths in one: its outcome may name both.

        a/x, a/y  →  nothing        a/x, b/y, a/z  →  0, 1, 0
        """
        located_places = list(filter(self._is_located, self._counted))
        folders = self._folders(values, located_places)
        numbers: dict[str, int] = {}
        for folder in folders:
            numbers.setdefault(folder, len(numbers))
        if len(numbers) < 2:
            return b""
        return dumps([numbers[folder] for folder in folders], 2)

    def folders(self, values: tuple[object, ...]) -> list[str]:
        """Return the given folders in which the arguments' paths are.

        Those of arguments whose places count come first.
        """
        located_places = []
        other_places = []
        for place in range(len(self._names)):
            if self._is_located(place):
                located_places.append(place)
            else:
                other_places.append(place)
        return self._folders(values, [*located_places, *other_places])

    def _folders(self, values: tuple[object, ...], places: Iterable[int]) -> list[str]:
        """Return the given folders in which the paths of some arguments are."""
        from pytest_mimic._core.identity.paths import given_folders

        folders: list[str] = []
        for place in places:
            folders += given_folders(values[place], self._places)
        return folders

    def _is_located(self, place: int) -> bool:
        """Return whether the places of an argument's paths count."""
        is_chosen = self._key is not None or self._names[place] in self._by_content
        return place in self._counted and place not in self._ignored and not is_chosen

    def _with_paths(self, values: tuple[object, ...]) -> bytes:
        """Return the data of a call in which strings that are paths count as such.

        Those of `content=` count by content.
        """
        forms = []
        for place in self._counted:
            forms.append(self._argument(place, values[place], locates=True))
        return dumps(forms, 2)

    def digest(self, place: int, value: object) -> str | None:
        """Return the identity of an argument by its place in the signature.

        None: it does not count, or is unstable.
        """
        return self._digest(place, value)

    def digest_of_content(self, place: int, value: object) -> str | None:
        """Return such an identity in which empty private attributes do not count.

        A call that only reads an object may give it an empty cache.
        """
        return self._digest(place, value, ignores_empty=True)

    def _digest(
        self, place: int, value: object, *, ignores_empty: bool = False
    ) -> str | None:
        if place not in self._counted:
            return None
        try:
            part = self._argument(
                place, value, locates=True, ignores_empty=ignores_empty
            )
        except Unstable:
            return None
        return xxh3_128_hexdigest(dumps([part], 2))

    def _argument(
        self,
        place: int,
        value: Any,
        *,
        locates: bool = False,
        ignores_empty: bool = False,
    ) -> object:
        """Return the form of the argument at a place, see `_part`."""
        if place in self._markers and self._markers[place] is value:
            return ...
        name = self._names[place]
        try:
            if locates and self._by_content:
                value = self._with_contents(place, value)
            if place in self._ignored:
                from pytest_mimic._core.identity.pruning import prune

                value = prune(value, self._ignored[place], self._places)
        except Unstable as error:
            raise Unstable(
                error.type_name, error.kind, name, remedy=error.remedy
            ) from error
        try:
            return _part(
                value,
                self._places,
                name,
                locates=locates,
                ignores_empty=ignores_empty,
            )
        except Unstable:
            if place == self._extra:
                # This raises for the guilty argument, with its own name.
                for extra_name, extra_value in value.items():
                    _part(extra_value, self._places, extra_name, locates=locates)
            raise

    def _with_contents(self, place: int, value: Any) -> Any:
        """Return an argument with the content of paths in place of the paths.

        It is one of `content=`, or `**extra` with some of these.
        """
        from pytest_mimic._core.identity.paths import with_contents

        if self._names[place] in self._by_content:
            return with_contents(value, self._places)
        if place == self._extra:
            for name in self._by_content & value.keys():
                value = {**value, name: with_contents(value[name], self._places)}
        return value


def _part(
    value: Any,
    places: Places,
    name: str,
    *,
    locates: bool = False,
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

    If it `locates`, a value that holds a string which is a path has no short form.
    Otherwise the dump of that form contains a mark.
    """
    type_ = type(value)
    if locates and _holds_path(value, places):
        pass
    elif type_ is dict:
        if len(value) <= SHORT and TEXT.issuperset(map(type, value)):
            keys = sorted(value)
            items = _short_form([value[key] for key in keys])
            if items is not None:
                return [keys, items]
    elif type_ in EXACT:
        if type_ not in SIZED or len(value) <= LONG:
            return value
    elif type_ is float:
        is_nan = value != value
        return NAN if is_nan else value
    elif (type_ is list or type_ is tuple) and len(value) <= SHORT:
        short = _short_form(value)
        if short is not None:
            return short
    from pytest_mimic._core.identity.graph import digest

    try:
        return [[digest(value, places, ignores_empty=ignores_empty)]]
    except Unstable as error:
        from pytest_mimic._core.identity.rules import located

        raise located(error, value, places, name) from None


def _short_form(values: Plain) -> Plain | None:
    """Return at most `SHORT` scalars as they are dumped.

    None: one of the values is long or no scalar.
    """
    types = set(map(type, values))
    if not types <= SCALARS:
        return None
    if types <= SIZED:
        # This takes half the time of the general way, for few texts.
        if max(map(len, values), default=0) > LONG:
            return None
        return values
    if not types.isdisjoint(SIZED) and has_long(values):
        return None
    if float in types:
        return plain_nans(values)
    return values


def _holds_path(value: Any, places: Places) -> bool:
    """Return whether a value is or holds a string that is a path.

    Only one that could have a short form is looked at.
    """
    if not places.marks:
        return False
    texts = [value]
    if type(value) in (list, tuple, dict) and len(value) <= SHORT:
        texts = list(value)
        if type(value) is dict:
            texts += value.values()
    for text in texts:
        if type(text) is str and places.place_of_text(text) is not None:
            return True
    return False
