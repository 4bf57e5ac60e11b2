// tests/cpp/http/response_writer_test.cpp: http/response_writer.hpp.
#include "http/response_writer.hpp"

#include <catch.hpp>

#include <new>
#include <string>
#include <vector>

#include "../support/allocations.hpp"
#include "../support/payloads.hpp"

using namespace fasterapi::http;
using fasterapi::base::ByteView;
using fasterapi::base::Payload;
using fasterapi::base::PayloadQueue;
using fasterapi::support::FailingAllocations;
using fasterapi::support::text_of;

namespace {

using Field = std::pair<std::string, std::string>;
constexpr ResponseWriter::Request kGet{false, 1, true};
constexpr ResponseWriter::Request kHead{true, 1, true};
constexpr ResponseWriter::Request kOldGet{false, 0, false};

const StatusLines& status_lines() {
  static const StatusLines made;
  return made;
}

struct Written {
  ResponseWriter writer{status_lines()};
  PayloadQueue out;

  SendError head(int status, const std::vector<Field>& fields,
                 ResponseWriter::Request request = kGet, ByteView default_fields = {}) {
    if (const auto error = writer.begin_head(out, request, status, default_fields);
        error != SendError::None) {
      return error;
    }
    for (const auto& [name, value] : fields) {
      if (const auto error = writer.add_field(name, value); error != SendError::None) return error;
    }
    return writer.end_head();
  }
  SendError body(ByteView bytes, bool more = false) { return writer.send_body(out, bytes, more); }
  std::string text() const { return text_of(out); }
};

}  // namespace

TEST_CASE("a response with a length is written as it is", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"content-length", "5"}, {"x", "y"}}) == SendError::None);
  REQUIRE(written.body("hello") == SendError::None);
  CHECK(written.text() == "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx: y\r\n\r\nhello");
  CHECK(written.writer.keep_alive());
  CHECK(written.writer.status() == 200);
}

TEST_CASE("a response without a length is written in chunks", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {}) == SendError::None);
  REQUIRE(written.body("hello", true) == SendError::None);
  REQUIRE(written.body("", true) == SendError::None);  // an empty chunk would be the last
  REQUIRE(written.body(std::string(26, 'x'), false) == SendError::None);
  CHECK(written.text() ==
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1a\r\n" +
            std::string(26, 'x') + "\r\n0\r\n\r\n");
  CHECK(written.writer.keep_alive());
}

TEST_CASE("a chunked body may end with an empty piece", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {}) == SendError::None);
  REQUIRE(written.body("", false) == SendError::None);
  CHECK(written.text().ends_with("\r\n\r\n0\r\n\r\n"));
}

TEST_CASE("an HTTP/1.0 response without a length ends with the connection", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {}, kOldGet) == SendError::None);
  REQUIRE(written.body("hello", true) == SendError::None);
  REQUIRE(written.body("!", false) == SendError::None);
  CHECK(written.text() == "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello!");
  CHECK_FALSE(written.writer.keep_alive());
}

TEST_CASE("a response to HEAD keeps its length and loses its body", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"content-length", "5"}}, kHead) == SendError::None);
  REQUIRE(written.body("hello") == SendError::None);
  CHECK(written.text() == "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
  CHECK(written.writer.keep_alive());
}

TEST_CASE("a response to HEAD may have any body, or none", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"content-length", "5"}}, kHead) == SendError::None);
  CHECK(written.body("longer than declared", true) == SendError::None);
  CHECK(written.body("", false) == SendError::None);
  CHECK(written.text().ends_with("\r\n\r\n"));
}

TEST_CASE("204 and 304 have neither body nor chunks", "[http][writer]") {
  const int status = GENERATE(204, 304);
  Written written;
  REQUIRE(written.head(status, {}) == SendError::None);
  REQUIRE(written.body("dropped") == SendError::None);
  CHECK(written.text() == "HTTP/1.1 " + std::to_string(status) + " \r\n\r\n");
  CHECK(written.writer.keep_alive());
}

TEST_CASE("204 has no length either, 304 may have one", "[http][writer]") {
  Written none;
  REQUIRE(none.head(204, {{"content-length", "5"}, {"x", "y"}}) == SendError::None);
  CHECK(none.text() == "HTTP/1.1 204 \r\nx: y\r\n\r\n");
  Written bad;
  CHECK(bad.head(204, {{"content-length", "five"}}) == SendError::IllegalLength);
  Written not_modified;
  REQUIRE(not_modified.head(304, {{"content-length", "5"}}) == SendError::None);
  CHECK(not_modified.text() == "HTTP/1.1 304 \r\ncontent-length: 5\r\n\r\n");
}

TEST_CASE("the default fields stand first", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"content-length", "0"}}, kGet, "server: x\r\n") == SendError::None);
  CHECK(written.text() == "HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length: 0\r\n\r\n");
}

TEST_CASE("field names are written in lower case, values as they are", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"X-Name", "Va\tlue \xff"}, {"Content-Length", "0"}}) ==
          SendError::None);
  CHECK(written.text().find("\r\nx-name: Va\tlue \xff\r\n") != std::string::npos);
  CHECK(written.text().find("transfer-encoding") == std::string::npos);
}

TEST_CASE("an empty field value is written", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"x", ""}}) == SendError::None);
  CHECK(written.text().find("\r\nx: \r\n") != std::string::npos);
}

TEST_CASE("the application's Transfer-Encoding is dropped", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"a", "b"}, {"Transfer-Encoding", "chunked"}, {"c", "d"}}) ==
          SendError::None);
  CHECK(written.text() == "HTTP/1.1 200 OK\r\na: b\r\nc: d\r\ntransfer-encoding: chunked\r\n\r\n");
}

TEST_CASE("Transfer-Encoding beside a length is dropped too", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"transfer-encoding", "chunked"}, {"content-length", "0"}}) ==
          SendError::None);
  CHECK(written.text() == "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
}

TEST_CASE("the application's Connection: close closes and is not doubled", "[http][writer]") {
  const std::string value = GENERATE("close", "Close", "keep-alive, close");
  Written written;
  REQUIRE(written.head(200, {{"connection", value}, {"content-length", "0"}}) == SendError::None);
  CHECK(written.text() ==
        "HTTP/1.1 200 OK\r\nconnection: " + value + "\r\ncontent-length: 0\r\n\r\n");
  CHECK_FALSE(written.writer.keep_alive());
}

TEST_CASE("two fields that close are both the application's", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"connection", "close"}, {"connection", "close"}}, kOldGet) ==
          SendError::None);
  CHECK(written.text() == "HTTP/1.1 200 OK\r\nconnection: close\r\nconnection: close\r\n\r\n");
}

TEST_CASE("another Connection option does not close", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"connection", "keep-alive"}, {"content-length", "0"}}) ==
          SendError::None);
  CHECK(written.writer.keep_alive());
}

TEST_CASE("a response that has to close says so", "[http][writer]") {
  Written written;
  REQUIRE(written.writer.begin_head(written.out, kGet, 200, {}) == SendError::None);
  written.writer.must_close();
  REQUIRE(written.writer.end_head() == SendError::None);
  CHECK(written.text() ==
        "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
  CHECK_FALSE(written.writer.keep_alive());
}

TEST_CASE("only a final status is legal", "[http][writer]") {
  for (const int status : {-1, 0, 99, 100, 101, 199, 600, 999, 1000, INT_MAX, INT_MIN}) {
    Written written;
    CHECK(written.head(status, {}) == SendError::IllegalStatus);
    CHECK(written.text().empty());
  }
  for (const int status : {200, 599}) {
    Written written;
    CHECK(written.head(status, {}) == SendError::None);
  }
}

TEST_CASE("an illegal field name leaves the queue untouched", "[http][writer]") {
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a:"), std::string("a\r\nb"),
        std::string("a\0b", 3), std::string("\xe4")}) {
    Written written;
    written.out.append("earlier");
    CHECK(written.head(200, {{"x", "y"}, {name, "value"}}) == SendError::IllegalFieldName);
    CHECK(written.text() == "earlier");
  }
}

TEST_CASE("an illegal field value leaves the queue untouched", "[http][writer]") {
  for (const std::string& value :
       {std::string("a\r\nb: c"), std::string("a\n"), std::string("\r"), std::string("a\0b", 3),
        std::string("\x7f"), std::string("\x01")}) {
    Written written;
    written.out.append("earlier");
    CHECK(written.head(200, {{"x", "y"}, {"name", value}}) == SendError::IllegalFieldValue);
    CHECK(written.text() == "earlier");
  }
}

TEST_CASE("an illegal length leaves the queue untouched", "[http][writer]") {
  for (const char* value : {"", "-1", "+1", "5, 5", "0x5", "five", "18446744073709551616"}) {
    Written written;
    CHECK(written.head(200, {{"content-length", value}}) == SendError::IllegalLength);
    CHECK(written.text().empty());
  }
}

TEST_CASE("a second length is illegal, even an equal one", "[http][writer]") {
  Written written;
  CHECK(written.head(200, {{"content-length", "5"}, {"Content-Length", "5"}}) ==
        SendError::IllegalLength);
  CHECK(written.text().empty());
}

TEST_CASE("a head may be begun anew after an error", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"content-length", "5"}, {"a b", "c"}}) ==
          SendError::IllegalFieldName);
  REQUIRE(written.head(500, {{"content-length", "3"}}) == SendError::None);
  REQUIRE(written.body("abc") == SendError::None);
  CHECK(written.text() == "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 3\r\n\r\nabc");
}

TEST_CASE("a body longer than declared is cut and closes", "[http][writer]") {
  const bool by_reference = GENERATE(true, false);
  Written written;
  REQUIRE(written.head(200, {{"content-length", "5"}}) == SendError::None);
  REQUIRE(written.body("abc", true) == SendError::None);
  const SendError error =
      by_reference ? written.writer.send_body(written.out, Payload::of_string("defg"), true)
                   : written.body("defg", true);
  CHECK(error == SendError::BodyTooLong);
  CHECK(written.text().ends_with("\r\n\r\nabcde"));
  CHECK_FALSE(written.writer.keep_alive());
}

TEST_CASE("a body shorter than declared closes", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"content-length", "5"}}) == SendError::None);
  CHECK(written.body("abc", false) == SendError::BodyTooShort);
  CHECK(written.text().ends_with("\r\n\r\nabc"));
  CHECK_FALSE(written.writer.keep_alive());
}

TEST_CASE("a body of the declared length may come in pieces", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"content-length", "6"}}) == SendError::None);
  CHECK(written.body("abc", true) == SendError::None);
  CHECK(written.body("", true) == SendError::None);
  CHECK(written.body("def", true) == SendError::None);
  CHECK(written.body("", false) == SendError::None);
  CHECK(written.writer.keep_alive());
}

TEST_CASE("a payload is sent by reference in every framing", "[http][writer]") {
  static constexpr ByteView kBytes = "large";
  const bool chunked = GENERATE(true, false);
  Written written;
  REQUIRE(written.head(
              200, chunked ? std::vector<Field>{} : std::vector<Field>{{"content-length", "5"}}) ==
          SendError::None);
  REQUIRE(written.writer.send_body(written.out, Payload::of_static(kBytes), false) ==
          SendError::None);
  std::array<ByteView, 8> views;
  const std::size_t count = written.out.gather(views);
  CHECK(std::count_if(views.begin(), views.begin() + static_cast<std::ptrdiff_t>(count),
                      [](ByteView view) { return view.data() == kBytes.data(); }) == 1);
  CHECK(written.text().ends_with(chunked ? "\r\n\r\n5\r\nlarge\r\n0\r\n\r\n" : "\r\n\r\nlarge"));
}

TEST_CASE("a payload that is not sent is released at once", "[http][writer]") {
  int released = 0;
  Written written;
  REQUIRE(written.head(200, {}, kHead) == SendError::None);
  const auto release = [](void* count, void*) noexcept { ++*static_cast<int*>(count); };
  REQUIRE(written.writer.send_body(written.out, Payload("bytes", release, &released), false) ==
          SendError::None);
  CHECK(released == 1);
}

TEST_CASE("a writer is reused from response to response", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"content-length", "1"}, {"connection", "close"}}) == SendError::None);
  REQUIRE(written.body("a") == SendError::None);
  written.out.clear();
  REQUIRE(written.head(200, {}) == SendError::None);
  REQUIRE(written.body("b") == SendError::None);
  CHECK(written.text() ==
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n");
  CHECK(written.writer.keep_alive());
}

TEST_CASE("a head that memory is missing for leaves the queue as it was", "[http][writer]") {
  const std::string before(10, 'b');
  const std::vector<Field> fields{{"x", std::string(50, 'x')}, {"y", std::string(500, 'y')}};
  const std::string defaults = "server: " + std::string(40, 's') + "\r\n";
  bool failed = true;
  std::size_t successes = 0;
  for (; failed; ++successes) {
    Written written;
    written.out.append(before);
    FailingAllocations failing(successes, 1);
    try {
      (void)written.head(200, fields, kOldGet, defaults);
    } catch (const std::bad_alloc&) {
    }
    failed = failing.end();
    if (!failed) break;
    CHECK(written.text() == before);
    REQUIRE(written.head(500, {}) == SendError::None);
    CHECK(written.text().starts_with(before + "HTTP/1.1 500 Internal Server Error\r\ntransfer-"));
  }
  CHECK(successes > 3);
}

namespace {

SendError informational(Written& written, int status, const std::vector<Field>& fields,
                        ResponseWriter::Request request = kGet) {
  if (const auto error = written.writer.begin_informational(written.out, request, status);
      error != SendError::None) {
    return error;
  }
  for (const auto& [name, value] : fields) {
    if (const auto error = written.writer.add_informational_field(name, value);
        error != SendError::None) {
      return error;
    }
  }
  return written.writer.end_informational();
}

SendError trailers(Written& written, const std::vector<Field>& fields, bool more = false) {
  if (const auto error = written.writer.begin_trailers(written.out); error != SendError::None)
    return error;
  for (const auto& [name, value] : fields) {
    if (const auto error = written.writer.add_trailer(name, value); error != SendError::None)
      return error;
  }
  return written.writer.end_trailers(more);
}

}  // namespace

TEST_CASE("an informational head stands before the response, without what frames",
          "[http][writer]") {
  Written written;
  REQUIRE(informational(written, 103, {{"Link", "</a>"}, {"content-length", "3"}}) ==
          SendError::None);
  REQUIRE(informational(written, 102, {{"transfer-encoding", "chunked"}}) == SendError::None);
  CHECK(written.text() ==
        "HTTP/1.1 103 \r\nlink: </a>\r\n\r\n"
        "HTTP/1.1 102 \r\n\r\n");
  REQUIRE(written.head(200, {{"content-length", "0"}}) == SendError::None);
  CHECK(written.text().ends_with("\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
}

TEST_CASE("a wrong informational head leaves the queue as it was", "[http][writer]") {
  Written written;
  CHECK(informational(written, 100, {}) == SendError::IllegalStatus);
  CHECK(informational(written, 101, {}) == SendError::IllegalStatus);
  CHECK(informational(written, 104, {}) == SendError::IllegalStatus);
  CHECK(informational(written, 103, {{"a", "b"}, {"c", "\n"}}) == SendError::IllegalFieldValue);
  CHECK(informational(written, 103, {{"a b", "c"}}) == SendError::IllegalFieldName);
  CHECK(informational(written, 103, {{"a", "b"}}, kOldGet) == SendError::None);
  CHECK(written.out.empty());
}

TEST_CASE("trailers end a chunked body", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {}) == SendError::None);
  CHECK(written.writer.can_have_trailers());
  REQUIRE(written.body("a", true) == SendError::None);
  REQUIRE(trailers(written, {{"X-A", "b"}}, true) == SendError::None);
  REQUIRE(trailers(written, {{"content-digest", "c"}}) == SendError::None);
  CHECK(written.text().ends_with("\r\n\r\n1\r\na\r\n0\r\nx-a: b\r\ncontent-digest: c\r\n\r\n"));
}

TEST_CASE("a wrong trailer takes those of its message with it", "[http][writer]") {
  const std::string wrong =
      GENERATE("host", "Content-Length", "set-cookie", "content-type", "te", "if-match", "a b");
  Written written;
  REQUIRE(written.head(200, {}) == SendError::None);
  const std::string before = written.text();
  CHECK(trailers(written, {{"x", "y"}, {wrong, "1"}}) != SendError::None);
  CHECK(written.text() == before);
  REQUIRE(trailers(written, {{"x", "y"}}) == SendError::None);
  CHECK(written.text() == before + "0\r\nx: y\r\n\r\n");
}

TEST_CASE("a body without chunks has no trailers", "[http][writer]") {
  Written written;
  REQUIRE(written.head(200, {{"content-length", "1"}}) == SendError::None);
  CHECK_FALSE(written.writer.can_have_trailers());
}

TEST_CASE("a body that somebody else writes is framed as any other", "[http][writer]") {
  Written written;
  const auto write = [&](std::size_t size) {
    const auto piece = written.writer.begin_external_body(written.out, size);
    written.out.append(std::string(piece.size, 'x'));
    written.writer.end_external_body(written.out);
    return piece.error;
  };
  SECTION("in one chunk") {
    REQUIRE(written.head(200, {}) == SendError::None);
    CHECK(write(20) == SendError::None);
    CHECK(written.text().ends_with("\r\n\r\n14\r\n" + std::string(20, 'x') + "\r\n0\r\n\r\n"));
  }
  SECTION("without a chunk if it is empty") {
    REQUIRE(written.head(200, {}) == SendError::None);
    CHECK(write(0) == SendError::None);
    CHECK(written.text().ends_with("\r\n\r\n0\r\n\r\n"));
  }
  SECTION("cut at its length") {
    REQUIRE(written.head(200, {{"content-length", "3"}}) == SendError::None);
    CHECK(write(20) == SendError::BodyTooLong);
    CHECK(written.text().ends_with("\r\n\r\nxxx"));
    CHECK_FALSE(written.writer.keep_alive());
  }
  SECTION("too short for its length") {
    REQUIRE(written.head(200, {{"content-length", "30"}}) == SendError::None);
    CHECK(write(20) == SendError::BodyTooShort);
    CHECK_FALSE(written.writer.keep_alive());
  }
  SECTION("not at all for HEAD") {
    REQUIRE(written.head(200, {}, kHead) == SendError::None);
    CHECK(write(20) == SendError::None);
    CHECK(written.text().ends_with("\r\n\r\n"));
    CHECK(written.writer.keep_alive());
  }
}

namespace {

// Writes the head once, and once more from what was kept of its fields; both must be the same.
void same_again(int status, const std::vector<Field>& fields, ResponseWriter::Request request,
                ResponseWriter::Request second_request) {
  Written kept;
  REQUIRE(kept.writer.begin_head(kept.out, request, status, "server: a\r\n") == SendError::None);
  for (const auto& [name, value] : fields)
    REQUIRE(kept.writer.add_field(name, value) == SendError::None);
  const EncodedFields encoded = kept.writer.encoded_fields();
  REQUIRE(kept.writer.end_head() == SendError::None);

  Written plain;
  REQUIRE(plain.head(status, fields, second_request, "server: bc\r\n") == SendError::None);
  Written again;
  again.out.append("earlier");
  REQUIRE(again.writer.begin_head(again.out, second_request, status, "server: bc\r\n") ==
          SendError::None);
  again.writer.add_encoded(encoded);
  REQUIRE(again.writer.end_head() == SendError::None);
  CHECK(again.text() == "earlier" + plain.text());

  CHECK(again.body("hello") == plain.body("hello"));
  CHECK(again.text() == "earlier" + plain.text());
  CHECK(again.writer.keep_alive() == plain.writer.keep_alive());
  CHECK(again.writer.can_have_trailers() == plain.writer.can_have_trailers());
  CHECK(again.writer.is_ended_by_close() == plain.writer.is_ended_by_close());
}

}  // namespace

TEST_CASE("encoded fields make the same response as the fields do", "[http][writer]") {
  const std::vector<Field> fields = GENERATE(
      std::vector<Field>{}, std::vector<Field>{{"X-A", "b"}, {"x", ""}},
      std::vector<Field>{{"a", "b"}, {"Content-Length", "5"}, {"c", "d"}},
      std::vector<Field>{{"content-length", " 3 "}},
      std::vector<Field>{{"Transfer-Encoding", "gzip, chunked"}, {"a", "b"}},
      std::vector<Field>{{"transfer-encoding", "chunked"}, {"content-length", "5"}},
      std::vector<Field>{{"connection", "keep-alive"}}, std::vector<Field>{{"Connection", "close"}},
      std::vector<Field>{{"connection", "x, Close"}, {"content-length", "5"}});
  constexpr ResponseWriter::Request kClosing{false, 1, false};
  for (const int status : {200, 204, 304, 404}) {
    for (const auto& first : {kGet, kHead, kOldGet, kClosing}) {
      for (const auto& second : {kGet, kHead, kOldGet, kClosing})
        same_again(status, fields, first, second);
    }
  }
}

TEST_CASE("encoded fields are what stands between the default fields and the framing",
          "[http][writer]") {
  Written written;
  written.out.append("earlier");
  REQUIRE(written.writer.begin_head(written.out, kOldGet, 204, "server: a\r\n") == SendError::None);
  REQUIRE(written.writer.add_field("X-A", "B") == SendError::None);
  REQUIRE(written.writer.add_field("Content-Length", "7") == SendError::None);
  REQUIRE(written.writer.add_field("connection", "close") == SendError::None);
  const EncodedFields encoded = written.writer.encoded_fields();
  CHECK(encoded.lines == "x-a: B\r\nconnection: close\r\n");
  CHECK(encoded.content_length == 7);
  CHECK(encoded.close);
}

TEST_CASE("encoded fields that memory is missing for leave the queue as it was", "[http][writer]") {
  Written first;
  REQUIRE(first.writer.begin_head(first.out, kGet, 200, {}) == SendError::None);
  REQUIRE(first.writer.add_field("x", std::string(500, 'x')) == SendError::None);
  const EncodedFields encoded = first.writer.encoded_fields();

  Written written;
  written.out.append("earlier");
  REQUIRE(written.writer.begin_head(written.out, kGet, 200, {}) == SendError::None);
  const auto must_fail = [&](auto&& call) {
    FailingAllocations failing(0, 1);
    CHECK_THROWS_AS(call(), std::bad_alloc);
    REQUIRE(failing.end());
    CHECK(written.text() == "earlier");
    REQUIRE(written.writer.begin_head(written.out, kGet, 200, {}) == SendError::None);
  };
  SECTION("to write them") {
    must_fail([&] { written.writer.add_encoded(encoded); });
  }
  SECTION("to read them") {
    REQUIRE(written.writer.add_field("x", std::string(500, 'x')) == SendError::None);
    must_fail([&] { (void)written.writer.encoded_fields(); });
  }
  REQUIRE(written.writer.end_head() == SendError::None);
  CHECK(written.text() == "earlierHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
}
