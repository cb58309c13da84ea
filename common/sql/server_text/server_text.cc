#include "common/sql/server_text/server_text.h"

namespace dbfleet::sql {
namespace {

bool IsQuote(char c) { return c == '\'' || c == '"' || c == '`'; }

}  // namespace

bool MatchesServerText(absl::string_view text, absl::string_view pattern) {
  constexpr size_t kNone = absl::string_view::npos;
  size_t t = 0, p = 0;
  size_t after_wildcard = kNone;  // In the pattern, behind the last "%" ...
  size_t wildcard_end = 0;        // ... which took the text up to here.
  for (;;) {
    if (p < pattern.size() && pattern[p] == '~') return true;
    if (p == pattern.size() && t == text.size()) return true;
    if (p < pattern.size() && t < text.size()) {
      if (pattern[p] == '%' && !IsQuote(text[t])) {
        after_wildcard = ++p;
        wildcard_end = ++t;
        continue;
      }
      if (pattern[p] != '%' && pattern[p] == text[t]) {
        ++p;
        ++t;
        continue;
      }
    }
    // The last "%" takes one byte more.
    if (after_wildcard == kNone || wildcard_end >= text.size() || IsQuote(text[wildcard_end])) {
      return false;
    }
    p = after_wildcard;
    t = ++wildcard_end;
  }
}

}  // namespace dbfleet::sql
