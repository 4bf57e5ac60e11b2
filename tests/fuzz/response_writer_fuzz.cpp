// tests/fuzz/response_writer_fuzz.cpp: whatever an application asks for, http::ResponseWriter
// writes nothing or one response that another parser (llhttp) reads as it was meant.
#include <llhttp.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "../cpp/support/payloads.hpp"
#include "http/response_writer.hpp"

namespace base = fasterapi::base;
namespace http = fasterapi::http;

namespace {

// Takes the input apart: numbers, and texts whose length stands before them.
class Input {
 public:
  explicit Input(base::ByteView bytes) : left_(bytes) {}

  [[nodiscard]] bool empty() const { return left_.empty(); }
  unsigned number() {
    if (left_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(left_.front());
    left_.remove_prefix(1);
    return byte;
  }
  base::ByteView text() {
    const base::ByteView found = left_.substr(0, number() % 32);
    left_.remove_prefix(std::min(found.size(), left_.size()));
    return found;
  }

 private:
  base::ByteView left_;
};

// What llhttp understands of a response.
struct Understood {
  int messages = 0;
  std::string body;

  bool read(const std::string& bytes, bool to_head) {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_headers_complete = [](llhttp_t* parser) {
      return parser->flags & F_SKIPBODY ? 1 : 0;
    };
    settings.on_body = [](llhttp_t* parser, const char* at, std::size_t size) {
      static_cast<Understood*>(parser->data)->body.append(at, size);
      return 0;
    };
    settings.on_message_complete = [](llhttp_t* parser) {
      ++static_cast<Understood*>(parser->data)->messages;
      return 0;
    };
    llhttp_t parser;
    llhttp_init(&parser, HTTP_RESPONSE, &settings);
    parser.data = this;
    if (to_head) parser.flags |= F_SKIPBODY;
    return llhttp_execute(&parser, bytes.data(), bytes.size()) == HPE_OK &&
           llhttp_finish(&parser) == HPE_OK;
  }
};

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr base::ByteView kDefaultFields = "server: x\r\n";

struct Asked {
  http::SendError error = http::SendError::None;
  bool own_connection_field = false;  // its options may make llhttp see an upgrade
  http::EncodedFields encoded;
};

Asked write_head(http::ResponseWriter& writer, base::PayloadQueue& out, Input& input,
                 http::ResponseWriter::Request request) {
  constexpr base::ByteView kNames[] = {"content-length", "Transfer-Encoding", "connection"};
  constexpr base::ByteView kValues[] = {"0", "3", "10", "chunked", "close", "close, x"};
  Asked asked;
  asked.error =
      writer.begin_head(out, request, static_cast<int>(input.number() * 3), kDefaultFields);
  for (unsigned fields = input.number() % 6; fields > 0 && asked.error == http::SendError::None;
       --fields) {
    const unsigned choice = input.number();
    const base::ByteView name = choice % 4 < 3 ? kNames[choice % 4] : input.text();
    const base::ByteView value = choice & 64 ? kValues[choice % 6] : input.text();
    asked.own_connection_field |= name.size() == 10 || name.size() == 7;
    asked.error = writer.add_field(name, value);
  }
  if (asked.error != http::SendError::None) return asked;
  asked.encoded = writer.encoded_fields();
  asked.error = writer.end_head();
  return asked;
}

// The same head from its encoded fields.
std::string encoded_again(const http::ResponseWriter& like, const http::EncodedFields& fields,
                          http::ResponseWriter::Request request,
                          const http::StatusLines& status_lines) {
  http::ResponseWriter writer(status_lines);
  base::PayloadQueue out;
  require(writer.begin_head(out, request, like.status(), kDefaultFields) == http::SendError::None);
  writer.add_encoded(fields);
  require(writer.end_head() == http::SendError::None);
  require(writer.keep_alive() == like.keep_alive());
  return fasterapi::support::text_of(out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const http::StatusLines status_lines;
  Input input(base::ByteView(reinterpret_cast<const char*>(data), size));
  const unsigned flags = input.number();
  const http::ResponseWriter::Request request{(flags & 1) != 0, flags & 2 ? 0 : 1,
                                              (flags & 4) != 0};

  http::ResponseWriter writer(status_lines);
  base::PayloadQueue out;
  const Asked asked = write_head(writer, out, input, request);
  if (asked.error != http::SendError::None) {
    require(out.empty());
    return 0;
  }
  require(encoded_again(writer, asked.encoded, request, status_lines) ==
          fasterapi::support::text_of(out));
  std::string body;
  auto error = http::SendError::None;
  for (bool more = true; more && error == http::SendError::None;) {
    const base::ByteView piece = input.text();
    more = !input.empty();
    error = flags & 8 ? writer.send_body(out, base::Payload::of_string(std::string(piece)), more)
                      : writer.send_body(out, piece, more);
    body += piece;
  }
  if (error == http::SendError::BodyTooShort || asked.own_connection_field) return 0;

  Understood understood;
  require(understood.read(fasterapi::support::text_of(out), request.is_head));
  require(understood.messages == 1);
  require(body.starts_with(understood.body));
  const bool bodiless = request.is_head || writer.status() == 204 || writer.status() == 304;
  if (error == http::SendError::None) require(understood.body == (bodiless ? "" : body));
  return 0;
}
