#include "agent/journal/journal_rows.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/failpoint.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

constexpr int64_t kSchemaVersion = 1;
constexpr int64_t kApplicationId = 0x6462666a;  // "dbfj"
constexpr size_t kMaxEventBatchBytes = 4 << 20;

constexpr char kSchema[] = R"sql(
  CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE fences(instance TEXT PRIMARY KEY, fence INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE attempts(
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    fence INTEGER NOT NULL,
    phase INTEGER NOT NULL,
    outcome INTEGER NOT NULL DEFAULT 0,
    accepted_boottime INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    forgotten_at INTEGER NOT NULL DEFAULT 0,
    finish_seq INTEGER NOT NULL DEFAULT 0,
    grant_blob BLOB,
    finished_blob BLOB,
    checkpoint BLOB NOT NULL DEFAULT x'',
    offer_blob BLOB NOT NULL);
  CREATE TABLE events(seq INTEGER PRIMARY KEY, event BLOB NOT NULL);
)sql";

constexpr char kAttemptColumns[] =
    "SELECT phase, accepted_boottime, boot_id, cancel_requested, forgotten_at, grant_blob, "
    "finished_blob, checkpoint, offer_blob, e.event, id, fence, outcome FROM attempts "
    "LEFT JOIN events e ON e.seq = finish_seq ";

template <typename Message>
absl::Status ParseInto(const Statement& row, int column, absl::string_view what, Message* message) {
  if (message->ParseFromString(row.BytesAt(column))) return absl::OkStatus();
  return JournalCorrupt(absl::StrCat("a stored ", what, " cannot be read"));
}

// What is stored twice must be the same: on a damaged disk one of the two changes, and neither may
// be believed.
absl::Status CheckAttempt(const Statement& row, const JournaledAttempt& attempt) {
  const v1::Offer& offer = attempt.offer;
  const int64_t phase = row.IntAt(0);
  bool good = phase >= v1::ATTEMPT_PHASE_ACCEPTED && phase <= v1::ATTEMPT_PHASE_FINISHED &&
              offer.attempt_id() == row.BytesAt(10) &&
              offer.fence() == static_cast<uint64_t>(row.IntAt(11));
  const bool finished = phase == v1::ATTEMPT_PHASE_FINISHED;
  good = good && finished == attempt.finished.has_value() &&
         row.IntAt(12) == (finished ? attempt.finished->outcome() : v1::OUTCOME_UNSPECIFIED);
  const bool granted = phase == v1::ATTEMPT_PHASE_GRANTED || phase == v1::ATTEMPT_PHASE_RUNNING;
  good = good && (finished || granted == attempt.grant.has_value()) &&
         (!attempt.grant.has_value() || (attempt.grant->attempt_id() == offer.attempt_id() &&
                                         attempt.grant->fence() == offer.fence()));
  if (good) return absl::OkStatus();
  return JournalCorrupt(
      absl::StrCat("attempt ", SanitizeForDisplay(offer.attempt_id()), " contradicts itself"));
}

absl::StatusOr<JournaledAttempt> ReadAttempt(const Statement& row) {
  JournaledAttempt attempt;
  attempt.phase = static_cast<v1::AttemptPhase>(row.IntAt(0));
  attempt.accepted_boottime = absl::Nanoseconds(row.IntAt(1));
  attempt.boot_id = row.BytesAt(2);
  attempt.cancel_requested = row.IntAt(3) != 0;
  attempt.acknowledged = row.IntAt(4) != 0;
  if (!row.IsNull(5)) {
    RETURN_IF_ERROR(ParseInto(row, 5, "grant", &attempt.grant.emplace()));
  }
  if (!row.IsNull(6)) {
    RETURN_IF_ERROR(ParseInto(row, 6, "outcome", &attempt.finished.emplace()));
  }
  attempt.checkpoint = row.BytesAt(7);
  RETURN_IF_ERROR(ParseInto(row, 8, "offer", &attempt.offer));
  RETURN_IF_ERROR(CheckAttempt(row, attempt));
  if (!row.IsNull(9)) {
    v1::Event event;
    RETURN_IF_ERROR(ParseInto(row, 9, "event", &event));
    if (!attempt.finished.has_value() || !event.has_finished() ||
        event.attempt_id() != attempt.offer.attempt_id() ||
        event.finished().outcome() != attempt.finished->outcome()) {
      return JournalCorrupt(absl::StrCat("attempt ", SanitizeForDisplay(attempt.offer.attempt_id()),
                                         " names an event that does not tell of its end"));
    }
    attempt.finished = event.finished();
  }
  return attempt;
}

}  // namespace

absl::Status JournalCorrupt(absl::string_view what) {
  return Error(absl::StatusCode::kDataLoss, "JOURNAL_CORRUPT",
               absl::StrCat("agent journal: ", what,
                            "; move the journal folder aside and start again: the controller then "
                            "asks a person about running work"));
}

absl::Status PrepareSchema(Database& db) {
  ASSIGN_OR_RETURN(const int64_t version, db.QueryInt("PRAGMA user_version"));
  if (version == kSchemaVersion) return absl::OkStatus();
  if (version > kSchemaVersion) {
    return Error(absl::StatusCode::kFailedPrecondition, "JOURNAL_TOO_NEW",
                 absl::StrCat("the agent's journal has schema ", version, ", this program knows ",
                              kSchemaVersion, "; install the newer dbfleet-agent again"));
  }
  RETURN_IF_ERROR(db.Execute("BEGIN IMMEDIATE"));
  RETURN_IF_ERROR(db.Execute(kSchema));
  RETURN_IF_ERROR(db.Execute(absl::StrCat("PRAGMA application_id=", kApplicationId,
                                          "; PRAGMA user_version=", kSchemaVersion)
                                 .c_str()));
  DBFLEET_FAILPOINT("journal.schema.before");
  RETURN_IF_ERROR(db.Execute("COMMIT"));
  DBFLEET_FAILPOINT("journal.schema.after");
  return absl::OkStatus();
}

absl::StatusOr<std::string> GetMeta(Database& db, absl::string_view key) {
  ASSIGN_OR_RETURN(Statement get, db.Prepare("SELECT value FROM meta WHERE key = ?"));
  ASSIGN_OR_RETURN(const bool found, get.Text(1, key).Step());
  return found ? get.BytesAt(0) : std::string();
}

absl::StatusOr<uint64_t> GetMetaNumber(Database& db, absl::string_view key) {
  ASSIGN_OR_RETURN(const std::string text, GetMeta(db, key));
  uint64_t value = 0;
  if (!text.empty() && !absl::SimpleAtoi(text, &value)) {
    return JournalCorrupt(absl::StrCat(key, " is not a number"));
  }
  return value;
}

absl::Status SetMeta(Database& db, absl::string_view key, absl::string_view value) {
  ASSIGN_OR_RETURN(Statement set, db.Prepare("INSERT INTO meta(key, value) VALUES(?1, ?2) "
                                             "ON CONFLICT(key) DO UPDATE SET value = ?2"));
  return set.Text(1, key).Text(2, value).Run();
}

absl::StatusOr<uint64_t> HighestFenceOf(Database& db, absl::string_view instance) {
  ASSIGN_OR_RETURN(Statement get, db.Prepare("SELECT fence FROM fences WHERE instance = ?"));
  ASSIGN_OR_RETURN(const bool found, get.Text(1, instance).Step());
  return found ? static_cast<uint64_t>(get.IntAt(0)) : uint64_t{0};
}

absl::Status SetHighestFence(Database& db, absl::string_view instance, uint64_t fence) {
  ASSIGN_OR_RETURN(Statement set, db.Prepare("INSERT INTO fences(instance, fence) VALUES(?1, ?2) "
                                             "ON CONFLICT(instance) DO UPDATE SET fence = ?2"));
  return set.Text(1, instance).Int(2, static_cast<int64_t>(fence)).Run();
}

absl::StatusOr<uint64_t> AppendEvent(Database& db, absl::Time now, v1::Event event) {
  ASSIGN_OR_RETURN(const uint64_t last, GetMetaNumber(db, "last_event_seq"));
  const uint64_t seq = last + 1;
  event.set_seq(seq);
  *event.mutable_event_time() = ToProto(now);
  RETURN_IF_ERROR(SetMeta(db, "last_event_seq", absl::StrCat(seq)));
  ASSIGN_OR_RETURN(Statement insert, db.Prepare("INSERT INTO events(seq, event) VALUES(?, ?)"));
  RETURN_IF_ERROR(
      insert.Int(1, static_cast<int64_t>(seq)).Blob(2, event.SerializeAsString()).Run());
  return seq;
}

absl::StatusOr<std::vector<v1::Event>> LoadEvents(Database& db, uint64_t seq, int limit) {
  ASSIGN_OR_RETURN(Statement select,
                   db.Prepare("SELECT event, seq FROM events WHERE seq >= ? ORDER BY seq LIMIT ?"));
  select.Int(1, static_cast<int64_t>(seq)).Int(2, limit);
  std::vector<v1::Event> events;
  size_t bytes = 0;
  while (bytes < kMaxEventBatchBytes) {
    ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) break;
    RETURN_IF_ERROR(ParseInto(select, 0, "event", &events.emplace_back()));
    if (events.back().seq() != static_cast<uint64_t>(select.IntAt(1))) {
      return JournalCorrupt(absl::StrCat("event ", select.IntAt(1), " has another number inside"));
    }
    bytes += events.back().ByteSizeLong();
  }
  return events;
}

absl::Status InsertAttempt(Database& db, const v1::Offer& offer, absl::Duration boottime,
                           absl::string_view boot_id) {
  ASSIGN_OR_RETURN(Statement insert,
                   db.Prepare("INSERT INTO attempts(id, fence, phase, accepted_boottime, boot_id, "
                              "offer_blob) VALUES(?, ?, ?, ?, ?, ?)"));
  return insert.Text(1, offer.attempt_id())
      .Int(2, static_cast<int64_t>(offer.fence()))
      .Int(3, v1::ATTEMPT_PHASE_ACCEPTED)
      .Int(4, absl::ToInt64Nanoseconds(boottime))
      .Text(5, boot_id)
      .Blob(6, offer.SerializeAsString())
      .Run();
}

absl::StatusOr<std::optional<JournaledAttempt>> LoadAttempt(Database& db, absl::string_view id) {
  ASSIGN_OR_RETURN(Statement select, db.Prepare(absl::StrCat(kAttemptColumns, "WHERE id = ?")));
  ASSIGN_OR_RETURN(const bool found, select.Text(1, id).Step());
  if (!found) return std::nullopt;
  ASSIGN_OR_RETURN(JournaledAttempt attempt, ReadAttempt(select));
  return attempt;
}

absl::StatusOr<std::vector<JournaledAttempt>> LoadAttempts(Database& db) {
  ASSIGN_OR_RETURN(Statement select, db.Prepare(absl::StrCat(kAttemptColumns, "ORDER BY n")));
  std::vector<JournaledAttempt> attempts;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return attempts;
    ASSIGN_OR_RETURN(JournaledAttempt attempt, ReadAttempt(select));
    attempts.push_back(std::move(attempt));
  }
}

namespace {

// The member of the oneof; null if there is none.
const google::protobuf::FieldDescriptor* KindOf(const work::v1::JobSpec& spec) {
  return spec.GetReflection()->GetOneofFieldDescriptor(
      spec, work::v1::JobSpec::descriptor()->oneof_decl(0));
}

// Of what was done, what tells a person what it was.
work::v1::JobSpec OnlyKind(const work::v1::JobSpec& spec) {
  work::v1::JobSpec kept;
  if (spec.has_migrate()) {
    kept.mutable_migrate()->set_database(spec.migrate().database());
  } else if (const auto* kind = KindOf(spec)) {
    kept.GetReflection()->MutableMessage(&kept, kind);
  }
  return kept;
}

void DescribeOffer(const v1::Offer& offer, v1::AttemptState* state) {
  state->set_job_id(offer.job_id());
  state->set_target(absl::StrCat("instances/", offer.instance()));
  if (!offer.spec().migrate().database().empty()) {
    absl::StrAppend(state->mutable_target(), "/databases/", offer.spec().migrate().database());
  }
  if (const auto* kind = KindOf(offer.spec())) state->set_action(kind->name());
}

void DescribeBound(const v1::Offer& offer, const v1::Grant& grant, v1::AttemptState* state) {
  for (const auto* from : {offer.has_not_after() ? &offer.not_after() : nullptr,
                           grant.has_not_after() ? &grant.not_after() : nullptr}) {
    if (from == nullptr) continue;
    const bool earlier =
        !state->has_not_after() || FromProto(*from) < FromProto(state->not_after());
    if (earlier) *state->mutable_not_after() = *from;
  }
}

}  // namespace

absl::StatusOr<std::vector<v1::AttemptState>> LoadAttemptStates(Database& db) {
  ASSIGN_OR_RETURN(
      Statement select,
      db.Prepare("SELECT id, fence, phase, outcome, offer_blob, grant_blob FROM attempts "
                 "ORDER BY n"));
  std::vector<v1::AttemptState> states;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return states;
    v1::AttemptState& state = states.emplace_back();
    state.set_attempt_id(select.BytesAt(0));
    state.set_fence(static_cast<uint64_t>(select.IntAt(1)));
    state.set_phase(static_cast<v1::AttemptPhase>(select.IntAt(2)));
    state.set_outcome(static_cast<v1::Outcome>(select.IntAt(3)));
    v1::Offer offer;
    RETURN_IF_ERROR(ParseInto(select, 4, "offer", &offer));
    if (offer.purpose() == v1::PURPOSE_EXECUTE && !offer.safe_to_rerun()) {
      state.set_task_id(offer.task_id());
    }
    DescribeOffer(offer, &state);
    v1::Grant grant;
    RETURN_IF_ERROR(ParseInto(select, 5, "grant", &grant));
    state.set_digest(grant.digest());
    DescribeBound(offer, grant, &state);
  }
}

absl::Status SetPhase(Database& db, absl::string_view id, v1::AttemptPhase phase) {
  ASSIGN_OR_RETURN(Statement update, db.Prepare("UPDATE attempts SET phase = ? WHERE id = ?"));
  return update.Int(1, phase).Text(2, id).Run();
}

absl::Status SetGrant(Database& db, const v1::Grant& grant, v1::AttemptPhase phase) {
  ASSIGN_OR_RETURN(Statement update,
                   db.Prepare("UPDATE attempts SET phase = ?, grant_blob = ? WHERE id = ?"));
  return update.Int(1, phase).Blob(2, grant.SerializeAsString()).Text(3, grant.attempt_id()).Run();
}

absl::Status SetFinished(Database& db, const JournaledAttempt& attempt,
                         const v1::Finished& finished, uint64_t event_seq) {
  // The result lives in the event until that is acknowledged, and the specification is not needed
  // any more but for its kind: what is kept for 30 days is small.
  v1::Offer offer = attempt.offer;
  *offer.mutable_spec() = OnlyKind(attempt.offer.spec());
  offer.clear_digest_inputs();
  v1::Finished kept = finished;
  kept.clear_result();
  ASSIGN_OR_RETURN(Statement update,
                   db.Prepare("UPDATE attempts SET phase = ?, outcome = ?, finish_seq = ?, "
                              "finished_blob = ?, offer_blob = ?, checkpoint = x'' WHERE id = ?"));
  return update.Int(1, v1::ATTEMPT_PHASE_FINISHED)
      .Int(2, finished.outcome())
      .Int(3, static_cast<int64_t>(event_seq))
      .Blob(4, kept.SerializeAsString())
      .Blob(5, offer.SerializeAsString())
      .Text(6, offer.attempt_id())
      .Run();
}

absl::Status DeleteAttempt(Database& db, absl::string_view id) {
  ASSIGN_OR_RETURN(Statement remove, db.Prepare("DELETE FROM attempts WHERE id = ?"));
  return remove.Text(1, id).Run();
}

absl::Status PurgeForgotten(Database& db, absl::Time limit, int keep) {
  ASSIGN_OR_RETURN(Statement purge, db.Prepare("DELETE FROM attempts WHERE forgotten_at > 0 AND "
                                               "forgotten_at < ?"));
  RETURN_IF_ERROR(purge.Int(1, absl::ToUnixSeconds(limit)).Run());
  ASSIGN_OR_RETURN(Statement trim,
                   db.Prepare("DELETE FROM attempts WHERE forgotten_at > 0 AND n <= (SELECT n FROM "
                              "attempts WHERE forgotten_at > 0 ORDER BY n DESC LIMIT 1 OFFSET ?)"));
  return trim.Int(1, keep).Run();
}

}  // namespace dbfleet::agent
