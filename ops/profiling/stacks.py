"""Stacks with a weight each, merged: what flame graphs and folded stacks are made of."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

Stack = tuple[str, ...]
"""Frames from the outermost to the innermost one, each `module:function`."""
LOOPS: Final = frozenset(
    {
        "asyncio.runners:Runner.run",
        "asyncio.runners:run",
        *(
            f"asyncio.base_events:{owner}.{name}"
            for owner in ("BaseEventLoop", "_UnixSelectorEventLoop")
            for name in ("run_until_complete", "run_forever", "_run_once")
        ),
        "asyncio.events:Handle._run",
    }
)
"""What runs the loop, whichever it is."""


@dataclass(slots=True)
class Frame:
    """A frame of the merged tree: its weight includes that of what it has called."""

    name: str
    total: float = 0.0
    own: float = 0.0
    children: dict[str, "Frame"] = field(default_factory=dict)


def merged(stacks: Iterable[tuple[Stack, float]]) -> dict[Stack, float]:
    """Return each stack once, with the sum of its weights; those without any weight are left out."""
    sums: dict[Stack, float] = defaultdict(float)
    for stack, weight in stacks:
        sums[stack] += weight
    return {stack: weight for stack, weight in sums.items() if weight > 0}


def loop_depth(stack: Stack) -> int:
    """Return how many frames of a stack lead from the command line to the event loop, which all of its work shares."""
    return max((depth for depth, name in enumerate(stack, start=1) if name in LOOPS), default=0)


def without_stem(stacks: Mapping[Stack, float]) -> dict[Stack, float]:
    """Return stacks without what leads to the event loop; what begins elsewhere, as a greenlet does, stays whole."""
    return merged((stack[loop_depth(stack) :], weight) for stack, weight in stacks.items())


def tree(stacks: Mapping[Stack, float], *, root: str) -> Frame:
    """Return the merged tree of stacks below a frame of its own."""
    top = Frame(root)
    for stack, weight in stacks.items():
        top.total += weight
        frame = top
        for name in stack:
            frame = frame.children.setdefault(name, Frame(name))
            frame.total += weight
        frame.own += weight
    return top


def folded(stacks: Mapping[Stack, float], *, scale: float = 1.0) -> str:
    """Return stacks as flame graph tools read them: frames joined by `;`, a space, and a whole number of units."""
    lines = (
        f"{';'.join(part.replace(';', ',') for part in stack)} {weight * scale:.0f}"
        for stack, weight in sorted(stacks.items(), key=lambda one: -one[1])
    )
    return "".join(f"{line}\n" for line in lines)


def leading(stacks: Mapping[Stack, float], *, most: int) -> list[tuple[str, float, float]]:
    """Return the functions with the most weight of their own: name, own weight, weight with what they call."""
    own: dict[str, float] = defaultdict(float)
    total: dict[str, float] = defaultdict(float)
    for stack, weight in stacks.items():
        if stack:
            own[stack[-1]] += weight
        for name in set(stack):
            total[name] += weight
    ranked = sorted(own, key=lambda name: -own[name])[:most]
    return [(name, own[name], total[name]) for name in ranked]
