"""What Snowflake tells that fakesnow does not, replayed to the real library by a small server."""

import asyncio
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from connectors.sql.rows import dicts
from connectors.sql.snowflake import SnowflakeSource, snowflake_source
from maestro.credentials import SnowflakeCredential
from maestro.errors import Conflict, Forbidden, InvalidInput, MaestroError, NotFound, Transient
from maestro.vendor_errors import Cancelled, ConnectorFailed, NotSupported, TimedOut
from tests.connectors.sql.ground import batch_of, streamed
from tests.connectors.sql.snowflake_recorded import (
    DONE,
    NUMBER,
    PASSWORD,
    TEXT,
    config_of,
    refusal,
    rows,
    statements,
)
from tests.connectors.sql.snowflake_recorded import source as source
from tests.connectors.sql.snowflake_recorded import wire as wire
from tests.connectors.sql.snowflake_recorded import wire_and_port as wire_and_port
from tests.fixtures.wire import Wire

KEY = rsa.generate_private_key(65537, 2048)


def credential_of(**texts: Any) -> SnowflakeCredential:
    return SnowflakeCredential(**texts)


@pytest.mark.parametrize(
    ("number", "state", "wanted"),
    [
        (1003, "42000", InvalidInput),
        (904, "42000", InvalidInput),
        (2003, "02000", NotFound),
        (3001, "42501", Forbidden),
        (2002, "42710", Conflict),
        (100_072, "22000", Conflict),
        (100_035, "22007", InvalidInput),
        (100_051, "22012", InvalidInput),
        (606, "57P03", ConnectorFailed),
        (625, "57014", Transient),
        (604, "57014", Cancelled),
        (630, "57014", TimedOut),
        (2, "0A000", NotSupported),
        (300_010, "XX000", ConnectorFailed),
    ],
)
async def test_what_snowflake_refuses_is_told_in_our_words_with_its_number(
    wire: Wire, source: SnowflakeSource, *, number: int, state: str, wanted: type[MaestroError]
) -> None:
    wire.answer("query-request", refusal(number, "so it is", state))
    with pytest.raises(wanted) as failed:
        await dicts(source, "SELECT 1")
    assert type(failed.value) is wanted
    assert failed.value.details["vendorCode"] == f"{number:06d}"
    assert failed.value.details["sqlState"] == state
    assert failed.value.details["requestId"] == "01b2-query"


@pytest.mark.parametrize(
    ("number", "wanted"), [(390_100, Forbidden), (390_144, Forbidden), (390_201, NotFound), (390_422, Forbidden)]
)
async def test_who_is_not_signed_in_is_told_why_and_no_secret(
    wire: Wire, source: SnowflakeSource, *, number: int, wanted: type[MaestroError]
) -> None:
    told = {"success": False, "code": str(number), "message": "not so", "data": {"nextAction": "RETRY_LOGIN"}}
    wire.answer("login-request", told)
    with pytest.raises(wanted) as failed:
        await source.identify()
    assert failed.value.details["vendorCode"] == str(number)
    error = failed.value
    assert PASSWORD not in f"{error} {error.hint} {error.details} {error.__cause__!r}"


async def test_a_statement_that_is_not_understood_says_where(wire: Wire, source: SnowflakeSource) -> None:
    told = "SQL compilation error:\nsyntax error line 2 at position 5 unexpected 'FRUM'."
    wire.answer("query-request", refusal(1003, told))
    statement = "SELECT 1\nAS v FRUM x"
    with pytest.raises(InvalidInput) as failed:
        await dicts(source, statement)
    assert failed.value.details["position"] == statement.index("FRUM") + 1


async def signed_in(wire_and_port: tuple[Wire, int], credential: SnowflakeCredential, **settings: Any) -> Any:
    wire, port = wire_and_port
    wire.answer("query-request", rows(("U", TEXT), ("R", TEXT), ("V", TEXT), values=[["ADA", "R", "9.40.0"]]))
    async with snowflake_source(config_of(port, **settings), credential) as source:
        assert await source.identify() == "ADA as R on Snowflake 9.40.0"
    (asked,) = wire.lines("login-request")
    return asked.body["data"]


async def test_a_password_signs_in(wire_and_port: tuple[Wire, int]) -> None:
    told = await signed_in(wire_and_port, SnowflakeCredential(password=SecretStr(PASSWORD)))
    assert (told["LOGIN_NAME"], told["PASSWORD"]) == ("ADA", PASSWORD)
    assert told["SESSION_PARAMETERS"]["TIMEZONE"] == "UTC"


@pytest.mark.parametrize("phrase", [None, "a phrase"])
async def test_a_key_pair_signs_in(wire_and_port: tuple[Wire, int], phrase: str | None) -> None:
    protection = BestAvailableEncryption(phrase.encode()) if phrase else NoEncryption()
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection).decode()
    credential = credential_of(
        privateKey=SecretStr(pem), privateKeyPassphrase=None if phrase is None else SecretStr(phrase)
    )
    told = await signed_in(wire_and_port, credential)
    assert told["AUTHENTICATOR"] == "SNOWFLAKE_JWT"
    assert told["TOKEN"].count(".") == 2


async def test_a_key_pair_with_another_passphrase_is_refused(wire_and_port: tuple[Wire, int]) -> None:
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a phrase")).decode()
    credential = credential_of(privateKey=SecretStr(pem), privateKeyPassphrase=SecretStr("another"))
    with pytest.raises(Forbidden, match="cannot be read"):
        await signed_in(wire_and_port, credential)
    assert wire_and_port[0].asked == []


@pytest.mark.parametrize(("is_oauth", "wanted"), [(False, "PROGRAMMATIC_ACCESS_TOKEN"), (True, "OAUTH")])
async def test_a_token_signs_in(wire_and_port: tuple[Wire, int], wanted: str, *, is_oauth: bool) -> None:
    told = await signed_in(wire_and_port, SnowflakeCredential(token=SecretStr("a-token")), isOauth=is_oauth)
    assert (told["AUTHENTICATOR"], told["TOKEN"]) == (wanted, "a-token")


async def test_a_statement_that_takes_too_long_is_stopped_by_its_request(wire: Wire, source: SnowflakeSource) -> None:
    wire.answer("query-request", None)
    with pytest.raises(TimedOut) as stopped:
        async with source.query("SELECT 1", timeout_s=0.3):
            pass
    assert stopped.value.details["timeoutSeconds"] == 0.3
    (asked,) = wire.lines("query-request")
    assert asked.body["parameters"]["STATEMENT_TIMEOUT_IN_SECONDS"] == 1
    async with asyncio.timeout(5):
        aborted = await wire.until("abort-request")
    assert f"requestId={aborted[0].body['requestId']}" in asked.line


async def test_rows_that_were_changed_are_committed_and_those_of_a_block_that_fails_undone(
    wire: Wire, source: SnowflakeSource
) -> None:
    wire.answer("query-request", DONE)
    async with source.query("DELETE FROM t", is_writing=True):
        pass
    assert statements(wire) == ["BEGIN", "DELETE FROM t", "COMMIT"]
    wire.asked.clear()
    with pytest.raises(LookupError):
        async with source.query("DELETE FROM t", is_writing=True):
            raise LookupError
    assert statements(wire) == ["BEGIN", "DELETE FROM t", "ROLLBACK"]


async def test_a_session_that_cannot_be_undone_is_closed(wire: Wire, source: SnowflakeSource) -> None:
    wire.answer("query-request", DONE)
    wire.answer("ROLLBACK", refusal(300_010, "broken", "XX000"))
    with pytest.raises(LookupError):
        async with source.transaction():
            raise LookupError
    assert len(wire.lines("delete=true")) == 1


async def test_a_number_of_more_than_64_bits_is_told_and_not_changed(wire: Wire, source: SnowflakeSource) -> None:
    wire.answer("query-request", rows(("V", NUMBER), values=[["99999999999999999999"]]))
    with pytest.raises(InvalidInput, match="does not fit"):
        await dicts(source, "SELECT v FROM t")


@pytest.mark.parametrize("refused", ["PUT file:", "CREATE TEMPORARY STAGE"])
async def test_an_insert_that_fails_removes_its_stage(wire: Wire, source: SnowflakeSource, refused: str) -> None:
    names = ["COLUMN_NAME", "DATA_TYPE", "IS_NULLABLE", "COMMENT", "NUMERIC_PRECISION", "NUMERIC_SCALE"]
    kinds = [TEXT, TEXT, TEXT, TEXT, NUMBER, NUMBER]
    column: list[list[Any]] = [["ID", "NUMBER", "YES", None, "38", "0"]]
    wire.answer("query-request", DONE)
    wire.answer("COLUMN_NAME", rows(*zip(names, kinds, strict=True), values=column))
    wire.answer("SHOW PRIMARY KEYS", rows(("column_name", TEXT), values=[]))
    wire.answer(refused, refusal(3001, "Insufficient privileges", "42501"))
    with pytest.raises(Forbidden):
        await source.insert("PUBLIC", "T", streamed(batch_of(ID=[1])))
    made = [one for one in statements(wire) if "STAGE" in one or "PUT" in one or "COPY" in one]
    stage = made[0].removeprefix("CREATE TEMPORARY STAGE ")
    assert stage.startswith('"TESTS"."PUBLIC"."MAESTRO_')
    put = f"PUT file://rows.parquet @{stage} AUTO_COMPRESS = FALSE SOURCE_COMPRESSION = NONE"
    assert made[1:] == ([put, f"DROP STAGE IF EXISTS {stage}"] if refused.startswith("PUT") else [])
