// tests/cpp/http/corpus_test.cpp: every case of tests/corpus/http, a test of its own, through
// http::Connection.
#include <catch.hpp>

#include <exception>

#include "../support/corpus.hpp"
#include "../support/request_events.hpp"

using namespace fasterapi::support;

namespace {

// Whole, byte by byte, split anywhere, and with a request behind it.
void run(const CorpusCase& corpus_case) {
  const auto& [name, bytes, expected] = corpus_case;
  CAPTURE(bytes);
  CHECK(events_of(bytes) == expected);
  CHECK(events_byte_by_byte(bytes) == expected);
  CHECK(first_harmful_split(bytes, expected) == std::string_view::npos);
  if (!ended(expected)) return;
  const std::string longer = bytes + std::string(kTrailingRequest);
  const Lines longer_expected = with_trailing_request(expected);
  CHECK(events_of(longer) == longer_expected);
  CHECK(events_byte_by_byte(longer) == longer_expected);
}

class CorpusTest : public Catch::ITestInvoker {
 public:
  explicit CorpusTest(CorpusCase corpus_case) : case_(std::move(corpus_case)) {}
  void invoke() const override { run(case_); }

 private:
  CorpusCase case_;
};

class UnreadableCorpus : public Catch::ITestInvoker {
 public:
  explicit UnreadableCorpus(std::string cause) : cause_(std::move(cause)) {}
  void invoke() const override { FAIL(cause_); }

 private:
  std::string cause_;
};

template <class Invoker>
void add_test(const std::string& name, Invoker invoker) {
  const Catch::AutoReg added(Catch::Detail::make_unique<Invoker>(std::move(invoker)),
                             CATCH_INTERNAL_LINEINFO, "", {name, "[http][corpus]"});
}

const bool registered = [] {
  try {
    for (CorpusCase& found : read_corpus("http")) {
      const std::string name = "corpus: " + found.name;
      add_test(name, CorpusTest(std::move(found)));
    }
  } catch (const std::exception& error) {
    add_test("the corpus can be read", UnreadableCorpus(error.what()));
  }
  return true;
}();

}  // namespace
