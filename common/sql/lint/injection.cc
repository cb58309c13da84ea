#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// What input that became SQL leaves behind, and how it gets in.
namespace dbfleet::sql {
namespace {

void Concatenation(const Look& look) {
  if (!look.facts.call.has_value()) return;
  const CallFacts& call = *look.facts.call;
  // Joining "?, ?" for a list of values is how placeholders are written.
  if (!call.concatenates || call.placeholders_only) return;
  const std::string value =
      call.joined_value.empty() ? "a value of the program" : call.joined_value;
  look.Report(
      LintId::kInjectionConcatenation,
      absl::StrCat("SQL text is joined with ", value, " in ", call.method, "(...)"),
      absl::StrCat("write a placeholder, and the value beside it: (\"... = ?\", ", value, ")"));
}

void Tautology(const Look& look) {
  if (!look.facts.query.tautology) return;
  const std::string& text = look.facts.query.tautology_text;
  look.Report(LintId::kInjectionTautology,
              text.empty() ? "" : absl::StrCat("the condition ", text, " is always true"));
}

std::string At(const InjectionFacts& injection) {
  return injection.text.empty() ? "" : absl::StrCat(": ", injection.text);
}

void Traces(const Look& look) {
  const InjectionFacts& injection = look.facts.injection;
  if (injection.stacked) {
    look.Report(LintId::kInjectionStacked,
                absl::StrCat("a second statement stands where one was to be", At(injection)));
  }
  if (injection.hidden_by_comment) {
    look.Report(LintId::kInjectionComment,
                absl::StrCat("a comment hides a part of the statement", At(injection)));
  }
}

}  // namespace

void CheckInjection(const Look& look) {
  Concatenation(look);
  Tautology(look);
  Traces(look);
}

}  // namespace dbfleet::sql
