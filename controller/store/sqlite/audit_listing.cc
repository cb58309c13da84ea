// Listings of the audit trail by resource, actor and action, newest first (rows.h).
#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/canonical.h"
#include "common/base/status.h"
#include "controller/store/sqlite/audit_reads.h"
#include "controller/store/sqlite/rows.h"

namespace dbfleet::controller::sqlite {
namespace {

// A range of texts has no order by seq: all of its records would be read and sorted for each page.
// So the records of up to this many resources or actions are merged, each from its own newest on.
constexpr size_t kMaxMerged = 32;

// Parts of a WHERE clause that all have to hold, with the values of their "?".
struct Condition {
  std::vector<std::string> sql;
  std::vector<std::string> values;

  void Add(absl::string_view part, absl::Span<const std::string> more) {
    sql.emplace_back(part);
    values.insert(values.end(), more.begin(), more.end());
  }
};

bool IsCollection(absl::string_view prefix) { return prefix.find('/') == prefix.size() - 1; }

void AddPrefix(absl::string_view column, const std::string& prefix, Condition* condition) {
  if (prefix.empty()) return;
  // 0xFF is in no UTF-8 text, so this is exactly the range of the texts with the prefix.
  condition->Add(absl::StrCat(column, " >= ? AND ", column, " < ?"), {{prefix, prefix + "\xFF"}});
}

// The column's values with the prefix, one look at the index for each; at most one more than are
// merged.
absl::StatusOr<std::vector<std::string>> ValuesWithPrefix(Connection& connection,
                                                          absl::string_view column,
                                                          const std::string& prefix) {
  std::vector<std::string> values;
  while (values.size() <= kMaxMerged) {
    ASSIGN_OR_RETURN(Statement statement, connection.Prepare(absl::StrCat(
                                              "SELECT ", column, " FROM audit WHERE ", column,
                                              values.empty() ? " >=" : " >", " ?1 AND ", column,
                                              " < ?2 ORDER BY ", column, " LIMIT 1")));
    statement.BindText(1, values.empty() ? prefix : values.back());
    statement.BindText(2, prefix + "\xFF");
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) break;
    values.push_back(statement.Text(0));
  }
  return values;
}

// How the records of a filter are found: those of each of these values of one column are merged.
struct AuditWay {
  absl::string_view column;  // "": one look at all that the conditions hold.
  std::vector<std::string> values;
  Condition others;  // What has to hold beside it.
};

// Who does most of what is recorded, beside whom an action is narrow.
bool IsPerson(absl::string_view actor) { return absl::StartsWith(actor, "users/"); }

// nullopt: there is no such record. The narrower column leads: a resource, then a person, then an
// action, then a collection or what acts by itself, which have indexes in the order that is wanted.
absl::StatusOr<std::optional<AuditWay>> WayTo(Connection& connection, const AuditFilter& filter) {
  AuditWay way;
  const std::string& resource = filter.resource_prefix;
  const bool collection = !filter.exact && !resource.empty() && IsCollection(resource);
  if (filter.exact) {
    way.column = "resource";
    way.values = {resource};
  } else if (!resource.empty() && !collection) {
    ASSIGN_OR_RETURN(way.values, ValuesWithPrefix(connection, "resource", resource));
    if (way.values.empty()) return std::optional<AuditWay>();
    if (way.values.size() <= kMaxMerged) way.column = "resource";
  }
  if (way.column.empty() && IsPerson(filter.actor)) {
    way.column = "actor";
    way.values = {filter.actor};
  }
  bool few_actions = !filter.actions.empty();
  if (way.column.empty() && few_actions) {
    way.column = "action";
    way.values = filter.actions;
  } else if (way.column.empty() && !filter.action_prefix.empty()) {
    ASSIGN_OR_RETURN(way.values, ValuesWithPrefix(connection, "action", filter.action_prefix));
    if (way.values.empty()) return std::optional<AuditWay>();
    few_actions = way.values.size() <= kMaxMerged;
    if (few_actions) way.column = "action";
  }
  if (way.column.empty()) way.values.clear();
  // A "+" keeps an index out of it: of conditions the planner, which knows nothing of how many
  // records there are of each, takes whichever index was made last. A collection is large beside
  // what leads, and what begins with one of very many actions is found soon by going back from the
  // newest.
  const absl::string_view no_index = way.column.empty() ? "" : "+";
  if (collection) {
    way.others.Add(absl::StrCat(no_index, "substr(resource, 1, instr(resource, '/')) = ?"),
                   {{resource}});
  } else if (way.column != "resource") {
    AddPrefix(absl::StrCat(no_index, "resource"), resource, &way.others);
  }
  AddPrefix("+action", filter.action_prefix, &way.others);
  if (!filter.actions.empty() && way.column != "action") {
    const std::vector<std::string> places(filter.actions.size(), "?");
    way.others.Add(absl::StrCat("+action IN (", absl::StrJoin(places, ", "), ")"), filter.actions);
  }
  if (!filter.actor.empty() && way.column != "actor") {
    way.others.Add(absl::StrCat(no_index, "actor = ?"), {{filter.actor}});
  }
  return way;
}

std::string NewestFirst(const Condition& condition, size_t limit) {
  return absl::StrCat(kSelectAudit, "WHERE ", absl::StrJoin(condition.sql, " AND "),
                      condition.sql.empty() ? "" : " AND ",
                      "seq > ? AND seq < ? ORDER BY seq DESC LIMIT ", limit);
}

// What holds for the records of one of the values that are merged.
Condition ConditionOf(const AuditWay& way, const std::string& value) {
  Condition one = way.others;
  one.Add(absl::StrCat(way.column, " = ?"), {{value}});
  return one;
}

absl::StatusOr<std::vector<AuditRow>> NewestOf(Connection& connection, const Condition& condition,
                                               int64_t after, int64_t before, size_t limit) {
  ASSIGN_OR_RETURN(Statement statement, connection.Prepare(NewestFirst(condition, limit)));
  int index = 0;
  for (const std::string& value : condition.values) statement.BindText(++index, value);
  statement.BindInt(++index, after);
  statement.BindInt(++index, before);
  return ReadAuditRows(&statement);
}

std::vector<AuditRow> NewestOfBoth(std::vector<AuditRow> one, std::vector<AuditRow> other,
                                   size_t limit) {
  std::vector<AuditRow> both;
  both.reserve(one.size() + other.size());
  std::merge(std::make_move_iterator(one.begin()), std::make_move_iterator(one.end()),
             std::make_move_iterator(other.begin()), std::make_move_iterator(other.end()),
             std::back_inserter(both),
             [](const AuditRow& a, const AuditRow& b) { return a.seq > b.seq; });
  if (both.size() > limit) both.resize(limit);
  return both;
}

}  // namespace

absl::StatusOr<std::string> PlanOfAudit(Connection& connection, const AuditFilter& filter) {
  ASSIGN_OR_RETURN(const std::optional<AuditWay> way, WayTo(connection, filter));
  if (!way.has_value()) return std::string();
  const Condition condition =
      way->column.empty() ? way->others : ConditionOf(*way, way->values.front());
  ASSIGN_OR_RETURN(Statement statement, connection.Prepare(absl::StrCat(
                                            "EXPLAIN QUERY PLAN ", NewestFirst(condition, 10))));
  std::string plan;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return plan;
    absl::StrAppend(&plan, statement.Text(3), "\n");
  }
}

absl::StatusOr<Page<AuditRow>> ListAudit(Connection& connection, const PageTokens& tokens,
                                         const AuditFilter& filter, const PageRequest& request) {
  ASSIGN_OR_RETURN(const int size, PageSize(request));
  CanonicalWriter listing("audit");
  listing.Text(filter.resource_prefix).Text(filter.actor);
  if (filter.exact) listing.Text("exact");
  // Tokens of listings without actions are those of former versions.
  if (!filter.action_prefix.empty() || !filter.actions.empty()) {
    listing.Text(filter.action_prefix).List(filter.actions);
  }
  int64_t before = std::numeric_limits<int64_t>::max();
  if (!request.token.empty()) {
    ASSIGN_OR_RETURN(const std::string key, tokens.Open(listing.bytes(), request.token));
    if (!absl::SimpleAtoi(key, &before)) return absl::InternalError("a page token of no number");
  }
  Page<AuditRow> page;
  ASSIGN_OR_RETURN(const std::optional<AuditWay> way, WayTo(connection, filter));
  if (!way.has_value()) return page;
  const size_t limit = static_cast<size_t>(size) + 1;
  if (way->column.empty()) {
    ASSIGN_OR_RETURN(page.items, NewestOf(connection, way->others, 0, before, limit));
  }
  for (const std::string& value : way->values) {
    const Condition one = ConditionOf(*way, value);
    // Of this one only what is newer than the oldest of a full page.
    const auto after = page.items.size() < limit ? 0 : page.items.back().seq;
    ASSIGN_OR_RETURN(std::vector<AuditRow> rows,
                     NewestOf(connection, one, static_cast<int64_t>(after), before, limit));
    page.items = NewestOfBoth(std::move(page.items), std::move(rows), limit);
  }
  if (static_cast<int>(page.items.size()) > size) {
    page.items.pop_back();
    page.next_token = tokens.Make(listing.bytes(), absl::StrCat(page.items.back().seq));
  }
  return page;
}

}  // namespace dbfleet::controller::sqlite
