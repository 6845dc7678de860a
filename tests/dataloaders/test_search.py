"""Search uses the indexes of the tables."""

import pytest

from dataloaders.search import PLACES, SearchType, _by_words
from maestro.db.engine import Database


@pytest.mark.parametrize("wanted", [one for one in SearchType if one is not SearchType.CONNECTOR])
async def test_words_are_looked_up_in_the_search_index(db: Database, wanted: SearchType) -> None:
    query = _by_words(wanted, name=3, words=4).replace("$1", "gen_random_uuid()")
    query = query.replace("$2", "20").replace("$3", "'word'").replace("$4", "'word:*'")
    async with db.driver() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}"))
    table = PLACES[wanted].table
    assert f"Bitmap Index Scan on ix_{table}_search" in plan
