#include "common/sql/active_record/host_settings.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/text.h"
#include "common/sql/active_record/host_sources.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr char kRunsByItself[] = "runs SQL by itself on each connection (init_command)";

std::string LowerLastOf(absl::string_view name) {
  name.remove_prefix(name.find_last_of(":\\") + 1);
  return absl::AsciiStrToLower(name);
}

// SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci: what every connection says of itself.
bool NamesUtf8(absl::string_view sql) {
  std::string lower = absl::AsciiStrToLower(absl::StripAsciiWhitespace(sql));
  lower.erase(std::remove_if(lower.begin(), lower.end(),
                             [](char c) { return c == '\'' || c == '"' || c == ';'; }),
              lower.end());
  absl::string_view rest = lower;
  if (!absl::ConsumePrefix(&rest, "set names utf8")) return false;
  absl::ConsumePrefix(&rest, "mb4");
  if (rest.empty()) return true;
  return absl::ConsumePrefix(&rest, " collate utf8") &&
         std::all_of(rest.begin(), rest.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

bool IsInitCommand(const HostToken& token) {
  return token.text == "init_command" || absl::EndsWith(token.text, "ATTR_INIT_COMMAND") ||
         token.text == "MYSQLI_INIT_COMMAND" ||
         (token.kind == HostTokenKind::kString && token.parts.size() == 1 &&
          token.parts[0].text == "init_command");
}

// $options of new PDO(..., $options); options: $options.
std::vector<HostRange> OptionsOf(const HostProgram& program, size_t open) {
  const std::vector<HostRange> parts = program.Parts({open + 1, program.CloseOf(open)});
  std::vector<HostRange> options;
  for (size_t i = 0; i < parts.size(); ++i) {
    const HostToken& first = program[parts[i].begin];
    const bool named = first.kind == HostTokenKind::kName && program[parts[i].begin + 1].Is(":") &&
                       !program[parts[i].begin + 2].Is(":");
    const bool spread = first.Is("...") || first.Is(".");
    if (named && first.text == "options") {
      options.push_back({parts[i].begin + 2, parts[i].end});
    } else if (spread || (!named && i >= 3)) {
      options.push_back(parts[i]);
    }
  }
  return options;
}

// [PDO::ATTR_ERRMODE => ...]: none of them runs anything.
bool AreHarmless(const HostProgram& program, HostRange literal) {
  size_t open = literal.begin;
  if (absl::EqualsIgnoreCase(program[open].text, "array")) ++open;
  if (!(program[open].Is("[") || (open > literal.begin && program[open].Is("("))) ||
      program.CloseOf(open) + 1 != literal.end) {
    return false;
  }
  const std::vector<HostRange> pairs = program.Parts({open + 1, literal.end - 1});
  return std::all_of(pairs.begin(), pairs.end(), [&](HostRange pair) {
    const HostToken& name = program[pair.begin + 2];
    const std::string of = absl::AsciiStrToLower(program[pair.begin].text);
    const bool own = absl::EndsWith(of, "pdo") || absl::StrContains(of, "pdo\\");
    return own && program[pair.begin + 1].Is("::") && name.kind == HostTokenKind::kName &&
           program[pair.begin + 3].Is("=>") && DoubtOfSetting(program, pair.begin + 2).empty() &&
           !absl::EndsWith(name.text, "STATEMENT_CLASS");
  });
}

// A variable that the whole program binds to such options only, and hands to nothing else.
bool HoldsHarmless(const HostProgram& program, absl::string_view variable) {
  // Each connection looks through the whole program for its variable.
  constexpr size_t kMostTokens = 20'000;
  if (program.size() > kMostTokens) return false;
  bool bound = false;
  for (size_t i = 0; i < program.size(); ++i) {
    const HostToken& token = program[i];
    if (token.kind == HostTokenKind::kString || token.kind == HostTokenKind::kOther) {
      // "{$options->x}"
      for (const StringPart& part : token.parts) {
        if (part.is_code && absl::StrContains(part.text, variable)) return false;
      }
    }
    if (token.Is("$") || token.text == "$GLOBALS" || token.IsName("extract")) return false;
    if (token.kind != HostTokenKind::kVariable || token.text != variable) continue;
    if (program[i + 1].Is("=") && !program[i + 2].Is("=")) {
      const HostToken& before = program[i - 1];
      size_t open = i + 2;
      if (absl::EqualsIgnoreCase(program[open].text, "array")) ++open;
      const size_t close = program.CloseOf(std::min(open, program.size() - 1));
      const bool statement =
          (before.Is(";") || before.Is("{") || before.Is("}") || before.text.empty()) &&
          close < program.size() && program[close + 1].Is(";");
      if (!statement || !AreHarmless(program, {i + 2, close + 1})) return false;
      bound = true;
      continue;
    }
    // In front of the end of new PDO(...).
    if (!program[i + 1].Is(")") || !program[i - 1].Is(",")) return false;
    size_t open = i;
    constexpr size_t kLongest = 200;
    while (open > 0 && i - open < kLongest && program.CloseOf(open) != i + 1) --open;
    if (open < 2 || program.CloseOf(open) != i + 1 ||
        !absl::EqualsIgnoreCase(program[open - 2].text, "new") ||
        LowerLastOf(program[open - 1].text) != "pdo") {
      return false;
    }
  }
  return bound;
}

bool IsReading(absl::string_view store, absl::string_view name) {
  static constexpr absl::string_view kOfConfig[] = {
      "all",     "array",   "boolean",      "collection", "float", "get",
      "getmany", "integer", "offsetexists", "offsetget",  "has",   "string"};
  static constexpr absl::string_view kOfSession[] = {
      "all",         "except", "exists",    "get",     "getid", "getname",     "getoldinput", "has",
      "hasoldinput", "id",     "isstarted", "missing", "only",  "previousurl", "token"};
  const std::string lower = absl::AsciiStrToLower(name);
  return store == "config" ? IsOneOf(lower, kOfConfig) : IsOneOf(lower, kOfSession);
}

std::string NotKnown(absl::string_view store, const HostCall& call) {
  return absl::StrCat("calls ", SanitizeForDisplay(Truncate(call.name, 60)), " of the ", store,
                      ", which may change it");
}

}  // namespace

std::string DoubtOfSetting(const HostProgram& program, size_t i) {
  const HostToken& token = program[i];
  const bool number = program.php() && token.kind == HostTokenKind::kNumber &&
                      token.text == "1002" && program[i + 1].Is("=>") &&
                      program[i + 2].kind == HostTokenKind::kString;
  if (IsInitCommand(token) || number) {
    const size_t value = program[i + 1].Is("=>") ? i + 2 : i + 1;
    const HostText sql = ReadHostText(program, {value, value + 1}, {});
    const bool only = program[value + 1].Is(",") || program[value + 1].Is("]") ||
                      program[value + 1].Is(")") || program[value + 1].Is("}");
    return sql.known && !sql.concatenates && only && NamesUtf8(sql.value) ? "" : kRunsByItself;
  }
  if (token.IsName("FETCH_FUNC")) return "calls a function for each row";
  if (program.php() && token.kind == HostTokenKind::kName && program[i - 1].Is("::") &&
      absl::StartsWith(token.text, "PESSIMISTIC_")) {
    return "takes row locks";
  }
  return "";
}

std::string DoubtOfNew(const HostProgram& program, size_t i) {
  static constexpr absl::string_view kArchives[] = {"phar", "phardata", "ziparchive"};
  if (!program.php() || program[i].kind != HostTokenKind::kName ||
      !absl::EqualsIgnoreCase(program[i].text, "new") ||
      program[i + 1].kind != HostTokenKind::kName) {
    return "";
  }
  const std::string name = LowerLastOf(program[i + 1].text);
  if (IsOneOf(name, kArchives)) return "opens an archive, which may be made or changed";
  const size_t open = i + 2;
  if (name == "expression" && program[open].Is("(") && program.CloseOf(open) < program.size()) {
    // Kept in a variable it is SQL wherever that is handed on: $order = new Expression($sort).
    const HostText sql = ReadHostText(program, {open + 1, program.CloseOf(open)}, {});
    const bool plain =
        sql.known && !sql.concatenates &&
        std::all_of(sql.value.begin(), sql.value.end(), [](char c) {
          return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == ' ' || c == '*';
        });
    if (!plain) return "makes SQL of what is no name: hand the SQL over where it is used";
  }
  if (!program[open].Is("(") || program.CloseOf(open) >= program.size()) return "";
  if (name == "splfileobject") {
    const std::vector<HostRange> parts = program.Parts({open + 1, program.CloseOf(open)});
    for (const HostRange& part : parts) {
      if (program[part.begin].Is(".") || program[part.begin].Is("...")) return "opens a file";
    }
    if (parts.size() < 2) return "";
    const HostText mode = ReadHostText(program, parts[1], {});
    const bool reads = mode.known && !mode.concatenates && absl::StartsWith(mode.value, "r") &&
                       !absl::StrContains(mode.value, "+");
    return reads ? "" : "SplFileObject opens a file to write to it";
  }
  if (!absl::EndsWith(name, "pdo")) return "";
  for (const HostRange& options : OptionsOf(program, open)) {
    const HostToken& first = program[options.begin];
    const bool one = options.end == options.begin + 1;
    if (AreHarmless(program, options) || (one && absl::EqualsIgnoreCase(first.text, "null")) ||
        (one && first.kind == HostTokenKind::kVariable && HoldsHarmless(program, first.text))) {
      continue;
    }
    return "connects with options that are not seen: one of them may run SQL on each connection; "
           "write them as PDO::NAME => ... where it connects";
  }
  return "";
}

std::string DoubtOfOption(const HostProgram& program, const HostCall& call) {
  if (!program.php() || !absl::EqualsIgnoreCase(call.name, "options") ||
      call.arguments.size() != 2) {
    return "";
  }
  const HostRange option = call.arguments[0];
  const HostToken& first = program[option.begin];
  const bool seen = first.kind == HostTokenKind::kName || first.kind == HostTokenKind::kString;
  return seen && option.end == option.begin + 1
             ? ""
             : "sets an option that is not seen: one of them runs SQL on each connection";
}

std::string DoubtOfStore(const HostProgram& program, const HostChain& chain) {
  static constexpr absl::string_view kStores[] = {"config", "session"};
  if (!program.php()) return "";
  if (chain.receiver_kind == Receiver::kClass) {
    const std::string store = LowerLastOf(chain.receiver);
    // A model may have the name.
    const ModelMethod* method = FindModelMethod(chain.calls[0].name);
    const bool reads = IsReading(store, chain.calls[0].name) ||
                       (method != nullptr && method->safety == Safety::kSafe);
    if (IsOneOf(store, kStores) && !chain.calls[0].is_property && !reads) {
      return NotKnown(store, chain.calls[0]);
    }
  }
  for (size_t i = 0; i < chain.calls.size(); ++i) {
    const HostCall& call = chain.calls[i];
    const std::string store = absl::AsciiStrToLower(call.name);
    if (call.is_property || !IsOneOf(store, kStores)) continue;
    if (i == 0 && chain.receiver_kind == Receiver::kNone && !call.arguments.empty()) {
      // config('a.b') reads; given a list, it sets.
      const HostRange key = call.arguments[0];
      if (program[key.begin].kind != HostTokenKind::kString && !JoinsValues(program, key)) {
        return absl::StrCat(store, "() sets what it is given as a list");
      }
    }
    if (i + 1 < chain.calls.size() && call.arguments.empty() && !chain.calls[i + 1].is_property &&
        !IsReading(store, chain.calls[i + 1].name)) {
      return NotKnown(store, chain.calls[i + 1]);
    }
  }
  return "";
}

}  // namespace dbfleet::sql
