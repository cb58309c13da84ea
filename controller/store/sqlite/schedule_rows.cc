#include <algorithm>

#include "absl/strings/str_cat.h"

#include "controller/domain/names.h"
#include "controller/store/sqlite/listing.h"
#include "controller/store/sqlite/rows.h"
#include "controller/store/sqlite/table_row.h"

namespace dbfleet::controller::sqlite {

static_assert(FieldCount<ScheduleState>() == 8 && FieldCount<Occurrence>() == 20,
              "a field was added: give it a column here and in schema_steps.cc");

template <>
struct Table<ScheduleState> {
  static constexpr char kName[] = "schedules";
  static constexpr char kNoun[] = "schedule";
  static constexpr char kKey[] = "name";
  static const std::string& Key(const ScheduleState& value) { return value.name; }
  template <typename S, typename Visitor>
  static void Columns(S& value, Visitor& v) {
    v.Fixed("name", value.name);
    v("uid", value.uid);
    v("timing", value.timing);
    v("decided_until", value.decided_until);
    v("pruned_until", value.pruned_until);
    v("declarers", value.declarers);
    v("deleted", value.deleted);
  }
};

template <>
struct Table<Occurrence> {
  static constexpr char kName[] = "occurrences";
  static constexpr char kNoun[] = "occurrence";
  static constexpr char kKey[] = "id";
  static const std::string& Key(const Occurrence& value) { return value.id; }
  template <typename O, typename Visitor>
  static void Columns(O& value, Visitor& v) {
    v.Fixed("id", value.id);
    v.Fixed("schedule", value.schedule);
    v.Fixed("uid", value.uid);
    v.Fixed("nominal", value.nominal);
    v("due_time", value.due_time);
    v("state", value.state);
    v("missed", value.missed);
    v.Fixed("requester", value.requester);
    v.Blob("spec_blob", value.spec_blob);
    v("last_target", value.cursor);
    v("targets", value.targets);
    v("jobs", value.jobs);
    v("refused", value.refused);
    v("cancel_requested", value.cancel_requested);
    v("reason", value.reason);
    v("message", value.message);
    v("create_time", value.create_time);
    v("begin_time", value.begin_time);
    v("end_time", value.end_time);
    v.Derived("open", value.end_time, [](absl::Time end) { return end == absl::InfinitePast(); });
  }
};

template <>
absl::StatusOr<ScheduleState> Get(Connection& connection, absl::string_view key) {
  return GetRow<ScheduleState>(connection, key);
}
template <>
absl::Status Insert(Connection& connection, ScheduleState* value) {
  return InsertRow(connection, value);
}
template <>
absl::Status Update(Connection& connection, ScheduleState* value) {
  return UpdateRow(connection, value);
}
template <>
absl::StatusOr<Occurrence> Get(Connection& connection, absl::string_view key) {
  return GetRow<Occurrence>(connection, key);
}
template <>
absl::Status Insert(Connection& connection, Occurrence* value) {
  return InsertRow(connection, value);
}
template <>
absl::Status Update(Connection& connection, Occurrence* value) {
  return UpdateRow(connection, value);
}

absl::StatusOr<Page<ScheduleState>> ListScheduleStates(Connection& connection,
                                                       const PageTokens& tokens,
                                                       const PageRequest& page) {
  return ListRows<ScheduleState>(connection, tokens, {}, "", Order::kAscending, page);
}

absl::StatusOr<Page<Occurrence>> ListOccurrences(Connection& connection, const PageTokens& tokens,
                                                 absl::string_view schedule,
                                                 const PageRequest& page) {
  return ListRows<Occurrence>(connection, tokens, {{"schedule", std::string(schedule)}}, "",
                              Order::kDescending, page);
}

absl::StatusOr<std::vector<Occurrence>> OpenOccurrences(Connection& connection,
                                                        absl::string_view schedule) {
  if (schedule.empty()) {
    return SelectRows<Occurrence>(connection, "WHERE open = 1 ORDER BY schedule, id", {});
  }
  return SelectRows<Occurrence>(connection, "WHERE open = 1 AND schedule = ?1 ORDER BY id",
                                {std::string(schedule)});
}

absl::StatusOr<std::vector<Occurrence>> OpenOccurrencesIn(Connection& connection,
                                                          OccurrenceState state) {
  return SelectRows<Occurrence>(connection, "WHERE open = 1 AND state = ?1 ORDER BY schedule, id",
                                {std::string(NameOf(state))});
}

absl::StatusOr<absl::Time> PruneOccurrences(Connection& connection, absl::string_view schedule,
                                            int keep, int limit) {
  ASSIGN_OR_RETURN(const std::vector<Occurrence> old,
                   SelectRows<Occurrence>(
                       connection,
                       absl::StrCat("WHERE schedule = ?1 AND open = 0 ORDER BY id DESC LIMIT ",
                                    limit, " OFFSET ", keep),
                       {std::string(schedule)}));
  absl::Time until = absl::InfinitePast();
  for (const Occurrence& occurrence : old) {
    ASSIGN_OR_RETURN(Statement statement,
                     connection.Prepare("DELETE FROM occurrences WHERE id = ?1"));
    statement.BindText(1, occurrence.id);
    RETURN_IF_ERROR(statement.Run());
    until = std::max(until, occurrence.nominal);
  }
  return until;
}

}  // namespace dbfleet::controller::sqlite
