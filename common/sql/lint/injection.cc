#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// What input that became SQL leaves behind, and how it gets in.
namespace dbfleet::sql {
namespace {

// What names columns and tables alone.
bool TakesNames(const CallFacts& call) {
  static constexpr absl::string_view kNames[] = {"from",       "fromraw",     "group",   "groupby",
                                                 "groupbyraw", "in_order_of", "order",   "orderby",
                                                 "orderbyraw", "pluck",       "regroup", "reorder"};
  return std::find(std::begin(kNames), std::end(kNames), call.method) != std::end(kNames);
}

// A placeholder stands for a value; in the place of a name the server would take it for a text.
std::string WithoutJoining(const CallFacts& call, const std::string& value) {
  const std::string names =
      call.php ? absl::StrCat("in_array(", value, ", ['name', 'created_at'], true)")
               : absl::StrCat("%w[name created_at].include?(", value,
                              "), and write it through connection.quote_column_name or "
                              "quote_table_name");
  if (TakesNames(call)) {
    return absl::StrCat("no placeholder stands for a name or a direction: take only what is in a ",
                        "list of allowed ones, ", names);
  }
  return absl::StrCat("write a placeholder, and the value beside it: (\"... = ?\", ", value,
                      "); if it is a name of a table or column or a direction, for which no "
                      "placeholder stands, take only what is in a list of allowed ones: ",
                      names);
}

void Concatenation(const Look& look) {
  if (!look.facts.call.has_value()) return;
  const CallFacts& call = *look.facts.call;
  // Joining "?, ?" for a list of values is how placeholders are written.
  if (!call.concatenates || call.placeholders_only) return;
  const std::string value =
      call.joined_value.empty() ? "a value of the program" : call.joined_value;
  look.Report(LintId::kInjectionConcatenation,
              absl::StrCat("SQL text is joined with ", value, " in ", call.method, "(...)"),
              WithoutJoining(call, value));
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
