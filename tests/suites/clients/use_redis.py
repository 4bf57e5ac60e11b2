"""redis-py: streams, pool, pipeline, blocking pop, large value, pub/sub, timeout, cancellation."""

import asyncio

import redis.asyncio as redis
from harness import cancelled, raises, run


async def main(url: str) -> None:
    pool = redis.BlockingConnectionPool.from_url(url, max_connections=8, timeout=20)
    async with redis.Redis(connection_pool=pool) as client:
        await client.flushdb()
        counts = await asyncio.gather(*(client.incr("n") for _ in range(500)))
        assert sorted(counts) == list(range(1, 501))
        async with client.pipeline(transaction=True) as pipe:
            for n in range(1000):
                pipe.rpush("list", n)
            assert (await pipe.execute())[-1] == 1000
        body = bytes(range(256)) * 20_000
        await client.set("large", body)
        assert await client.get("large") == body
        await blocking(client)
        assert await client.get("n") == b"500"
        await subscribed(client)
    async with redis.from_url(url, socket_timeout=0.2, retry=None) as hasty:
        await raises(redis.TimeoutError, hasty.execute_command("BLPOP", "nothing", 30))
    await pool.disconnect()


async def blocking(client: redis.Redis) -> None:
    assert await client.blpop("nothing", timeout=0.2) is None
    waiting = asyncio.create_task(client.blpop("later", timeout=5))
    await asyncio.sleep(0.05)  # either order is right; this one makes the server wait
    await client.rpush("later", "now")
    assert await waiting == (b"later", b"now")
    for _ in range(5):
        await cancelled(client.blpop("nothing", timeout=30))


async def subscribed(client: redis.Redis) -> None:
    async with client.pubsub() as channel:
        await channel.subscribe("news")
        await channel.get_message(timeout=1)
        await client.publish("news", "hello")
        assert (await channel.get_message(timeout=1))["data"] == b"hello"
        assert await channel.get_message(timeout=0.1) is None


run(main)
