#include "common/sql/active_record/host_quoting.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/sql/active_record/harmless_functions.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// A value of the language's own, or an attribute: nothing in it is called for what it does.
bool Computes(const HostProgram& program, const HostChain& chain) {
  if (ReachesDatabase(program, chain, false, nullptr)) return false;
  for (const HostCall& call : chain.calls) {
    const bool first = &call == &chain.calls.front();
    const bool bare = first && chain.receiver_kind == Receiver::kNone;
    if (call.computed() || call.op != HostOperator::kNone || call.block.has_value()) return false;
    if (call.is_property || (bare && call.bare() && !NamesMethodThatWrites(call.name) &&
                             call.name.back() != '!' && call.name.back() != '?')) {
      continue;
    }
    const bool known = IsPureHostFunction(call.name) || call.name == "esc_like" ||
                       (bare && IsHarmlessFunction(program.php(), call.name)) ||
                       (!program.php() && call.bare() && NamesAttribute(call.name));
    if (!known) return false;
  }
  return chain.receiver_kind != Receiver::kClass || !IsModelClass(chain.receiver) ||
         chain.calls[0].is_property;
}

bool OnlyComputes(const HostProgram& program, HostRange range) {
  static constexpr absl::string_view kRuns[] = {"clone",   "die", "eval",    "exit",
                                                "include", "new", "require", "yield"};
  for (size_t i = range.begin; i < range.end; ++i) {
    const HostToken& token = program[i];
    const HostToken& before = program[i - 1];
    if (token.kind == HostTokenKind::kOther || token.IsName("function") || token.IsName("fn") ||
        (token.kind == HostTokenKind::kName && IsOneOf(token.text, kRuns))) {
      return false;
    }
    for (const StringPart& part : token.parts) {
      if (part.is_code && (absl::StrContains(part.text, "(") || !OnlyShows(part.text))) {
        return false;
      }
    }
    // What a value or what stands in parentheses is called as, and methods of it.
    const bool called = token.Is("(") && i > range.begin &&
                        (before.kind == HostTokenKind::kVariable ||
                         before.kind == HostTokenKind::kString || before.Is(")") || before.Is("]"));
    if (called || program.BeginsReceiver(i)) return false;
    if (token.kind != HostTokenKind::kName && token.kind != HostTokenKind::kVariable) continue;
    if (i > range.begin && (before.Is(".") || before.Is("&.") || before.Is("->") ||
                            before.Is("?->") || before.Is("::"))) {
      // Of a chain, which was looked at from its beginning; else of a text or number.
      const HostToken& on = program[i - 2];
      if (i < range.begin + 2 ||
          (on.kind != HostTokenKind::kName && on.kind != HostTokenKind::kVariable && !on.Is(")") &&
           !on.Is("]"))) {
        return false;
      }
      continue;
    }
    const std::optional<HostChain> chain = program.ChainAt(i, range.end);
    if (chain.has_value() && !Computes(program, *chain)) return false;
  }
  return true;
}

// $pdo->quote(new Evil)
bool RunsSomething(absl::string_view code) {
  static constexpr absl::string_view kWords[] = {
      "clone", "die",   "eval",    "exit",         "fn",    "include", "include_once",
      "new",   "print", "require", "require_once", "throw", "yield"};
  for (absl::string_view word : absl::StrSplit(code, absl::ByAnyChar(" ,[]'\"->:."))) {
    if (IsOneOf(absl::AsciiStrToLower(word), kWords)) return true;
  }
  return false;
}

bool EndsInWord(absl::string_view sql) {
  return !sql.empty() && (absl::ascii_isalnum(static_cast<unsigned char>(sql.back())) ||
                          absl::StrContains("_&@$", sql.substr(sql.size() - 1)));
}

bool IsSimple(absl::string_view code) {
  return std::all_of(code.begin(), code.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("_$@[]'\":>-., ", absl::string_view(&c, 1));
  });
}

}  // namespace

bool OnlyShows(absl::string_view code) {
  if (absl::StrContains(code, "::")) return false;
  // wipe x
  bool word_before = false;
  for (size_t i = 0; i < code.size(); ++i) {
    const bool word = absl::ascii_isalnum(static_cast<unsigned char>(code[i])) || code[i] == '_';
    if (code[i] == ' ' && i > 0 && word_before && i + 1 < code.size() &&
        (absl::ascii_isalnum(static_cast<unsigned char>(code[i + 1])) || code[i + 1] == '_' ||
         code[i + 1] == ':' || code[i + 1] == '@' || code[i + 1] == '"' || code[i + 1] == '\'')) {
      return false;
    }
    word_before = word;
  }
  for (size_t begin = 0; begin < code.size();) {
    size_t end = begin;
    while (end < code.size() && (absl::ascii_isalnum(code[end]) || code[end] == '_')) ++end;
    const absl::string_view word = code.substr(begin, end - begin);
    const bool called = begin > 0 && code[begin - 1] == '.';
    static constexpr absl::string_view kKnown[] = {"Array", "Float", "Integer", "collect",
                                                   "count", "map",   "new"};
    if (word == "yield" || word == "super") return false;
    if (!word.empty() && !IsOneOf(word, kKnown) &&
        (absl::ascii_isupper(word[0]) || NamesMethodThatWrites(word) ||
         (called && !NamesAttribute(word) && !IsPureHostFunction(word)))) {
      return false;
    }
    begin = std::max(end, begin + 1);
  }
  return true;
}

std::optional<FormattedText> FormattedTextOf(const HostProgram& program, HostRange range) {
  const HostToken& first = program[range.begin];
  size_t open = range.begin + 1;
  FormattedText found;
  if (program.php() && first.text == "$wpdb" && program[open].Is("->") &&
      program[open + 1].IsName("prepare")) {
    open += 2;
    found.wordpress = true;
  } else if (!first.IsName("sprintf") && !first.IsName("format")) {
    return std::nullopt;
  }
  if (open >= range.end || !program[open].Is("(") || program.CloseOf(open) + 1 != range.end) {
    return std::nullopt;
  }
  const std::vector<HostRange> parts = program.Parts({open + 1, range.end - 1});
  for (size_t i = 1; i < parts.size(); ++i) {
    if (!OnlyComputes(program, parts[i])) return std::nullopt;
  }
  if (parts.empty()) return std::nullopt;
  found.text = parts[0];
  return found;
}

std::optional<std::string> FillFormat(absl::string_view format, bool wordpress) {
  std::string filled;
  QuoteAtEnd quote;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      filled.push_back(format[i]);
      continue;
    }
    size_t end = i + 1;
    if (end < format.size() && format[end] == '%') {
      filled.push_back('%');
      i = end;
      continue;
    }
    while (end < format.size() &&
           (absl::ascii_isdigit(format[end]) || absl::StrContains("$.+-", format.substr(end, 1)))) {
      ++end;
    }
    if (end >= format.size()) return std::nullopt;
    const char open = quote.After(filled);
    if (open == '`' || open == QuoteAtEnd::kUnclear) return std::nullopt;
    // Behind a minus a negative number would begin a comment.
    const bool number =
        absl::StrContains("dufF", format.substr(end, 1)) && !absl::EndsWith(filled, "-");
    // WordPress quotes a text itself; of quotes that stand around it, it takes these away.
    const bool text =
        wordpress && end == i + 1 && format[end] == 's' &&
        ((open == QuoteAtEnd::kNone && !EndsInWord(filled)) ||
         (filled.back() == open && format.substr(end + 1, 1) == filled.substr(filled.size() - 1)));
    if (!number && !text) return std::nullopt;
    filled.push_back('?');
    i = end;
  }
  return filled;
}

std::string WordPressTable(absl::string_view expression) {
  static constexpr absl::string_view kTables[] = {
      "blogs", "commentmeta",        "comments",      "links",    "options", "postmeta",
      "posts", "term_relationships", "term_taxonomy", "termmeta", "terms",   "usermeta",
      "users"};
  if (!absl::ConsumePrefix(&expression, "$wpdb->")) return "";
  if (expression == "prefix" || expression == "base_prefix") return "wp_";
  return IsOneOf(expression, kTables) ? absl::StrCat("wp_", expression) : "";
}

char QuoteAtEnd::After(absl::string_view sql) {
  for (; at_ < sql.size() && quote_ != kUnclear; ++at_) {
    const char c = sql[at_];
    if (quote_ != kNone) {
      if (c == '\\') {
        quote_ = kUnclear;
      } else if (c == quote_) {
        quote_ = kNone;
      }
    } else if (c == '\'' || c == '"' || c == '`') {
      const char before = at_ > 0 ? sql[at_ - 1] : ' ';
      const bool prefixed = absl::ascii_isalnum(static_cast<unsigned char>(before)) ||
                            before == '_' || before == '&' || before == '@';
      quote_ = prefixed ? kUnclear : c;
    } else if (c == '#' || c == '$' || absl::StartsWith(sql.substr(at_), "--") ||
               absl::StartsWith(sql.substr(at_), "/*")) {
      quote_ = kUnclear;
    }
  }
  return quote_;
}

bool IsQuotedName(char quote, absl::string_view expression) {
  static constexpr absl::string_view kNames[] = {"quote_column_name", "quote_table_name"};
  const size_t open = expression.find('(');
  if (quote != QuoteAtEnd::kNone || open == absl::string_view::npos || expression.back() != ')') {
    return false;
  }
  const absl::string_view given = expression.substr(open + 1, expression.size() - open - 2);
  const absl::string_view name = expression.substr(0, open);
  const size_t member = name.rfind('.');
  return !given.empty() && IsSimple(given) && IsSimple(name) && OnlyShows(given) &&
         member != absl::string_view::npos && IsConnectionName(name.substr(0, member)) &&
         IsOneOf(name.substr(member + 1), kNames);
}

bool IsQuotedFor(absl::string_view before, char quote, absl::string_view expression, bool php) {
  const bool behind_word = EndsInWord(before);
  static constexpr absl::string_view kQuotes[] = {"escape_literal", "pg_escape_literal", "quote"};
  static constexpr absl::string_view kEscapes[] = {"escape_string", "real_escape_string"};
  static constexpr absl::string_view kFunctions[] = {
      "esc_sql", "mysqli_escape_string", "mysqli_real_escape_string", "pg_escape_string"};
  const size_t open = expression.find('(');
  if (quote == QuoteAtEnd::kUnclear || open == absl::string_view::npos ||
      expression.back() != ')') {
    return false;
  }
  const absl::string_view given = expression.substr(open + 1, expression.size() - open - 2);
  absl::string_view name = expression.substr(0, open);
  if (given.empty() || !IsSimple(given) || !IsSimple(name)) return false;
  if (php ? RunsSomething(given) : !OnlyShows(given)) return false;
  const size_t member = name.find_last_of(".>");
  const bool function = member == absl::string_view::npos;
  if (!function) {
    absl::string_view on = name.substr(0, member);
    absl::ConsumeSuffix(&on, "-");
    name.remove_prefix(member + 1);
    if (!IsConnectionName(on)) return false;
  }
  if (quote == QuoteAtEnd::kNone) {
    // Behind a letter the value's own quote begins another kind of text: E'...'.
    if (behind_word) return false;
    return function ? name == "pg_escape_literal"
                    : IsOneOf(name, kQuotes) && name != "pg_escape_literal";
  }
  if (quote != '\'') return false;
  if (function) return IsOneOf(name, kFunctions);
  // CodeIgniter's escape() sets quotes of its own; Mysql2's does not.
  return IsOneOf(name, kEscapes) || (!php && name == "escape");
}

bool FitsConnection(absl::string_view escaper, absl::string_view caller, absl::string_view method,
                    bool postgres) {
  const bool of_postgres = absl::StartsWith(method, "pg_");
  const bool of_mysql = absl::StartsWith(method, "mysqli_") || absl::StartsWith(method, "mysql_");
  const size_t member = escaper.find_last_of(".>");
  if (member == absl::string_view::npos) {
    const bool for_postgres = absl::StartsWith(escaper, "pg_");
    return of_postgres || of_mysql ? for_postgres == of_postgres : for_postgres == postgres;
  }
  absl::string_view on = escaper.substr(0, member);
  absl::ConsumeSuffix(&on, "-");
  if (on == caller || on == "ActiveRecord::Base.connection") return true;
  return of_mysql && escaper.substr(member + 1) == "real_escape_string";
}

}  // namespace dbfleet::sql
