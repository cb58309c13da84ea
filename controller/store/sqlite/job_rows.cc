#include <algorithm>

#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/store/sqlite/listing.h"
#include "controller/store/sqlite/rows.h"
#include "controller/store/sqlite/table_row.h"

namespace dbfleet::controller::sqlite {

static_assert(
    FieldCount<Job>() == 37 && FieldCount<Rollout>() == 5 && FieldCount<RolloutProgress>() == 5 &&
        FieldCount<QueuePlace>() == 6 && FieldCount<Approval>() == 8 && FieldCount<Task>() == 15 &&
        FieldCount<StepReport>() == 7 && FieldCount<Attempt>() == 23,
    "a field was added: give it a column here and in schema_steps.cc, or a name in codec.cc");

template <>
struct Table<Job> {
  static constexpr char kName[] = "jobs";
  static constexpr char kNoun[] = "job";
  static constexpr char kKey[] = "id";
  static const std::string& Key(const Job& value) { return value.id; }
  template <typename J, typename Visitor>
  static void Columns(J& value, Visitor& v) {
    v.Fixed("id", value.id);
    v.Fixed("kind", value.kind);
    v("state", value.state);
    v.Fixed("environment", value.environment);
    v("requester", value.requester);
    v("title", value.title);
    v("reason", value.reason);
    v.Blob("spec_blob", value.spec_blob);
    v("safety", value.safety);
    v("digest", value.digest);
    v("policy_digest", value.policy_digest);
    v("approve_destructive", value.approve_destructive);
    v("plan_only", value.plan_only);
    v("schema_change", value.schema_change);
    v("has_rollback", value.has_rollback);
    v("backup_gate", value.backup_gate);
    v("gate_job", value.gate_job);
    v("max_parallel", value.max_parallel);
    v("rollback_of", value.rollback_of);
    v("parent", value.parent);
    v.Fixed("request_key", value.request_key);
    v("create_time", value.create_time);
    v("update_time", value.update_time);
    v("end_time", value.end_time);
    v("expire_time", value.expire_time);
    v("error_reason", value.error_reason);
    v("error_message", value.error_message);
    v("cancel_requested", value.cancel_requested);
    v("approvals", value.approvals);
    v.Fixed("content_digest", value.content_digest);
    v("window_name", value.window);
    v("window_overrun", value.overrun);
    v("window_entered", value.window_entered);
    v("rollout_waves", value.rollout.waves);
    v("rollout_pause", value.rollout.pause_between);
    v("rollout_failures", value.rollout.failures_tolerated);
    v("rollout_on_failure", value.rollout.on_failure);
    v("rollout_health_check", value.rollout.health_check);
    v("wave", value.rollout_progress.wave);
    v("waves_ended", value.rollout_progress.ended);
    v("wave_end_time", value.rollout_progress.end_time);
    v("wave_check_job", value.rollout_progress.check_job);
    v("failures_forgiven", value.rollout_progress.forgiven);
    v.Fixed("queue_window", value.queue.window);
    v("queue_priority", value.queue.priority);
    v("queue_estimate", value.queue.estimate);
    v("queue_source", value.queue.source);
    v("queue_runs", value.queue.runs);
    v("queue_until", value.queue.until);
  }
};

template <>
struct Table<Task> {
  static constexpr char kName[] = "tasks";
  static constexpr char kNoun[] = "task";
  static constexpr char kKey[] = "id";
  static const std::string& Key(const Task& value) { return value.id; }
  template <typename T, typename Visitor>
  static void Columns(T& value, Visitor& v) {
    v.Fixed("id", value.id);
    v.Fixed("job_id", value.job_id);
    v("state", value.state);
    v("instance_id", value.instance_id);
    v("database", value.database);
    v("stage", value.stage);
    v.Blob("spec_blob", value.spec_blob);
    v.Blob("plan_blob", value.plan_blob);
    v("target_digest", value.target_digest);
    v.Blob("result_blob", value.result_blob);
    v("steps", value.steps);
    v("error_reason", value.error_reason);
    v("error_message", value.error_message);
    v("attempts", value.attempts);
  }
};

template <>
struct Table<Attempt> {
  static constexpr char kName[] = "attempts";
  static constexpr char kNoun[] = "attempt";
  static constexpr char kKey[] = "id";
  static const std::string& Key(const Attempt& value) { return value.id; }
  template <typename A, typename Visitor>
  static void Columns(A& value, Visitor& v) {
    v.Fixed("id", value.id);
    v.Fixed("task_id", value.task_id);
    v.Fixed("job_id", value.job_id);
    v.Fixed("instance_id", value.instance_id);
    v("agent_id", value.agent_id);
    v.Fixed("number", value.number);
    v("purpose", value.purpose);
    v("state", value.state);
    v.Derived("open", value.state, [](AttemptState state) { return !IsTerminal(state); });
    v("fence", value.fence);
    v("epoch", value.epoch);
    v("safe_to_rerun", value.safe_to_rerun);
    v("digest", value.digest);
    v("create_time", value.create_time);
    v("start_time", value.start_time);
    v("end_time", value.end_time);
    v("not_after", value.not_after);
    v("start_before", value.start_before);
    v("backup_id", value.backup_id);
    v("backup_manifest", value.backup_manifest);
    v("unreachable_since", value.unreachable_since);
    v("error_reason", value.error_reason);
    v("error_message", value.error_message);
  }
};

template <>
absl::StatusOr<Job> Get(Connection& connection, absl::string_view key) {
  return GetRow<Job>(connection, key);
}
template <>
absl::Status Insert(Connection& connection, Job* value) {
  return InsertRow(connection, value);
}
template <>
absl::Status Update(Connection& connection, Job* value) {
  return UpdateRow(connection, value);
}
template <>
absl::StatusOr<Task> Get(Connection& connection, absl::string_view key) {
  return GetRow<Task>(connection, key);
}
template <>
absl::Status Insert(Connection& connection, Task* value) {
  return InsertRow(connection, value);
}
template <>
absl::Status Update(Connection& connection, Task* value) {
  return UpdateRow(connection, value);
}
template <>
absl::StatusOr<Attempt> Get(Connection& connection, absl::string_view key) {
  return GetRow<Attempt>(connection, key);
}
template <>
absl::Status Insert(Connection& connection, Attempt* value) {
  return InsertRow(connection, value);
}
template <>
absl::Status Update(Connection& connection, Attempt* value) {
  return UpdateRow(connection, value);
}

absl::StatusOr<std::optional<Job>> FindJobByRequestKey(Connection& connection,
                                                       absl::string_view key) {
  std::optional<Job> found;
  if (key.empty()) return found;
  // The second condition lets SQLite use the partial index.
  ASSIGN_OR_RETURN(std::vector<Job> jobs,
                   SelectRows<Job>(connection, "WHERE request_key = ?1 AND request_key != ''",
                                   {std::string(key)}));
  if (!jobs.empty()) found = std::move(jobs[0]);
  return found;
}

namespace {

// The first text behind all that begin with `prefix`, which ends in a character below 0xff.
std::string Behind(absl::string_view prefix) {
  std::string behind(prefix);
  if (!behind.empty()) ++behind.back();
  return behind;
}

}  // namespace

absl::StatusOr<std::map<JobState, int64_t>> TallyJobs(Connection& connection,
                                                      absl::string_view key_prefix) {
  // The last condition lets SQLite use the partial index.
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("SELECT state, count(*) FROM jobs WHERE request_key >= ?1 "
                                      "AND request_key < ?2 AND request_key != '' GROUP BY state"));
  statement.BindText(1, key_prefix);
  statement.BindText(2, Behind(key_prefix));
  std::map<JobState, int64_t> tally;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return tally;
    const std::optional<JobState> state = FromName<JobState>(statement.Text(0));
    if (!state.has_value()) {
      return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                   "the column state of a job in the store cannot be read; restore the store");
    }
    tally[*state] = statement.Int(1);
  }
}

absl::StatusOr<std::vector<Job>> JobsByKey(Connection& connection, absl::string_view key_prefix,
                                           absl::string_view after, int limit) {
  const std::string from = std::max(std::string(after), std::string(key_prefix));
  return SelectRows<Job>(connection,
                         absl::StrCat("WHERE request_key > ?1 AND request_key < ?2 AND "
                                      "request_key != '' ORDER BY request_key LIMIT ",
                                      limit),
                         {from, Behind(key_prefix)});
}

// Which of the filter's parts leaves the fewest jobs to go through. SQLite keeps no figures on how
// often a value occurs, but nearly all jobs of a grown store have succeeded, and are checks.
absl::string_view IndexFor(const JobFilter& filter) {
  if (filter.state.has_value() && *filter.state != JobState::kSucceeded) return "jobs_state";
  if (filter.kind.has_value()) {
    return filter.environment.all() ? "jobs_kind" : "jobs_environment_kind";
  }
  return "";
}

absl::StatusOr<Page<Job>> ListJobs(Connection& connection, const PageTokens& tokens,
                                   const JobFilter& filter, const PageRequest& page) {
  const auto name = [](const auto& value) {
    return value.has_value() ? std::string(NameOf(*value)) : std::string();
  };
  return ListRowsOf<Job>(connection, tokens, filter.environment,
                         {{"kind", name(filter.kind)}, {"state", name(filter.state)}}, "",
                         Order::kDescending, page, IndexFor(filter));
}

absl::StatusOr<std::vector<Job>> JobsInState(Connection& connection, JobState state,
                                             Unreadable* unreadable) {
  return SelectRows<Job>(connection, "WHERE state = ?1 ORDER BY id", {std::string(NameOf(state))},
                         unreadable);
}

absl::StatusOr<std::vector<Job>> ChangesOfContent(Connection& connection,
                                                  const ContentFilter& filter, int limit) {
  return SelectRows<Job>(
      connection,
      absl::StrCat("WHERE content_digest = ?1 AND environment = ?2 AND content_digest <> '' AND "
                   "plan_only = 0 AND (state = 'succeeded' OR (rollback_of <> '' AND "
                   "state IN ('partial', 'failed'))) AND (?3 = '' OR rollback_of = ?3) "
                   "ORDER BY end_time DESC, id DESC LIMIT ",
                   limit),
      {filter.digest, filter.environment, filter.rollback_of});
}

absl::StatusOr<QueuedJobs> JobsQueuedFor(Connection& connection, absl::string_view window) {
  // The conditions of the partial index, in whose order the rows come: no job is read as a whole.
  ASSIGN_OR_RETURN(
      Statement statement,
      connection.Prepare("SELECT id, environment, state, error_reason, create_time, queue_priority,"
                         " queue_estimate FROM jobs INDEXED BY jobs_queue WHERE queue_window = ?1"
                         " AND queue_window <> '' AND end_time = -9223372036854775808"
                         " ORDER BY queue_priority DESC, create_time, id"));
  statement.BindText(1, window);
  std::vector<QueuedJob> queued;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return queued;
    QueuedJob& job = queued.emplace_back();
    job.id = statement.Text(0);
    job.environment = statement.Text(1);
    const std::optional<JobState> state = FromName<JobState>(statement.Text(2));
    if (!state.has_value()) {
      return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                   "the column state of a job in the store cannot be read; restore the store");
    }
    job.state = *state;
    job.error_reason = statement.Text(3);
    job.create_time = DecodeTime(statement.Int(4));
    job.priority = static_cast<int>(statement.Int(5));
    job.estimate = DecodeDuration(statement.Int(6));
  }
}

absl::StatusOr<WindowNames> QueuedWindows(Connection& connection) {
  ASSIGN_OR_RETURN(
      Statement statement,
      connection.Prepare("SELECT DISTINCT queue_window FROM jobs INDEXED BY jobs_queue"
                         " WHERE queue_window <> '' AND end_time = -9223372036854775808"
                         " ORDER BY queue_window"));
  WindowNames windows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return windows;
    windows.push_back(statement.Text(0));
  }
}

absl::StatusOr<std::vector<Task>> TasksOfJob(Connection& connection, absl::string_view job_id) {
  // In the order in which the job named its targets; ids made in one millisecond do not keep it.
  return SelectRows<Task>(connection, "WHERE job_id = ?1 ORDER BY position", {std::string(job_id)});
}

absl::StatusOr<std::vector<Attempt>> AttemptsOfTask(Connection& connection,
                                                    absl::string_view task_id) {
  return SelectRows<Attempt>(connection, "WHERE task_id = ?1 ORDER BY number",
                             {std::string(task_id)});
}

absl::StatusOr<std::vector<Attempt>> OpenAttempts(Connection& connection) {
  // Named, because SQLite would rather go through all attempts in the order of their ids.
  return SelectRows<Attempt>(connection,
                             "INDEXED BY attempts_open_instance WHERE open = 1 ORDER BY id", {});
}

absl::StatusOr<std::vector<Attempt>> OpenAttemptsOf(Connection& connection, absl::string_view noun,
                                                    absl::string_view id) {
  return SelectRows<Attempt>(connection,
                             absl::StrCat("INDEXED BY attempts_open_", noun, " WHERE open = 1 AND ",
                                          noun, "_id = ?1 ORDER BY id"),
                             {std::string(id)});
}

absl::StatusOr<JobProgress> ProgressOf(Connection& connection, absl::string_view job_id) {
  // Each part is one look into an index, but those that count what failed or is under way.
  ASSIGN_OR_RETURN(
      Statement statement,
      connection.Prepare(
          "SELECT (SELECT min(stage) FROM tasks WHERE job_id = ?1 AND state = 'pending'),"
          " (SELECT min(stage) FROM tasks WHERE job_id = ?1 AND state = 'active'),"
          " (SELECT min(stage) FROM tasks WHERE job_id = ?1 AND state = 'needs_person'),"
          " (SELECT count(*) FROM tasks WHERE job_id = ?1 AND state IN ('failed', 'rolled_back')"
          "   AND error_reason <> 'NOT_AFTER_PASSED'),"  // IsFailure.
          " EXISTS(SELECT 1 FROM tasks INDEXED BY tasks_unplanned"
          "   WHERE job_id = ?1 AND state = 'pending' AND plan_blob = x''),"
          " (SELECT count(*) FROM (SELECT 1 FROM tasks WHERE job_id = ?1 LIMIT 2)) > 1,"
          " (SELECT count(*) FROM tasks WHERE job_id = ?1 AND state = 'active'),"
          " (SELECT count(*) FROM attempts INDEXED BY attempts_open_job"
          "   WHERE job_id = ?1 AND open = 1)"));
  statement.BindText(1, job_id);
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::InternalError("no row of figures");
  JobProgress progress;
  const auto stage = [&statement](int column) {
    return statement.IsNull(column) ? std::nullopt
                                    : std::make_optional(static_cast<int>(statement.Int(column)));
  };
  progress.pending_stage = stage(0);
  progress.active_stage = stage(1);
  progress.waiting_stage = stage(2);
  progress.failed = static_cast<int>(statement.Int(3));
  progress.unplanned = statement.Int(4) != 0;
  progress.several = statement.Int(5) != 0;
  progress.active = static_cast<int>(statement.Int(6));
  progress.open_attempts = static_cast<int>(statement.Int(7));
  return progress;
}

absl::StatusOr<std::vector<Task>> IdleTasks(Connection& connection, absl::string_view job_id,
                                            int stage, int limit) {
  return SelectRows<Task>(
      connection,
      "WHERE job_id = ?1 AND state = 'pending' AND stage = CAST(?2 AS INTEGER) AND NOT EXISTS("
      "SELECT 1 FROM attempts WHERE task_id = tasks.id AND open = 1) ORDER BY position LIMIT "
      "CAST(?3 AS INTEGER)",
      {std::string(job_id), absl::StrCat(stage), absl::StrCat(std::max(limit, 0))});
}

}  // namespace dbfleet::controller::sqlite
