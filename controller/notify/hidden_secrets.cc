#include "controller/notify/hidden_secrets.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace dbfleet::controller {
namespace {

// Parts and encodings that are shorter are ordinary words of an answer, or pieces of them.
constexpr size_t kLeast = 6;
// How often what is quoted may be encoded: JSON that holds a percent-encoded URL, and once more.
constexpr int kDecodings = 3;

// A text, decoded, and which bytes of the original each of its bytes was.
struct View {
  struct Origin {
    size_t begin;
    size_t end;
  };
  std::string text;
  std::vector<Origin> from;
};

View Undecoded(absl::string_view text) {
  View view{std::string(text), {}};
  for (size_t i = 0; i < text.size(); ++i) view.from.push_back({i, i + 1});
  return view;
}

std::string Utf8(uint32_t point) {
  if (point < 0x80) return std::string(1, static_cast<char>(point));
  std::string out;
  if (point < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (point >> 6)));
  } else {
    out.push_back(static_cast<char>(0xE0 | (point >> 12)));
    out.push_back(static_cast<char>(0x80 | ((point >> 6) & 0x3F)));
  }
  out.push_back(static_cast<char>(0x80 | (point & 0x3F)));
  return out;
}

// The escape that `text` begins with ("%2F", "\/", "\u002f"), and what it stands for; 0 without.
size_t EscapeAt(absl::string_view text, std::string* means) {
  uint32_t value = 0;
  if (text.size() >= 3 && text[0] == '%' && absl::ascii_isxdigit(text[1]) &&
      absl::SimpleHexAtoi(text.substr(1, 2), &value)) {
    *means = std::string(1, static_cast<char>(value));
    return 3;
  }
  if (text.size() < 2 || text[0] != '\\') return 0;
  if (text[1] == 'u' && text.size() >= 6 && absl::ascii_isxdigit(text[2]) &&
      absl::SimpleHexAtoi(text.substr(2, 4), &value) && value <= 0xFFFF) {
    *means = Utf8(value);
    return 6;
  }
  if (text[1] != '"' && text[1] != '\\' && text[1] != '/') return 0;
  *means = std::string(1, text[1]);
  return 2;
}

View Decode(const View& in) {
  View out;
  std::string means;
  for (size_t i = 0; i < in.text.size();) {
    size_t taken = EscapeAt(absl::string_view(in.text).substr(i), &means);
    if (taken == 0) {
      means.assign(1, in.text[i]);
      taken = 1;
    }
    const View::Origin origin{in.from[i].begin, in.from[i + taken - 1].end};
    out.text += means;
    out.from.insert(out.from.end(), means.size(), origin);
    i += taken;
  }
  return out;
}

void Mark(const View& view, const std::string& text, std::vector<bool>* marked) {
  for (size_t at = view.text.find(text); at != std::string::npos;
       at = view.text.find(text, at + 1)) {
    std::fill(marked->begin() + view.from[at].begin,
              marked->begin() + view.from[at + text.size() - 1].end, true);
  }
}

}  // namespace

void HiddenSecrets::Add(absl::string_view secret) {
  if (secret.empty()) return;
  texts_.emplace_back(secret);
  // What is quoted from a URL is often quoted decoded.
  const std::string decoded = Decode(Undecoded(secret)).text;
  if (decoded != secret) texts_.push_back(decoded);
  AddBase64(secret);
}

void HiddenSecrets::AddPart(absl::string_view part) {
  if (part.size() >= kLeast) Add(part);
}

// Of three bytes base64 makes four letters, so how it begins within another text has three forms.
void HiddenSecrets::AddBase64(absl::string_view text) {
  std::vector<std::string> forms = {absl::Base64Escape(text)};
  while (!forms[0].empty() && forms[0].back() == '=') forms[0].pop_back();
  for (size_t before = 0; before < 3; ++before) {
    const std::string encoded = absl::Base64Escape(absl::StrCat(std::string(before, '\0'), text));
    // Only the letters that nothing before or after it is part of.
    const size_t first = (before * 8 + 5) / 6;
    const size_t end = (before + text.size()) * 8 / 6;
    if (end > first) forms.push_back(encoded.substr(first, end - first));
  }
  for (std::string& form : forms) {
    if (form.size() < kLeast) continue;
    std::string for_urls = absl::StrReplaceAll(form, {{"+", "-"}, {"/", "_"}});
    if (for_urls != form) texts_.push_back(std::move(for_urls));
    texts_.push_back(std::move(form));
  }
}

void HiddenSecrets::AddUrl(absl::string_view url) {
  Add(url);
  const size_t host = url.find("://");
  if (host == absl::string_view::npos) return;
  const size_t path = url.find_first_of("/?#", host + 3);
  if (path == absl::string_view::npos) return;
  AddPart(url.substr(path));  // Its path is as good as the whole.
  url.remove_prefix(path);
  const size_t query = std::min(url.find_first_of("?#"), url.size());
  AddPart(url.substr(0, query));
  // A receiver may say which hook or token it does not know.
  for (const absl::string_view segment : absl::StrSplit(url.substr(0, query), '/')) {
    AddPart(segment);
  }
  for (absl::string_view part : absl::StrSplit(url.substr(query), absl::ByAnyChar("?&#"))) {
    const size_t equals = part.find('=');
    if (equals != absl::string_view::npos) part.remove_prefix(equals + 1);
    AddPart(part);
  }
}

void HiddenSecrets::AddLogin(absl::string_view user, absl::string_view password) {
  if (password.empty()) return;
  Add(password);
  AddBase64(absl::StrCat(user, ":", password));
  AddBase64(absl::StrCat(absl::string_view("\0", 1), user, absl::string_view("\0", 1), password));
}

std::string HiddenSecrets::ReplaceIn(absl::string_view text) const {
  if (texts_.empty()) return std::string(text);
  std::vector<bool> marked(text.size(), false);
  View view = Undecoded(text);
  for (int i = 0; i <= kDecodings; ++i) {
    for (const std::string& hidden : texts_) Mark(view, hidden, &marked);
    View next = Decode(view);
    if (next.text == view.text) break;
    view = std::move(next);
  }
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!marked[i]) {
      out.push_back(text[i]);
    } else if (i == 0 || !marked[i - 1]) {
      absl::StrAppend(&out, "[secret]");
    }
  }
  return out;
}

}  // namespace dbfleet::controller
