#include "controller/store/sqlite/outbox_rows.h"

#include "absl/strings/str_cat.h"

#include "controller/domain/names.h"
#include "controller/store/sqlite/codec.h"
#include "controller/store/sqlite/listing.h"
#include "controller/store/sqlite/table_row.h"

namespace dbfleet::controller::sqlite {

static_assert(FieldCount<Notification>() == 14,
              "a field was added: give it a column here and in schema_steps.cc");

template <>
struct Table<Notification> {
  static constexpr char kName[] = "notifications";
  static constexpr char kNoun[] = "notification";
  static constexpr char kKey[] = "id";
  static const std::string& Key(const Notification& value) { return value.id; }
  template <typename N, typename Visitor>
  static void Columns(N& value, Visitor& v) {
    v.Fixed("id", value.id);
    v.Fixed("route", value.route);
    v.Fixed("recipient", value.recipient);
    v.Fixed("subject", value.subject);
    v.Fixed("seq", value.seq);
    v.Fixed("trigger_name", value.trigger);
    v("fields", value.fields);
    v("state", value.state);
    v("attempts", value.attempts);
    v("create_time", value.create_time);
    v("next_time", value.next_time);
    v("end_time", value.end_time);
    v("error", value.error);
  }
};

absl::StatusOr<Notification> SqliteOutbox::Get(absl::string_view id) const {
  return GetRow<Notification>(db_, id);
}

absl::Status SqliteOutbox::Insert(Notification* value) { return InsertRow(db_, value); }

absl::Status SqliteOutbox::Update(Notification* value) { return UpdateRow(db_, value); }

absl::StatusOr<Page<Notification>> SqliteOutbox::List(const NotificationFilter& filter,
                                                      const PageRequest& page) const {
  return ListRows<Notification>(
      db_, tokens_,
      {{"state", filter.state.has_value() ? std::string(NameOf(*filter.state)) : ""},
       {"route", filter.route}},
      "", Order::kDescending, page);
}

absl::StatusOr<std::vector<Notification>> SqliteOutbox::Due(absl::string_view route,
                                                            const DueTimes& times,
                                                            int limit) const {
  // A row is first where no waiting one of an earlier record is left for the same subject.
  static const auto& sql = *new std::string(absl::StrCat(
      SelectSql<Notification>(),
      "AS n WHERE state = 'waiting' AND route = ?1 AND (next_time <= ?2 OR next_time > ?3) "
      "AND NOT EXISTS (SELECT 1 FROM notifications AS o INDEXED BY notifications_subject "
      "WHERE o.state = 'waiting' AND o.route = n.route AND o.subject = n.subject "
      "AND o.recipient = n.recipient AND o.seq < n.seq) ORDER BY next_time, seq LIMIT ?4"));
  ASSIGN_OR_RETURN(Statement statement, db_.Prepare(sql));
  statement.BindText(1, route);
  statement.BindInt(2, EncodeTime(times.now));
  statement.BindInt(3, EncodeTime(times.farthest));
  statement.BindInt(4, limit);
  std::vector<Notification> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return rows;
    ASSIGN_OR_RETURN(Notification row, ReadRow<Notification>(statement));
    rows.push_back(std::move(row));
  }
}

absl::StatusOr<std::vector<std::string>> SqliteOutbox::WaitingRoutes() const {
  // One step down the index for each route, whatever number of rows it has.
  ASSIGN_OR_RETURN(
      Statement statement,
      db_.Prepare("WITH RECURSIVE r(route) AS ("
                  "SELECT min(route) FROM notifications WHERE state = 'waiting' UNION ALL "
                  "SELECT (SELECT min(route) FROM notifications WHERE state = 'waiting' "
                  "AND route > r.route) FROM r WHERE r.route IS NOT NULL) "
                  "SELECT route FROM r WHERE route IS NOT NULL"));
  std::vector<std::string> routes;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return routes;
    routes.push_back(statement.Text(0));
  }
}

absl::StatusOr<std::optional<Notification>> SqliteOutbox::Last(absl::string_view route,
                                                               absl::string_view subject) const {
  ASSIGN_OR_RETURN(
      std::vector<Notification> rows,
      SelectRows<Notification>(db_, "WHERE route = ?1 AND subject = ?2 ORDER BY seq DESC LIMIT 1",
                               {std::string(route), std::string(subject)}));
  if (rows.empty()) return std::nullopt;
  return std::move(rows[0]);
}

absl::StatusOr<int> SqliteOutbox::CountWaiting(absl::string_view route, int limit) const {
  ASSIGN_OR_RETURN(
      Statement statement,
      db_.Prepare("SELECT count(*) FROM (SELECT 1 FROM notifications WHERE state = 'waiting' "
                  "AND route = ?1 LIMIT ?2)"));
  statement.BindText(1, route);
  statement.BindInt(2, limit);
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? static_cast<int>(statement.Int(0)) : 0;
}

absl::StatusOr<NotificationCounts> SqliteOutbox::Count() const {
  ASSIGN_OR_RETURN(
      Statement statement,
      db_.Prepare("SELECT (SELECT count(*) FROM notifications WHERE state = 'waiting'), "
                  "(SELECT count(*) FROM notifications WHERE state = 'failed'), "
                  "(SELECT min(create_time) FROM notifications WHERE state = 'waiting')"));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  NotificationCounts counts;
  if (!row) return counts;
  counts.waiting = statement.Int(0);
  counts.failed = statement.Int(1);
  if (counts.waiting > 0) counts.oldest_waiting = DecodeTime(statement.Int(2));
  return counts;
}

absl::StatusOr<int> SqliteOutbox::Prune(Notification::State state, absl::Time before, int keep,
                                        int limit) {
  // end_time of a row that ended never changes, so the newest ones are the last of the index.
  ASSIGN_OR_RETURN(
      Statement statement,
      db_.Prepare("DELETE FROM notifications WHERE id IN (SELECT id FROM notifications "
                  "WHERE state = ?1 AND (end_time < ?2 OR end_time < (SELECT end_time "
                  "FROM notifications WHERE state = ?1 ORDER BY end_time DESC LIMIT 1 OFFSET ?3)) "
                  "ORDER BY end_time LIMIT ?4)"));
  const std::string name(NameOf(state));
  statement.BindText(1, name);
  statement.BindInt(2, EncodeTime(before));
  statement.BindInt(3, keep);
  statement.BindInt(4, limit);
  RETURN_IF_ERROR(statement.Run());
  return static_cast<int>(db_.changes());
}

}  // namespace dbfleet::controller::sqlite
