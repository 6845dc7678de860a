import pytest

from maestro.errors import InvalidInput
from resolvers.artifact_files import media_type_of, path_of

BAD_PATHS = ["", "/etc/passwd", "a//b", "a/", ".", "./a", "a/./b", "..", "a/../b", "a\\b", "a\nb", "a\0b", "a\ud800"]


@pytest.mark.parametrize("path", [*BAD_PATHS, "x" * 1001])
def test_a_path_that_is_unsafe_somewhere_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        path_of(path)
    assert refused.value.details["field"] == "path"


@pytest.mark.parametrize("path", ["a", "..a/b..", "data/straße.csv", ".hidden", "a b?", "x" * 1000])
def test_a_path_that_stays_inside_is_taken_as_it_is(path: str) -> None:
    assert path_of(path) == path


@pytest.mark.parametrize(
    "wrong", ["text", "/", "text/", "text/html\r\nx: y", "text/html\n", "a" * 101 + "/b", "tex t/a"]
)
def test_what_is_no_media_type_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        media_type_of("a", wrong)
    assert refused.value.details["field"] == "mediaType"


@pytest.mark.parametrize("given", ["text/csv", "image/svg+xml", "text/csv; charset=utf-8", "application/x-a.b_c"])
def test_a_media_type_is_taken_as_it_is(given: str) -> None:
    assert media_type_of("a.png", given) == given


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("plots/roc.png", "image/png"),
        ("train.csv", "text/csv"),
        ("a:b/c.json", "application/json"),
        ("train.csv.gz", "application/octet-stream"),
        ("model.unheard-of", "application/octet-stream"),
        ("Makefile", "application/octet-stream"),
    ],
)
def test_the_ending_tells_the_media_type_unless_it_is_given(path: str, media_type: str) -> None:
    assert media_type_of(path, None) == media_type
