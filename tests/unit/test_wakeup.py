"""fasterapi_asgi._wakeup: no wake is lost, from whatever thread it comes."""

import asyncio
import threading

from fasterapi_asgi._wakeup import Wakeup

DEADLINE = 10  # seconds


def test_a_wake_before_the_wait_ends_it() -> None:
    async def main() -> None:
        wakeup = Wakeup()
        wakeup.bind()
        wakeup.wake()
        await asyncio.wait_for(wakeup.wait(), DEADLINE)

    asyncio.run(main())


def test_another_thread_wakes_the_waiting_coroutine() -> None:
    async def main() -> None:
        wakeup = Wakeup()
        wakeup.bind()
        thread = threading.Thread(target=wakeup.wake)
        asyncio.get_running_loop().call_soon(thread.start)
        await asyncio.wait_for(wakeup.wait(), DEADLINE)
        thread.join()

    asyncio.run(main())


def test_each_wake_is_for_one_wait() -> None:
    async def main() -> bool:
        wakeup = Wakeup()
        wakeup.bind()
        wakeup.wake()
        await wakeup.wait()
        waiting = asyncio.ensure_future(wakeup.wait())
        await asyncio.sleep(0)
        still_waiting = not waiting.done()
        wakeup.wake()
        await asyncio.wait_for(waiting, DEADLINE)
        return still_waiting

    assert asyncio.run(main())


def test_all_who_wait_are_woken() -> None:
    async def main() -> None:
        wakeup = Wakeup()
        wakeup.bind()
        waiting = [asyncio.ensure_future(wakeup.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        wakeup.wake()
        await asyncio.wait_for(asyncio.gather(*waiting), DEADLINE)

    asyncio.run(main())


def test_a_wait_with_a_time_limit_ends_by_itself() -> None:
    async def main() -> None:
        wakeup = Wakeup()
        wakeup.bind()
        await asyncio.wait_for(wakeup.wait(0.001), DEADLINE)

    asyncio.run(main())


def test_waking_is_harmless_before_a_loop_and_after_it_is_closed() -> None:
    wakeup = Wakeup()
    wakeup.wake()

    async def main() -> None:
        wakeup.bind()

    asyncio.run(main())
    wakeup.wake()


def test_it_serves_one_loop_after_another() -> None:
    wakeup = Wakeup()

    async def main() -> None:
        wakeup.bind()
        asyncio.get_running_loop().call_soon(wakeup.wake)
        await asyncio.wait_for(wakeup.wait(), DEADLINE)

    asyncio.run(main())
    asyncio.run(main())


def test_a_future_that_is_done_ends_the_wait_for_it() -> None:
    async def main() -> None:
        wakeup = Wakeup()
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, None)
        await asyncio.wait_for(wakeup.until_done(future), DEADLINE)
        await asyncio.wait_for(wakeup.until_done(future), DEADLINE)

    asyncio.run(main())


def test_a_wake_ends_the_wait_for_a_future_and_leaves_it_alone() -> None:
    async def main() -> bool:
        wakeup = Wakeup()
        wakeup.bind()
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(wakeup.wake)
        await asyncio.wait_for(wakeup.until_done(future), DEADLINE)
        return future.done()

    assert asyncio.run(main()) is False
