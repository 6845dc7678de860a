import time, statistics, asyncpg
import pytest
from contextlib import AsyncExitStack
from dataclasses import replace

async def test_time(databases, postgres):
    c = databases._connection
    print(await c.fetchval("show fsync"))
    for strategy in ("FILE_COPY", "WAL_LOG", "FILE_COPY", "WAL_LOG"):
        a=[];b=[]
        for i in range(15):
            t=time.perf_counter(); await c.execute(f"CREATE DATABASE x{i} TEMPLATE maestro STRATEGY {strategy}"); a.append(time.perf_counter()-t)
            t=time.perf_counter(); await c.execute(f"DROP DATABASE x{i} WITH (FORCE)"); b.append(time.perf_counter()-t)
        print(strategy, [round(1e3*x,1) for x in (statistics.median(a), max(a), statistics.median(b), max(b))])
    print(await c.fetchval("select pg_database_size('maestro')"))

@pytest.mark.parametrize("i", range(20))
async def test_db(db, i):
    assert (await db.fetch_sql("select count(*) as n from run"))[0].n == 0
