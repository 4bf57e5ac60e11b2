"""The options that uvicorn does not have."""

OWN = {
    "timeout_first_byte",
    "timeout_request_head",
    "timeout_request_body",
    "timeout_write",
    "min_data_rate",
    "limit_request_target",
    "limit_request_field",
    "limit_request_fields",
    "limit_request_head",
    "limit_request_body",
    "limit_requests_per_connection",
    "limit_connections",
    "limit_connections_per_address",
    "asgi_spec",
    "asgi_extensions",
    "health_path",
    "ready_path",
    "metrics_path",
    "admin_bind",
}
