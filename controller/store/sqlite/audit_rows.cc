#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/audit/export.h"
#include "common/audit/merkle.h"
#include "common/base/canonical.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/store/sqlite/codec.h"
#include "controller/store/sqlite/rows.h"

namespace dbfleet::controller::sqlite {
namespace {

constexpr size_t kMaxValueBytes = 16 << 10;
constexpr size_t kMaxDetails = 256;
// Leaves room for escapes and base64 below the longest line that a verifier reads.
constexpr size_t kMaxCanonicalBytes = 1 << 20;
static_assert(8 * kMaxCanonicalBytes < audit::kMaxLineBytes);

constexpr char kSelect[] =
    "SELECT seq, time_us, actor, action, resource, environment, details, previous_hash, hash "
    "FROM audit ";

std::string CanonicalBytes(uint64_t seq, absl::Time time, const AuditEntry& entry,
                           absl::string_view previous_hash) {
  return audit::CanonicalBytes(audit::RecordView{seq, time, entry.actor, entry.action,
                                                 entry.resource, entry.environment, entry.details,
                                                 previous_hash});
}

absl::Status Unreadable(int64_t seq) {
  return Error(absl::StatusCode::kDataLoss, "AUDIT_CORRUPT",
               absl::StrCat("the details of audit record ", seq, " cannot be read"));
}

absl::StatusOr<AuditRow> ReadAuditRow(const Statement& statement) {
  AuditRow row;
  row.seq = static_cast<uint64_t>(statement.Int(0));
  row.record_time = absl::FromUnixMicros(statement.Int(1));
  row.entry.actor = statement.Text(2);
  row.entry.action = statement.Text(3);
  row.entry.resource = statement.Text(4);
  row.entry.environment = statement.Text(5);
  if (!Decode(statement.Text(6), &row.entry.details)) {
    return Unreadable(statement.Int(0));
  }
  row.previous_hash = statement.Text(7);
  row.hash = statement.Text(8);
  row.canonical = CanonicalBytes(row.seq, row.record_time, row.entry, row.previous_hash);
  return row;
}

absl::StatusOr<std::vector<AuditRow>> ReadAll(Statement* statement) {
  std::vector<AuditRow> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement->Step());
    if (!more) return rows;
    ASSIGN_OR_RETURN(AuditRow row, ReadAuditRow(*statement));
    rows.push_back(std::move(row));
  }
}

absl::StatusOr<Statement> PrepareFrom(Connection& connection, absl::string_view select,
                                      uint64_t from_seq, int limit) {
  ASSIGN_OR_RETURN(Statement statement, connection.Prepare(absl::StrCat(
                                            select, "WHERE seq >= ?1 ORDER BY seq LIMIT ?2")));
  constexpr uint64_t kLargest = std::numeric_limits<int64_t>::max();
  statement.BindInt(1, static_cast<int64_t>(std::min(from_seq, kLargest)));
  statement.BindInt(2, std::max(limit, 0));
  return statement;
}

absl::Status TooLarge(absl::string_view most) {
  return Error(absl::StatusCode::kInvalidArgument, "AUDIT_TOO_LARGE",
               absl::StrCat("an audit record holds at most ", most,
                            "; put the rest where its hash can name it"));
}

bool Fits(absl::string_view text) { return text.size() <= kMaxValueBytes && IsValidUtf8(text); }

bool Fits(const AuditEntry& entry) {
  return Fits(entry.actor) && Fits(entry.action) && Fits(entry.resource) &&
         Fits(entry.environment) &&
         std::all_of(entry.details.begin(), entry.details.end(),
                     [](const auto& detail) { return Fits(detail.first) && Fits(detail.second); });
}

std::string Fit(absl::string_view text) {
  std::string fit = IsValidUtf8(text) ? std::string(text) : SanitizeForDisplay(text, true);
  if (fit.size() <= kMaxValueBytes) return fit;
  return absl::StrCat(Truncate(fit, kMaxValueBytes), " (", text.size(), " bytes, SHA-256 ",
                      Sha256Hex(text), ")");
}

AuditEntry Fit(const AuditEntry& entry) {
  AuditEntry fit = {
      Fit(entry.actor), Fit(entry.action), Fit(entry.resource), Fit(entry.environment), {}};
  for (const auto& [key, value] : entry.details) fit.details[Fit(key)] = Fit(value);
  return fit;
}

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

// nullopt: there is no such record. The narrower column leads: a resource, then an action, then a
// collection or an actor, which have indexes in the order that is wanted.
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
  // A "+" keeps an index out of it: a collection is large beside an action, and what begins with
  // one of very many actions is found soon by going back from the newest.
  if (collection) {
    way.others.Add(
        absl::StrCat(few_actions ? "+" : "", "substr(resource, 1, instr(resource, '/')) = ?"),
        {{resource}});
  } else if (way.column != "resource") {
    AddPrefix("resource", resource, &way.others);
  }
  AddPrefix(few_actions ? "action" : "+action", filter.action_prefix, &way.others);
  if (!filter.actions.empty() && way.column != "action") {
    const std::vector<std::string> places(filter.actions.size(), "?");
    way.others.Add(absl::StrCat("+action IN (", absl::StrJoin(places, ", "), ")"), filter.actions);
  }
  if (!filter.actor.empty()) way.others.Add("actor = ?", {{filter.actor}});
  return way;
}

absl::StatusOr<std::vector<AuditRow>> NewestOf(Connection& connection, const Condition& condition,
                                               int64_t after, int64_t before, size_t limit) {
  ASSIGN_OR_RETURN(
      Statement statement,
      connection.Prepare(absl::StrCat(kSelect, "WHERE ", absl::StrJoin(condition.sql, " AND "),
                                      condition.sql.empty() ? "" : " AND ",
                                      "seq > ? AND seq < ? ORDER BY seq DESC LIMIT ", limit)));
  int index = 0;
  for (const std::string& value : condition.values) statement.BindText(++index, value);
  statement.BindInt(++index, after);
  statement.BindInt(++index, before);
  return ReadAll(&statement);
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
    Condition one = way->others;
    one.Add(absl::StrCat(way->column, " = ?"), {{value}});
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

absl::StatusOr<std::vector<AuditRow>> ReadAudit(Connection& connection, uint64_t from_seq,
                                                int limit) {
  ASSIGN_OR_RETURN(Statement statement, PrepareFrom(connection, kSelect, from_seq, limit));
  return ReadAll(&statement);
}

absl::StatusOr<std::vector<AuditRow>> SkimAudit(Connection& connection, uint64_t from_seq,
                                                int limit) {
  ASSIGN_OR_RETURN(
      Statement statement,
      PrepareFrom(connection, "SELECT seq, action, resource FROM audit ", from_seq, limit));
  std::vector<AuditRow> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return rows;
    AuditRow& row = rows.emplace_back();
    row.seq = static_cast<uint64_t>(statement.Int(0));
    row.entry.action = statement.Text(1);
    row.entry.resource = statement.Text(2);
  }
}

absl::StatusOr<std::vector<std::map<std::string, std::string>>> AuditDetails(
    Connection& connection, absl::string_view resource, absl::string_view action) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("SELECT seq, details FROM audit WHERE resource = ?1 AND "
                                      "action = ?2 ORDER BY seq"));
  statement.BindText(1, resource);
  statement.BindText(2, action);
  std::vector<std::map<std::string, std::string>> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return found;
    if (!Decode(statement.Text(1), &found.emplace_back())) return Unreadable(statement.Int(0));
  }
}

absl::StatusOr<bool> AuditMentions(Connection& connection, absl::string_view resource,
                                   absl::string_view text) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("SELECT 1 FROM audit WHERE resource = ?1 AND "
                                      "instr(details, ?2) > 0 LIMIT 1"));
  statement.BindText(1, resource);
  statement.BindText(2, text);
  return statement.Step();
}

absl::StatusOr<ChainHead> ReadChainHead(Connection& connection) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare(absl::StrCat(kSelect, "ORDER BY seq DESC LIMIT 1")));
  ASSIGN_OR_RETURN(const std::vector<AuditRow> rows, ReadAll(&statement));
  ChainHead head;
  if (rows.empty()) return head;
  if (Sha256(rows[0].canonical) != rows[0].hash) {
    return Error(absl::StatusCode::kDataLoss, "AUDIT_CORRUPT",
                 absl::StrCat("audit record ", rows[0].seq,
                              ", the last one, was altered; restore the "
                              "store, or keep it as evidence and begin a new one"));
  }
  head.seq = rows[0].seq;
  head.hash = rows[0].hash;
  head.leaf = audit::LeafHash(rows[0].canonical);
  return head;
}

absl::Status AppendAudit(Connection& connection, const AuditEntry& given, absl::Time now,
                         ChainHead* head) {
  if (given.details.size() > kMaxDetails) return TooLarge(absl::StrCat(kMaxDetails, " details"));
  const bool fits = Fits(given);
  const AuditEntry fit = fits ? AuditEntry() : Fit(given);
  const AuditEntry& entry = fits ? given : fit;
  const uint64_t seq = head->seq + 1;
  const int64_t micros = absl::ToUnixMicros(now);
  const std::string canonical =
      CanonicalBytes(seq, absl::FromUnixMicros(micros), entry, head->hash);
  if (canonical.size() > kMaxCanonicalBytes) return TooLarge("1 MiB");
  const std::string previous_hash = head->hash;
  const std::string hash = Sha256(canonical);
  const std::string details = Encode(entry.details);
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("INSERT INTO audit(seq, time_us, actor, action, resource, "
                                      "environment, details, previous_hash, hash) "
                                      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
  statement.BindInt(1, static_cast<int64_t>(seq));
  statement.BindInt(2, micros);
  statement.BorrowText(3, entry.actor);
  statement.BorrowText(4, entry.action);
  statement.BorrowText(5, entry.resource);
  statement.BorrowText(6, entry.environment);
  statement.BorrowText(7, details);
  statement.BorrowBlob(8, previous_hash);
  statement.BorrowBlob(9, hash);
  RETURN_IF_ERROR(statement.Run());
  head->seq = seq;
  head->hash = hash;
  head->leaf = audit::LeafHash(canonical);
  return absl::OkStatus();
}

}  // namespace dbfleet::controller::sqlite
