"""`track` and `run`: a training function, or a block, that is logged as a run."""

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from numbers import Real
from typing import Any, Final, NamedTuple, TypeVar, Unpack

from maestro_client.client import About, Client
from maestro_client.runs import Run
from maestro_client.safely import attempt
from maestro_client.saving import Save

Returned = TypeVar("Returned")
RUN: Final = "run"
"""The parameter through which a function is given its run."""


OWNERS: Final = frozenset({"self", "cls"})


class Call(NamedTuple):
    """What a function is called with."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Tracked(About, total=False):
    """What a decorated function may say besides."""

    client: Client
    ignore: Collection[str]
    """Arguments that are not logged."""
    save_model: Save
    """How the returned model is saved: `pickle`, `joblib`, or a function of the model and a folder."""
    model: str
    """The name of the artifact with the model; `model` unless given."""
    register: str
    """The name of the registered model of which it becomes a version."""


def run(client: Client | None = None, **about: Unpack[About]) -> Run:
    """Begin a run for a `with` block; it ends with the block, FAILED when that raises."""
    return (client or Client()).run(about)


def track(**given: Unpack[Tracked]) -> Callable[[Callable[..., Returned]], Callable[..., Returned]]:
    """Make each call of a function, async ones too, a run with its arguments as params.

    The experiment is named after the function unless it is given. A parameter `run` is given the Run. A mapping of
    numbers that is returned is logged as metrics; with `save_model` another result is the model, and of a pair
    (model, metrics) both.
    """

    def decorated(function: Callable[..., Returned]) -> Callable[..., Returned]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("A generator has no one call to track: use `with run(…)` within it.")
        signature = inspect.signature(function)
        options: Tracked = {"experiment": getattr(function, "__name__", "Default"), **given}

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def tracked_coroutine(*args: Any, **kwargs: Any) -> Any:
                begun, called = _begun(signature, options, Call(args, kwargs))
                async with begun:
                    result = await function(*args, **called)
                    _log_result(begun, result, options)
                    return result

            return tracked_coroutine  # type: ignore[return-value] # a coroutine function, as the one that it wraps

        @functools.wraps(function)
        def tracked(*args: Any, **kwargs: Any) -> Returned:
            begun, called = _begun(signature, options, Call(args, kwargs))
            with begun:
                result = function(*args, **called)
                _log_result(begun, result, options)
                return result

        return tracked

    return decorated


def _begun(signature: inspect.Signature, given: Tracked, call: Call) -> tuple[Run, dict[str, Any]]:
    """Begin a run for a call; return it with the keyword arguments of the function."""
    about: About = {name: value for name, value in given.items() if name in About.__annotations__}  # type: ignore[assignment] # a part
    arguments = _arguments(signature, call, {RUN, *given.get("ignore", ())})
    about["params"] = {**arguments, **given.get("params", {})}
    begun = (given.get("client") or Client()).run(about)
    wants_run = RUN in signature.parameters and RUN not in call.kwargs
    return begun, {**call.kwargs, RUN: begun} if wants_run else call.kwargs


def _arguments(signature: inspect.Signature, call: Call, ignored: Collection[str]) -> dict[str, Any]:
    # What does not fit the signature is for the function itself to refuse.
    bound = attempt("The arguments are not logged", lambda: signature.bind_partial(*call.args, **call.kwargs))
    if bound is None:
        return {}
    bound.apply_defaults()
    found: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            found |= value
        else:
            found[name] = value
    return {name: value for name, value in found.items() if name not in ignored and name not in OWNERS}


def _log_result(begun: Run, result: Any, given: Tracked) -> None:
    model, metrics = result, result
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping):  # noqa: PLR2004 -- a pair
        model, metrics = result
    if isinstance(metrics, Mapping):
        numbers = {key: value for key, value in metrics.items() if isinstance(value, Real)}
        attempt("What was returned is not logged", lambda: begun.log(numbers))
    if "save_model" in given and model is not None and not isinstance(model, Mapping):
        begun.log_model(
            model, name=given.get("model", "model"), save=given["save_model"], register=given.get("register")
        )
