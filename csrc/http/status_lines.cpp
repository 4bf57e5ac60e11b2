// http/status_lines.cpp: see status_lines.hpp.
#include "http/status_lines.hpp"

#include <utility>

namespace fasterapi::http {
namespace {

constexpr std::pair<int, base::ByteView> kPhrases[] = {
    // RFC 9110 section 15, where a reply of our own needs one
    {100, "Continue"},
    {200, "OK"},
    {400, "Bad Request"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {417, "Expectation Failed"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"}};

}  // namespace

StatusLines::StatusLines() {
  for (int status = kFirst; status <= kLast; ++status) set_phrase(status, {});
  for (const auto& [status, phrase] : kPhrases) set_phrase(status, phrase);
}

void StatusLines::set_phrase(int status, base::ByteView phrase) {
  std::string& line = lines_[index(status)];
  line = "HTTP/1.1 " + std::to_string(status) + " ";
  line.append(phrase).append("\r\n");
}

}  // namespace fasterapi::http
