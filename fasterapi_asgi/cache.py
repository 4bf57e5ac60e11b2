"""fasterapi_asgi.cache: declare responses immutable, and have them made anew.

A response that is declared immutable is made once, by a request of the server's own that has
nothing but the key: path, query, scheme, Host and the declared header fields. The server keeps it
as bytes and answers with it without running Python. Whoever sends a cookie, an ``Authorization``
field or anything else that might make a difference gets the application itself. On other servers
all of this does nothing.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

from fasterapi_asgi.errors import OptionError

if TYPE_CHECKING:
    from fasterapi_asgi._cache_fill import ServedCache

__all__ = ["Policy", "immutable", "invalidate"]

EXTENSION = "fasterapi.cache"
"""What scopes call the extension: a dict that the application fills to declare its response."""

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_PARAMETER = re.compile(r"[!-%'-:<>-~]+")  # no "&", "=", ";"
_STATUSES = (200, 301, 404)
_SECONDS = 10**9  # 30 years

endpoints: dict[object, Policy] = {}
"""What is declared of endpoints. Starlette's router names them in the scope."""
served_caches: weakref.WeakSet[ServedCache] = weakref.WeakSet()
"""Those of the servers of this process."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is declared of a response.

    Attributes:
        max_age: Seconds for which it holds; None: until it is invalidated. What its own
            ``Cache-Control`` says (``s-maxage``, ``max-age``) is kept, too.
        stale: Seconds behind them in which it is still sent while it is made anew (RFC 5861).
        vary: Names of request fields it depends on. ``Vary`` of the response adds to them.
        query: Names of query parameters it depends on. A request with any other, or with one
            twice, is the application's.
        status: The statuses that are stored: of 200, 301 and 404.
        opt_in: Only what names its lifetime in ``Cache-Control`` is stored.

    Raises:
        OptionError: a value cannot be used.
    """

    max_age: float | None = None
    stale: float = 0
    vary: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    status: tuple[int, ...] = (200,)
    opt_in: bool = False

    def __post_init__(self) -> None:
        """Check the values, and bring names into the form in which they are compared."""
        for name in ("max_age", "stale"):
            seconds = getattr(self, name)
            if seconds is None and name == "max_age":
                continue
            if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
                raise OptionError(f"{name} {seconds!r} is no number of seconds.")
            if not 0 <= seconds <= _SECONDS:
                raise OptionError(f"{name} {seconds!r} is not between 0 and {_SECONDS} seconds.")
        vary = _names("vary", self.vary, _NAME)
        object.__setattr__(self, "vary", tuple(dict.fromkeys(name.lower() for name in vary)))
        object.__setattr__(self, "query", _names("query", self.query, _PARAMETER))
        status = self.status if isinstance(self.status, Iterable) else (self.status,)
        object.__setattr__(self, "status", tuple(status))
        if not self.status or not set(self.status) <= set(_STATUSES):
            raise OptionError(f"status {self.status!r} is none of {_STATUSES}, which are stored.")

    @property
    def fresh_ms(self) -> int | None:
        """``max_age`` in milliseconds."""
        return None if self.max_age is None else round(self.max_age * 1000)

    @property
    def stale_ms(self) -> int:
        """``stale`` in milliseconds."""
        return round(self.stale * 1000)

    @classmethod
    def from_mapping(cls, declared: Mapping[str, object]) -> Policy:
        """Make one of what an application has put into the extension of its scope.

        Raises:
            OptionError: a key or a value is none of a policy's.
        """
        if unknown := set(declared) - {"max_age", "stale", "vary", "query", "status"}:
            raise OptionError(f"{EXTENSION}: there is no {sorted(map(str, unknown))[0]!r}.")
        return cls(**declared)  # type: ignore[arg-type]


def _names(what: str, given: object, pattern: re.Pattern[str]) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else given
    if not isinstance(names, Iterable):
        raise OptionError(f"{what} {given!r} is no tuple of names.")
    made = tuple(names)
    for name in made:
        if not isinstance(name, str) or not pattern.fullmatch(name):
            raise OptionError(f"{what} {name!r} is no name.")
    return made


@overload
def immutable(endpoint: _Endpoint, /) -> _Endpoint: ...
@overload
def immutable(
    *,
    max_age: float | None = None,
    stale: float = 0,
    vary: Iterable[str] = (),
    query: Iterable[str] = (),
    status: Iterable[int] = (200,),
) -> Callable[[_Endpoint], _Endpoint]: ...
def immutable(endpoint: Any = None, /, **declared: Any) -> Any:
    """Declare that an endpoint's responses depend on nothing but the key.

    Stands below the decorator that makes the route. The endpoint itself is returned, unchanged::

        @app.get("/heartbeat")
        @immutable
        def heartbeat(): ...


        @app.get("/flags")
        @immutable(max_age=60, vary=("accept",), query=("lang",))
        async def flags(lang: str = "en"): ...

    Args:
        endpoint: A function of FastAPI or Starlette, ``def`` or ``async def``.
        declared: The attributes of :class:`Policy`, but ``opt_in``.

    Raises:
        OptionError: a value cannot be used.
    """

    def declare(endpoint: _Endpoint) -> _Endpoint:
        endpoints[endpoint] = policy
        return endpoint

    policy = Policy.from_mapping(declared)
    return declare if endpoint is None else declare(endpoint)


def policy_of(endpoint: object) -> Policy | None:
    """Return what :func:`immutable` was told of an endpoint."""
    try:
        return endpoints.get(endpoint)
    except TypeError:  # it has no hash
        return None


def invalidate(path: str | None = None) -> None:
    """Forget what is stored of a path; what is being made of it is not stored, either.

    From the next request on the application makes the responses anew. Any thread of the process may
    call it; other processes keep what they have.

    Args:
        path: As the application sees it, decoded and without ``root_path``; all its queries,
            hosts and variants are meant. None: all paths.
    """
    for served in list(served_caches):
        served.invalidate(path)


_RULE = re.compile(r"(?:(?P<method>[A-Z]+)\s+)?(?P<path>/[!-~]*)(?P<rest>(?:\s+\S+)*)\s*")


def parse_rule(text: str) -> tuple[str, Policy]:
    """Read a rule as the option ``cache`` takes it: the path, and what is declared of it.

    Args:
        text: ``GET /path``, and maybe ``max-age=60 stale=10 vary=accept,origin query=lang
            status=200,404 opt-in``.

    Raises:
        OptionError: it is no rule.
    """
    found = _RULE.fullmatch(text) if isinstance(text, str) else None
    if not found or found["method"] not in (None, "GET") or not {"?", "#"}.isdisjoint(found[2]):
        raise OptionError(
            f"cache {text!r} is no rule: give the method GET and a path without a query, such as "
            "'GET /heartbeat' or 'GET /flags max-age=60 vary=accept query=lang'."
        )
    declared: dict[str, Any] = {}
    for word in found["rest"].split():
        name, equals, value = word.partition("=")
        if name.replace("-", "_") in declared:
            raise OptionError(f"cache {text!r}: {name} is there twice.")
        try:
            declared[name.replace("-", "_")] = _VALUES[name](value)
        except (KeyError, ValueError):
            raise OptionError(
                f"cache {text!r}: {word!r} is none of max-age=SECONDS, stale=SECONDS, "
                "vary=NAME,..., query=NAME,..., status=CODE,... and opt-in."
            ) from None
        if bool(equals) == (name == "opt-in"):
            raise OptionError(f"cache {text!r}: {word!r} has {'a' if equals else 'no'} value.")
    return found["path"], Policy(**declared)


_VALUES: dict[str, Callable[[str], Any]] = {
    "max-age": float,
    "stale": float,
    "vary": lambda value: tuple(value.split(",")),
    "query": lambda value: tuple(value.split(",")),
    "status": lambda value: tuple(int(code) for code in value.split(",")),
    "opt-in": lambda _: True,
}
