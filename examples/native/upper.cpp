// upper.cpp: a handler in C++: POST /upper answers the body in capitals.
#include <cctype>
#include <string>

#include "fasterapi_native.h"

namespace {

// Bytes are the string's; the server deletes it when they are sent.
int upper(fa_request* request, void*) {
  const fa_string body = fa_body(request);
  auto* text = new std::string(body.data, body.size);
  for (char& c : *text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const auto release = [](void* owner) { delete static_cast<std::string*>(owner); };
  return fa_body_owned(request, text->data(), text->size(), release, text);
}

const fa_route routes[] = {
    {"POST", "/upper", upper, nullptr, 1 << 20, 0, 0},
};

}  // namespace

FA_PLUGIN(routes);
