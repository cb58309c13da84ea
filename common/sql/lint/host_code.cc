#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// Calls of ActiveRecord in PHP and Ruby.
namespace dbfleet::sql {
namespace {

// $db, $this->orders: no class stands there.
bool IsClass(const CallFacts& call) {
  return !call.receiver.empty() && call.receiver[0] != '$' && call.receiver[0] != '(';
}

// DB::table('orders'), where the class alone does not say whose rows they are.
bool IsTableOfFacade(const Look& look, const CallFacts& call) {
  const bool facade = call.receiver == "DB" || absl::EndsWith(call.receiver, "\\DB");
  return call.php && facade && !call.raw_sql && !look.table().name.empty();
}

// What the call is made on, as the language writes it: "Order::", "$orders->", "Order.".
std::string Caller(const Look& look, const CallFacts& call) {
  if (call.receiver.empty()) return "";
  if (!call.php) return absl::StrCat(call.receiver, ".");
  if (IsTableOfFacade(look, call)) {
    return absl::StrCat(call.receiver, "::table('", look.table().name, "')->");
  }
  return absl::StrCat(call.receiver, IsClass(call) ? "::" : "->");
}

std::string CallText(const Look& look, const CallFacts& call) {
  return absl::StrCat(Caller(look, call), call.method);
}

void WithoutConditions(const Look& look, const CallFacts& call) {
  if (!ChangesAllRows(call)) return;
  const std::string caller = Caller(look, call);
  // These are names of php-activerecord's, which is given conditions as options.
  look.Report(LintId::kArWithoutConditions,
              absl::StrCat(CallText(look, call), " touches every row"),
              call.php ? absl::StrCat("write ", caller, call.method,
                                      "(['conditions' => [...]]), in batches of keys")
                       : absl::StrCat("write ", caller, "where(...).", call.method,
                                      "(...), in batches of keys"));
}

std::string Batches(const Look& look, const CallFacts& call) {
  if (!call.php) return absl::StrCat(", or ", Caller(look, call), "find_each");
  // What a variable holds may be of another library.
  return IsClass(call) ? absl::StrCat(", or in Laravel ", Caller(look, call), "lazyById()") : "";
}

// Of calls on a model; raw SQL is held against the rules of SQL.
void UnboundedRead(const Look& look, const CallFacts& call) {
  const bool loads = call.method == "all" || call.method == "find_all" || call.method == "to_a" ||
                     call.method == "load" || call.method == "each" || call.method == "where" ||
                     (call.method == "get" && call.php) ||
                     (call.method == "find" && look.is(Verb::kSelect));
  const bool by_this = loads && !call.has_conditions && !call.has_limit;
  if (call.raw_sql || (!by_this && call.loads_all.empty())) return;
  const std::string caller = Caller(look, call);
  const std::string rows = IsTableOfFacade(look, call) ? look.Sql(look.table()) : call.receiver;
  const std::string batches = Batches(look, call);
  look.Report(
      LintId::kArUnboundedRead,
      absl::StrCat(caller, call.loads_all.empty() ? call.method : call.loads_all,
                   call.php ? "()" : "", " loads all rows of ", rows.empty() ? "the model" : rows),
      absl::StrCat("write conditions", batches.empty() ? " or " : ", ",
                   call.php ? "limit($n)" : "limit(n)", batches));
}

// As the library writes it that the call is of. "": find_by_sql, as the rule says.
std::string WithPlaceholders(const CallFacts& call) {
  if (absl::StartsWith(call.method, "pg_")) {
    return "write pg_query_params($connection, '... WHERE id = $1', [$id])";
  }
  if (call.php) {
    return "write prepare('... WHERE id = ?') and execute([$id]), or in Laravel "
           "DB::select('... WHERE id = ?', [$id])";
  }
  // Of the gem pg.
  return call.method == "exec" || call.method == "async_exec" || call.method == "exec_params"
             ? "write exec_params(\"... WHERE id = $1\", [id])"
             : "";
}

void NoPlaceholders(const Look& look, const CallFacts& call) {
  if (!call.raw_sql || call.concatenates || call.has_placeholders) return;
  if (look.facts.query.filtered_columns.empty()) return;
  look.Report(LintId::kArNoPlaceholders,
              absl::StrCat(CallText(look, call), " hands over SQL without placeholders"),
              WithPlaceholders(call));
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

// Of SQL as text no model is known that could load or write something together.
std::string OneStatement(bool writes) {
  return writes
             ? "gather the rows in the loop, and write them behind it with one statement: INSERT "
               "... VALUES (...), (...), or UPDATE ... WHERE id IN (...)"
             : "run one statement in front of the loop, for all of its values: SELECT ... WHERE "
               "id IN (...)";
}

void NPlusOne(const Look& look, const CallFacts& call) {
  // ActiveRecord has no get: it is of a hash, or of a client of another store.
  const bool of_store = !call.php && call.method == "get";
  if (!call.in_loop || call.each_batch || of_store || IsOfBatches(call)) return;
  const bool writes = IsDml(look.facts.verb);
  absl::string_view advice = "load them before the loop: includes(...), or where(id: ids)";
  if (call.php) {
    const bool doctrine = call.method == "findby" || call.method == "findoneby";
    advice = doctrine ? "load them before the loop: findBy(['id' => $ids])"
                      : "load them before the loop: with(...), or whereIn('id', $ids)";
  }
  if (writes) {
    advice = call.php
                 ? "gather the rows in the loop, and write them behind it at once: insert($rows), "
                   "upsert(...), or whereIn('id', $ids)->update(...)"
                 : "gather the rows in the loop, and write them behind it at once: "
                   "insert_all(rows), upsert_all(rows), or where(id: ids).update_all(...)";
  }
  look.Report(LintId::kNPlusOne,
              absl::StrCat(CallText(look, call), " runs once for each record of a loop"),
              call.raw_sql ? OneStatement(writes) : std::string(advice));
}

void AssociationInLoop(const Look& look, const CallFacts& call) {
  if (call.walked.empty()) return;
  look.Report(LintId::kAssociationInLoop,
              absl::StrCat("the loop over ", call.receiver, " reads ", call.walked,
                           " of each record, which is a query for each unless it is loaded ahead"),
              call.php ? absl::StrCat("load it with the records: ", call.receiver, "::with('",
                                      call.walked, "')")
                       : absl::StrCat("load it with the records: ", call.receiver,
                                      ".includes(:", call.walked, ")"));
}

}  // namespace

bool ChangesAllRows(const CallFacts& call) {
  const std::string& method = call.method;
  // in_batches is the safe form itself.
  return !call.has_conditions && !call.has_limit &&
         (method == "update_all" || method == "delete_all" || method == "destroy_all");
}

void CheckHostCode(const Look& look) {
  if (!look.facts.call.has_value()) return;
  const CallFacts& call = *look.facts.call;
  WithoutConditions(look, call);
  UnboundedRead(look, call);
  NoPlaceholders(look, call);
  NPlusOne(look, call);
  AssociationInLoop(look, call);
}

}  // namespace dbfleet::sql
