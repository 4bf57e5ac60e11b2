"""asyncpg: TLS by start_tls, pool, transaction, cursor, COPY, LISTEN, timeout, cancellation."""

import asyncio
import io
import ssl

import asyncpg
from harness import cancelled, raises, run


async def main(dsn: str) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with asyncpg.create_pool(dsn, min_size=2, max_size=5, ssl=context) as pool:
        queries = (pool.fetchval("select $1::int * 2", n) for n in range(300))
        assert await asyncio.gather(*queries) == [2 * n for n in range(300)]
        assert pool.get_size() <= 5
        async with pool.acquire() as one, pool.acquire() as other:
            secure = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
            assert await one.fetchval(secure)
            await large_results(one)
            await raises(asyncio.TimeoutError, one.execute("select pg_sleep(30)", timeout=0.2))
            await cancelled(one.execute("select pg_sleep(30)"))
            assert await one.fetchval("select 'usable again'") == "usable again"
            await notified(one, other)


async def large_results(connection: asyncpg.Connection) -> None:
    await connection.execute("create temp table t (n int, body text)")
    await raises(ZeroDivisionError, rolled_back(connection))
    assert await connection.fetchval("select count(*) from t") == 0
    rows = b"".join(b"%d\t%s\n" % (n, b"x" * 1000) for n in range(5000))
    await connection.copy_to_table("t", source=io.BytesIO(rows))
    found = await connection.fetch("select * from t")
    assert sum(len(row["body"]) for row in found) == 5_000_000
    async with connection.transaction():
        cursor = connection.cursor("select n from t", prefetch=100)
        assert len([row async for row in cursor]) == 5000


async def rolled_back(connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        await connection.execute("insert into t values (1, 'gone')")
        raise ZeroDivisionError


async def notified(listener: asyncpg.Connection, sender: asyncpg.Connection) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    def hear(_connection: object, _pid: int, _channel: str, payload: str) -> None:
        heard.put_nowait(payload)

    await listener.add_listener("news", hear)
    await sender.execute("notify news, 'hello'")
    assert await asyncio.wait_for(heard.get(), 5) == "hello"
    await listener.remove_listener("news", hear)


run(main)
