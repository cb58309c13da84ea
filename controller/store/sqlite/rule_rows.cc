#include "controller/store/sqlite/rule_rows.h"

#include "absl/strings/str_cat.h"

#include "controller/domain/names.h"
#include "controller/store/sqlite/codec.h"
#include "controller/store/sqlite/listing.h"
#include "controller/store/sqlite/table_row.h"

namespace dbfleet::controller::sqlite {

static_assert(FieldCount<EventRuleState>() == 6 && FieldCount<EventRuleCount>() == 7 &&
                  FieldCount<JobProposal>() == 21,
              "a field was added: give it a column here and in schema_steps.cc");

template <>
struct Table<EventRuleState> {
  static constexpr char kName[] = "event_rules";
  static constexpr char kNoun[] = "event_rule";
  static constexpr char kKey[] = "name";
  static const std::string& Key(const EventRuleState& value) { return value.name; }
  template <typename S, typename Visitor>
  static void Columns(S& value, Visitor& v) {
    v.Fixed("name", value.name);
    v("uid", value.uid);
    v("since_seq", value.since_seq);
    v("declarers", value.declarers);
    v("deleted", value.deleted);
  }
};

template <>
struct Table<EventRuleCount> {
  static constexpr char kName[] = "event_rule_counts";
  static constexpr char kNoun[] = "count";
  static constexpr char kKey[] = "id";
  static const std::string& Key(const EventRuleCount& value) { return value.id; }
  template <typename C, typename Visitor>
  static void Columns(C& value, Visitor& v) {
    v.Fixed("id", value.id);
    v.Fixed("rule", value.rule);
    v("hits", value.hits);
    v("suppressed", value.suppressed);
    v("told_time", value.told_time);
    v("update_time", value.update_time);
  }
};

template <>
struct Table<JobProposal> {
  static constexpr char kName[] = "job_proposals";
  static constexpr char kNoun[] = "job_proposal";
  static constexpr char kKey[] = "id";
  static const std::string& Key(const JobProposal& value) { return value.id; }
  template <typename P, typename Visitor>
  static void Columns(P& value, Visitor& v) {
    v.Fixed("id", value.id);
    v.Fixed("rule", value.rule);
    v.Fixed("seq", value.seq);
    v.Fixed("instance", value.instance);
    v.Fixed("uid", value.uid);
    v.Fixed("environment", value.environment);
    v.Fixed("trigger_name", value.trigger);
    v.Fixed("cause", value.cause);
    v.Fixed("event_time", value.event_time);
    v.Fixed("depth", value.depth);
    v.Fixed("ask", value.ask);
    v.Blob("job_blob", value.job_blob);
    v("state", value.state);
    v("reason", value.reason);
    v("message", value.message);
    v("decider", value.decider);
    v("job", value.job);
    v("create_time", value.create_time);
    v("expire_time", value.expire_time);
    v("end_time", value.end_time);
    v.Derived("open", value.end_time, [](absl::Time end) { return end == absl::InfinitePast(); });
  }
};

absl::StatusOr<EventRuleState> SqliteRules::GetState(absl::string_view name) const {
  return GetRow<EventRuleState>(db_, name);
}
absl::StatusOr<EventRuleCount> SqliteRules::GetCount(absl::string_view id) const {
  return GetRow<EventRuleCount>(db_, id);
}
absl::StatusOr<JobProposal> SqliteRules::GetProposal(absl::string_view id) const {
  return GetRow<JobProposal>(db_, id);
}
absl::Status SqliteRules::Insert(EventRuleState* value) { return InsertRow(db_, value); }
absl::Status SqliteRules::Update(EventRuleState* value) { return UpdateRow(db_, value); }
absl::Status SqliteRules::Insert(EventRuleCount* value) { return InsertRow(db_, value); }
absl::Status SqliteRules::Update(EventRuleCount* value) { return UpdateRow(db_, value); }
absl::Status SqliteRules::Insert(JobProposal* value) { return InsertRow(db_, value); }
absl::Status SqliteRules::Update(JobProposal* value) { return UpdateRow(db_, value); }

absl::StatusOr<Page<JobProposal>> SqliteRules::ListProposals(const JobProposalFilter& filter,
                                                             const PageRequest& page) const {
  return ListRowsOf<JobProposal>(
      db_, tokens_, filter.environment,
      {{"rule", filter.rule},
       {"state", filter.state.has_value() ? std::string(NameOf(*filter.state)) : ""}},
      "", Order::kDescending, page);
}

absl::StatusOr<std::vector<JobProposal>> SqliteRules::OpenIn(JobProposal::State state,
                                                             absl::string_view after,
                                                             int limit) const {
  return SelectRows<JobProposal>(
      db_, absl::StrCat("WHERE open = 1 AND state = ?1 AND id > ?2 ORDER BY id LIMIT ", limit),
      {std::string(NameOf(state)), std::string(after)});
}

absl::StatusOr<std::vector<JobProposal>> SqliteRules::OpenFor(absl::string_view uid,
                                                              absl::string_view instance) const {
  return SelectRows<JobProposal>(db_, "WHERE open = 1 AND uid = ?1 AND instance = ?2",
                                 {std::string(uid), std::string(instance)});
}

absl::StatusOr<absl::Time> SqliteRules::NearestEvent(absl::string_view uid,
                                                     absl::string_view instance,
                                                     absl::Time time) const {
  // One step into the index on each side.
  absl::Time nearest = absl::InfinitePast();
  for (const char* side : {"<= ?3 ORDER BY event_time DESC", "> ?3 ORDER BY event_time"}) {
    ASSIGN_OR_RETURN(Statement statement,
                     db_.Prepare(absl::StrCat("SELECT event_time FROM job_proposals WHERE uid = ?1 "
                                              "AND instance = ?2 AND event_time ",
                                              side, " LIMIT 1")));
    statement.BindText(1, uid);
    statement.BindText(2, instance);
    statement.BindInt(3, EncodeTime(time));
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) continue;
    const absl::Time found = DecodeTime(statement.Int(0));
    if (absl::AbsDuration(found - time) < absl::AbsDuration(nearest - time)) nearest = found;
  }
  return nearest;
}

absl::StatusOr<std::vector<std::string>> SqliteRules::RuleNames() const {
  ASSIGN_OR_RETURN(Statement statement, db_.Prepare("SELECT name FROM event_rules ORDER BY name"));
  std::vector<std::string> names;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return names;
    names.push_back(statement.Text(0));
  }
}

absl::StatusOr<int> SqliteRules::CountProposals(absl::string_view uid, absl::Time from,
                                                absl::Time until, int limit) const {
  ASSIGN_OR_RETURN(
      Statement statement,
      db_.Prepare("SELECT count(*) FROM (SELECT 1 FROM job_proposals WHERE uid = ?1 AND "
                  "event_time > ?2 AND event_time <= ?3 LIMIT ?4)"));
  statement.BindText(1, uid);
  statement.BindInt(2, EncodeTime(from));
  statement.BindInt(3, EncodeTime(until));
  statement.BindInt(4, limit);
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? static_cast<int>(statement.Int(0)) : 0;
}

absl::StatusOr<int> SqliteRules::Prune(absl::string_view rule, int keep, absl::Time events_before,
                                       absl::Time counts_before, int limit) {
  int pruned = 0;
  ASSIGN_OR_RETURN(
      Statement proposals,
      db_.Prepare("DELETE FROM job_proposals WHERE id IN (SELECT id FROM job_proposals WHERE "
                  "rule = ?1 AND open = 0 ORDER BY id DESC LIMIT ?2 OFFSET ?3) AND "
                  "event_time < ?4"));
  proposals.BindText(1, rule);
  proposals.BindInt(2, limit);
  proposals.BindInt(3, keep);
  proposals.BindInt(4, EncodeTime(events_before));
  RETURN_IF_ERROR(proposals.Run());
  pruned += static_cast<int>(db_.changes());
  ASSIGN_OR_RETURN(
      Statement counts,
      db_.Prepare("DELETE FROM event_rule_counts WHERE id IN (SELECT id FROM event_rule_counts "
                  "WHERE rule = ?1 AND update_time < ?2 LIMIT ?3)"));
  counts.BindText(1, rule);
  counts.BindInt(2, EncodeTime(counts_before));
  counts.BindInt(3, limit);
  RETURN_IF_ERROR(counts.Run());
  return pruned + static_cast<int>(db_.changes());
}

}  // namespace dbfleet::controller::sqlite
