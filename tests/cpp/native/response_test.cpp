// tests/cpp/native/response_test.cpp: native/response.hpp.
#include "native/response.hpp"

#include <catch.hpp>

#include <string>

#include "base/limits.hpp"

using fasterapi::base::ByteView;
using fasterapi::base::Payload;
using fasterapi::native::Response;

TEST_CASE("fields are kept with their names in lower case", "[native][response]") {
  Response response;
  CHECK(response.add_field("X-One", "a b") == FA_OK);
  CHECK(response.add_field("two", "") == FA_OK);
  REQUIRE(response.field_count() == 2);
  CHECK(response.field(0).name == "x-one");
  CHECK(response.field(0).value == "a b");
  CHECK(response.field(1).name == "two");
  CHECK(response.field(1).value.empty());
  CHECK(response.mistake() == FA_OK);
}

TEST_CASE("a bad field is not kept, and is remembered", "[native][response]") {
  const auto check = [](ByteView name, ByteView value, int mistake) {
    Response response;
    INFO(name << ": " << value);
    CHECK(response.add_field(name, value) == mistake);
    CHECK(response.mistake() == mistake);
    CHECK(response.field_count() == 0);
    CHECK(response.add_field("good", "x") == FA_OK);
    CHECK(response.field(0).name == "good");
    CHECK(response.mistake() == mistake);
    response.reset();
    CHECK(response.mistake() == FA_OK);
  };
  for (const ByteView name : {ByteView(""), ByteView("a b"), ByteView("a:"), ByteView("a\0", 2),
                              ByteView("a\r\n"), ByteView("\xC3\xA4")})
    check(name, "x", FA_E_NAME);
  for (const ByteView value : {ByteView("\r"), ByteView("a\nb"), ByteView("\0", 1),
                               ByteView("\x7f"), ByteView("a\r\nb: c")})
    check("x", value, FA_E_VALUE);
  for (const char* name : {"Content-Length", "transfer-encoding", "Connection", "keep-alive",
                           "upgrade", "trailer", "Date"})
    check(name, "1", FA_E_RESERVED);
  check("x", std::string(fasterapi::base::kNativeFieldBytes, 'x'), FA_E_TOO_LARGE);
  check(std::string(fasterapi::base::kNativeFieldBytes + 1, 'x'), "", FA_E_TOO_LARGE);
}

TEST_CASE("all fields together have a limit", "[native][response]") {
  Response response;
  const std::string half(fasterapi::base::kNativeFieldBytes / 2 - 1, 'x');
  CHECK(response.add_field("a", half) == FA_OK);
  CHECK(response.add_field("b", half) == FA_OK);
  CHECK(response.add_field("c", "") == FA_E_TOO_LARGE);
}

TEST_CASE("a status is a final one", "[native][response]") {
  Response response;
  CHECK(response.status() == 200);
  for (const int status : {200, 599}) {
    CHECK(response.set_status(status) == FA_OK);
    CHECK(response.status() == status);
  }
  for (const int status : {-1, 0, 100, 101, 199, 600}) {
    CHECK(response.set_status(status) == FA_E_STATUS);
    CHECK(response.status() == 599);
  }
}

TEST_CASE("the body given last counts, and copies add up", "[native][response]") {
  Response response;
  int released = 0;
  const auto release = [](void* count, void*) noexcept { ++*static_cast<int*>(count); };
  (void)response.append_body("a");
  (void)response.append_body("b");
  CHECK(response.small_body() == "ab");
  (void)response.set_body({"owned", release, &released});
  CHECK(response.body_size() == 5);
  CHECK(response.small_body() == "owned");
  CHECK(released == 0);
  (void)response.append_body("c");
  CHECK(released == 1);
  CHECK(response.small_body() == "c");
  (void)response.set_body({"owned", release, &released});
  response.reset();
  CHECK(released == 2);
  CHECK(response.body_size() == 0);
  const std::string large(100000, 'x');
  (void)response.set_body(Payload::of_static(large));
  CHECK(response.small_body().empty());
  CHECK(response.take_body().view().data() == large.data());
  (void)response.append_body(large);
  CHECK(response.small_body().empty());
  CHECK(response.body_size() == 100000);
  CHECK(response.take_body().view().size() == 100000);
}
