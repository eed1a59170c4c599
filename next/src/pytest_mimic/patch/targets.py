"""Reads targets and their options, from a line or from Python, or says what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from pytest_mimic.errors import TargetError


class Options(NamedTuple):
    """The options of a target. A path stands as it was written, `rows.*.id`."""

    ignore: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    key: Callable[[Mapping[str, Any]], object] | None = None
    content: tuple[str, ...] = ()
    sequence: bool | None = None
    rtol: float = 0.0
    atol: float = 0.0
    volatile: tuple[str, ...] = ()
    compare: Literal["exact", "shape"] = "exact"
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def text(self) -> str:
        """Return what decides the identity of a call, as a line has it."""
        raise NotImplementedError


class Target(NamedTuple):
    """A function, the functions of a module or a class, or a client.

    Attributes:
        module: The module of the function, `shop.api`; of a client its name, `httpx`.
        path: The names that lead to the function there, `("Client", "fetch")`; `"*"` as
            the last one means each public function. A client has none.
        options: What follows on the line.
        excluded: Whether the line leaves out what an earlier one took in.
        where: Where it stands, for messages: `pytest.ini, mimic_functions line 3`.
    """

    module: str
    path: tuple[str, ...] = ()
    options: Options = Options()
    excluded: bool = False
    where: str = ""

    @property
    def is_client(self) -> bool:
        """Whether the target is a client."""
        return not self.path

    @property
    def name(self) -> str:
        """The target as it is written, without options."""
        raise NotImplementedError

    def error(self, problem: str) -> TargetError:
        """Return an error of one line that begins with where the target stands."""
        raise NotImplementedError


def parse_target(line: str, where: str = "") -> Target | None:
    """Read one line of `mimic_functions`; one that holds only a comment gives None.

    Raises:
        TargetError: The line is not in the grammar, or has an unknown or wrong option.
    """
    raise NotImplementedError


def as_targets(
    given: Iterable[str | Target | Callable[..., Any]],
    options: Mapping[str, Any] | None = None,
) -> list[Target]:
    """Return the targets that a marker, `mimic(...)` or a cassette names.

    Options by keyword replace those of the lines; None leaves them.

    Raises:
        TargetError: As for `parse_target`, or a function has no importable name.
    """
    raise NotImplementedError


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ` (did you mean …?)` with the closest name, or an empty text."""
    raise NotImplementedError
