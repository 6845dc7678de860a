"""A connection to MySQL that keeps what it promises: one statement at a time, TLS where it is asked for, no files."""

import ssl
import time
from typing import Any, Final

import aiomysql
from pymysql.constants import CLIENT, SERVER_STATUS

from connectors.sql.mysql_errors import Plain
from maestro.credentials import MysqlCredential
from maestro.vendors import Mysql

CONNECT_S: Final = 10
RESET: Final = 0x1F
"""The command that makes a connection as it was when it was new."""
SESSION: Final = (
    "SET NAMES utf8mb4, SESSION time_zone = '+00:00', SESSION autocommit = 1, "
    "SESSION sql_mode = CONCAT(REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', ''),"
    " ',STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO')"
)
"""Literals end where they should, values that do not fit are refused, and moments are in UTC."""
_IN_PLAIN: Final = frozenset({"mysql_clear_password", "mysql_old_password"})


class Connection(aiomysql.Connection):  # type: ignore[misc] # the driver has no types
    """A connection of the driver's, made stricter."""

    def __init__(self, *, is_encrypted: bool, **settings: Any) -> None:
        super().__init__(**settings)
        self.client_flag &= ~(CLIENT.MULTI_STATEMENTS | CLIENT.LOCAL_FILES)
        self._is_encrypted = is_encrypted
        self.is_asking = False
        """Whether the server may be at work, or has more to say."""
        self.idle_since = time.monotonic()

    @property
    def has_backslashes(self) -> bool:
        """Whether a backslash in a literal means something."""
        return not self.server_status & SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES

    @property
    def is_mariadb(self) -> bool:
        """Whether the server is MariaDB, whose settings have other names."""
        return "mariadb" in self.get_server_info().lower()

    async def prepare(self) -> None:
        """Make the session as it has to be."""
        await self.run(SESSION)

    async def run(self, statement: str) -> None:
        """Run a statement of ours that answers no rows."""
        self.is_asking = True
        await self.query(statement)
        self.is_asking = False

    async def reset(self) -> None:
        """Forget what was set, locked or left behind."""
        self.is_asking = True
        await self._execute_command(RESET, b"")
        await self._read_packet()
        self.is_asking = False
        await self.prepare()

    async def _request_authentication(self) -> None:
        if self._is_encrypted and not self.server_capabilities & CLIENT.SSL:
            raise Plain("The server speaks no TLS, and the connector asks for it.")
        if self._server_auth_plugin in _IN_PLAIN:
            self._require_trust(self._server_auth_plugin)
        await super()._request_authentication()

    async def _process_auth(self, plugin_name: bytes, auth_packet: Any) -> Any:
        if plugin_name.decode() in _IN_PLAIN:
            self._require_trust(plugin_name.decode())
        return await super()._process_auth(plugin_name, auth_packet)

    def _require_trust(self, plugin: str) -> None:
        if self._ssl_context is None or self._ssl_context.verify_mode is not ssl.CERT_REQUIRED:
            raise Plain(f"The server wants the password in plain ({plugin}), and nobody has verified who it is.")


def security(ssl_mode: str) -> ssl.SSLContext | None:
    """Return the context of a mode of MySQL's own: up to REQUIRED nothing is said of who answers."""
    if ssl_mode == "DISABLED":
        return None
    context = ssl.create_default_context()
    context.check_hostname = ssl_mode == "VERIFY_IDENTITY"
    if ssl_mode in {"PREFERRED", "REQUIRED"}:
        context.verify_mode = ssl.CERT_NONE
    return context


async def connected(config: Mysql, credential: MysqlCredential | None, context: ssl.SSLContext | None) -> Connection:
    """Open a connection, as the session has to be."""
    password = credential.password.get_secret_value() if credential else ""
    connection = Connection(
        is_encrypted=config.ssl_mode not in {"DISABLED", "PREFERRED"},
        host=config.host,
        port=config.port,
        user=config.user,
        password=password.encode().decode("latin-1"),  # the driver sends it as Latin-1, the server expects UTF-8
        db=config.database,
        charset="utf8mb4",
        connect_timeout=CONNECT_S,
        autocommit=None,
        ssl=context,
        program_name="maestro",
    )
    await connection._connect()  # noqa: SLF001 -- as the driver's own `connect` does
    await connection.prepare()
    return connection
