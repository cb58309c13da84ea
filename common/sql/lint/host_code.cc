#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// Calls of ActiveRecord in PHP and Ruby.
namespace dbfleet::sql {
namespace {

std::string CallText(const CallFacts& call) {
  return call.receiver.empty() ? call.method : absl::StrCat(call.receiver, ".", call.method);
}

void WithoutConditions(const Look& look, const CallFacts& call) {
  if (!ChangesAllRows(call)) return;
  look.Report(LintId::kArWithoutConditions, absl::StrCat(CallText(call), " touches every row"),
              absl::StrCat("write ", call.receiver, ".where(...).", call.method,
                           "(...), in batches of keys"));
}

// Of calls on a model; raw SQL is held against the rules of SQL.
void UnboundedRead(const Look& look, const CallFacts& call) {
  const bool loads = call.method == "all" || call.method == "find_all" || call.method == "to_a" ||
                     call.method == "load" || call.method == "each" || call.method == "where" ||
                     call.method == "get" || (call.method == "find" && look.is(Verb::kSelect));
  if (!loads || call.raw_sql || call.has_conditions || call.has_limit) return;
  look.Report(LintId::kArUnboundedRead,
              absl::StrCat(CallText(call), " loads all rows of ",
                           call.receiver.empty() ? "the model" : call.receiver),
              absl::StrCat("write conditions, limit(n), or ", call.receiver, ".find_each"));
}

void NoPlaceholders(const Look& look, const CallFacts& call) {
  if (!call.raw_sql || call.concatenates || call.has_placeholders) return;
  if (look.facts.query.filtered_columns.empty()) return;
  look.Report(LintId::kArNoPlaceholders,
              absl::StrCat(CallText(call), " hands over SQL without placeholders"));
}

// Writes many rows at once, so that a loop around it is one over batches; or sends nothing by
// itself, as Doctrine's persist, which the flush behind the loop writes.
bool IsOfBatches(const CallFacts& call) {
  static constexpr absl::string_view kNames[] = {"insert_all", "insert_all!",   "upsert_all",
                                                 "upsert",     "insert_batch",  "update_batch",
                                                 "persist",    "insertorignore"};
  return !call.raw_sql &&
         std::find(std::begin(kNames), std::end(kNames), call.method) != std::end(kNames);
}

void NPlusOne(const Look& look, const CallFacts& call) {
  if (!call.in_loop || IsOfBatches(call)) return;
  const bool writes = IsDml(look.facts.verb);
  absl::string_view advice = "load them before the loop: includes(...), or where(id: ids)";
  if (call.php) advice = "load them before the loop: with(...), or whereIn('id', $ids)";
  if (writes) {
    advice = call.php
                 ? "gather the rows in the loop, and write them behind it at once: insert($rows), "
                   "upsert(...), or whereIn('id', $ids)->update(...)"
                 : "gather the rows in the loop, and write them behind it at once: "
                   "insert_all(rows), upsert_all(rows), or where(id: ids).update_all(...)";
  }
  look.Report(LintId::kNPlusOne,
              absl::StrCat(CallText(call), " runs once for each record of a loop"),
              std::string(advice));
}

}  // namespace

bool ChangesAllRows(const CallFacts& call) {
  const std::string& method = call.method;
  return !call.has_conditions &&
         (method == "update_all" || method == "delete_all" || method == "destroy_all");
}

void CheckHostCode(const Look& look) {
  if (!look.facts.call.has_value()) return;
  const CallFacts& call = *look.facts.call;
  WithoutConditions(look, call);
  UnboundedRead(look, call);
  NoPlaceholders(look, call);
  NPlusOne(look, call);
}

}  // namespace dbfleet::sql
