"""_core.HttpServer: limits, trusted peers, default fields and the access log."""

import asyncio
import logging
import re
from typing import Any

import pytest
from core_server import GET, LOGGER, answer, respond, serving, status_of
from loop_runner import run

KEPT = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
FORWARDED = b"GET /%s HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 1.2.3.4\r\n\r\n"


def test_the_callback_of_limit_max_requests_is_called_once() -> None:
    async def main() -> list[int]:
        calls: list[int] = []

        def reached() -> None:
            calls.append(place.core.total_requests)

        async with serving(limit_max_requests=2, on_max_requests=reached) as place:
            async with place.connect() as peer:
                for _ in range(4):
                    peer.write(KEPT)
                    await peer.response()
            assert place.core.total_requests == 4
        return calls

    assert run(main) == [2]


def test_a_callback_that_fails_does_not_stop_the_server() -> None:
    unraisable: list[Any] = []

    async def main() -> None:
        def reached() -> None:
            raise LookupError("mine")

        async with serving(limit_max_requests=1, on_max_requests=reached) as place:
            assert [status_of(await place.ask()) for _ in range(2)] == [200, 200]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.unraisablehook", lambda report: unraisable.append(report.exc_value))
        run(main)
    assert [str(error) for error in unraisable] == ["mine"]


def test_beyond_limit_concurrency_is_503(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> tuple[int, int]:
        async with serving(limit_concurrency=2) as place:
            async with place.connect() as first:
                first.write(KEPT)
                await first.response()
                refused = await place.ask()  # the second connection, as uvicorn counts
            await place.core.wait_disconnected()
            return status_of(refused), status_of(await place.ask())

    with caplog.at_level(logging.WARNING, LOGGER.name):
        assert run(main) == (503, 200)
    assert caplog.messages == ["Exceeded concurrency limit."]


def forwarded(trusted: bool) -> tuple[list[str], list[str], list[Any]]:
    """Who was asked, to which paths it was applied, and what the application saw, of 3 requests."""
    asked: list[str] = []
    applied: list[str] = []
    seen: list[Any] = []

    def is_trusted(host: str) -> bool:
        asked.append(host)
        return trusted

    def apply(scope: dict[str, Any]) -> None:
        applied.append(scope["path"])
        scope["client"] = ("1.2.3.4", 0)

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        seen.append(scope["client"][0])
        await respond(send)

    async def main() -> None:
        async with serving(app, is_trusted=is_trusted, apply_forwarded=apply) as place:
            async with place.connect() as peer:
                for raw in (FORWARDED % b"a", KEPT, FORWARDED % b"b"):
                    peer.write(raw)
                    await peer.response()

    run(main)
    return asked, applied, seen


def test_is_trusted_is_asked_once_per_connection() -> None:
    asked, applied, seen = forwarded(trusted=True)
    assert asked == ["127.0.0.1"]
    assert applied == ["/a", "/b"]  # only where the headers are
    assert seen == ["1.2.3.4", "127.0.0.1", "1.2.3.4"]


def test_an_untrusted_peers_headers_are_not_believed() -> None:
    assert forwarded(trusted=False) == (["127.0.0.1"], [], ["127.0.0.1"] * 3)


@pytest.mark.parametrize("name", ["is_trusted", "apply_forwarded"])
def test_a_rule_that_fails_is_a_500_and_the_server_goes_on(name: str) -> None:
    def fail(_: Any) -> bool:
        raise LookupError("mine")

    async def main() -> tuple[int, int]:
        rules = {"is_trusted": lambda _host: True, name: fail}
        async with serving(**rules) as place:
            refused = await place.ask(FORWARDED % b"a")
            return status_of(refused), place.core.connections

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.unraisablehook", lambda _report: None)
        assert run(main)[0] == 500


def test_the_default_fields_come_first_and_in_order() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        headers = [(b"X-Own", b"1"), (b"content-length", b"0"), (b"server", b"own")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})

    async def main(**options: Any) -> bytes:
        async with serving(app, **options) as place:
            return await place.ask()

    defaults = [(b"Server", b"uvicorn"), (b"x-a", b""), (b"x-a", b"caf\xe9")]
    whole = run(lambda: main(default_headers=defaults))
    date, rest = whole.split(b"\r\n", 2)[1:]
    assert re.fullmatch(rb"date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date)
    assert rest == (
        b"server: uvicorn\r\nx-a: \r\nx-a: caf\xe9\r\nx-own: 1\r\ncontent-length: 0\r\n"
        b"server: own\r\nconnection: close\r\n\r\n"
    )
    without = run(lambda: main(date_header=False))
    assert without.startswith(b"HTTP/1.1 200 OK\r\nx-own: 1\r\n")


def test_an_idle_connection_is_closed_after_the_keep_alive_time() -> None:
    async def main() -> bytes:
        async with serving(timeout_keep_alive=0.01) as place, place.connect() as peer:
            peer.write(KEPT)
            await peer.response()
            return await peer.all()

    assert run(main) == b""


LOGGED = [
    b"GET /a%20b/caf%C3%A9?x=%20 HTTP/1.1\r\nhost: a\r\n\r\n",
    b"POST /%22%3Cx%3E HTTP/1.0\r\n\r\n",
]


def logged(app: Any = answer, raws: Any = LOGGED, **options: Any) -> list[Any]:
    got: list[Any] = []

    async def main() -> None:
        async with serving(app) as place:
            if "write" in options:
                place.core.set_access_log(**{**options, "write": got.append})
            else:
                place.core.set_access_log(lambda *record: got.append(record))
            for raw in raws:
                async with place.connect() as peer:
                    peer.write(raw)
                    await peer.response()
            await place.core.wait_tasks()

    run(main)
    return got


def test_the_access_log_calls_with_uvicorns_fields() -> None:
    records = logged()
    assert [record[1:] for record in records] == [
        ("GET", "/a%20b/caf%C3%A9?x=%20", "1.1", 200),
        ("POST", "/%22%3Cx%3E", "1.0", 200),
    ]
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+", record[0]) for record in records)


def test_the_access_log_writes_whole_lines() -> None:
    styles = [("<", ">")] * 5
    text = "".join(logged(write=1, prefix="INFO:", request_style=("[", "]"), status_styles=styles))
    assert re.sub(r"127\.0\.0\.1:\d+", "CLIENT", text) == (
        'INFO: CLIENT - "[GET /a%20b/caf%C3%A9?x=%20 HTTP/1.1]" <200 OK>\n'
        'INFO: CLIENT - "[POST /%22%3Cx%3E HTTP/1.0]" <200 OK>\n'
    )


def test_warnings_about_a_peer_come_behind_the_lines_of_its_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    said: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        said.append("application")
        await answer(scope, receive, send)

    async def main() -> None:
        async with serving(app) as place:
            place.core.set_access_log(lambda *_: said.append(f"access, {len(caplog.records)}"))
            await place.ask(KEPT + b"nonsense\r\n\r\n")

    with caplog.at_level(logging.WARNING, LOGGER.name):
        run(main)
    assert said == ["application", "access, 0"]
    assert caplog.messages[0].startswith("Invalid HTTP request received.")


def test_the_access_log_sees_what_middleware_has_put_into_the_scope() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["client"] = ("9.9.9.9", 7)
        scope["path"] = "/caf\xe9 \u20ac"
        await answer(scope, receive, send)

    ((client, _, path, *_),) = logged(app, [KEPT])
    assert (client, path) == ("9.9.9.9:7", "/caf%C3%A9%20%E2%82%AC")


@pytest.mark.parametrize("client", [None, (), ("a",), "text", ("\ud800", 1), 5])
def test_an_odd_client_in_the_scope_is_no_harm(client: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["client"] = client
        scope["path"] = client
        await answer(scope, receive, send)

    ((*_, status),) = logged(app, [KEPT])
    assert status == 200


def test_a_sink_that_fails_does_not_stop_the_server() -> None:
    def fail(*_: Any) -> None:
        raise LookupError("mine")

    async def main(**options: Any) -> list[int]:
        async with serving() as place:
            place.core.set_access_log(**options)
            return [status_of(await place.ask()) for _ in range(2)]

    errors: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.unraisablehook", lambda report: errors.append(str(report.exc_value)))
        assert run(lambda: main(record=fail)) == [200, 200]
        assert run(lambda: main(write=fail)) == [200, 200]
    assert errors == ["mine"] * 4


def test_a_sink_may_be_replaced_while_it_is_called() -> None:
    async def main() -> list[str]:
        got: list[str] = []
        async with serving() as place:

            def once(text: str) -> None:
                got.append(text)
                place.core.set_access_log()

            place.core.set_access_log(write=once)
            await place.ask()
            await place.ask()
        return got

    assert len(run(main)) == 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"write": print, "status_styles": [("", "")]}, ValueError),
        ({"write": print, "status_styles": [1] * 5}, TypeError),
        ({"write": print, "request_style": ("",)}, TypeError),
        ({"prefix": b""}, TypeError),
        ({"colour": 1}, TypeError),
    ],
)
def test_a_wrong_style_is_refused(options: dict[str, Any], error: type[Exception]) -> None:
    async def main() -> None:
        async with serving() as place:
            with pytest.raises(error):
                place.core.set_access_log(**options)
            assert status_of(await place.ask(GET)) == 200
            await asyncio.sleep(0)

    run(main)
