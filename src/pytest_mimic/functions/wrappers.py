"""What stands in the place of a mimicked function: looks like it, and asks a plan."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import AsyncGenerator, Generator
from types import FrameType
from typing import Any, Literal

from pytest_mimic.engine.activations import Activation
from pytest_mimic.engine.run import Run
from pytest_mimic.errors import MimicError
from pytest_mimic.functions.code import STDLIB
from pytest_mimic.functions.inputs import Inputs
from pytest_mimic.functions.layers import layer_of_calls
from pytest_mimic.functions.mocks import ActiveMocks
from pytest_mimic.functions.plans import FunctionCall, FunctionPlan
from pytest_mimic.patch.clients import Function
from pytest_mimic.patch.holders import MACHINERY
from pytest_mimic.patch.patches import NamedFunction, Patches
from pytest_mimic.patch.patterns import Patterns
from pytest_mimic.patch.targets import Target


class MimickedFunctions:
    """The functions that one run mimics.

    Args:
        run: The run.
        patches: Knows what stands below our own wrappers.
    """

    def __init__(self, run: Run, patches: Patches) -> None:
        settings = run.settings
        inputs = Inputs(settings.rootdir, run.vault, settings.inputs_not_counted)
        self._run = run
        self._mocks = ActiveMocks(run, inputs, patches)
        self._mimicked: dict[object, Mimicked] = {}
        # At these a test replaces something.
        self.edges = self._mocks.edges
        self.begin = self._mocks.begin

    def mimic(
        self,
        function: NamedFunction,
        activation: Activation,
        line: Target,
        name: str,
    ) -> Function:
        """Let a line of an activation answer the calls of a function."""
        mimicked = self._mimicked.get(function.key)
        if mimicked is None:
            mimicked = self._mimicked[function.key] = Mimicked(function)
        plan = None  # The patterns of the line leave it out.
        if Patterns(line.options.only, line.options.exclude).takes(name):
            plan = FunctionPlan(
                self._run,
                self._mocks,
                name,
                mimicked.function,
                mimicked.layer,
                line,
                activation.cassette,
            )
        mimicked.push(activation, plan)
        return mimicked.wrapper

    def let_go(self, key: object, activation: Activation) -> None:
        """Let an activation decide no more about a function."""
        if key in self._mimicked:
            self._mimicked[key].remove(activation)


class Mimicked:
    """A function and its wrapper, which asks the plan of the innermost activation.

    Attributes:
        function: The original.
        layer: How a caller comes to what its calls give.
        wrapper: What stands in the place of the function.
        serves_machinery: Whether pytest or this plugin may call it for themselves.
    """

    __slots__ = (
        "_plan",
        "_plans",
        "function",
        "layer",
        "serves_machinery",
        "wrapper",
    )

    def __init__(self, named: NamedFunction) -> None:
        self.function: Function = named.function
        self.layer = layer_of_calls(named.function)
        self.serves_machinery = _may_serve_machinery(named)
        # By activation. None: calls pass through.
        self._plans: dict[object, FunctionPlan | None] = {}
        self._plan: FunctionPlan | None = None
        self.wrapper = _wrapper_of(self, named)

    def push(self, activation: object, plan: FunctionPlan | None) -> None:
        """Let an activation decide, in its place among the open activations."""
        self._plans[activation] = plan
        self._plan = next(reversed(self._plans.values()))

    def remove(self, activation: object) -> None:
        """Let an activation decide no more, at whatever depth it stands."""
        self._plans.pop(activation, None)
        self._plan = next(reversed(self._plans.values()), None)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Give what a call of the wrapper gives, in the layer of the function.

        Raises:
            MimicError: The call is refused.
            Exception: What the function raises, or has raised.
        """
        __tracebackhide__ = True
        plan = self._plan
        if self.serves_machinery and _is_of_machinery(sys._getframe(2)):
            plan = None
        if plan is None or plan.is_unseen():
            return self.function(*args, **kwargs)
        bound = plan.bind(*args, **kwargs)
        player, counted = plan.known(bound)
        try:
            call = None
            if player is None:
                call = FunctionCall(plan, bound, counted)
                player = call.player()
            if player is not None:
                try:
                    return player.play()
                except MimicError:
                    player = None  # What follows says why.
            call = call or FunctionCall(plan, bound, counted)
        except MimicError as error:
            # It has no identity, or reaches what a test has replaced.
            plan.run.note_error(error)
            raise
        return _perform(call, functools.partial(self.function, *args, **kwargs))


def _perform(call: FunctionCall, really: Function) -> Any:
    """Give what a call gives: replayed, or made for real."""
    __tracebackhide__ = True
    plan, run = call.plan, call.plan.run
    # Most runs replay values that all tests share, and need neither.
    from pytest_mimic.engine.begin import begin
    from pytest_mimic.functions.outcomes import FunctionReplay, RealCall

    place, real = begin(run, call, plan.cassette)
    entry = place.entry
    if entry is not None and run.mode == "accept-source":
        call.accept(entry, place)
    elif entry is not None:
        call.warn_of_inputs(entry)
    if real is not None:
        return RealCall(call, real, really).perform()
    layers = place.recorded.layers
    if layers[:1] != plan.layers:
        layers = (*plan.layers, *layers)
    return FunctionReplay(call, place, run.vault, really).play(layers)


def _wrapper_of(mimicked: Mimicked, named: NamedFunction) -> Function:
    """Return a function of the same kind that looks like the original."""
    function = mimicked.function
    wrapper: Any = functools.update_wrapper(_bare_wrapper(mimicked), function)
    for name in ("cache_info", "cache_clear", "cache_parameters"):
        if hasattr(function, name):
            setattr(wrapper, name, getattr(function, name))
    # The identity of an argument that is mimicked is that of the original.
    wrapper.__mimic_original__ = function
    if named.is_inherited:
        # It is pickled by the class that is named.
        cls: Any = named.holder
        wrapper.__module__ = cls.__module__
        wrapper.__qualname__ = f"{cls.__qualname__}.{named.name}"
    made: Function = wrapper
    return made


def _bare_wrapper(mimicked: Mimicked) -> Function:
    """Return a function of the layer of the original.

    It holds nothing but its `Mimicked`: each object of thousands of targets costs the
    garbage collector time.
    """

    def function(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return mimicked.call(args, kwargs)

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return await mimicked.call(args, kwargs)

    def stream(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        __tracebackhide__ = True
        return (yield from mimicked.call(args, kwargs))

    async def async_stream(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        __tracebackhide__ = True
        items = mimicked.call(args, kwargs)
        # An async generator cannot delegate (PEP 525 has no `yield from`).
        try:
            item = await items.__anext__()
            while True:
                try:
                    sent = yield item
                except GeneratorExit:
                    raise
                except BaseException as thrown:
                    item = await items.athrow(thrown)
                else:
                    item = await items.asend(sent)
        except StopAsyncIteration:
            return
        finally:
            await items.aclose()

    by_layer: dict[str, Function] = {
        "": function,
        "await": coroutine,
        "stream": stream,
        "astream": async_stream,
    }
    return by_layer[mimicked.layer]


# -- who calls

# The distributions that this plugin requires call functions for it.
_OWN = MACHINERY | {"cloudpickle", "filelock", "xxhash"}
_SERVING = _OWN | sys.stdlib_module_names


def _may_serve_machinery(function: NamedFunction) -> bool:
    """Return whether pytest or this plugin may call a function for themselves.

    To find out who calls takes time, and only these need it.
    """
    modules = [function.label, getattr(function.function, "__module__", None)]
    packages = {str(one).replace(":", ".").partition(".")[0] for one in modules}
    return not packages.isdisjoint(_SERVING)


def _is_of_machinery(frame: FrameType | None) -> bool:
    """Return whether pytest, a plugin or an import has made a call.

    The standard library calls for the frame behind it. A stack of it alone is that of
    a thread which the code under test has started.
    """
    while frame is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        caller = _caller(frame.f_code.co_filename, package)
        if caller != "between":
            return caller == "machinery"
        frame = frame.f_back
    return False


@functools.cache
def _caller(file: str, package: str) -> Literal["machinery", "between", "project"]:
    is_installed = "site-packages" in file or "dist-packages" in file
    is_plugin = is_installed and package.startswith("pytest_")
    is_import = file.startswith(("<frozen importlib", "<frozen zipimport"))
    if is_plugin or is_import or package in _OWN:
        return "machinery"
    if is_installed or package not in sys.stdlib_module_names:
        return "project"
    # A package of the project may be named like one of the standard library: `test`.
    is_stdlib = file.startswith("<frozen ") or os.path.realpath(file).startswith(STDLIB)
    return "between" if is_stdlib else "project"
