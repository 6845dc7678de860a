"""How a connection to PostgreSQL is secured.

The embedded server speaks no TLS, so a server of our own says what PostgreSQL says until somebody has signed in.
"""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from maestro.errors import Forbidden, MaestroError
from maestro.vendor_errors import ConnectorFailed
from tests.connectors.sql.ground import Opening
from tests.connectors.sql.test_postgresql import config, opening
from tests.fixtures.mariadb_server import certificates

__all__ = ["config", "opening"]


@asynccontextmanager
async def speaking_tls(folder: Path) -> AsyncIterator[int]:
    """A server that takes TLS with a certificate for `localhost`, and then refuses as PostgreSQL does."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.set_alpn_protocols(["postgresql"])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await reader.readexactly(8) == struct.pack(">ii", 8, 80877103):
                writer.write(b"S")
                await writer.start_tls(context)
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                await reader.readexactly(size - 4)
            told = b"SFATAL\0VFATAL\0C28P01\0Mnot you\0\0"
            writer.write(b"E" + struct.pack(">i", len(told) + 4) + told)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def outcome(opening: Opening, **settings: Any) -> tuple[type[MaestroError], str]:
    with pytest.raises(MaestroError) as failed:
        async with opening(**settings) as opened:
            await opened.identify()
    return type(failed.value), str(failed.value)


@pytest.mark.parametrize(
    ("mode", "is_known", "is_trusted"),
    [
        ("require at 127.0.0.1", False, True),
        ("verify-ca at localhost", False, False),
        ("verify-ca at 127.0.0.1", True, True),
        ("verify-full at 127.0.0.1", True, False),
        ("verify-full at localhost", True, True),
        ("verify-full at localhost", False, False),
    ],
)
async def test_a_certificate_is_verified_as_the_mode_says(
    opening: Opening, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, mode: str, is_known: bool, is_trusted: bool
) -> None:
    authority = certificates(tmp_path)
    if is_known:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    mode, _, host = mode.partition(" at ")
    async with speaking_tls(tmp_path) as port:
        kind, told = await outcome(opening, ssl_mode=mode, host=host, port=port)
    assert kind is (Forbidden if is_trusted else ConnectorFailed), told
    assert ("not you" in told) is is_trusted


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_server_without_tls_is_refused_where_tls_is_asked_for(opening: Opening, mode: str) -> None:
    kind, told = await outcome(opening, ssl_mode=mode)
    assert kind is ConnectorFailed
    assert "TLS" in told


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
async def test_a_server_without_tls_is_taken_where_it_need_not_be(opening: Opening, mode: str) -> None:
    async with opening(ssl_mode=mode) as opened:
        assert "PostgreSQL" in await opened.identify()
