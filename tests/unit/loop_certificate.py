"""A certificate for localhost and its key, which protect nothing but the tests' own echo server."""

import ssl
from pathlib import Path

KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgb+6/9jzAy8oDCBtK
+4FnH3SoGTCm6dUhUDXH3ce5XgGhRANCAAQPieYsTxLbNbZadckuc3VQ1VUZgikI
ymhRDhgJWvIjcbbxNAJpCv+4ls0rWhDZdsI0kfqSoL26tla0QnBMc5P1
-----END PRIVATE KEY-----
"""
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUYHStdd4ZDt1MRcmHcPa6chebk+UwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA4NTM0MloYDzIxMjYxMDI4
MDg1MzQyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQPieYsTxLbNbZadckuc3VQ1VUZgikIymhRDhgJWvIjcbbxNAJpCv+4
ls0rWhDZdsI0kfqSoL26tla0QnBMc5P1o28wbTAdBgNVHQ4EFgQUgJEXBqZi7Mst
8aLb7BdCUIMHwy0wHwYDVR0jBBgwFoAUgJEXBqZi7Mst8aLb7BdCUIMHwy0wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAIHkkKyBIWkdfmX+n+RQef338G1SWX2Csz9LB51TN5RHAiBh
qj9OhkAB/Avm18UTM7KIXLUdEBozszbS+L+IdlVJ0w==
-----END CERTIFICATE-----
"""


def contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """One for the server, one for a client that trusts it."""
    path = folder / "both.pem"
    path.write_text(KEY + CERTIFICATE)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=CERTIFICATE)
