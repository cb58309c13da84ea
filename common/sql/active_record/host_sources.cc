#include "common/sql/active_record/host_sources.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// A value without operators: names, members, indexes.
bool IsSimpleValue(absl::string_view code, bool php) {
  return !code.empty() && std::all_of(code.begin(), code.end(), [&](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("_$@[]'\":", absl::string_view(&c, 1)) ||
           c == (php ? '>' : '.') || (php && c == '-');
  });
}

bool IsRubyRequest(const HostProgram& program, HostRange range) {
  static constexpr absl::string_view kAsked[] = {"[]",
                                                 "body",
                                                 "dig",
                                                 "fetch",
                                                 "fullpath",
                                                 "headers",
                                                 "params",
                                                 "path",
                                                 "query_parameters",
                                                 "query_string",
                                                 "raw_post",
                                                 "referer",
                                                 "require",
                                                 "request_parameters",
                                                 "slice",
                                                 "url",
                                                 "user_agent",
                                                 "values_at"};
  const HostToken& first = program[range.begin];
  const HostToken& next = program[range.begin + 1];
  if (!first.IsName("params") && !first.IsName("cookies") && !first.IsName("request") &&
      !first.IsName("ARGV")) {
    return false;
  }
  return next.Is("[") || (next.Is(".") && IsOneOf(program[range.begin + 2].text, kAsked));
}

bool IsPhpRequest(const HostProgram& program, HostRange range) {
  static constexpr absl::string_view kGlobals[] = {"$_COOKIE", "$_ENV",     "$_FILES", "$_GET",
                                                   "$_POST",   "$_REQUEST", "$_SERVER"};
  static constexpr absl::string_view kFunctions[] = {"filter_input", "getenv", "input", "request"};
  const HostToken& first = program[range.begin];
  const HostToken& next = program[range.begin + 1];
  if (IsOneOf(first.text, kGlobals)) return next.Is("[");
  if (first.text == "$request" || first.text == "$req") return next.Is("->") || next.Is("[");
  if (first.text == "$this" && next.Is("->")) return program[range.begin + 2].IsName("request");
  if (first.IsName("Input") || first.IsName("Request")) return next.Is("::");
  return first.kind == HostTokenKind::kName && next.Is("(") && IsOneOf(first.text, kFunctions);
}

}  // namespace

bool IsRequestValue(const HostProgram& program, HostRange range) {
  if (range.end < range.begin + 2) return false;
  const HostToken& last = program[range.end - 1];
  if (last.IsName("to_i") || last.IsName("to_f")) return false;
  return program.php() ? IsPhpRequest(program, range) : IsRubyRequest(program, range);
}

bool JoinsValues(const HostProgram& program, HostRange range) {
  static constexpr absl::string_view kFunctions[] = {"format",      "implode", "join",    "sprintf",
                                                     "str_replace", "strtr",   "vsprintf"};
  static constexpr absl::string_view kMethods[] = {"concat", "gsub", "join", "sub"};
  const HostToken& first = program[range.begin];
  if (first.kind == HostTokenKind::kName && program[range.begin + 1].Is("(") &&
      IsOneOf(first.text, kFunctions)) {
    return true;
  }
  for (size_t i = range.begin; i < range.end; ++i) {
    const HostToken& token = program[i];
    const bool between = i > range.begin && i + 1 < range.end;
    if (between && program.php() && token.Is(".")) return true;
    if (between && !program.php() &&
        (token.Is("+") || token.Is("%") || (token.Is("<") && program[i + 1].Is("<")))) {
      return true;
    }
    if (between && !program.php() && token.Is(".") && IsOneOf(program[i + 1].text, kMethods)) {
      return true;
    }
    if (program.CloseOf(i) < range.end) i = program.CloseOf(i);
  }
  return false;
}

bool GivesNumber(absl::string_view code) {
  code = absl::StripAsciiWhitespace(code);
  if (!code.empty() && std::all_of(code.begin(), code.end(), absl::ascii_isdigit)) return true;
  for (absl::string_view end : {".to_i", ".to_f", ".size", ".length", ".count"}) {
    if (absl::EndsWith(code, end) &&
        IsSimpleValue(code.substr(0, code.size() - end.size()), false)) {
      return true;
    }
  }
  for (absl::string_view cast : {"(int)", "(integer)", "(float)"}) {
    if (absl::StartsWith(code, cast)) {
      return IsSimpleValue(absl::StripAsciiWhitespace(code.substr(cast.size())), true);
    }
  }
  for (absl::string_view call : {"intval(", "floatval(", "Integer(", "Float(", "count("}) {
    if (absl::StartsWith(code, call) && absl::EndsWith(code, ")")) {
      return IsSimpleValue(code.substr(call.size(), code.size() - call.size() - 1),
                           call[0] != 'I' && call[0] != 'F');
    }
  }
  return false;
}

bool GivesNumbers(absl::string_view code) {
  const auto strip = [&] { code = absl::StripLeadingAsciiWhitespace(code); };
  absl::ConsumePrefix(&code, "\\");
  if (!absl::ConsumePrefix(&code, "implode(") && !absl::ConsumePrefix(&code, "join(")) return false;
  strip();
  if (code.empty() || (code[0] != '\'' && code[0] != '"')) return false;
  const size_t end = code.find(code[0], 1);
  if (end == absl::string_view::npos) return false;
  const absl::string_view glue = code.substr(1, end - 1);
  if (glue != "," && glue != ", ") return false;
  code.remove_prefix(end + 1);
  strip();
  if (!absl::ConsumePrefix(&code, ",")) return false;
  strip();
  absl::ConsumePrefix(&code, "\\");
  if (!absl::ConsumePrefix(&code, "array_map(")) return false;
  strip();
  // As a text it is PHP's own, whatever the namespace has.
  if (!absl::ConsumePrefix(&code, "'intval'") && !absl::ConsumePrefix(&code, "\"intval\"")) {
    return false;
  }
  strip();
  if (!absl::ConsumePrefix(&code, ",")) return false;
  code = absl::StripAsciiWhitespace(code);
  for (int closes = 0; closes < 2; ++closes) {
    if (!absl::ConsumeSuffix(&code, ")")) return false;
    code = absl::StripAsciiWhitespace(code);
  }
  return IsSimpleValue(code, true);
}

HostRange UnwrapSql(const HostProgram& program, HostRange range) {
  static constexpr absl::string_view kMarks[] = {"expression",
                                                 "expr",
                                                 "lit",
                                                 "raw",
                                                 "sanitize_sql",
                                                 "sanitize_sql_array",
                                                 "sanitize_sql_for_assignment",
                                                 "sanitize_sql_for_conditions",
                                                 "sanitize_sql_for_order",
                                                 "sql"};
  constexpr size_t kLongest = 8;  // ActiveRecord::Base.connection.sanitize_sql(
  for (int depth = 0; depth < 4; ++depth) {
    size_t open = range.begin;
    while (open < range.end && open < range.begin + kLongest && !program[open].Is("(")) {
      const HostToken& token = program[open];
      const bool name = token.kind == HostTokenKind::kName ||
                        token.kind == HostTokenKind::kVariable || token.Is(".") || token.Is("::") ||
                        token.Is("->");
      if (!name) return range;
      ++open;
    }
    if (open == range.begin || !program[open].Is("(") || program.CloseOf(open) + 1 != range.end) {
      return range;
    }
    std::string name = absl::AsciiStrToLower(program[open - 1].text);
    name.erase(0, name.rfind('\\') + 1);
    if (!IsOneOf(name, kMarks)) return range;
    const std::vector<HostRange> parts = program.Parts({open + 1, range.end - 1});
    if (parts.empty()) return range;
    range = parts[0];
    if (const auto list = ReadList(program, range); list.has_value() && !list->empty()) {
      range = (*list)[0];
    }
  }
  return range;
}

}  // namespace dbfleet::sql
