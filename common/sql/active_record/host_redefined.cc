#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/active_record/host_import.h"
#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/host_quoting.h"
#include "common/sql/active_record/words.h"

// Names that a reader trusts in texts, and what a program does with them.
namespace dbfleet::sql {
namespace {

constexpr absl::string_view kWordPress = "$wpdb";

// Functions by whose names it is known what they put into a text.
bool IsTextFunction(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"Float",
                                                 "Integer",
                                                 "array_fill",
                                                 "array_map",
                                                 "count",
                                                 "esc_sql",
                                                 "escape",
                                                 "escape_literal",
                                                 "escape_string",
                                                 "floatval",
                                                 "format",
                                                 "implode",
                                                 "intval",
                                                 "join",
                                                 "mysqli_escape_string",
                                                 "mysqli_real_escape_string",
                                                 "length",
                                                 "pg_escape_literal",
                                                 "pg_escape_string",
                                                 "prepare",
                                                 "quote",
                                                 "real_escape_string",
                                                 "rtrim",
                                                 "size",
                                                 "sizeof",
                                                 "sprintf",
                                                 "str_repeat",
                                                 "substr",
                                                 "to_f",
                                                 "to_i",
                                                 "trim"};
  return IsOneOf(name, kNames);
}

bool IsAnyWay(const HostToken& token) {
  const bool name = token.kind == HostTokenKind::kName;
  return token.Is("$") || token.text == "$GLOBALS" ||
         (name && (absl::EqualsIgnoreCase(token.text, "extract") ||
                   absl::EqualsIgnoreCase(token.text, "\\extract") ||
                   absl::EqualsIgnoreCase(token.text, "parse_str") || token.text == "eval"));
}

// global $a, $wpdb;
bool IsGlobal(const HostProgram& program, size_t i) {
  constexpr size_t kLongest = 24;
  for (size_t k = i; k-- > 0 && i - k < kLongest;) {
    const HostToken& token = program[k];
    if (token.IsName("global")) return true;
    if (!token.Is(",") && token.kind != HostTokenKind::kVariable) return false;
  }
  return false;
}

// $wpdb->get_results(...), $wpdb->posts: asks for something, and changes nothing of it.
bool OnlyAsks(const HostProgram& program, size_t i) {
  static constexpr absl::string_view kMethods[] = {
      "db_version",  "delete",      "esc_like",   "flush",   "get_charset_collate",
      "get_col",     "get_results", "get_row",    "get_var", "has_cap",
      "insert",      "prepare",     "query",      "replace", "suppress_errors",
      "show_errors", "update",      "hide_errors"};
  const HostToken& member = program[i + 2];
  const HostToken& next = program[i + 3];
  if (!program[i + 1].Is("->") || member.kind != HostTokenKind::kName || program[i - 1].Is("&")) {
    return false;
  }
  if (next.Is("(")) return IsOneOf(absl::AsciiStrToLower(member.text), kMethods);
  // It is put into a text, or tells one of its own methods a table; everything else may bind it.
  const HostToken& before = program[i - 1];
  const bool joined = (before.Is(".") && !next.Is("=")) ||
                      (next.Is(".") && !program[i + 4].Is("=") && !before.Is("as"));
  const bool given = before.Is("(") && (next.Is(",") || next.Is(")")) && program[i - 3].Is("->") &&
                     program[i - 4].text == kWordPress;
  return joined || given;
}

std::string LastSegment(absl::string_view name) {
  return absl::AsciiStrToLower(name.substr(name.rfind('\\') + 1));
}

bool OnlyAsksInText(absl::string_view code) {
  return !absl::StrContains(code, kWordPress) || !WordPressTable(code).empty() ||
         std::all_of(code.begin(), code.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  absl::StrContains("_$->{}", absl::string_view(&c, 1));
         });
}

}  // namespace

void HostProgram::FindRedefined() {
  static constexpr absl::string_view kRuby[] = {
      "alias", "alias_method",  "attr_accessor",           "attr_reader",
      "def",   "define_method", "define_singleton_method", "delegate"};
  std::set<std::string> found;
  bool wordpress = false;
  bool unclear = false;
  bool in_namespace = false;
  HostImport import;
  for (size_t i = 0; i < size(); ++i) {
    const HostToken& token = tokens_[i];
    // implode(',', array_map(...)): in a namespace another file may define functions of these
    // names.
    in_namespace = in_namespace || (php_ && token.IsName("namespace"));
    const bool maps = absl::EqualsIgnoreCase(token.text, "array_map") ||
                      absl::EqualsIgnoreCase(token.text, "\\array_map");
    if (in_namespace && maps &&
        !(absl::StartsWith(token.text, "\\") && absl::StartsWith((*this)[i - 4].text, "\\"))) {
      found.insert("array_map");
    }
    for (const StringPart& part : token.parts) {
      if (php_ && part.is_code && !OnlyAsksInText(part.text)) unclear = true;
    }
    if (php_) {
      import.Take(*this, i);
      if (import.of_function() && token.kind == HostTokenKind::kName) {
        const std::string last = LastSegment(token.text);
        if (IsTextFunction(last)) found.insert(last);
      }
      unclear = unclear || IsAnyWay(token);
      if (token.text == kWordPress) {
        wordpress = true;
        unclear = unclear || !(OnlyAsks(*this, i) || IsGlobal(*this, i));
      }
      if (token.kind != HostTokenKind::kName || !absl::EqualsIgnoreCase(token.text, "function")) {
        continue;
      }
      const std::string name =
          absl::AsciiStrToLower((*this)[(*this)[i + 1].Is("&") ? i + 2 : i + 1].text);
      if (IsTextFunction(name)) found.insert(name);
      continue;
    }
    if (token.kind != HostTokenKind::kName || !IsOneOf(token.text, kRuby)) continue;
    for (size_t k = i + 1; k < i + 5 && (*this)[k].kind != HostTokenKind::kNewline; ++k) {
      absl::string_view name = (*this)[k].text;
      if ((*this)[k].kind == HostTokenKind::kString && (*this)[k].parts.size() == 1) {
        name = (*this)[k].parts[0].text;
      }
      if (IsTextFunction(name)) found.insert(std::string(name));
    }
  }
  if (wordpress && unclear) found.insert(std::string(kWordPress));
  redefined_.assign(found.begin(), found.end());
}

bool HostProgram::Trusts(absl::string_view code) const {
  if (redefined_.empty()) return true;
  const std::string lower = absl::AsciiStrToLower(code);
  return std::none_of(redefined_.begin(), redefined_.end(), [&](const std::string& name) {
    return absl::StrContains(lower, absl::AsciiStrToLower(name));
  });
}

}  // namespace dbfleet::sql
