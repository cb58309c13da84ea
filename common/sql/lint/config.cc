#include "common/sql/lint/config.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dbfleet::sql {
namespace {

Level LevelFor(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return Level::kInfo;
    case Severity::kWarning:
      return Level::kWarning;
    case Severity::kError:
      return Level::kError;
  }
  return Level::kError;
}

// Linear in the product at worst: after a mismatch only the last "*" takes one more character.
bool Glob(absl::string_view pattern, absl::string_view text) {
  size_t p = 0, t = 0, star = absl::string_view::npos, taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && absl::ascii_tolower(static_cast<unsigned char>(pattern[p])) ==
                                         absl::ascii_tolower(static_cast<unsigned char>(text[t]))) {
      ++p;
      ++t;
    } else if (star != absl::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

LintConfig::LintConfig() {
  for (const LintRule& rule : LintRules()) Set(rule.lint_id, LevelFor(rule.severity));
}

LintConfig RunnerLintConfig() {
  LintConfig config;
  for (const LintRule& rule : LintRules()) {
    if ((rule.traits & kNotForRunner) != 0) config.Set(rule.lint_id, Level::kOff);
  }
  return config;
}

bool MatchesTable(absl::string_view pattern, const Name& table) {
  if (!absl::StrContains(pattern, '.')) return Glob(pattern, table.name);
  return Glob(pattern, absl::StrCat(table.schema, ".", table.name));
}

}  // namespace dbfleet::sql
