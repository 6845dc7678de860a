"""The pool: one asyncpg connection a statement for reads, one transaction for a write, each bound to a scope."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import URL, ColumnClause, Executable, Table
from sqlalchemy.dialects.postgresql import asyncpg as dialect_module
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.selectable import AliasedReturnsRows
from sqlalchemy.sql.visitors import iterate

from maestro.db.pool import Pool
from maestro.db.rows import BIND, CONNECTION_LOST, BeingExchanged, Row, is_being_exchanged, is_of_exchange
from maestro.db.watched import AS_READ, IN_TRANSACTION, fetched
from maestro.effort import Binding
from maestro.telemetry import database as families

SYSTEM_ROLE: Final = "maestro_system"
"""The database role that sees every organisation: for signing in, setting up and the server's own upkeep."""
OWNER_ROLE: Final = "none"
"""No role but the account itself: for work of the tables' owner that row-level security forbids, such as COPY."""
ORGANIZATION_ROLE: Final = "maestro_organization"
PROJECTS_ROLE: Final = "maestro_projects"
"""The roles under which requests run, on a whole organisation and on some projects of one."""
PROBE_S: Final = 2.0
"""So long whose connection was lost waits to learn why."""
DIALECT = dialect_module.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves dialect constructors untyped


class Statement:
    """A SQL text with its parameters in order, compiled once and run many times.

    Compiling costs more than running a small query does, so statements of a fixed shape are compiled when their
    loader is defined; `**values` fills the named parameters at each run.
    """

    __slots__ = ("_names", "_query", "_values", "sql")

    def __init__(self, query: Executable) -> None:
        self._query = query
        compiled = cast(
            "SQLCompiler",
            query.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True}),  # type: ignore[attr-defined] # every query compiles
        )
        self.sql = compiled.string
        self._names = compiled.positiontup or []
        self._values = compiled.params

    @property
    def tables(self) -> frozenset[str]:
        """The names of all tables that it reads, also within subqueries."""
        return tables_of(self._query)

    def arguments(self, **values: Any) -> list[Any]:
        """Return the parameters in the order of their placeholders."""
        return [values.get(name, self._values[name]) for name in self._names]


def tables_of(*parts: Any) -> frozenset[str]:
    """Return the names of all tables that queries and expressions name."""
    found = (element for part in parts for element in iterate(part))
    # A column knows its table, though it is no part of it.
    named = [element.table if isinstance(element, ColumnClause) else element for element in found]
    return frozenset(one.name for table in named for one in _plain(table))


def _plain(table: Any) -> list[Table]:
    if isinstance(table, Table):
        return [table]
    return _plain(table.element) if isinstance(table, AliasedReturnsRows) else []


class Transaction:
    """An open transaction; writes and the reads that they rest on go through it."""

    __slots__ = ("_connection", "_database", "_is_settled")

    def __init__(self, connection: Any, database: "Database") -> None:
        self._connection = connection
        self._database = database
        self._is_settled = False

    async def fetch(self, query: Executable | Statement, /, **values: Any) -> list[Row]:
        """Run a statement and return its rows."""
        statement = query if isinstance(query, Statement) else Statement(query)
        return await self.fetch_sql(statement.sql, *statement.arguments(**values))

    async def fetch_sql(self, sql: str, /, *arguments: Any) -> list[Row]:
        """Run SQL text with `$1`-style placeholders and return its rows."""
        self._database.count()
        self._is_settled = False
        return await fetched(self._connection, sql, arguments, way=IN_TRANSACTION, binding=self._database.binding)

    async def fetch_one(self, query: Executable | Statement, /, **values: Any) -> Row | None:
        """Run a statement and return its first row, None when there is none."""
        rows = await self.fetch(query, **values)
        return rows[0] if rows else None

    async def copy(self, table: str, columns: Sequence[str], records: Iterable[tuple[Any, ...]]) -> None:
        """Append many rows with COPY."""
        self._is_settled = False
        await self._connection.copy_records_to_table(table, columns=columns, records=records)

    async def receive(self, table: str, columns: Sequence[str], data: AsyncIterator[bytes]) -> int:
        """Append rows in the binary form of COPY, as another COPY gives them, and return how many they are."""
        self._is_settled = False
        status = await self._connection.copy_to_table(table, source=data, columns=columns, format="binary")
        return int(status.rpartition(" ")[2])

    @property
    def pid(self) -> int:
        """The number of the server's process that runs the transaction."""
        return int(self._connection.get_server_pid())

    def sealed(self) -> None:
        """Say that the last statement was an entry of the audit log, with which the database settles versions."""
        # It does so for the organisation to which the connection is bound alone.
        self._is_settled = self._database.is_bound

    async def settle(self) -> None:
        """Count up the versions of what was written; the last thing that is done in a transaction."""
        if not self._is_settled:
            await self._connection.execute("SELECT maestro_settle()")

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo only the block when it raises."""
        async with self._connection.transaction():
            yield


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows a connection sees: those of one organisation, all of them or those of some projects."""

    organization_id: UUID
    projects: frozenset[UUID] | None = None


class Database:
    """The connections of this process to one PostgreSQL database, and what is seen through them.

    SQLAlchemy keeps the pool; statements go to the asyncpg connection underneath, each read in autocommit. Without a
    scope the rows of every organisation are seen, which is for signing in and for the server's own upkeep; `within`
    gives the same pool to a request, and PostgreSQL refuses it all rows but those of its scope.
    """

    def __init__(self, url: str, *, pool_size: int, system_role: str = SYSTEM_ROLE) -> None:
        self._pool = Pool(url, pool_size)
        self.turns = self._pool.turns
        self.binding: Binding = (system_role, "", "")
        self._turn: AbstractAsyncContextManager[Any] = nullcontext()

    def within(self, scope: Scope, *, in_turn: bool = False) -> "Database":
        """Return a view that shows one scope; those who read `in_turn` leave most connections to others."""
        limited = self.bound_as(_binding_of(scope))
        if in_turn:
            limited._turn = self.turns  # noqa: SLF001 -- a view of the same class
        return limited

    def bound_as(self, binding: Binding) -> "Database":
        """Return a view on the database that shows what another one does, by that one's `binding`."""
        # There is one for each request, and `copy` would take ten times as long.
        limited = Database.__new__(type(self))
        vars(limited).update(vars(self), binding=binding)
        return limited

    @property
    def url(self) -> URL:
        """Where the database is."""
        return self._pool.url

    @property
    def is_bound(self) -> bool:
        """Whether no more than one organisation is seen."""
        return bool(self.binding[1])

    @property
    def engine(self) -> AsyncEngine:
        """The SQLAlchemy engine, for migrations."""
        return self._pool.engine

    @property
    def statements_run(self) -> int:
        """How many statements have been run, those that bind a connection to a scope left out."""
        return self._pool.statements_run

    @property
    def connections(self) -> tuple[int, int, int, int]:
        """How many connections the pool may have, has in use, has open besides, and has beyond its size."""
        return self._pool.connections

    def count(self) -> None:
        """Count a statement."""
        self._pool.statements_run += 1

    async def fetch(self, query: Executable | Statement, /, **values: Any) -> list[Row]:
        """Run one read outside any transaction and return its rows."""
        statement = query if isinstance(query, Statement) else Statement(query)
        return await self.fetch_sql(statement.sql, *statement.arguments(**values))

    async def fetch_sql(self, sql: str, /, *arguments: Any) -> list[Row]:
        """Run one read given as SQL text with `$1`-style placeholders and return its rows.

        A write of what answers are made of needs a transaction, which counts the versions of the data up at its end.
        """
        self.count()
        async with self.driver() as connection:
            return await fetched(connection, sql, arguments, way=AS_READ, binding=self.binding)

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[Any]:
        """Lend the asyncpg connection underneath a pooled one, bound to the scope.

        BeingExchanged, which is one of CONNECTION_LOST, where it is known that this is why the connection is lost.
        """
        began = time.perf_counter()
        try:
            async with self._turn, self.engine.connect() as connection:
                families.POOL_WAIT.observe(time.perf_counter() - began)
                try:
                    driver = (await connection.get_raw_connection()).driver_connection
                    await self._bind(driver, connection.sync_connection.info)  # type: ignore[union-attr] # it is connected
                    yield driver
                except asyncio.CancelledError:
                    # Cut off between BEGIN and ROLLBACK, it may still be in a transaction: nobody else may get it.
                    await connection.invalidate()
                    raise
        except PoolTimeout:
            families.POOL_FAILURES.add(("timeout",))
            raise
        except CONNECTION_LOST as error:
            families.POOL_FAILURES.add(("lost",))
            if await self._is_being_exchanged(error):
                raise BeingExchanged("The database is being exchanged.") from error
            raise

    async def _is_being_exchanged(self, error: BaseException) -> bool:
        if is_of_exchange(error):
            return True
        # Whose connection has ended does not learn why; who wants to connect now does. Files have names.
        is_lost = getattr(error, "filename", None) is None and not isinstance(error, BeingExchanged)
        return is_lost and await is_being_exchanged(self.url, patience_s=PROBE_S)

    async def _bind(self, driver: Any, info: dict[str, Any]) -> None:
        # Only when somebody else has used the connection last: a server with one organisation never pays for it.
        if info.get("binding") == self.binding:
            return
        info.pop("binding", None)
        await driver.fetch(BIND, *self.binding)
        info["binding"] = self.binding

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction: committed at the end of the block, rolled back when it raises."""
        is_committed = False
        try:
            async with self.driver() as connection, connection.transaction():
                tx = Transaction(connection, self)
                yield tx
                await tx.settle()
            is_committed = True
        finally:
            families.TRANSACTIONS.add(("committed" if is_committed else "failed",))

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Transaction]:
        """Open a transaction for reads that all see the database as it was at the first of them."""
        async with self.driver() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            yield Transaction(connection, self)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _binding_of(scope: Scope) -> Binding:
    if scope.projects is None:
        return ORGANIZATION_ROLE, str(scope.organization_id), ""
    return PROJECTS_ROLE, str(scope.organization_id), _array(scope.projects)


def _array(keys: Iterable[UUID]) -> str:
    return "{" + ",".join(sorted(map(str, keys))) + "}"
