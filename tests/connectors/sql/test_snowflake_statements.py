"""What statements of Snowflake may do, told by their words."""

import pytest

from connectors.sql.snowflake_statements import check, check_parameters, is_change, placeholders, quoted
from maestro.errors import Forbidden, InvalidInput, MaestroError


@pytest.mark.parametrize(
    "statement",
    [
        "select 1",
        "-- a; b\n// c\n/* d; e */ SELECT 1;",
        "(SELECT 1) UNION (SELECT 2)",
        "WITH a AS (SELECT 1), b AS (SELECT INSERT('x', 1, 1, 'y')) SELECT * FROM a",
        'SHOW TABLES ->> SELECT "name" FROM $1',
        "DESCRIBE TABLE t",
        "EXPLAIN DELETE FROM t",
        "SELECT 'DROP; ''x'' \\' -- ;' , $$ ; ->> DROP $$, \"a;\"\"b\" FROM t",
        "SELECT SYSTEM$TYPEOF(1)",
    ],
)
def test_what_reads_is_let_pass(statement: str) -> None:
    check(statement, is_writing=False)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM t",
        "/* SELECT */ DROP TABLE t",
        "SELECT 1 ->> DROP TABLE t",
        "WITH p AS PROCEDURE () RETURNS INT LANGUAGE SQL AS 'x' CALL p()",
        "CALL p()",
        "EXECUTE IMMEDIATE 'SELECT 1'",
        "SELECT SYSTEM$CANCEL_ALL_QUERIES(1)",
        'SELECT "SYSTEM$ABORT_SESSION"(1)',
        "COPY INTO @~ FROM t",
        "REMOVE @~",
    ],
)
def test_what_may_write_is_refused_as_a_read(statement: str) -> None:
    with pytest.raises(Forbidden):
        check(statement, is_writing=False)
    check(statement, is_writing=True)


@pytest.mark.parametrize(
    "statement", ["PUT file:///etc/passwd @~", "get @~ file:///etc", "SELECT 1 ->> PUT file://x @~"]
)
@pytest.mark.parametrize("is_writing", [False, True])
def test_files_of_the_server_are_never_touched(statement: str, *, is_writing: bool) -> None:
    with pytest.raises(Forbidden, match="files of this server"):
        check(statement, is_writing=is_writing)


@pytest.mark.parametrize(
    "statement",
    [
        "",
        " ; ",
        "-- nothing",
        "SELECT 1; DROP TABLE t",
        "SELECT 1 ->>",
        "USE ROLE x",
        "ALTER SESSION SET TIMEZONE = 'x'",
        "COMMIT",
        "BEGIN",
        "SELECT 'without an end",
        'SELECT "without an end',
        "SELECT $$ without an end",
        "/* without an end SELECT 1",
        "/* /* */ SELECT 1 --*/\n DROP TABLE t",
        "1 SELECT",
        "@~",
    ],
)
@pytest.mark.parametrize("is_writing", [False, True])
def test_what_is_none_or_several_or_ambiguous_is_refused(statement: str, *, is_writing: bool) -> None:
    with pytest.raises(InvalidInput):
        check(statement, is_writing=is_writing)


def test_a_word_that_begins_no_statement_says_where() -> None:
    with pytest.raises(InvalidInput) as failed:
        check("  SELEKT 1", is_writing=False)
    assert failed.value.details["position"] == 3


def test_placeholders_in_literals_and_comments_are_none() -> None:
    assert placeholders("SELECT ?, '?', $$?$$, \"?\", ?::INT -- ?\n/* ? */") == 2
    check_parameters("SELECT ?", 1)
    with pytest.raises(InvalidInput, match="takes 1 parameters, and 2 are given"):
        check_parameters("SELECT ?", 2)


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("insert into t select 1", True),
        ("MERGE INTO t USING s ON 1=1", True),
        ("DROP TABLE t", False),
        ("SELECT 1", False),
    ],
)
def test_changes_of_rows_can_be_undone(statement: str, *, wanted: bool) -> None:
    assert is_change(statement) is wanted


def test_names_are_quoted() -> None:
    assert quoted("a", 'b"c', "d;e") == '"a"."b""c"."d;e"'
    with pytest.raises(MaestroError):
        quoted("a\0")
