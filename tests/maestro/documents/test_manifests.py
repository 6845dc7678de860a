"""Manifests of the three generators, as they write them and damaged."""

from typing import Any

import pytest

from maestro.documents.ids import sha256_of
from maestro.documents.manifests import APOLLO, MOST, manifest_of
from maestro.errors import InvalidInput

A, B = "query A { viewer { role } }", "query B { viewer { role } }"


def apollo(*operations: Any, **other: Any) -> dict[str, Any]:
    return {"format": APOLLO, "version": 1, "operations": list(operations), **other}


def texts(content: object) -> dict[str, str]:
    """The documents of a manifest in which all is well."""
    manifest = manifest_of(content)
    assert manifest.refused == []
    return {id_: entry.text for id_, entry in manifest.entries.items()}


def problems(content: object) -> dict[str, tuple[str, ...]]:
    return {one.id: one.problems for one in manifest_of(content).refused}


def test_texts_by_their_ids_are_read() -> None:
    assert texts({"abc": A, "def": B}) == {"abc": A, "def": B}


def test_apollos_list_of_operations_is_read() -> None:
    operations = [{"id": "1", "name": "A", "type": "query", "body": A}, {"id": "2", "body": B}]
    assert texts(apollo(*operations)) == {"1": A, "2": B}


def test_a_prefix_of_the_hash_is_left_out() -> None:
    assert texts({f"sha256:{sha256_of(A)}": A}) == {sha256_of(A): A}


def test_the_same_document_with_and_without_the_prefix_is_one() -> None:
    assert texts({f"sha256:{sha256_of(A)}": A, sha256_of(A): A}) == {sha256_of(A): A}


def test_another_text_under_the_same_id_is_refused() -> None:
    assert problems({"abc": A, "sha256:abc": B}) == {"sha256:abc": ("The manifest has two documents with this id.",)}
    twice = apollo({"id": "1", "body": A}, {"id": "1", "body": B})
    assert problems(twice) == {"1": ("The manifest has two documents with this id.",)}


def test_a_hash_that_is_not_that_of_the_text_is_refused() -> None:
    told = "The id has the form of a SHA-256, and is not that of the text."
    assert problems({sha256_of(B): A}) == {sha256_of(B): (told,)}


@pytest.mark.parametrize("text", [None, 1, "", "  ", {"a": 1}])
def test_what_is_no_text_is_refused_by_its_id(text: object) -> None:
    assert problems({"abc": text, "def": B}) == {"abc": ("The document is no text.",)}


def test_characters_that_cannot_be_stored_are_refused() -> None:
    assert list(problems({"abc": "query \0"})) == ["abc"]
    assert list(problems({"a\0": A})) == ["a\0"]


def test_an_operation_without_an_id_or_a_body_is_refused() -> None:
    assert problems(apollo({"body": A})) == {"None": ("The id is no text of 1 to 256 characters.",)}
    assert problems(apollo({"id": "1"})) == {"1": ("The document is no text.",)}
    assert problems(apollo("A")) == {"operation 1": ("The document is no text.",)}


@pytest.mark.parametrize("id_", ["", "sha256:", "x" * 257])
def test_an_id_of_an_impossible_length_is_refused(id_: str) -> None:
    assert list(problems({id_: A}).values()) == [("The id is no text of 1 to 256 characters.",)]


@pytest.mark.parametrize("content", [None, [], "text", 1, {}, apollo()])
def test_what_is_no_manifest_is_refused(content: object) -> None:
    with pytest.raises(InvalidInput):
        manifest_of(content)


@pytest.mark.parametrize(
    "content",
    [
        {"format": APOLLO, "version": 2, "operations": []},
        {"format": "another", "version": 1, "operations": []},
        {"format": APOLLO, "version": 1, "operations": {}},
        {"format": APOLLO, "version": 1},
    ],
)
def test_another_version_of_apollos_format_is_refused(content: object) -> None:
    with pytest.raises(InvalidInput, match="manifest"):
        manifest_of(content)


def test_too_many_documents_are_refused() -> None:
    with pytest.raises(InvalidInput, match=f"{MOST + 1:,} documents"):
        manifest_of({str(number): A for number in range(MOST + 1)})
