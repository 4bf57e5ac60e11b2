"""fasterapi_asgi.middleware.asgi2: serves an application of ASGI 2."""

from fasterapi_asgi._types import ASGI2Application, Receive, Scope, Send


class ASGI2Middleware:
    """Calls ``app(scope)(receive, send)``. uvicorn's --interface asgi2."""

    def __init__(self, app: ASGI2Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["asgi"]["version"] = "2.0"
        await self.app(scope)(receive, send)
