#include "common/sql/active_record/given_sql.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/active_record/harmless_methods.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kMostWords = 10;

struct Word {
  std::string lower;
  bool one_case = false;  // delete or DELETE, not Delete.
  bool upper = false;
};

// The first words of a text, behind blanks, parentheses and comments. What is quoted is a word.
std::vector<Word> FirstWords(absl::string_view text) {
  std::vector<Word> words;
  size_t i = 0;
  while (i < text.size() && words.size() < kMostWords) {
    const absl::string_view rest = text.substr(i);
    if (absl::StartsWith(rest, "/*")) {
      const size_t end = rest.find("*/", 2);
      if (end == absl::string_view::npos) break;
      i += end + 2;
      continue;
    }
    if (absl::StartsWith(rest, "--") || rest[0] == '#') {
      const size_t end = rest.find('\n');
      if (end == absl::string_view::npos) break;
      i += end + 1;
      continue;
    }
    const auto in_word = [](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' ||
             c == '$' || c == '`' || c == '"' || c == '%' || c == ':' || c == '?';
    };
    if (!in_word(rest[0])) {
      const bool skipped = absl::ascii_isspace(static_cast<unsigned char>(rest[0])) ||
                           (rest[0] == '(' && words.empty());
      if (!skipped) words.push_back({std::string(1, rest[0]), true, true});
      ++i;
      continue;
    }
    size_t end = 0;
    while (end < rest.size() && in_word(rest[end])) ++end;
    const absl::string_view word = rest.substr(0, end);
    const bool upper = std::none_of(word.begin(), word.end(), absl::ascii_islower);
    const bool lower = std::none_of(word.begin(), word.end(), absl::ascii_isupper);
    words.push_back({absl::AsciiStrToLower(word), upper || lower, upper});
    i += end;
  }
  return words;
}

bool Names(const std::vector<Word>& words, size_t i) {
  if (i >= words.size()) return false;
  const char c = words[i].lower[0];
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '`' || c == '"' ||
         c == '$' || c == '%' || c == ':' || c == '?';
}

// Of DROP, ALTER and CREATE what is no word of a page as well: "create user" may be a permission.
bool IsObject(const Word& word, bool plain) {
  static constexpr absl::string_view kSure[] = {"database",   "materialized", "schema",
                                                "sequence",   "table",        "temporary",
                                                "tablespace", "unique"};
  static constexpr absl::string_view kOthers[] = {
      "aggregate",    "column",    "constraint",  "definer", "domain", "event",  "extension",
      "foreign",      "function",  "group",       "index",   "or",     "owned",  "partition",
      "policy",       "procedure", "publication", "role",    "rule",   "server", "statistics",
      "subscription", "temp",      "trigger",     "type",    "user",   "view"};
  return IsOneOf(word.lower, kSure) || ((word.upper || plain) && IsOneOf(word.lower, kOthers));
}

// Methods that everybody calls so who runs SQL.
bool IsOfDatabase(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "all", "col", "command", "createcommand", "cursor", "first", "get",  "one",
      "raw", "row", "rows",    "run",           "scalar", "sql",   "value"};
  static constexpr absl::string_view kBegins[] = {"exec", "fetch", "prepare", "query", "select"};
  const std::string lower = absl::AsciiStrToLower(name);
  return IsOneOf(lower, kNames) || absl::EndsWith(lower, "sql") || absl::EndsWith(lower, "query") ||
         std::any_of(std::begin(kBegins), std::end(kBegins),
                     [&](absl::string_view begin) { return absl::StartsWith(lower, begin); });
}

bool OneLooksLikeWrite(absl::string_view text, bool any) {
  const std::vector<Word> words = FirstWords(text);
  if (words.size() < 2 || !(any || words[0].one_case)) return false;
  const absl::string_view first = words[0].lower;
  const absl::string_view second = words[1].lower;
  const bool loud = words[0].upper || any;
  const auto has = [&](absl::string_view word, size_t from) {
    return std::any_of(words.begin() + static_cast<std::ptrdiff_t>(std::min(from, words.size())),
                       words.end(), [&](const Word& one) { return one.lower == word; });
  };
  if (first == "delete") return has("from", 1) && Names(words, 2);
  if (first == "insert" || first == "replace") return has("into", 1) && Names(words, 2);
  if (first == "update") return has("set", 2) && Names(words, 1);
  if (first == "truncate") return Names(words, 1) && (second == "table" || words[0].upper || any);
  if (first == "drop" || first == "alter" || first == "create") {
    return IsObject(words[1], any) && Names(words, 2);
  }
  if (first == "merge") return second == "into" && Names(words, 2);
  if (first == "rename") return second == "table" && Names(words, 2);
  if (first == "load") return second == "data";
  if (first == "lock") return second == "tables" || second == "table";
  if (first == "grant" || first == "revoke")
    return loud && (has("on", 1) || has("to", 1) || has("from", 1));
  if (first == "with")
    return has("as", 2) && (has("delete", 3) || has("update", 3) || has("insert", 3));
  static constexpr absl::string_view kOthers[] = {
      "analyze",  "call",  "cluster", "comment", "copy",  "do",  "flush", "kill",
      "optimize", "purge", "refresh", "reindex", "reset", "set", "vacuum"};
  return words[0].upper && Names(words, 1) && IsOneOf(first, kOthers) &&
         (words.size() > 2 || first == "vacuum" || first == "kill" || first == "flush");
}

}  // namespace

bool LooksLikeWrite(absl::string_view text, bool any) {
  constexpr int kMost = 20;  // Statements.
  for (int i = 0; i < kMost; ++i) {
    if (OneLooksLikeWrite(text, any)) return true;
    const size_t end = text.find(';');
    if (end == absl::string_view::npos) return false;
    text.remove_prefix(end + 1);
  }
  return true;
}

bool BeginsLikeWrite(const HostProgram& program, HostRange range, bool any) {
  constexpr size_t kFar = 40;  // In tokens.
  for (size_t i = range.begin; i < range.end && i < range.begin + kFar; ++i) {
    const HostToken& token = program[i];
    // What a function does that is handed over is read where it stands.
    if (token.Is("{") || token.IsName("fn") || token.IsName("function")) return false;
    if (token.kind != HostTokenKind::kString) continue;
    std::string text;
    for (const StringPart& part : token.parts) {
      const bool escape = part.is_code && absl::StartsWith(part.text, "\\");
      text += part.is_code ? (escape ? " " : "x") : part.text;
    }
    if (LooksLikeWrite(text, any)) return true;
    // 'DEL' . 'ETE FROM t'
    const HostToken& next = program[i + 1];
    if (i == range.begin && (next.Is(".") || next.Is("+")) && range.end < i + kFar) {
      const HostText joined = ReadHostText(program, range, {});
      if (joined.known && LooksLikeWrite(joined.value, any)) return true;
    }
  }
  return false;
}

bool MayRunText(const HostProgram& program, const HostChain& chain, const HostCall& call) {
  if (call.is_property || call.op != HostOperator::kNone || call.arguments.empty()) return false;
  const bool first = &call == &chain.calls[0];
  // A function is judged by its name, which super hides; classes of the language run nothing.
  if (first && chain.receiver_kind == Receiver::kNone) return call.is_super;
  if (first && chain.receiver_kind == Receiver::kClass && !IsFacade(program, chain.receiver) &&
      !IsModelClass(chain.receiver)) {
    return false;
  }
  const absl::string_view holder = first ? chain.receiver : (&call - 1)->name;
  return !IsHarmlessMethod(holder, call.name);
}

std::optional<size_t> WriteAmong(const HostProgram& program, const HostChain& chain,
                                 const HostCall& call) {
  constexpr size_t kMost = 4;  // Arguments that are looked at.
  for (size_t i = 0; i < call.arguments.size() && i < kMost; ++i) {
    if (!BeginsLikeWrite(program, call.arguments[i], true)) continue;
    // "Delete from the cart" is SQL to a method that everybody calls so who runs some.
    const bool any = i == 0 && IsOfDatabase(call.name);
    if ((any || BeginsLikeWrite(program, call.arguments[i], false)) &&
        MayRunText(program, chain, call)) {
      return i;
    }
  }
  return std::nullopt;
}

}  // namespace dbfleet::sql
