"""Endpoints of FastAPI and Starlette that are declared immutable, in all the ways there are."""

import threading
from collections import Counter
from typing import Any

import wire_app
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from fasterapi_asgi import cache, immutable

runs: Counter[str] = Counter()


def told(name: str) -> dict[str, Any]:
    runs[name] += 1
    return {"name": name, "run": runs[name]}


api = FastAPI()


@api.get("/def")
@immutable
def plain() -> dict[str, Any]:
    return told("def") | {"main thread": threading.current_thread() is threading.main_thread()}


@api.get("/async")
@immutable
async def asynchronous() -> dict[str, Any]:
    return told("async")


@api.get("/with-arguments")
@immutable(max_age=60, stale=10, vary=("accept",), query=("lang",))
async def with_arguments(request: Request, lang: str = "en") -> dict[str, Any]:
    return told("with-arguments") | {"lang": lang, "accept": request.headers.get("accept")}


@api.get("/status/{code}")
@immutable(status=(200, 301, 404))
async def with_status(code: int) -> Response:
    told("status")
    if code == 404:
        raise HTTPException(404, f"run {runs['status']}")
    return RedirectResponse("/there", code) if code == 301 else Response(str(runs["status"]))


@api.get("/items/{item}/{rest:path}")
@immutable
async def with_parameters(item: int, rest: str) -> dict[str, Any]:
    return told(f"items {item} {rest}")


@api.get("/named", name="another name")
@immutable
async def with_a_name() -> dict[str, Any]:
    return told("named")


@api.get("/alias")
@api.get("/twice")
@immutable
async def of_two_paths(request: Request) -> dict[str, Any]:
    return told(request.url.path)


def client_of(request: Request) -> str:
    if request.client is None:
        raise HTTPException(403, "who is it?")
    return request.client.host


@api.get("/by-client")
@immutable
async def by_client(client: str = Depends(client_of)) -> dict[str, Any]:
    return told("by-client") | {"client": client}


@api.get("/validated")
@immutable(query=("number",))
async def validated(number: int) -> dict[str, Any]:
    return told("validated") | {"number": number}


router = APIRouter(prefix="/router")


@router.get("/routed")
@immutable
async def routed() -> dict[str, Any]:
    return told("routed")


@router.get("/plainly")
async def not_declared() -> dict[str, Any]:
    return told("plainly")


api.include_router(router, prefix="/v1")


# The path of the first of them is that of the name.
@api.get("/shadow")
async def shadowed() -> dict[str, Any]:
    return told("shadow")


def declare_shadowed() -> None:
    @api.get("/declared-shadow")
    @immutable
    async def shadowed() -> dict[str, Any]:
        return told("declared-shadow")


declare_shadowed()


@api.get("/invalidate-in-thread")
def invalidate_in_thread(path: str | None = None) -> dict[str, Any]:
    cache.invalidate(path)
    return {"main thread": threading.current_thread() is threading.main_thread()}


@api.get("/background")
async def of_nothing() -> dict[str, Any]:
    return told("background")


@immutable
class Declared(HTTPEndpoint):
    async def get(self, _request: Request) -> Response:
        return PlainTextResponse(f"run {told('class')['run']}")

    async def post(self, _request: Request) -> Response:
        return PlainTextResponse("posted")


@immutable
def starlette_route(_request: Request) -> Response:
    return PlainTextResponse(f"run {told('starlette')['run']}")


inner = Starlette(routes=[Route("/route", starlette_route), Route("/class", Declared)])
api.router.routes.append(Mount("/mounted", inner))
api.router.routes.append(Mount("/named-mount", inner, name="inner"))
starlette = Starlette(
    routes=[Route("/route", starlette_route), Route("/class", Declared), Mount("/sub", inner)]
)
# Whatever else there is: what the tests ask the server about itself.
api.mount("/", wire_app.app)
