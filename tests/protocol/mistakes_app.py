"""The application behind test_app_mistakes: it raises anything anywhere and breaks every rule.

/raise/ERROR/POINT raises one of ERRORS at one of the points; /send/NAME sends the messages of
MISTAKES or of ODDITIES; what send() raised is left as a note. All else is wire_app's.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import wire_app
from wire_app import BODY, FIVE, START, notes, reply, with_header

Scope = dict[str, Any]


class OwnBaseError(BaseException):
    """Derived from BaseException alone."""


def recurse() -> None:
    recurse()


def exhaust() -> BaseException:
    """An error that the interpreter itself has raised."""
    try:
        recurse()
    except RecursionError as error:
        return error
    raise AssertionError


ERRORS: dict[str, Callable[[], BaseException]] = {
    "exception": lambda: LookupError("raised on purpose"),
    "base_exception": lambda: OwnBaseError("raised on purpose"),
    "group": lambda: BaseExceptionGroup("raised on purpose", [LookupError(), SystemExit(3)]),
    "cancelled": lambda: asyncio.CancelledError("raised on purpose"),
    "exit": lambda: SystemExit(3),
    "interrupt": lambda: KeyboardInterrupt("raised on purpose"),
    "generator_exit": lambda: GeneratorExit("raised on purpose"),
    "recursion": exhaust,
    "memory": lambda: MemoryError("raised on purpose"),
    "stop": lambda: StopIteration(1),
    "stop_async": lambda: StopAsyncIteration(1),
    "os_error": lambda: ConnectionResetError("raised on purpose"),
}


async def app(scope: Scope, receive: Any, send: Any) -> None:
    handlers = {"raise": at_raise, "send": at_send, "task": at_task, "gone": at_gone}
    _, name, *arguments = scope.get("path", "//").split("/")
    if scope["type"] == "http" and name in handlers:
        return await handlers[name](receive, send, *arguments)
    return await wire_app.app(scope, receive, send)


async def at_raise(receive: Any, send: Any, error: str, point: str) -> None:
    def fail_at(*here: str) -> None:
        if point in here:
            raise ERRORS[error]()

    fail_at("before_receive")
    message = await receive()
    fail_at("mid_request")
    while message["more_body"]:
        message = await receive()
    fail_at("before_start")
    await send(FIVE if point == "mid_length" else START)
    fail_at("after_start")
    await send({**BODY, "body": b"abc", "more_body": True})
    fail_at("mid_length", "mid_chunked")
    await send({**BODY, "body": b"de"})
    fail_at("after_end")


def start(*headers: Any, status: Any = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def length(value: bytes) -> tuple[bytes, bytes]:
    return (b"content-length", value)


def body(data: Any, more: Any = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


MORE = body(b"abc", more=True)

# What is sent up to and with the message that is wrong, by what the peer shall see of it.
REFUSED: dict[str, list[Any]] = {  # 500: the head never was
    "body_first": [BODY],
    "empty_body_first": [{**BODY, "more_body": True}],
    "trailers_first": [{"type": "http.response.trailers"}],
    "early_hint_first": [{"type": "http.response.early_hint", "links": [b"</a>"]}],
    "pathsend_first": [{"type": "http.response.pathsend", "path": __file__}],
    "push_first": [{"type": "http.response.push", "path": "/", "headers": []}],
    "websocket_first": [{"type": "websocket.accept"}],
    "request_first": [{"type": "http.request"}],
    "type_is_missing": [{"status": 200}],
    "type_is_none": [{**START, "type": None}],
    "type_is_bytes": [{**START, "type": b"http.response.start"}],
    "type_is_a_list": [{**START, "type": ["http.response.start"]}],
    "type_in_capitals": [{**START, "type": "HTTP.RESPONSE.START"}],
    "message_is_none": [None],
    "message_is_text": ["http.response.start"],
    "message_is_bytes": [b"http.response.start"],
    "message_is_a_number": [200],
    "message_is_a_list": [[("type", "http.response.start"), ("status", 200)]],
    "message_is_an_object": [object()],
    "status_is_missing": [{"type": "http.response.start"}],
    "status_is_none": [start(status=None)],
    "status_is_text": [start(status="200")],
    "status_is_bytes": [start(status=b"200")],
    "status_is_a_float": [start(status=200.0)],
    "status_is_a_list": [start(status=[200])],
    "status_is_true": [start(status=True)],
    "status_0": [start(status=0)],
    "status_negative": [start(status=-200)],
    "status_99": [start(status=99)],
    "status_100": [start(status=100)],
    "status_101": [start(status=101)],
    "status_600": [start(status=600)],
    "status_999": [start(status=999)],
    "status_of_many_bits": [start(status=2**70)],
    "headers_are_none": [{**START, "headers": None}],
    "headers_are_a_number": [{**START, "headers": 5}],
    "headers_are_text": [{**START, "headers": "a: b"}],
    "headers_are_bytes": [{**START, "headers": b"a: b"}],
    "headers_are_a_dict": [{**START, "headers": {b"ab": b"c"}}],
    "headers_are_endless_ints": [{**START, "headers": range(3)}],
    "header_is_none": [start(None)],
    "header_is_bytes": [start(b"ab")],
    "header_is_text": [start("ab")],
    "header_of_none": [start(())],
    "header_of_one": [start((b"a",))],
    "header_of_three": [start((b"a", b"b", b"c"))],
    "name_is_text": [with_header("a", b"b")],
    "name_is_none": [with_header(None, b"b")],
    "name_is_a_number": [with_header(1, b"b")],
    "name_is_a_list": [with_header([97], b"b")],
    "name_is_empty": [with_header(b"", b"b")],
    "name_with_blank": [with_header(b"a b", b"c")],
    "name_with_blank_behind": [with_header(b"content-length ", b"5")],
    "name_with_colon": [with_header(b"a:", b"b")],
    "name_with_line_break": [with_header(b"a\r\nset-cookie", b"b")],
    "name_with_nul": [with_header(b"a\0", b"b")],
    "name_beyond_ascii": [with_header("\u00e9".encode(), b"b")],
    "name_with_bad_end": [with_header(b"a" * 1000 + b"\n", b"b")],
    "value_is_text": [with_header(b"a", "b")],
    "value_is_none": [with_header(b"a", None)],
    "value_is_a_number": [with_header(b"content-length", 5)],
    "value_with_lf": [with_header(b"a", b"b\nc: d")],
    "value_with_cr": [with_header(b"a", b"b\rc: d")],
    "value_with_crlf_at_end": [with_header(b"a", b"b\r\n")],
    "value_with_body": [with_header(b"a", b"b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")],
    "value_with_nul": [with_header(b"a", b"b\0")],
    "value_with_bell": [with_header(b"a", b"\x07")],
    "value_with_del": [with_header(b"a", b"\x7f")],
    "last_of_many_headers": [start(*[(b"a", b"b")] * 1000, (b"c", b"\n"))],
    "length_twice": [start(length(b"5"), length(b"5"))],
    "length_twice_different": [start(length(b"5"), length(b"6"))],
    "length_twice_in_other_case": [start(length(b"5"), (b"Content-Length", b"5"))],
    "length_list": [start(length(b"5, 5"))],
    "length_empty": [start(length(b""))],
    "length_negative": [start(length(b"-5"))],
    "length_signed": [start(length(b"+5"))],
    "length_hexadecimal": [start(length(b"0x5"))],
    "length_with_underscore": [start(length(b"5_0"))],
    "length_with_blank_inside": [start(length(b"5 0"))],
    "length_a_fraction": [start(length(b"5.0"))],
    "length_of_65_bits": [start(length(str(2**64).encode()))],
    "length_of_many_digits": [start(length(b"9" * 5000))],
    "length_in_other_digits": [start(length("\u0665".encode()))],
}
CUT: dict[str, list[Any]] = {  # the connection ends before the body is complete
    "start_twice": [START, START],
    "start_behind_body": [START, MORE, START],
    "unknown_second": [START, {"type": "http.response.debug"}],
    "trailers_second": [START, {"type": "http.response.trailers", "headers": []}],
    "trailers_that_were_promised": [
        {**START, "trailers": True},
        MORE,
        {"type": "http.response.trailers", "headers": []},
    ],
    "pathsend_second": [START, {"type": "http.response.pathsend", "path": __file__}],
    "early_hint_second": [START, {"type": "http.response.early_hint", "links": []}],
    "second_without_type": [START, {"body": b"abc"}],
    "second_is_none": [START, None],
    "second_is_bytes": [START, b"abc"],
    "body_is_text": [START, body("abc")],
    "body_is_none": [START, body(None)],
    "body_is_a_number": [START, body(3)],
    "body_is_a_list": [START, body([97, 98])],
    "body_is_an_object": [START, body(object())],
    "body_of_every_other_byte": [START, body(memoryview(b"abcdef")[::2])],
    "body_is_text_behind_bytes": [START, MORE, body("abc")],
    "too_short": [FIVE, body(b"oh")],
    "too_short_in_pieces": [FIVE, body(b"o", more=True), body(b"h")],
    "too_short_without_any": [FIVE, BODY],
    "much_too_short": [start(length(b"9" * 18)), body(b"oh")],
}
WHOLE: dict[str, list[Any]] = {  # a complete response, and an error behind it
    "body_behind_end": [START, BODY, BODY],
    "more_body_behind_end": [START, BODY, MORE],
    "start_behind_end": [START, BODY, START],
    "trailers_behind_end": [START, BODY, {"type": "http.response.trailers"}],
    "unknown_behind_end": [START, BODY, {"type": "x"}],
}
CUT_AT_LENGTH: dict[str, list[Any]] = {  # what was declared, then the close
    "too_long": [FIVE, body(b"12345 and more")],
    "too_long_by_far": [FIVE, body(b"12345" * 100_000)],
    "too_long_in_pieces": [FIVE, body(b"1234", more=True), body(b"5 and more")],
    "too_long_behind_its_end": [FIVE, body(b"12345", more=True), body(b"6")],
    "too_long_for_0": [start(length(b"0")), body(b"6")],
}
MISTAKES = REFUSED | CUT | WHOLE | CUT_AT_LENGTH

# Odd, and right.
ODDITIES: dict[str, list[Any]] = {
    "message_is_a_mapping": [MappingProxyType(start(length(b"3"))), OrderedDict(body(b"abc"))],
    "status_is_an_enum": [start(length(b"3"), status=HTTPStatus.OK), body(b"abc")],
    "headers_are_a_generator": [{**START, "headers": (pair for pair in [length(b"3")])}],
    "headers_are_a_set": [{**START, "headers": {length(b"3")}}, body(b"abc")],
    "headers_are_lists": [start([b"content-length", b"3"]), body(b"abc")],
    "headers_are_buffers": [start((bytearray(b"content-length"), bytearray(b"3")))],
    "value_beyond_ascii": [start((b"a", b"\xff\xe9"), length(b"3"))],
    "value_with_tab": [start((b"a", b"b\tc"), length(b"3"))],
    "value_is_empty": [start((b"a", b""), length(b"3"))],
    "value_of_a_megabyte": [start((b"a", b"b" * 1_000_000), length(b"3"))],
    "name_of_100_kilobytes": [start((b"a" * 100_000, b"b"), length(b"3"))],
    "many_headers": [start(*[(b"a%d" % number, b"b") for number in range(10_000)])],
    "body_is_a_bytearray": [START, body(bytearray(b"abc"))],
    "body_is_a_view": [START, body(memoryview(b"abc"))],
    "body_in_pieces": [START, body(b"a", more=True), body(b"", more=True), body(b"bc")],
    "more_body_is_none": [START, body(b"abc", more=None)],
    "more_body_is_a_number": [START, body(b"a", more=1), body(b"bc", more=0)],
    "more_body_is_text": [START, body(b"a", more="no"), body(b"bc", more="")],
    "unknown_keys": [{**START, "x": 1}, {**body(b"abc"), "y": 2}],
    "trailers_that_nobody_wants": [{**START, "trailers": True}, body(b"abc")],
    "many_empty_bodies": [START, *[{**BODY, "more_body": True}] * 100_000, body(b"abc")],
    "length_with_blanks_around": [start(length(b" 3 ")), body(b"abc")],
    "coding_of_its_own": [start((b"transfer-encoding", b"chunked")), body(b"abc")],
}


async def at_send(_receive: Any, send: Any, name: str) -> None:
    messages = MISTAKES.get(name) or ODDITIES[name]
    if name == "headers_are_a_generator":  # it is used up each time
        messages = [{**START, "headers": (pair for pair in [length(b"3")])}]
    try:
        for message in messages:
            await send(message)
        if len(messages) == 1 and name in ODDITIES:
            await send(body(b"abc"))
    except Exception as error:
        notes[name].put_nowait([type(error).__name__, str(error)])
        raise
    notes[name].put_nowait(["nothing", ""])


async def at_task(receive: Any, send: Any, kind: str) -> None:
    """Use receive and send from several tasks."""
    await TASKS[kind](receive, send)
    notes[kind].put_nowait("ended")


async def from_another_task(receive: Any, send: Any) -> None:
    assert (await asyncio.create_task(receive()))["type"] == "http.request"
    await asyncio.create_task(reply(send, b"abc"))


async def at_once(_receive: Any, send: Any) -> None:
    await asyncio.gather(send(START), send(MORE), send(body(b"de")))


async def large_at_once(_receive: Any, send: Any) -> None:
    await send(start(length(b"4000000")))
    messages = [body(b"%d" % number * 1_000_000, more=number < 3) for number in range(4)]
    await asyncio.gather(*map(send, messages))


async def awaited_in_turn(_receive: Any, send: Any) -> None:
    """What send() returns is awaited later, and twice."""
    first, second = send(START), send(body(b"abc"))
    await second
    await first
    await first


async def never_awaited(_receive: Any, send: Any) -> None:
    send(START)
    send(body(b"abc"))


async def receive_twice(receive: Any, send: Any) -> None:
    both = [asyncio.ensure_future(receive()) for _ in range(2)]
    done, left = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    assert next(task.result()["type"] for task in done) == "http.request"
    await reply(send, b"abc")
    for task in left:
        assert (await task)["type"] in {"http.request", "http.disconnect"}


async def receive_cancelled(receive: Any, send: Any) -> None:
    """A cancelled receive() takes nothing away from the next."""
    waiting = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    if waiting.cancelled():
        assert (await receive())["body"] == b"abc"
    await reply(send, b"abc")


kept: set[asyncio.Task[None]] = set()


def keep(task: asyncio.Task[None]) -> None:
    """Hold a task until it has ended, and its error no longer."""

    def let_go(ended: asyncio.Task[None]) -> None:
        kept.discard(ended)
        ended.exception()

    kept.add(task)
    task.add_done_callback(let_go)


async def background(_receive: Any, send: Any) -> None:
    """A task that outlives the application fails on its own."""
    await reply(send, b"abc")

    async def late() -> None:
        await asyncio.sleep(0)
        try:
            await send(BODY)
        except RuntimeError:
            notes["late"].put_nowait("raised")
            raise

    keep(asyncio.create_task(late()))


async def sent_behind_the_application(_receive: Any, send: Any) -> None:
    """What is sent when the application has returned too early is nobody's."""

    async def late() -> None:
        await asyncio.sleep(0)
        await send(START)
        await send(body(b"abc"))
        notes["late"].put_nowait("silent")

    keep(asyncio.create_task(late()))


TASKS = {
    function.__name__: function
    for function in (
        from_another_task,
        at_once,
        large_at_once,
        awaited_in_turn,
        never_awaited,
        receive_twice,
        receive_cancelled,
        background,
        sent_behind_the_application,
    )
}


async def at_gone(receive: Any, send: Any) -> None:
    """Send everything that is wrong to a peer that has gone."""
    notes["gone"].put_nowait("waiting")
    while (await receive())["type"] != "http.disconnect":
        pass
    for messages in MISTAKES.values():
        for message in messages:
            await send(message)
    notes["gone"].put_nowait("silent")


TABLES: dict[str, Any] = {
    "refused": REFUSED,
    "cut": CUT,
    "whole": WHOLE,
    "cut_at_length": CUT_AT_LENGTH,
    "odd": ODDITIES,
    "task": TASKS,
}
