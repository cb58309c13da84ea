#include "common/sql/text/constant.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kLongest = 4000;
constexpr double kMaxRepeat = 100;

using Type = Constant::Type;

// The number that a text begins with, as MySQL reads it; 0 if with none.
double NumberOf(const Constant& value) {
  if (value.type != Type::kText) return value.number;
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(value.text);
  size_t end = text.find_first_not_of("0123456789.+-");
  end = std::min(end, text.size());
  double number = 0;
  while (end > 0 && !absl::SimpleAtod(text.substr(0, end), &number)) --end;
  return end == 0 ? 0 : number;
}

std::string TextOf(const Constant& value) {
  if (value.type == Type::kText) return value.text;
  return absl::StrCat(value.number);
}

int Order(const std::string& a, const std::string& b) { return a < b ? -1 : a == b ? 0 : 1; }

}  // namespace

bool Holds(absl::string_view op, int order) {
  if (op == "=" || op == "<=>") return order == 0;
  if (op == "<") return order < 0;
  if (op == ">") return order > 0;
  if (op == "<=") return order <= 0;
  if (op == ">=") return order >= 0;
  return order != 0;
}

std::optional<std::string> FromHex(absl::string_view digits) {
  if (digits.size() % 2 == 1 || digits.empty() || digits.size() > kLongest) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < digits.size(); i += 2) {
    uint32_t byte = 0;
    if (!absl::ascii_isxdigit(digits[i]) || !absl::ascii_isxdigit(digits[i + 1]) ||
        !absl::SimpleHexAtoi(digits.substr(i, 2), &byte)) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

std::optional<Constant> ReadNumber(absl::string_view text) {
  if (absl::StartsWithIgnoreCase(text, "0x")) {
    const auto bytes = FromHex(text.substr(2));
    return bytes.has_value() ? std::optional(Constant::Text(*bytes)) : std::nullopt;
  }
  double number = 0;
  if (!absl::SimpleAtod(text, &number) || !std::isfinite(number)) return std::nullopt;
  return Constant::Number(number);
}

std::optional<bool> TruthOf(const Constant& value) {
  if (value.type == Type::kNull) return std::nullopt;
  return NumberOf(value) != 0;
}

std::optional<bool> Compare(const Constant& a, absl::string_view op, const Constant& b,
                            bool ignore_case) {
  if (a.type == Type::kNull || b.type == Type::kNull) {
    if (op != "<=>") return std::nullopt;
    return a.type == b.type;
  }
  if (a.type == Type::kText && b.type == Type::kText) {
    const std::string x = ignore_case ? absl::AsciiStrToLower(a.text) : a.text;
    const std::string y = ignore_case ? absl::AsciiStrToLower(b.text) : b.text;
    return Holds(op, Order(x, y));
  }
  const double x = NumberOf(a);
  const double y = NumberOf(b);
  return Holds(op, x < y ? -1 : x > y ? 1 : 0);
}

std::optional<Constant> Calculate(const Constant& a, char op, const Constant& b) {
  if (a.type == Type::kNull || b.type == Type::kNull) return Constant::Null();
  const double x = NumberOf(a);
  const double y = NumberOf(b);
  if ((op == '/' || op == '%') && y == 0) return Constant::Null();
  switch (op) {
    case '+':
      return Constant::Number(x + y);
    case '-':
      return Constant::Number(x - y);
    case '*':
      return Constant::Number(x * y);
    case '/':
      return Constant::Number(x / y);
    case '%':
      return Constant::Number(std::fmod(x, y));
    default:
      return std::nullopt;
  }
}

std::optional<bool> IsLike(const Constant& value, const Constant& like, bool ignore_case) {
  if (value.type == Type::kNull || like.type == Type::kNull) return std::nullopt;
  std::string text = TextOf(value);
  std::string pattern = TextOf(like);
  if (text.size() > kLongest || pattern.size() > kLongest || absl::StrContains(pattern, "\\")) {
    return std::nullopt;
  }
  if (ignore_case) {
    absl::AsciiStrToLower(&text);
    absl::AsciiStrToLower(&pattern);
  }
  // Greedy, going back to the last "%" alone.
  size_t i = 0;
  size_t p = 0;
  size_t star = std::string::npos;
  size_t mark = 0;
  while (i < text.size()) {
    if (p < pattern.size() && pattern[p] == '%') {
      star = p++;
      mark = i;
    } else if (p < pattern.size() && (pattern[p] == '_' || pattern[p] == text[i])) {
      ++p;
      ++i;
    } else if (star != std::string::npos) {
      p = star + 1;
      i = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

std::optional<Constant> CallFunction(absl::string_view called, const std::vector<Constant>& args) {
  const std::string name = absl::AsciiStrToLower(called);
  const size_t count = args.size();
  if (name == "coalesce" || name == "ifnull") {
    for (const Constant& value : args) {
      if (value.type != Type::kNull) return value;
    }
    return Constant::Null();
  }
  if (name == "if" && count == 3) return args[TruthOf(args[0]) == true ? 1 : 2];
  if (name == "isnull" && count == 1) return Constant::Number(args[0].type == Type::kNull ? 1 : 0);
  if (count == 0 || std::any_of(args.begin(), args.end(),
                                [](const Constant& value) { return value.type == Type::kNull; })) {
    return std::nullopt;
  }
  const std::string text = TextOf(args[0]);
  if (text.size() > kLongest) return std::nullopt;
  if (name == "concat") {
    std::string all;
    for (const Constant& value : args) absl::StrAppend(&all, TextOf(value));
    return Constant::Text(all.substr(0, kLongest));
  }
  if (name == "char" || name == "chr") {
    std::string all;
    for (const Constant& value : args) {
      const double code = NumberOf(value);
      if (code < 0 || code > 127) return std::nullopt;
      all.push_back(static_cast<char>(code));
    }
    return Constant::Text(all);
  }
  if (name == "greatest" || name == "least") {
    Constant found = args[0];
    for (const Constant& value : args) {
      if (Compare(value, name == "least" ? "<" : ">", found, false) == true) found = value;
    }
    return found;
  }
  if (name == "elt" && count > 1) {
    const double which = NumberOf(args[0]);
    if (which < 1 || which >= static_cast<double>(count)) return Constant::Null();
    return args[static_cast<size_t>(which)];
  }
  if (name == "strcmp" && count == 2) {
    return Constant::Number(
        Order(absl::AsciiStrToLower(text), absl::AsciiStrToLower(TextOf(args[1]))));
  }
  if (name == "repeat" && count == 2) {
    const double times = NumberOf(args[1]);
    if (times > kMaxRepeat || text.size() > kMaxRepeat) return std::nullopt;
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return Constant::Text(all);
  }
  if (count != 1) return std::nullopt;
  if (name == "length" || name == "char_length" || name == "character_length" ||
      name == "octet_length") {
    return Constant::Number(static_cast<double>(text.size()));
  }
  if (name == "ascii" || name == "ord") {
    return Constant::Number(text.empty() ? 0 : static_cast<unsigned char>(text[0]));
  }
  if (name == "upper" || name == "ucase") return Constant::Text(absl::AsciiStrToUpper(text));
  if (name == "lower" || name == "lcase") return Constant::Text(absl::AsciiStrToLower(text));
  if (name == "reverse") return Constant::Text(std::string(text.rbegin(), text.rend()));
  if (name == "trim") return Constant::Text(std::string(absl::StripAsciiWhitespace(text)));
  if (name == "abs") return Constant::Number(std::fabs(NumberOf(args[0])));
  if (name == "hex" && args[0].type == Type::kText) {
    std::string digits;
    for (char c : text) {
      absl::StrAppend(&digits, absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
    return Constant::Text(absl::AsciiStrToUpper(digits));
  }
  if (name == "unhex") {
    const auto bytes = FromHex(text);
    return bytes.has_value() ? std::optional(Constant::Text(*bytes)) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace dbfleet::sql
