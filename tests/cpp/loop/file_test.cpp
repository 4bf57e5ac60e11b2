// tests/cpp/loop/file_test.cpp: loop/file.hpp.
#include "loop/file.hpp"

#include <catch.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <utility>

#include "../support/temporary_file.hpp"

using fasterapi::loop::File;
using fasterapi::support::TemporaryFile;

TEST_CASE("a file is read at any offset", "[loop][file]") {
  const TemporaryFile temporary("0123456789");
  auto opened = File::open(temporary.path());
  REQUIRE(opened.ok());
  const File file = std::move(opened.value());
  CHECK(file.size() == 10);
  std::string read(3, ' ');
  REQUIRE(file.read(7, read.data(), 3));
  CHECK(read == "789");
  CHECK_FALSE(file.read(8, read.data(), 3));  // it ends before
}

TEST_CASE("only a regular file is opened", "[loop][file]") {
  const TemporaryFile temporary("");
  CHECK(File::open(temporary.path() + "/x").error().code() == UV_ENOTDIR);
  CHECK(File::open(temporary.path() + "x").error().code() == UV_ENOENT);
  CHECK(File::open(std::filesystem::temp_directory_path()).error().code() == UV_EISDIR);
  CHECK(File::open("/dev/null").error().code() == UV_EINVAL);
  const std::string pipe = temporary.path() + ".pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(File::open(pipe).error().code() == UV_EINVAL);  // and is not waited for
  std::filesystem::remove(pipe);
}
