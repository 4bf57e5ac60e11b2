"""fasterapi_asgi.lifespan: ASGI's lifespan protocol (asgiref, specs/lifespan.rst), on and off."""
