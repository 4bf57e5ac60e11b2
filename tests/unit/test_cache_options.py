"""cache, _cache_fill: what may be declared, how rules are read, and what is refused."""

import re
from typing import Any

import pytest

from fasterapi_asgi import Config, cache, immutable
from fasterapi_asgi._cache_fill import ServedCache, served_cache
from fasterapi_asgi.cache import Policy, endpoints, parse_rule, policy_of
from fasterapi_asgi.errors import OptionError


def served(extensions: tuple[str, ...] = (), **options: Any) -> ServedCache | None:
    async def app(*_: Any) -> None: ...

    config = Config(app, log_config=None, **options)
    return served_cache(config, app, {}, extensions)


def refused(text: str) -> Any:
    return pytest.raises(OptionError, match=f"^{re.escape(text)}$")


# --- policies


def test_names_are_kept_in_the_form_in_which_they_are_compared() -> None:
    policy = Policy(vary=("Accept", "ACCEPT", "x-A"), query=("Lang", "lang"))
    assert policy.vary == ("accept", "x-a")
    assert policy.query == ("Lang", "lang")
    assert Policy(vary="Accept", query="q", status=404) == Policy(
        vary=("accept",), query=("q",), status=(404,)
    )
    assert Policy(max_age=0.5, stale=0, status=[200, 301]).status == (200, 301)


STATUSES = "(200, 301, 404), which are stored."


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ({"max_age": "60"}, "max_age '60' is no number of seconds."),
        ({"max_age": True}, "max_age True is no number of seconds."),
        ({"stale": None}, "stale None is no number of seconds."),
        ({"max_age": -1}, "max_age -1 is not between 0 and 1000000000 seconds."),
        ({"max_age": float("nan")}, "max_age nan is not between 0 and 1000000000 seconds."),
        ({"stale": float("inf")}, "stale inf is not between 0 and 1000000000 seconds."),
        ({"vary": 1}, "vary 1 is no tuple of names."),
        ({"vary": ("",)}, "vary '' is no name."),
        ({"vary": ("a b",)}, "vary 'a b' is no name."),
        ({"vary": ("a\r\n",)}, r"vary 'a\r\n' is no name."),
        ({"vary": ("ä",)}, "vary 'ä' is no name."),
        ({"vary": (b"accept",)}, "vary b'accept' is no name."),
        ({"query": ("a=b",)}, "query 'a=b' is no name."),
        ({"query": ("a&b",)}, "query 'a&b' is no name."),
        ({"query": ("a;b",)}, "query 'a;b' is no name."),
        ({"query": ("",)}, "query '' is no name."),
        ({"status": ()}, f"status () is none of {STATUSES}"),
        ({"status": (200, 500)}, f"status (200, 500) is none of {STATUSES}"),
        ({"status": ("200",)}, f"status ('200',) is none of {STATUSES}"),
    ],
)
def test_what_cannot_be_declared_is_named(declared: dict[str, Any], text: str) -> None:
    with refused(text):
        Policy(**declared)
    with refused(text):
        immutable(**declared)


@pytest.mark.parametrize("name", ["maxage", "opt_in", "endpoint"])
def test_another_argument_of_the_decorator_is_named(name: str) -> None:
    with refused(f"fasterapi.cache: there is no {name!r}."):
        Policy.from_mapping({name: 1})


def test_the_decorator_notes_the_endpoint_and_returns_it() -> None:
    def bare() -> None: ...

    async def with_arguments() -> None: ...

    assert immutable(bare) is bare
    assert immutable(max_age=60, vary=("Accept",))(with_arguments) is with_arguments
    assert policy_of(bare) == Policy()
    assert policy_of(with_arguments) == Policy(max_age=60, vary=("accept",))
    del endpoints[bare], endpoints[with_arguments]
    assert policy_of(bare) is policy_of([]) is policy_of(None) is None


# --- rules


@pytest.mark.parametrize(
    ("text", "path", "policy"),
    [
        ("GET /a", "/a", Policy()),
        ("/a", "/a", Policy()),
        ("GET   /a/%C3%A4;b=c   max-age=0.5 ", "/a/%C3%A4;b=c", Policy(max_age=0.5)),
        (
            "GET /a max-age=60 stale=10 vary=Accept,origin query=lang,q status=200,404 opt-in",
            "/a",
            Policy(60, 10, ("accept", "origin"), ("lang", "q"), (200, 404), opt_in=True),
        ),
    ],
)
def test_a_rule_is_read(text: str, path: str, policy: Policy) -> None:
    assert parse_rule(text) == (path, policy)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GET",
        "GET a",
        "POST /a",
        "HEAD /a",
        "get /a",
        "GET /a?b",
        "GET /a#b",
        "GET /ä",
        "GET*",
        1,
    ],
)
def test_what_is_no_rule_is_named(text: Any) -> None:
    with refused(
        f"cache {text!r} is no rule: give the method GET and a path without a query, such as "
        "'GET /heartbeat' or 'GET /flags max-age=60 vary=accept query=lang'."
    ):
        parse_rule(text)


@pytest.mark.parametrize(
    "word", ["max_age=60", "maxage=60", "max-age=x", "max-age=", "max-age", "status=ok", "x", "=1"]
)
def test_what_a_rule_does_not_know_is_named(word: str) -> None:
    with refused(
        f"cache 'GET /a {word}': {word!r} is none of max-age=SECONDS, stale=SECONDS, "
        "vary=NAME,..., query=NAME,..., status=CODE,... and opt-in."
    ):
        parse_rule(f"GET /a {word}")


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("opt-in=1", "cache 'GET /a opt-in=1': 'opt-in=1' has a value."),
        ("vary", "cache 'GET /a vary': 'vary' has no value."),
        ("query", "cache 'GET /a query': 'query' has no value."),
        ("vary=", "vary '' is no name."),
        ("max-age=-1", "max_age -1.0 is not between 0 and 1000000000 seconds."),
        ("status=201", f"status (201,) is none of {STATUSES}"),
    ],
)
def test_a_value_that_a_rule_cannot_have_is_named(word: str, text: str) -> None:
    with refused(text):
        parse_rule(f"GET /a {word}")


# --- options


def test_there_is_a_cache_where_something_may_be_declared() -> None:
    assert not endpoints
    assert served() is None
    assert served(("http.response.trailers",)) is None
    assert served(("fasterapi.cache",))
    assert served(cache="GET /a")
    assert served(cache=["GET /a", "GET /b"])
    assert served(cache="GET /a", cache_bytes=0) is None


def test_two_rules_of_one_path_are_named() -> None:
    with refused("cache 'GET /a max-age=1': there is another rule for /a."):
        served(cache=["GET /a", "GET /a max-age=1"])


@pytest.mark.parametrize("size", [-1, True, 1.5, "1"])
def test_a_size_that_is_none_is_named(size: Any) -> None:
    with refused(f"cache_bytes {size!r} is no number of bytes."):
        served(cache="GET /a", cache_bytes=size)


def test_without_a_server_nothing_is_invalidated() -> None:
    cache.invalidate()
    cache.invalidate("/a")
