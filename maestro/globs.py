r"""Patterns of paths, like those of gitignore: which objects are meant, by their keys.

- `*` stands for any characters but a slash, `?` for one, `[a-z]` for one of some, `[!a-z]` for one of the others; a
  backslash takes the meaning from the character behind it;
- `**` between slashes stands for any number of folders, also for none;
- a pattern without a slash, but at its end, is met at any depth; one with a slash is the whole path from its beginning;
- what is in a folder that is met is met too; with a slash at its end a pattern meets folders alone.

Other than in gitignore, no pattern takes back another one: there is a list of what to take and one of what to leave.
The time that matching takes grows with the length of the key and of the pattern alone, whatever is in them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

LONGEST_PATTERN: Final = 1000
MOST_PATTERNS: Final = 100
_CLASS: Final = re.compile(r"\[[!^]?\]?(?:\\.|[^\]\\])*\]")
_STARS: Final = re.compile(r"\*+")


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern, made by `glob`; a name of None stands for any number of folders."""

    names: tuple[re.Pattern[str] | None, ...]
    is_folder: bool

    def matches(self, names: list[str]) -> bool:
        """Say whether a path is met, given as its names."""
        places = self._without_folders({0})
        for position, name in enumerate(names):
            places = self._without_folders(set(self._after(places, name)))
            if len(self.names) in places and (not self.is_folder or position < len(names) - 1):
                return True
        return False

    def _after(self, places: set[int], name: str) -> Iterable[int]:
        """Yield how far the pattern has been met with one more name."""
        for place in places:
            if place == len(self.names):
                continue
            wanted = self.names[place]
            if wanted is None:
                yield place
            elif wanted.fullmatch(name):
                yield place + 1

    def _without_folders(self, places: set[int]) -> set[int]:
        """Add the places that are reached when `**` stands for no folder at all."""
        found = set(places)
        for place in sorted(places):
            here = place
            while here < len(self.names) and self.names[here] is None:
                here += 1
                found.add(here)
        return found


@lru_cache(maxsize=1000)
def glob(pattern: str) -> Glob:
    """Return a pattern that can be matched; ValueError with what is wrong with it."""
    if not 0 < len(pattern) <= LONGEST_PATTERN:
        raise ValueError(f"has 1 to {LONGEST_PATTERN} characters")
    if pattern.startswith("!"):
        raise ValueError("begins with !, which takes nothing back here: leave out by `exclude`, or write \\!")
    parts = _split(pattern)
    is_folder = len(parts) > 1 and parts[-1] == ""
    if is_folder:
        parts.pop()
    is_whole = len(parts) > 1
    if parts and parts[0] == "":
        parts.pop(0)
    if not parts or "" in parts:
        raise ValueError("has an empty name between its slashes")
    names = [None if part == "**" else _name(part) for part in parts]
    if names[-1] is None:
        # What is below a folder, but not the folder itself.
        names.append(_name("*"))
    return Glob(tuple(names if is_whole else [None, *names]), is_folder)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which keys are meant: those that one of `include` meets, or all where there is none, and none of `exclude`."""

    include: tuple[Glob, ...] = ()
    exclude: tuple[Glob, ...] = ()

    @classmethod
    def of(cls, include: Iterable[str], exclude: Iterable[str]) -> "Selection":
        """Make it of patterns; ValueError."""
        return cls(tuple(map(glob, include)), tuple(map(glob, exclude)))

    def has(self, key: str) -> bool:
        """Say whether a key is meant."""
        if not self.include and not self.exclude:
            return True
        names = key.split("/")
        if self.include and not any(one.matches(names) for one in self.include):
            return False
        return not any(one.matches(names) for one in self.exclude)


def _split(pattern: str) -> list[str]:
    """Split at the slashes that are neither within brackets nor taken literally."""
    parts, begun, position = [], 0, 0
    while position < len(pattern):
        if pattern[position] == "/":
            parts.append(pattern[begun:position])
            begun = position + 1
        elif pattern[position] == "\\":
            position += 1
        position += 1
    return [*parts, pattern[begun:]]


def _name(part: str) -> re.Pattern[str]:
    # Each piece between stars is taken where it is met first, and that is never looked at again: (?>…).
    pieces = _pieces(part)
    first, *rest = pieces
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in middle) + f".*{last}", re.DOTALL)


def _pieces(part: str) -> list[str]:
    """Return the regular expressions of what stands between the stars of a name."""
    pieces, position = [""], 0
    while position < len(part):
        character = part[position]
        if stars := _STARS.match(part, position):
            pieces.append("")
            position = stars.end()
        elif found := _CLASS.match(part, position):
            pieces[-1] += _class(found[0][1:-1])
            position = found.end()
        elif character == "\\" and position + 1 < len(part):
            pieces[-1] += re.escape(part[position + 1])
            position += 2
        else:
            pieces[-1] += "." if character == "?" else re.escape(character)
            position += 1
    return pieces


def _class(content: str) -> str:
    is_not = content[0] in "!^"
    inside = re.sub(r"([\[\]^&~|])", r"\\\1", content[is_not:].replace("\\]", "]"))
    try:
        re.compile(f"[{inside}]")
    except re.error:
        raise ValueError(f"has the range [{content}], which is none") from None
    return f"[{'^' if is_not else ''}{inside}]"
