"""Flame graphs: as wide as the weights, whole without anything else, and without paths of the machine."""

import re
import sys
from xml.etree import ElementTree as ET

from ops.profiling.flame_graph import Picture, flame_graph
from ops.profiling.places import module_of, short_path, without_paths
from ops.profiling.stacks import folded, leading, merged, tree, without_stem

SVG = "{http://www.w3.org/2000/svg}"
STACKS = {("app.a:f", "schema.b:g"): 3.0, ("app.a:f",): 1.0, ("graphql.c:<lambda>",): 4.0}
PICTURE = Picture("CPU & more", "for <nobody>", lambda value: f"{value:.0f} s")


def drawn(stacks: dict[tuple[str, ...], float]) -> ET.Element:
    return ET.fromstring(flame_graph(tree(stacks, root="all"), PICTURE))  # noqa: S314 -- made here


def test_frames_hang_from_their_callers_as_wide_as_their_weight() -> None:
    frames = {
        str(one.findtext(f"{SVG}title")).split("\n")[0]: (float(one.attrib["data-w"]), int(one.attrib["data-d"]))
        for one in drawn(STACKS).iter(f"{SVG}g")
        if one.get("class") == "f"
    }
    assert frames == {"all": (1, 0), "app.a:f": (0.5, 1), "schema.b:g": (0.375, 2), "graphql.c:<lambda>": (0.5, 1)}


def test_a_title_tells_the_weight_the_share_and_what_is_its_own() -> None:
    titles = [one.text for one in drawn(STACKS).iter(f"{SVG}title")]
    assert "app.a:f\n4 s (50.0%), 1 s its own" in titles
    assert "schema.b:g\n3 s (37.5%)" in titles


def test_it_asks_nobody_for_anything() -> None:
    text = flame_graph(tree(STACKS, root="all"), PICTURE)
    assert re.findall(r"(?:href|src|url\()[^>]*", text) == []
    assert set(re.findall(r"https?://[^\"']*", text)) == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}


def test_nothing_seen_is_a_picture_too() -> None:
    assert "Nothing was seen." in "".join(drawn({}).itertext())


def test_stacks_are_merged_folded_and_ranked() -> None:
    assert merged([(("a",), 1.0), (("a",), 2.0), (("b",), 0.0)]) == {("a",): 3.0}
    assert folded({("a;b", "c"): 0.002}, scale=1000) == "a,b;c 2\n"
    assert leading({("f", "f"): 1.0, ("f", "g"): 3.0}, most=1) == [("g", 3.0, 3.0)]


def test_what_leads_to_the_loop_is_left_out() -> None:
    stacks = {
        ("runpy:main", "asyncio.runners:Runner.run", "a:f"): 2.0,
        ("runpy:main", "asyncio.runners:Runner.run"): 1.0,
        ("greenlet:run", "b:g"): 4.0,
    }
    assert without_stem(stacks) == {("a:f",): 2.0, (): 1.0, ("greenlet:run", "b:g"): 4.0}


def test_places_are_modules_and_never_paths_of_the_machine() -> None:
    root = next(entry for entry in sys.path if entry.endswith("site-packages"))
    assert short_path(f"{root}/asyncpg/connection.py") == "asyncpg/connection.py"
    assert module_of(f"{root}/starlette/middleware/__init__.py") == "starlette.middleware"
    assert module_of(__file__).endswith("tests.ops.profiling.test_flame_graph")
    elsewhere = "/elsewhere/secret/mine.py"
    assert short_path(elsewhere) == "mine.py"
    assert module_of("<built-in>") == "builtin"
    assert without_paths(f"<built-in method of {elsewhere} object at 0x7f00>") == "<built-in method of mine.py object>"
