#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

// Values that an expression has whatever the rows hold, as far as it takes to see that a condition
// is always true: facts for rules, never for the class. What is not known has none.
namespace dbfleet::sql {

struct Constant {
  enum class Type { kNull, kNumber, kText };

  static Constant Null() { return {}; }
  static Constant Number(double value) { return {Type::kNumber, value, ""}; }
  static Constant Text(std::string value) { return {Type::kText, 0, std::move(value)}; }

  Type type = Type::kNull;
  double number = 0;
  std::string text;
};

// How a server reads a number as it is written, with a sign or without; also 0x61, which is a text.
std::optional<Constant> ReadNumber(absl::string_view text);
// The bytes of a text of hexadecimal digits.
std::optional<std::string> FromHex(absl::string_view digits);

// As a condition; NULL is neither.
std::optional<bool> TruthOf(const Constant& value);
// Whether `a op b` holds, where a sorts before b (order < 0), with it (0) or after it.
bool Holds(absl::string_view op, int order);
// By one of = <=> <> != < > <= >=. A text beside a number is read as one. `ignore_case`: the
// server's usual collation does.
std::optional<bool> Compare(const Constant& a, absl::string_view op, const Constant& b,
                            bool ignore_case);
// By one of + - * / %.
std::optional<Constant> Calculate(const Constant& a, char op, const Constant& b);
// With "%" and "_"; of no more than a few thousand bytes.
std::optional<bool> IsLike(const Constant& text, const Constant& pattern, bool ignore_case);
// Of functions that only compute: concat, char, length, if, coalesce...
std::optional<Constant> CallFunction(absl::string_view name,
                                     const std::vector<Constant>& arguments);

}  // namespace dbfleet::sql
