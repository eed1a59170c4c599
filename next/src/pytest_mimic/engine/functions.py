"""Makes a call of a mimicked function: by a player, a recording, or for real."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mimic.engine.arguments import Arguments
from pytest_mimic.engine.performing import RealCall
from pytest_mimic.engine.replays import Replay
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic.engine.plans import FunctionPlan


def perform(
    plan: FunctionPlan, args: tuple[Any, ...], kwargs: dict[str, Any], kind: str = ""
) -> Any:
    """Give what a call gives: a value, or what has to be awaited or read for it.

    Args:
        plan: How the function is mimicked.
        args: The arguments by position.
        kwargs: The arguments by name.
        kind: How the caller comes to what it gets, whatever was recorded: `await`,
            `stream` or `astream`; empty: it takes what the function gives.

    Raises:
        MimicError: The call is refused.
        Exception: What the function raises, or has raised.
    """
    __tracebackhide__ = True
    run = plan.run
    if run.passes():
        return plan.function(*args, **kwargs)
    bound = plan.bind(args, kwargs)
    key = plan.key_of(bound)
    player = None if key is None else plan.player(key)
    if player is None:
        try:
            arguments = Arguments(plan, bound, key)
            plan.refuse_mocks(lambda: arguments.tree)
        except MimicError as error:
            run.note(error)
            raise
        player = plan.player(arguments.key)
    if player is not None:
        return _awaited(player.play()) if kind == "await" else player.play()
    step = run.begin(arguments.call(), plan.cassette)
    if step.entry is not None and step.mode in ("replay", "verify"):
        plan.warn_of_inputs(step.entry)
    if step.mode == "replay":
        return Replay(step, plan, arguments).give(kind)
    return RealCall(step, plan, arguments).perform(args, kwargs)


async def _awaited(value: object) -> object:
    return value
