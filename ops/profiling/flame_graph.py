"""A flame graph as one SVG that needs nothing else: frames hang from their callers, as wide as their weight.

A click widens a frame to the whole picture, the field finds frames by a part of their name, and the pointer tells the
numbers. Without scripts it is a picture with titles.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final

from ops.profiling.places import BUILT_IN, OURS
from ops.profiling.stacks import Frame

WIDTH: Final = 1200
ROW: Final = 19
TOP: Final = 92
SIDE: Final = 12
BOTTOM: Final = 44
THINNEST: Final = 0.0004
"""What is narrower, as a part of the whole, is left out: half a point."""
DEEPEST: Final = 120
"""So many rows; whatever is called from there counts as their own."""
LETTER: Final = 6.65
"""The width of a letter of the font, in points."""
FEWEST_LETTERS: Final = 3

_FAMILIES: Final = (
    ("this program", "#e8743b", "#f08f4f", OURS),
    ("GraphQL", "#8e5bd0", "#a477dd", frozenset({"strawberry", "graphql"})),
    ("database", "#3b82c4", "#5b9bd5", frozenset({"asyncpg", "sqlalchemy", "orjson"})),
    ("HTTP and loop", "#2f9e8f", "#4db3a5", frozenset({"starlette", "uvicorn", "asyncio", "uvloop", "anyio", "h11"})),
    ("built in", "#c8a23a", "#d5b457", frozenset({BUILT_IN})),
)
_OTHERS: Final = ("other modules", "#8b95a1", "#9fa8b3")


@dataclass(frozen=True, slots=True)
class Picture:
    """What is written around the frames."""

    title: str
    subtitle: str
    measure: Callable[[float], str]
    """Tells a weight with its unit."""


@dataclass(frozen=True, slots=True)
class _Placed:
    frame: Frame
    depth: int
    start: float
    share: float


def flame_graph(top: Frame, picture: Picture) -> str:
    """Return the picture of a merged tree."""
    placed = list(_placed(top)) if top.total > 0 else []
    rows = max((one.depth for one in placed), default=0) + 1
    height = TOP + rows * ROW + BOTTOM
    body = "".join(_drawn(one, top.total, picture.measure) for one in placed) or _nothing()
    text = _source("flame_graph.svg")
    filled = {
        "HEIGHT": str(height),
        "TITLE": escape(picture.title),
        "SUBTITLE": escape(picture.subtitle),
        "LEGEND": _legend(height - BOTTOM / 2),
        "FRAMES": body,
        "SCRIPT": _source("flame_graph.js"),
    }
    for name, value in filled.items():
        text = text.replace(f"<!--{name}-->", value).replace(f"%{name}%", value)
    return text


def _placed(top: Frame) -> Iterator[_Placed]:
    waiting = [(top, 0, 0.0)]
    while waiting:
        frame, depth, start = waiting.pop()
        yield _Placed(frame, depth, start, frame.total / top.total)
        if depth == DEEPEST:
            continue
        for child in sorted(frame.children.values(), key=lambda one: one.name):
            share = child.total / top.total
            if share >= THINNEST:
                waiting.append((child, depth + 1, start))
            start += share


def _drawn(one: _Placed, whole: float, measure: Callable[[float], str]) -> str:
    room = WIDTH - 2 * SIDE
    x, width, y = SIDE + one.start * room, one.share * room, TOP + one.depth * ROW
    name = escape(one.frame.name)
    own = f", {measure(one.frame.own)} its own" if one.frame.children else ""
    label = escape(_cut(one.frame.name, width))
    return (
        f'<g class="f" data-x="{one.start:.6f}" data-w="{one.share:.6f}" data-d="{one.depth}">'
        f"<title>{name}\n{measure(one.frame.total)} ({one.frame.total / whole:.1%}){own}</title>"
        f'<rect x="{x:.2f}" y="{y}" width="{max(width - 0.6, 0.4):.2f}" height="{ROW - 1.5}" rx="2" '
        f'fill="{_colour(one.frame.name, one.depth)}"/>'
        f'<text x="{x + 5:.2f}" y="{y + 12.5}">{label}</text></g>\n'
    )


def _cut(name: str, width: float) -> str:
    letters = int((width - 9) / LETTER)
    # What stands at the end tells the most: the packages go first, then the module, then the class. A line needs its
    # module.
    module, _, place = name.rpartition(":")
    brief = f"{module.rpartition('.')[2]}:{place}"
    shorter = (name, brief) if place.isdigit() else (name, place, place.rpartition(".")[2])
    for shown in shorter:
        if len(shown) <= letters:
            return shown
    return f"{shorter[-1][: letters - 1]}…" if letters >= FEWEST_LETTERS else ""


def _colour(name: str, depth: int) -> str:
    if depth == 0:
        return "#5b6570"
    package = name.rpartition(":")[0].partition(".")[0].partition(" ")[0]
    for _, even, odd, members in _FAMILIES:
        if package in members:
            return odd if depth % 2 else even
    return _OTHERS[1 + depth % 2]


def _legend(y: float) -> str:
    parts, x = [], float(SIDE)
    for name, colour in [(family[0], family[1]) for family in _FAMILIES] + [_OTHERS[:2]]:
        parts.append(f'<rect x="{x:.0f}" y="{y - 9:.0f}" width="11" height="11" rx="2" fill="{colour}"/>')
        parts.append(f'<text class="l" x="{x + 16:.0f}" y="{y:.0f}">{name}</text>')
        x += 38 + len(name) * LETTER
    return "".join(parts)


def _nothing() -> str:
    return f'<text class="l" x="{SIDE}" y="{TOP + 14}">Nothing was seen.</text>'


@cache
def _source(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8")
