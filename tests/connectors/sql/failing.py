"""What every SQL source has to say when something goes wrong."""

from typing import Any

import pytest

from connectors.sql.capability import SqlSource
from maestro.errors import Conflict, Forbidden, InvalidInput, MaestroError, NotFound, Transient
from tests.connectors.sql.ground import Ground, Opening, only, run, write
from tests.fixtures.emulators import free_port


class Failing(Ground):
    """Errors: of a kind that says what to do, with the vendor's code, and without any secret."""

    async def refused(self, opening: Opening, wanted: type[MaestroError], **settings: Any) -> MaestroError:
        """Open with settings that are wrong, and ask; return the error."""
        with pytest.raises(wanted) as failed:
            async with opening(**settings) as source:
                await source.identify()
        error = failed.value
        assert self.password not in f"{error} {error.hint} {error.details}"
        return error

    async def test_a_statement_that_is_not_understood_says_where(self, source: SqlSource) -> None:
        with pytest.raises(InvalidInput) as failed:
            await run(source, "SELECT 1 AS v FRUM x")
        assert failed.value.details["vendorCode"]
        if "positions" not in self.lacks:
            assert 15 <= failed.value.details["position"] <= 22

    @pytest.mark.parametrize("is_writing", [False, True])
    async def test_a_table_that_is_not_there_is_not_found(
        self, source: SqlSource, schema: str, *, is_writing: bool
    ) -> None:
        with pytest.raises(NotFound) as failed:
            await run(source, f"SELECT * FROM {self.named(schema, 'gone')}", is_writing=is_writing)
        assert failed.value.details["vendorCode"]

    async def test_a_column_that_is_not_there_is_told(self, source: SqlSource, schema: str) -> None:
        name = await self.filled(source, schema)
        with pytest.raises((InvalidInput, NotFound)) as failed:
            await run(source, f"SELECT gone FROM {name}")
        assert "gone" in str(failed.value).lower()

    @pytest.mark.parametrize("given", [(), (1, 2)])
    async def test_too_few_or_too_many_parameters_are_refused(
        self, source: SqlSource, schema: str, given: tuple[int, ...]
    ) -> None:
        name = await self.filled(source, schema)
        with pytest.raises(InvalidInput):
            await run(source, f"SELECT id FROM {name} WHERE id = {self.marks(1)}", *given)
        assert await only(source, "SELECT 1 AS v") == 1

    async def test_a_parameter_that_does_not_fit_is_refused(self, source: SqlSource, schema: str) -> None:
        self.needs("strict types")
        name = await self.filled(source, schema)
        with pytest.raises(InvalidInput):
            await write(source, f"INSERT INTO {name} (id, name) VALUES ({self.marks(2)})", "no number", "x")
        assert await only(source, f"SELECT COUNT(*) AS n FROM {name}") == 3

    async def test_a_second_row_of_a_key_is_a_conflict(self, source: SqlSource, schema: str) -> None:
        self.needs("keys")
        name = self.named(
            schema, await self.made(source, schema, id=f"{self.words.types['integer']} NOT NULL {self.words.key}")
        )
        await write(source, f"INSERT INTO {name} (id) VALUES (1)")
        with pytest.raises(Conflict) as failed:
            await write(source, f"INSERT INTO {name} (id) VALUES (2), (1)")
        assert failed.value.details["vendorCode"]
        assert await only(source, f"SELECT COUNT(*) AS n FROM {name}") == 1

    async def test_a_division_by_zero_is_refused(self, source: SqlSource) -> None:
        self.needs("division by zero")
        with pytest.raises(InvalidInput):
            await run(source, "SELECT 1 / 0 AS v")

    async def test_a_wrong_password_is_refused_and_not_told(self, opening: Opening) -> None:
        self.needs("passwords")
        error = await self.refused(opening, Forbidden, password="wrong-and-secret")
        assert "wrong-and-secret" not in f"{error} {error.hint} {error.details} {error.__cause__!r}"

    async def test_a_host_that_is_not_there_may_be_tried_again(self, opening: Opening) -> None:
        self.needs("hosts")
        error = await self.refused(opening, Transient, port=free_port())
        assert error.hint

    async def test_a_host_that_is_not_known_may_be_tried_again(self, opening: Opening) -> None:
        self.needs("hosts")
        await self.refused(opening, Transient, host="nowhere.invalid")

    async def test_a_database_that_is_not_there_is_not_found(self, opening: Opening) -> None:
        self.needs("databases")
        await self.refused(opening, NotFound, database="gone_for_good")

    async def test_an_error_leaves_the_source_usable(self, source: SqlSource) -> None:
        for _ in range(max(self.most_connections, 4) + 2):
            with pytest.raises(InvalidInput):
                await run(source, "SELEKT 1")
        assert await only(source, "SELECT 1 AS v") == 1
