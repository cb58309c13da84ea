#include "common/lint_config/lint_config.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/problems.h"
#include "common/config/scalars.h"
#include "common/config/yaml.h"
#include "common/sql/model/verdict.h"
#include "dbfleet/config/v1/lint_config.pb.h"
#include "re2/re2.h"

namespace dbfleet {
namespace {

using config::v1::LintRuleConfig;
using sql::Level;

constexpr size_t kMaxPatternBytes = 500;
constexpr size_t kShortest = 6;  // Of a name that is held against others for slips.

std::optional<Level> ParseLevel(absl::string_view word) {
  if (word == "off") return Level::kOff;
  if (word == "info") return Level::kInfo;
  if (word == "warning") return Level::kWarning;
  if (word == "error") return Level::kError;
  return std::nullopt;
}

// What may stand in braces in the pattern of a kind of name: what a statement tells of it.
std::vector<absl::string_view> PlaceholdersOf(absl::string_view kind) {
  if (kind == "foreign_key") return {"{table}", "{columns}", "{referenced}"};
  if (kind == "index") return {"{table}", "{columns}"};
  return {"{table}"};
}

// The first word in braces that stands for nothing; "" if there is none. "a{2}" is a repetition,
// "\\p{Greek}" a class of characters.
std::string UnknownPlaceholder(absl::string_view kind, absl::string_view pattern) {
  const std::vector<absl::string_view> known = PlaceholdersOf(kind);
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      const bool braces = i + 2 < pattern.size() && pattern[i + 2] == '{' &&
                          absl::StrContains("pPx", pattern[i + 1]);
      i = braces ? std::min(pattern.find('}', i), pattern.size()) : i + 1;
      continue;
    }
    if (pattern[i] != '{') continue;
    const size_t end = pattern.find('}', i);
    if (end == absl::string_view::npos) return "";
    const absl::string_view word = pattern.substr(i + 1, end - i - 1);
    const bool letters = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_' || c == ' ';
    });
    const bool is_known =
        std::find(known.begin(), known.end(), pattern.substr(i, end + 1 - i)) != known.end();
    if (letters && !is_known) return SanitizeForDisplay(Truncate(word, 40));
  }
  return "";
}

bool IsSameEnvironment(absl::string_view a, absl::string_view b) {
  return PlainEnvironment(a) == PlainEnvironment(b);
}

struct ShortForm {
  absl::string_view name;
  absl::string_view full;
};
constexpr ShortForm kShort[] = {{"dev", "development"}, {"devel", "development"},
                                {"prd", "production"},  {"prod", "production"},
                                {"stage", "staging"},   {"stg", "staging"}};

// An environment that the file says nothing of, and that is none that everybody has, would go
// without the severities that are meant for it: "prod" beside "production".
absl::Status CheckAsked(const config::v1::LintConfig& file, absl::string_view source,
                        absl::string_view asked) {
  std::set<std::string> named;
  for (const auto& [id, rule] : file.rules()) {
    for (const auto& [environment, word] : rule.environments()) {
      if (IsSameEnvironment(environment, asked)) return absl::OkStatus();
      named.insert(environment);
    }
  }
  const bool everybodys = IsSameEnvironment(asked, "development") ||
                          IsSameEnvironment(asked, "qa") || IsSameEnvironment(asked, "production");
  if (named.empty() || everybodys) return absl::OkStatus();
  std::string hint;
  for (const auto& [name, full] : kShort) {
    if (name == asked) hint = absl::StrCat(" (did you mean ", full, "?)");
  }
  if (hint.empty()) {
    config::NearestName nearest(asked);
    for (const std::string& name : named) nearest.Consider(name);
    for (absl::string_view name : {"development", "staging", "production"}) nearest.Consider(name);
    hint = nearest.Hint();
  }
  for (const absl::string_view name : {"development", "production", "qa"}) {
    if (name != "qa" || named.count("staging") == 0) named.emplace(name);
  }
  const std::string shown = SanitizeForDisplay(Truncate(asked, 40));
  return Error(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
               absl::StrCat(source, ": there are severities by environment, and none for \"", shown,
                            "\"", hint, "; known are ", absl::StrJoin(named, ", "),
                            ": name one of them, or give ", shown, " a severity"));
}

// Fills in a configuration and collects what is wrong in the file. Lives for one call.
class Reader {
 public:
  Reader(const config::v1::LintConfig& file, absl::string_view environment,
         config::Problems* problems)
      : file_(file), environment_(environment), problems_(*problems) {}

  sql::LintConfig Read() {
    for (const auto& [id, rule] : file_.rules()) ReadRule(id, rule);
    const auto& naming = file_.naming();
    result_.table_name = ReadNaming("table", naming.table());
    result_.column_name = ReadNaming("column", naming.column());
    result_.index_name = ReadNaming("index", naming.index());
    result_.foreign_key_name = ReadNaming("foreign_key", naming.foreign_key());
    ReadAllowances();
    ReadWords(file_.audit_columns(), false, &result_.audit_columns);
    ReadWords(file_.charsets(), true, &result_.charsets);
    ReadWords(file_.collations(), true, &result_.collations);
    ReadWords(file_.engines(), true, &result_.engines);
    result_.required_role = file_.required_role();
    ReadLimits();
    return std::move(result_);
  }

 private:
  const sql::LintRule* FindRule(absl::string_view field, const std::string& id) {
    const sql::LintRule* rule = sql::FindRule(id);
    if (rule != nullptr) return rule;
    config::NearestName nearest(id);
    for (const sql::LintRule& known : sql::LintRules()) nearest.Consider(known.id);
    problems_.Add(field, absl::StrCat("there is no rule \"", SanitizeForDisplay(Truncate(id, 80)),
                                      "\"", nearest.Hint(), "; see: dbfleet sql reference lint"));
    return nullptr;
  }

  Level LevelOf(absl::string_view field, const std::string& word, Level otherwise) {
    const std::optional<Level> level = ParseLevel(word);
    if (!level.has_value()) {
      problems_.Add(field, absl::StrCat("one of off, info, warning, error is wanted, not \"",
                                        SanitizeForDisplay(Truncate(word, 40)), "\""));
    }
    return level.value_or(otherwise);
  }

  void ReadRule(const std::string& id, const LintRuleConfig& from) {
    const std::string field = absl::StrCat("rules.", id);
    const sql::LintRule* rule = FindRule(field, id);
    if (rule == nullptr) return;
    Level level = result_.LevelOf(rule->lint_id);
    if (!from.severity().empty()) {
      level = LevelOf(absl::StrCat(field, ".severity"), from.severity(), level);
    } else if (from.environments().empty()) {
      problems_.Add(field, "give it a severity, or severities by environment");
    }
    if (from.environments().count(std::string(environment_)) == 0) {
      CheckShortForms(absl::StrCat(field, ".environments"), from);
    }
    for (const auto& [environment, word] : from.environments()) {
      CheckEnvironment(absl::StrCat(field, ".environments"), environment);
      const Level here = LevelOf(absl::StrCat(field, ".environments.", environment), word, level);
      if (IsSameEnvironment(environment, environment_)) level = here;
    }
    result_.Set(rule->lint_id, level);
  }

  // "prod" may be declared as well, and is then another one than "production", which would go
  // without the severity that was meant for it.
  void CheckShortForms(absl::string_view field, const LintRuleConfig& from) {
    for (const auto& [name, full] : kShort) {
      for (const auto& [environment, word] : from.environments()) {
        if (!IsSameEnvironment(full, environment_) || absl::AsciiStrToLower(environment) != name) {
          continue;
        }
        problems_.Add(field, absl::StrCat("\"", environment, "\" is another environment than ",
                                          environment_, "; write ", full));
      }
    }
  }

  // Others may be declared elsewhere, but not so near to these.
  void CheckEnvironment(absl::string_view field, const std::string& name) {
    const std::string lower = absl::AsciiStrToLower(name);
    if (lower != name && lower.size() < kShortest) {
      problems_.Add(field,
                    absl::StrCat("there is no environment \"", SanitizeForDisplay(name),
                                 "\": names of environments have small letters; write ", lower));
      return;
    }
    if (name.size() < kShortest || name == environment_) return;
    config::NearestName nearest(absl::AsciiStrToLower(name));
    for (absl::string_view known : {"development", "staging", "production"}) {
      if (name == known) return;
      nearest.Consider(known);
    }
    if (nearest.Hint().empty()) return;
    problems_.Add(field,
                  absl::StrCat("there is no environment \"", SanitizeForDisplay(Truncate(name, 40)),
                               "\"", nearest.Hint()));
  }

  sql::NamingRule ReadNaming(absl::string_view name, const std::string& pattern) {
    sql::NamingRule naming;
    if (pattern.empty()) return naming;
    const std::string field = absl::StrCat("naming.", name);
    if (pattern.size() > kMaxPatternBytes) {
      problems_.Add(field, absl::StrCat("is longer than ", kMaxPatternBytes, " bytes"));
      return naming;
    }
    const std::string unknown = UnknownPlaceholder(name, pattern);
    if (!unknown.empty()) {
      problems_.Add(field, absl::StrCat("there is no {", unknown, "} here; known are ",
                                        absl::StrJoin(PlaceholdersOf(name), ", ")));
      return naming;
    }
    // As it would be with names filled in.
    const RE2 tried(Filled(pattern, {"t", "c", "r"}), RE2::Quiet);
    if (!tried.ok()) {
      problems_.Add(field, absl::StrCat("is no regular expression: ", tried.error()));
      return naming;
    }
    if (pattern.find_first_of("\\^$.|?*+()[]{}") == std::string::npos) {
      problems_.Add(field, absl::StrCat("matches no name but ", SanitizeForDisplay(pattern),
                                        "; write a regular expression, as \"[a-z][a-z0-9_]*\""));
      return naming;
    }
    naming.pattern = pattern;
    if (!absl::StrContains(pattern, '{')) {
      auto compiled = std::make_shared<const RE2>(pattern, RE2::Quiet);
      naming.matches = [compiled](absl::string_view text, const sql::NamingSubject&) {
        return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *compiled);
      };
      return naming;
    }
    naming.matches = [pattern](absl::string_view text, const sql::NamingSubject& subject) {
      const RE2 filled(Filled(pattern, subject), RE2::Quiet);
      return filled.ok() && RE2::FullMatch(re2::StringPiece(text.data(), text.size()), filled);
    };
    return naming;
  }

  // Names stand for themselves, whatever characters they hold. "a{2}" stays a repetition.
  static std::string Filled(const std::string& pattern, const sql::NamingSubject& subject) {
    return absl::StrReplaceAll(pattern, {{"{table}", RE2::QuoteMeta(subject.table)},
                                         {"{columns}", RE2::QuoteMeta(subject.columns)},
                                         {"{referenced}", RE2::QuoteMeta(subject.referenced)}});
  }

  void ReadAllowances() {
    for (int i = 0; i < file_.allow_size(); ++i) {
      const auto& from = file_.allow(i);
      const std::string field = absl::StrCat("allow[", i, "]");
      const sql::LintRule* rule = FindRule(absl::StrCat(field, ".rule"), from.rule());
      if (from.table().empty()) {
        problems_.Add(absl::StrCat(field, ".table"), "name a table, or a pattern such as tmp_*");
      }
      if (absl::StripAsciiWhitespace(from.reason()).empty()) {
        problems_.Add(absl::StrCat(field, ".reason"), "say why: it is shown with each finding");
      }
      if (rule != nullptr) {
        result_.allowances.push_back({rule->lint_id, from.table(), from.reason()});
      }
    }
  }

  template <typename List>
  static void ReadWords(const List& from, bool lower, std::vector<std::string>* to) {
    if (from.empty()) return;
    to->clear();
    for (const std::string& word : from) {
      to->push_back(lower ? absl::AsciiStrToLower(word) : word);
    }
  }

  void ReadLimit(absl::string_view name, int64_t from, int64_t* to) {
    if (from < 0) problems_.Add(absl::StrCat("limits.", name), "is below 0");
    if (from > 0) *to = from;
  }

  void ReadLimits() {
    const auto& limits = file_.limits();
    ReadLimit("affected_rows", limits.affected_rows(), &result_.max_affected_rows);
    ReadLimit("insert_rows", limits.insert_rows(), &result_.max_insert_rows);
    ReadLimit("small_table_rows", limits.small_table_rows(), &result_.small_table_rows);
    ReadLimit("large_table_rows", limits.large_table_rows(), &result_.large_table_rows);
    if (result_.small_table_rows >= result_.large_table_rows) {
      problems_.Add("limits", "small_table_rows has to be below large_table_rows");
    }
  }

  const config::v1::LintConfig& file_;
  const absl::string_view environment_;
  config::Problems& problems_;
  sql::LintConfig result_;
};

}  // namespace

absl::StatusOr<sql::LintConfig> ReadLintConfig(absl::string_view source, absl::string_view text,
                                               absl::string_view environment) {
  config::v1::LintConfig file;
  bool rest_is_good = true;
  const absl::Status parsed = config::ParseYaml(source, text, &file, &rest_is_good);
  if (!parsed.ok() && !rest_is_good) {
    if (!absl::StrContains(parsed.message(), "severity, environments")) return parsed;
    return Error(parsed.code(), ReasonOf(parsed),
                 absl::StrCat(parsed.message(),
                              "\na rule is written {severity: LEVEL}, or {environments: "
                              "{production: LEVEL}}; a LEVEL is off, info, warning or error"));
  }
  config::Problems problems(source, text);
  // No environment has a name with capitals.
  const std::string asked = absl::AsciiStrToLower(environment);
  sql::LintConfig config = Reader(file, asked, &problems).Read();
  RETURN_IF_ERROR(problems.Together(parsed));
  RETURN_IF_ERROR(CheckAsked(file, source, asked));
  return config;
}

}  // namespace dbfleet
