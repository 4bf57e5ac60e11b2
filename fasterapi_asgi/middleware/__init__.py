"""fasterapi_asgi.middleware: applications that wrap applications."""
