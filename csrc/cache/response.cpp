// cache/response.cpp: see response.hpp.
#include "cache/response.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/ascii.hpp"
#include "base/limits.hpp"
#include "http/response_writer.hpp"

namespace fasterapi::cache {
namespace {

constexpr std::uint64_t kLongestSeconds = 1ULL << 31;  // RFC 9111 section 1.2.2

std::string lower(base::ByteView name) {
  std::string made(name);
  for (char& c : made) c = base::to_lower(c);
  return made;
}

bool is_one_of(base::ByteView name, std::initializer_list<base::ByteView> list) noexcept {
  return std::find(list.begin(), list.end(), name) != list.end();
}

template <class Take>
void for_each_item(base::ByteView list, Take&& take) {
  while (true) {
    const auto comma = list.find(',');
    if (const base::ByteView item = base::trim_ows(list.substr(0, comma)); !item.empty())
      take(item);
    if (comma == base::ByteView::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// The lines of one response in the writer that checks every response's.
class Lines {
 public:
  explicit Lines(const http::StatusLines& status_lines) : writer_(status_lines) {
    (void)writer_.begin_head(queue_, {}, 200, {});
    begin_ = queue_.size();
  }
  bool add(base::ByteView name, base::ByteView value) {
    return writer_.add_field(name, value) == http::SendError::None;
  }
  [[nodiscard]] std::string take() const {
    std::array<base::ByteView, 1> view;
    return queue_.gather(view) == 1 ? std::string(view[0].substr(begin_)) : std::string();
  }

 private:
  base::PayloadQueue queue_;
  http::ResponseWriter writer_;
  std::size_t begin_ = 0;
};

// What the fields of a response say, and the lines of it that are kept.
class Reader {
 public:
  Reader(const Response& response, const Rule& rule, const http::StatusLines& status_lines)
      : response_(response), rule_(rule), all_(status_lines), validated_(status_lines) {}

  std::optional<Refusal> read() {
    if (std::find(rule_.statuses.begin(), rule_.statuses.end(), response_.status) ==
        rule_.statuses.end())
      return Refusal::Status;
    for (const auto& [name, value] : response_.fields) {
      if (const auto refusal = read_field(lower(name), value)) return refusal;
    }
    if (etag_.empty() && !keep("etag", response_.made_etag)) return Refusal::Field;
    if (etag_.empty()) etag_ = response_.made_etag;
    if (!has_length_ && !keep("content-length", std::to_string(response_.body.size())))
      return Refusal::Field;
    if (rule_.needs_lifetime && !lifetime()) return Refusal::NoLifetime;
    // The lifetime has one owner: the date of Expires is none.
    if (!lifetime() && has_expires_) return Refusal::NoLifetime;
    if (fresh_ms() == 0 && (lifetime() == 0 || stale_ms() == 0)) return Refusal::Expired;
    for (const std::string& name : response_.vary) add_vary(name);
    if (rule_.vary.size() + varies.size() > base::kCacheVaries) return Refusal::VaryMany;
    return std::nullopt;
  }

  // REQUIRES: read() found nothing.
  [[nodiscard]] EntryPtr make(std::uint64_t begun_ms) const {
    auto entry = std::make_shared<Entry>();
    entry->status = response_.status;
    entry->fields = all_.take();
    entry->validated = validated_.take();
    entry->body = response_.body;
    entry->etag = etag_;
    entry->last_modified = last_modified_;
    entry->stored_ms = begun_ms;
    entry->fresh_until_ms = later(begun_ms, fresh_ms());
    entry->stale_until_ms = later(entry->fresh_until_ms, stale_ms());
    return entry;
  }

  std::vector<std::string> varies;

 private:
  [[nodiscard]] std::optional<std::uint64_t> lifetime() const noexcept {
    return s_maxage_ ? s_maxage_ : max_age_;
  }
  [[nodiscard]] std::uint64_t fresh_ms() const noexcept {
    const std::uint64_t said_ms = lifetime() ? *lifetime() * 1000 : kNever;
    return std::min({said_ms, rule_.fresh_ms, response_.fresh_ms});
  }
  [[nodiscard]] std::uint64_t stale_ms() const noexcept {
    return std::min(rule_.stale_ms, response_.stale_ms);
  }

  bool keep(const std::string& name, base::ByteView value) {
    // RFC 9110 section 15.4.5
    const bool in_304 = is_one_of(
        name, {"cache-control", "content-location", "etag", "expires", "last-modified", "vary"});
    return all_.add(name, value) && (!in_304 || validated_.add(name, value));
  }

  std::optional<Refusal> read_field(const std::string& name, base::ByteView value) {
    if (name == "set-cookie") return Refusal::SetCookie;
    if (name == "pragma") return Refusal::Pragma;
    if (name == "content-range") return Refusal::Partial;
    if (name == "age") return Refusal::Stored;
    if (name == "trailer") return Refusal::Trailers;
    // Of one connection, or of each response: they are the server's to say.
    if (is_one_of(name, {"connection", "date", "keep-alive", "proxy-connection",
                         "transfer-encoding", "upgrade"}))
      return std::nullopt;
    if (!keep(name, value)) return Refusal::Field;
    return note(name, value);
  }

  std::optional<Refusal> note(const std::string& name, base::ByteView value) {
    if (name == "cache-control") return note_cache_control(value);
    if (name == "vary") return note_vary(value);
    if (name == "expires") has_expires_ = true;
    if (name == "etag") etag_ = value;
    if (name == "last-modified") last_modified_ = value;
    if (name != "content-length") return std::nullopt;
    has_length_ = true;  // the writer has taken one only
    if (base::parse_decimal(base::trim_ows(value)) != response_.body.size()) return Refusal::Length;
    return std::nullopt;
  }

  std::optional<Refusal> note_cache_control(base::ByteView value) {
    std::optional<Refusal> refusal;
    for_each_item(value, [&](base::ByteView item) {
      const auto equals = item.find('=');
      const std::string name = lower(item.substr(0, equals));
      // With or without fields named: what is private in part is not stored in part.
      if (is_one_of(name, {"no-store", "no-cache", "private"})) refusal = Refusal::CacheControl;
      if (name != "max-age" && name != "s-maxage") return;
      auto& seconds = name == "max-age" ? max_age_ : s_maxage_;
      const auto said = base::parse_decimal(
          equals == base::ByteView::npos ? base::ByteView() : item.substr(equals + 1));
      // What cannot be read is no lifetime (RFC 9111 section 4.2.1), nor is what is said twice.
      seconds = seconds ? 0 : std::min(said.value_or(0), kLongestSeconds);
    });
    return refusal;
  }

  std::optional<Refusal> note_vary(base::ByteView value) {
    std::optional<Refusal> refusal;
    for_each_item(value, [&](base::ByteView item) {
      const std::string name = lower(item);
      if (name == "*") refusal = Refusal::VaryAll;
      // The host is in every key; a request with one of the others never gets here.
      if (!is_one_of(name, {"authorization", "cache-control", "cookie", "host", "if-match",
                            "if-modified-since", "if-none-match", "if-range", "if-unmodified-since",
                            "pragma", "proxy-authorization", "range"}))
        add_vary(name);
    });
    return refusal;
  }

  void add_vary(const std::string& name) {
    const auto has = [&](const std::vector<std::string>& list) {
      return std::find(list.begin(), list.end(), name) != list.end();
    };
    if (!has(rule_.vary) && !has(varies)) varies.push_back(name);
  }

  const Response& response_;
  const Rule& rule_;
  Lines all_;
  Lines validated_;
  std::string etag_;
  std::string last_modified_;
  std::optional<std::uint64_t> max_age_;
  std::optional<std::uint64_t> s_maxage_;
  bool has_expires_ = false;
  bool has_length_ = false;
};

}  // namespace

base::ByteView text_of(Refusal refusal) noexcept {
  switch (refusal) {
#define X(name, text) \
  case Refusal::name: \
    return text;
    FASTERAPI_CACHE_REFUSALS(X)
#undef X
  }
  return {};
}

base::Result<Stored, Refusal> make_entry(const Response& response, const Rule& rule,
                                         std::uint64_t begun_ms,
                                         const http::StatusLines& status_lines) {
  Reader reader(response, rule, status_lines);
  if (const auto refusal = reader.read()) return *refusal;
  return Stored{reader.make(begun_ms), std::move(reader.varies)};
}

}  // namespace fasterapi::cache
