#pragma once

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"

// What the lexer asks of single characters and short texts.
namespace dbfleet::sql {

inline bool IsHighByte(char c) { return static_cast<unsigned char>(c) >= 0x80; }
inline bool IsIdentStart(char c) { return absl::ascii_isalpha(c) || c == '_' || IsHighByte(c); }
inline bool IsIdentChar(char c) { return IsIdentStart(c) || absl::ascii_isdigit(c) || c == '$'; }

// PostgreSQL up to 15 has no vertical tab among its white space.
inline bool IsSpace(Dialect dialect, char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' ||
         (c == '\v' && dialect != Dialect::kPostgres);
}

inline bool AllOf(absl::string_view text, bool (*predicate)(unsigned char)) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return predicate(static_cast<unsigned char>(c)); });
}

inline bool IsExponentHead(absl::string_view text) {
  return text.size() >= 2 && absl::ascii_tolower(text.back()) == 'e' &&
         AllOf(text.substr(0, text.size() - 1), absl::ascii_isdigit);
}

// Whole numbers and exponents. Anything else that starts with a digit stays a word, because servers
// disagree on where the number in it ends ("5into" may be a column, or 5 and INTO).
inline bool IsNumber(absl::string_view text) {
  if (AllOf(text, absl::ascii_isdigit)) return true;
  if (text.size() > 2 && absl::StartsWith(text, "0x")) {
    return AllOf(text.substr(2), absl::ascii_isxdigit);
  }
  const size_t e = text.find_first_of("eE");
  if (e == 0 || e == absl::string_view::npos) return false;
  absl::string_view exponent = text.substr(e + 1);
  if (!exponent.empty() && (exponent[0] == '+' || exponent[0] == '-')) exponent.remove_prefix(1);
  return !exponent.empty() && AllOf(text.substr(0, e), absl::ascii_isdigit) &&
         AllOf(exponent, absl::ascii_isdigit);
}

}  // namespace dbfleet::sql
