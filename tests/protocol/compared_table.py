"""Where uvicorn and we differ on purpose: a rule for each row of docs/reference/differences.md."""

import ast
import re

from compared_app import ANSWERS
from compared_rules import (
    Exchange,
    Request,
    Rule,
    cut_behind,
    failed,
    refusal,
    refused,
)
from compared_wire import Answer

# --- requests


BLANKS = re.compile(rb"[ \t]+(?=\r\n|$)")


TOKEN = re.compile(rb"[\w!#$%&'*+.^`|~-]+")
OTHER_MAJOR = re.compile(rb"HTTP/[02-9]\.\d")
METHODS = (
    b"ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY "
    b"MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND "
    b"REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE"
).split()
HOST = re.compile(
    rb"(?:\[(?:[\da-fA-F:.]+|v[\da-fA-F]+\.[\w.-]+)\]|(?:[\w.~!$&'()*+;=-]|%[\da-fA-F]{2})+)"
    rb"(?::\d{0,5})?"
)
ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]*)")
# What may not stand behind a body: it frames, routes, describes or authenticates the message.
NO_TRAILER = re.compile(
    rb"(?im)^(?:authorization|connection|content-\w+|cookie|expect|host|transfer-encoding|upgrade):"
)


def is_unknown_method(request: Request) -> bool:
    """A method that is not known, in a request line without another mistake."""
    return (
        bool(TOKEN.fullmatch(request.method))
        and request.method not in METHODS
        and len(request.line) == 3
        and bool(re.fullmatch(rb"HTTP/1\.\d", request.version))
    )


def has_bad_coding(request: Request) -> bool:
    codings = request.values(b"transfer-encoding")
    return bool(codings) and [coding.lower() for coding in codings] != [b"chunked"]


def has_blank_behind_coding(request: Request) -> bool:
    raw = [value for name, value in request.fields if name == b"transfer-encoding"]
    return any(value != value.rstrip(b" \t") for value in raw)


def authority(request: Request) -> bytes | None:
    """The authority of an absolute target."""
    absolute = ABSOLUTE.match(request.target)
    return absolute[1] if absolute else None


def has_bad_authority(request: Request) -> bool:
    found = authority(request)
    return found is not None and not is_host(found)


def is_host(value: bytes) -> bool:
    port = value.rpartition(b":")[2]
    return bool(HOST.fullmatch(value)) and (not port.isdigit() or int(port) < 65536)


def has_bad_host(request: Request) -> bool:
    return any(value and not is_host(value) for value in request.values(b"host"))


def has_empty_host(request: Request) -> bool:
    return b"" in request.values(b"host") and request.target != b"*"


def host_of_target(at: Exchange) -> None:
    """The value of the first Host is the authority of the target."""
    host = f"(b'host', {authority(at.request)!r})"
    headers = at.report["headers"]
    others = [shown for shown in headers if not shown.startswith("(b'host',")]
    if len(others) < len(headers):
        headers[:] = [host if shown.startswith("(b'host',") else shown for shown in headers]


SHADOW = re.compile(rb"x[_-]forwarded[_-].*|x[_-]real[_-]ip|content[_-]length|transfer[_-]encoding")


def is_shadow(name: bytes) -> bool:
    return b"_" in name and bool(SHADOW.fullmatch(name))


def without_shadows(at: Exchange) -> None:
    headers = at.report["headers"]
    headers[:] = [shown for shown in headers if not is_shadow(ast.literal_eval(shown)[0])]


def has_odd_lead(request: Request) -> bool:
    lead = re.match(rb"[\r\n]*", request.data)
    return bool(lead) and lead[0] not in {b"", b"\r\n", b"\r\n\r\n"}


def expects_another(request: Request) -> bool:
    expects = [value.lower() for value in request.values(b"expect")]
    return request.version == b"HTTP/1.1" and any(value != b"100-continue" for value in expects)


def chunk_lines(request: Request) -> list[bytes]:
    """The lines of a chunked body that may be those of a chunk's size."""
    return request.body.split(b"\r\n") if request.says(b"transfer-encoding", b"chunked") else []


def extensions(request: Request) -> list[bytes]:
    return [line.partition(b";")[2] for line in chunk_lines(request) if b";" in line]


def is_bad_extension(extension: bytes) -> bool:
    name = rb"[\w-]+"
    value = rb'(?:[\w-]+|"(?:[^"\\]|\\.)*")'
    return not re.fullmatch(rb"%s(?:=%s)?(?:;%s(?:=%s)?)*" % (name, value, name, value), extension)


def another_scheme(request: Request) -> bool:
    scheme = re.match(rb"[A-Za-z][\w+.-]*(?=://)", request.target)
    return bool(scheme) and scheme[0].lower() not in {b"http", b"https"}


def strip_blanks(data: bytes) -> bytes:
    request = Request(data)
    line, end, fields = request.head.partition(b"\r\n")
    return data.replace(request.head, line + end + BLANKS.sub(b"", fields), 1)


def without_trailer(data: bytes) -> bytes:
    return data.replace(b"\r\n" + Request(data).trailer + b"\r\n", b"\r\n\r\n")


def without_100(at: Exchange) -> None:
    place = slice(at.begin, at.end)
    at.outcome.answers[place] = [each for each in at.outcome.answers[place] if each.status != 100]


# A field of this name means nothing to uvicorn, and is as long as the one it stands for.
UPGRADE = re.compile(rb"(?<=\r\n)upgrade:", re.IGNORECASE)


def upgrade_back(at: Exchange) -> None:
    headers = at.report["headers"]
    headers[:] = [shown.replace("(b'upgrad-'", "(b'upgrade'") for shown in headers]


def offers_websocket(request: Request) -> bool:
    return request.says(b"connection", b"upgrade") and request.says(b"upgrade", b"websocket")


def offers_upgrade(request: Request) -> bool:
    return request.says(b"connection", b"upgrade") and bool(request.values(b"upgrade"))


def not_started(at: Exchange) -> None:
    """The application has not begun, because the mistake came in the same segment."""
    is_seen = at.number < len(at.outcome.seen)
    if is_seen and at.is_reached and at.outcome.answers and at.answer == refusal(400):
        del at.outcome.seen[at.number :]
        if at.request.method == b"HEAD":
            at.answer.body, at.answer.whole = b"", False


# --- responses


def close_delimited(at: Exchange) -> None:
    for answer in at.outcome.answers[at.begin : at.end]:
        if ("transfer-encoding", "chunked") in answer.fields:
            answer.fields.remove(("transfer-encoding", "chunked"))
            answer.chunks, answer.whole = [], True


def drop_codings(at: Exchange) -> None:
    answer = at.answer
    framed = answer.chunks and "content-length" not in dict(answer.fields)
    answer.fields = [pair for pair in answer.fields if pair[0] != "transfer-encoding"]
    if framed:
        answer.fields.append(("transfer-encoding", "chunked"))
    else:
        answer.chunks = []


def informs(at: Exchange) -> None:
    """The informational head comes alone, and the final answer behind it."""
    at.report["events"][1:] = [["sent"], ["sent"], ["sent"], ["http.disconnect", ["type"]]]
    is_old = at.request.version == b"HTTP/1.0"
    fields = [("server", "uvicorn"), ("content-length", "4")]
    fields += [("connection", "close")] if is_old else []
    final = Answer(200, "OK", fields, b"" if at.request.method == b"HEAD" else b"four")
    status = int(at.request.ways[0])
    phrase = {102: "Processing", 103: "Early Hints"}[status]
    informational = [] if is_old else [Answer(status, phrase, [("link", "</x>")])]
    at.outcome.answers[at.begin :] = [*informational, final]
    at.outcome.rest = b""
    goes_on(at)


def cuts_behind_the_head(at: Exchange) -> None:
    at.report["events"][2:] = [["raised", *NO_BYTES]]
    cut_behind(at)
    at.answer.whole = at.request.method == b"HEAD" or at.request.version == b"HTTP/1.0"


def goes_on(at: Exchange) -> None:
    if at.request.version == b"HTTP/1.1":
        at.outcome.end = "kept"


def right_answer(at: Exchange) -> None:
    """The application may say what it says, and the connection goes on."""
    at.report["events"][-1:] = [["sent"], ["http.disconnect", ["type"]]]
    goes_on(at)


def nothing_of_a_body(at: Exchange) -> None:
    at.answer.fields = [pair for pair in at.answer.fields if pair[0] != "content-length"]
    if at.report["events"][-1] != ["http.disconnect", ["type"]]:
        right_answer(at)


def body_as_declared(at: Exchange) -> None:
    (name,) = at.request.ways
    said = b"".join(message.get("body", b"") for message in ANSWERS[name])
    at.answer.body, at.answer.whole = said[: int(dict(at.answer.fields)["content-length"])], True


# --- connections


ILLEGAL_STATUS = ("RuntimeError", "Illegal HTTP status code: a final status is 200 to 599.")
ILLEGAL_LENGTH = "Invalid Content-Length header: one value of decimal digits is allowed."
NO_BYTES = ("TypeError", "a bytes-like object is required, not 'NoneType'")
FLOAT = ("TypeError", "'float' object cannot be interpreted as an integer")
OF_TEXT = ("TypeError", "a bytes-like object is required, not 'str'")
OF_THREE = ("TypeError", "each header must be a pair of bytes, not tuple")
STATUS_TEXT = ("TypeError", "'str' object cannot be interpreted as an integer")

REFUSALS = [
    refused(
        "more than two empty lines, or bare CR or LF, before the request line", 400, has_odd_lead
    ),
    refused("several spaces around the target", 400, lambda r: b"" in r.line[1:-1]),
    refused("request line without a version", 400, lambda r: len(r.line) == 2),
    refused("target above 8 KiB", 414, lambda r: len(r.target) > 8192),
    refused(
        "`HTTP/2.0` in the request line",
        505,
        lambda r: bool(re.fullmatch(rb"HTTP/[02-9]\.\d", r.version)),
    ),
    refused("method that is not known", 501, is_unknown_method),
    refused("CONNECT", 501, lambda r: r.method == b"CONNECT"),
    refused("TRACE", 405, lambda r: r.method == b"TRACE"),
    refused("backslash in the target", 400, lambda r: b"\\" in r.target),
    refused(
        "absolute target with a user, or with an authority that is malformed",
        400,
        has_bad_authority,
    ),
    refused(
        "one field above 16 KiB",
        431,
        lambda r: any(len(name) + len(value) > 16384 for name, value in r.fields),
    ),
    refused("more than 100 fields", 431, lambda r: len(r.fields) > 100),
    refused("head of more than 64 KiB", 431, lambda r: len(r.head) > 65536),
    refused(
        "target `*` without OPTIONS",
        400,
        lambda r: r.target[:1] == b"*" and (r.method, r.target) != (b"OPTIONS", b"*"),
    ),
    refused("`RTSP/1.0` in the request line", 400, lambda r: r.version == b"RTSP/1.0"),
    refused("target with a fragment", 400, lambda r: b"#" in r.target),
    refused("absolute target of a scheme that is not http or https", 400, another_scheme),
    refused(
        "HTTP/1.1 without `Host`",
        400,
        lambda r: r.version == b"HTTP/1.1" and not r.values(b"host"),
    ),
    refused("two `Host` fields", 400, lambda r: len(r.values(b"host")) > 1),
    refused("empty `Host`", 400, has_empty_host),
    refused(
        "`Host` that is no host with a port: "
        "a list, a path, a user, a blank, IPv6 without brackets",
        400,
        has_bad_host,
    ),
    refused(
        "`Content-Length` of more than 18 digits",
        400,
        lambda r: any(len(value) > 18 for value in r.values(b"content-length")),
    ),
    refused("`Expect` other than `100-continue`", 417, expects_another),
    refused("blank behind `Transfer-Encoding: chunked`", 400, has_blank_behind_coding),
    refused(
        "`Transfer-Encoding` on HTTP/1.0",
        400,
        lambda r: r.version == b"HTTP/1.0" and bool(r.values(b"transfer-encoding")),
    ),
    refused("`Transfer-Encoding: gzip, chunked`", 400, has_bad_coding),
    refused(
        "chunk size of more than 16 digits",
        400,
        lambda r: any(re.match(rb"[\da-fA-F]{17}", line) for line in chunk_lines(r)),
        in_body=True,
    ),
    refused(
        "chunk extensions above 16 KiB in a body",
        400,
        lambda r: sum(map(len, extensions(r))) > 16384,
        in_body=True,
    ),
    refused(
        "chunk extension without a name or a value behind its equals sign, or quoted in part",
        400,
        lambda r: any(map(is_bad_extension, extensions(r))),
        in_body=True,
    ),
    refused(
        "trailers above the limits of a head",
        431,
        lambda r: r.trailer.count(b"\r\n") > 100,
        in_body=True,
    ),
    refused(
        "trailer that frames, routes, describes or authenticates a message",
        400,
        lambda r: bool(NO_TRAILER.search(r.trailer)),
        in_body=True,
    ),
]
REQUESTS = [
    Rule(
        "`X_Forwarded_For` and its like from a trusted proxy: "
        "names that, but for `_`, frame a message or are a proxy's",
        lambda r: any(is_shadow(name) for name, _ in r.fields),
        without_shadows,
    ),
    Rule("absolute target", lambda r: authority(r) is not None, host_of_target),
    Rule(
        "absolute target with an empty port",
        lambda r: (authority(r) or b"").endswith(b":"),
        instead=lambda data: data.replace(b":/", b":80/").replace(b":80//", b"://"),
    ),
    Rule(
        "`HTTP/1.2` to `HTTP/1.9`",
        lambda r: bool(re.fullmatch(rb"HTTP/1\.[2-9]", r.version)),
        instead=lambda data: re.sub(rb"(?<= HTTP/1\.)[2-9](?=\r\n)", b"1", data, count=1),
    ),
    Rule(
        "`http://host` without a path",
        lambda r: bool(re.fullmatch(rb"https?://[^/]+", r.target)),
        instead=lambda data: re.sub(rb"(?<=//)[^/?# ]+", rb"\g<0>/", data, count=1),
    ),
    Rule(
        "blanks behind a field value",
        lambda r: strip_blanks(r.data) != r.data,
        instead=strip_blanks,
    ),
    Rule(
        "`Expect: 100-continue` on HTTP/1.0",
        lambda r: r.version == b"HTTP/1.0" and bool(r.values(b"expect")),
        without_100,
    ),
    Rule(
        "`Upgrade: websocket`",
        offers_websocket,
        upgrade_back,
        lambda data: UPGRADE.sub(b"upgrad-:", data),
    ),
    Rule(
        "upgrade that is not performed (`h2c`), with a body",
        lambda r: offers_upgrade(r) and not offers_websocket(r),
        upgrade_back,
        lambda data: UPGRADE.sub(b"upgrad-:", data),
    ),
    Rule("other trailers", lambda r: bool(r.trailer), instead=without_trailer),
    Rule("malformed body in the segment of its head", lambda r: bool(r.body), not_started),
]
RESPONSES = [
    Rule("no length, HTTP/1.0", lambda r: r.version == b"HTTP/1.0", close_delimited),
    Rule("304 with `content-length` and no body", lambda r: r.has_way("304-length"), right_answer),
    Rule(
        "204 with a body or a length",
        lambda r: r.has_way("204-body", "204-length"),
        nothing_of_a_body,
    ),
    Rule(
        "application sends `transfer-encoding`",
        lambda r: r.has_way("chunked", "chunked-length", "coding"),
        drop_codings,
    ),
    failed("status 100, 101 and 104 to 199", "101", "199", error=ILLEGAL_STATUS),
    Rule("status 102 or 103", lambda r: r.has_way("102", "103"), informs),
    failed("status that is a float or a bool", "status-bool", error=ILLEGAL_STATUS),
    failed("status that is a float or a bool", "status-float", error=FLOAT),
    failed("headers or a header of the wrong shape or type", "headers-of-text", error=OF_TEXT),
    failed("headers or a header of the wrong shape or type", "headers-of-three", error=OF_THREE),
    Rule("`body` that is None", lambda r: r.has_way("body-none"), cuts_behind_the_head),
    failed("status of 600 and more, or no number", "600", "99", error=ILLEGAL_STATUS),
    failed("status of 600 and more, or no number", "status-text", error=STATUS_TEXT),
    failed(
        "illegal header name or value",
        *("break-in-value", "nul-in-value", "break-in-name", "blank-in-name"),
    ),
    failed(
        "`content-length` twice, or not decimal digits",
        *("length-twice", "length-word", "length-signed", "length-blank"),
        error=("RuntimeError", ILLEGAL_LENGTH),
    ),
    Rule(
        "body longer than `content-length`",
        lambda r: r.has_way("longer", "longer-later"),
        body_as_declared,
    ),
]
CONNECTIONS = [
    Rule(
        "application returns a value after a complete response",
        lambda r: r.has_way("value"),
        goes_on,
    ),
    Rule(
        "exception after the response was complete, also that of one `send()` more",
        lambda r: r.has_way("again"),
        goes_on,
    ),
    Rule(
        "request body after the response",
        lambda r: r.has_way("early") and len(r.body) > 65536,
        cut_behind,
    ),
]
OF_A_REQUEST = [*REFUSALS, *REQUESTS, *RESPONSES, *CONNECTIONS]

# Of a whole case, used by `expected`.
MALFORMED_BEHIND = "malformed request behind a valid one that is still being answered"
HALF_CLOSED = "peer closes its sending side and waits for the answer"
CONTEXT = "context of a pipelined request"
OF_A_CASE = [MALFORMED_BEHIND, HALF_CLOSED, CONTEXT]

# Rows that no comparison of this kind can show, and why.
NOT_COMPARED = {
    "when bytes leave": "the bytes are the same",
    "when `send()` acts": "the bytes are the same",
    "`send()` behind a refusal (500) by a task that lives on": "needs a task of its own",
    "which `send()` waits when the peer lags": "the bytes are the same",
    "a byte after a response, then silence": "takes a limit of time",
    "no byte, half a head, half a body, a body in drops": "takes a limit of time",
    "a response that is not taken": "takes a limit of time",
    "more connections than open files": "needs a server of few descriptors",
    "`send()` when the peer is gone": "needs another option",
    "`http.response.early_hint`, `.trailers`, `.pathsend`": "needs another option",
    "closing while the peer is still sending": "whether the peer can read the answer is a race",
}
