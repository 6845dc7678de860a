"""Search uses the indexes of the tables: their expressions are its own."""

import pytest

from dataloaders.search import PLACES, SearchType, _by_words
from maestro.db.engine import Database

OTHERS = """
SELECT i.relname AS name FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
WHERE x.indrelid = $1::text::regclass AND NOT x.indisprimary AND i.relname <> $2
"""


@pytest.mark.parametrize("wanted", [one for one in SearchType if one is not SearchType.CONNECTOR])
async def test_words_are_looked_up_in_the_search_index(db: Database, wanted: SearchType) -> None:
    table = PLACES[wanted].table
    query = _by_words(wanted, name=3, words=4).replace("$1", "gen_random_uuid()")
    query = query.replace("$2", "20").replace("$3", "'word'").replace("$4", "'word:*'")
    async with db.driver() as connection:
        for other in await connection.fetch(OTHERS, table, f"ix_{table}_search"):
            await connection.execute(f"DROP INDEX {other.name}")
        await connection.execute("SET enable_seqscan = off")
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}"))
        await connection.execute("RESET enable_seqscan")
    assert f"Bitmap Index Scan on ix_{table}_search" in plan
