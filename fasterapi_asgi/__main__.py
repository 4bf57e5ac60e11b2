"""fasterapi_asgi.__main__: makes ``python -m fasterapi_asgi`` the command line."""

from fasterapi_asgi.main import main

if __name__ == "__main__":
    main()
