// The store's schema as it grew, step by step (see schema.h).
#include "controller/store/sqlite/audit_tree.h"
#include "controller/store/sqlite/schema.h"

namespace dbfleet::controller::sqlite {
namespace {

// Times are unix nanoseconds, the ends of the int64 range being absl's infinities; durations
// likewise. Lists and maps are JSON. Enumerations are the words of controller/domain/names.h.
constexpr char kVersion1[] = R"sql(
CREATE TABLE store_state(
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE settings(
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE contents(
  sha256 TEXT PRIMARY KEY,
  content BLOB NOT NULL
) STRICT;

CREATE TABLE environments(
  name TEXT PRIMARY KEY,
  display_name TEXT NOT NULL,
  destructive_approvals INTEGER NOT NULL,
  verified_backup_max_age INTEGER NOT NULL,
  approval_ttl INTEGER NOT NULL,
  destructive_consent INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;

CREATE TABLE agents(
  id TEXT PRIMARY KEY,
  environment TEXT NOT NULL,
  creator TEXT NOT NULL,
  enroll_time INTEGER NOT NULL,
  last_seen_time INTEGER NOT NULL,
  agent_version TEXT NOT NULL,
  capabilities TEXT NOT NULL,
  journal_id TEXT NOT NULL,
  revoked INTEGER NOT NULL,
  draining INTEGER NOT NULL,
  quarantined INTEGER NOT NULL,
  state_reason TEXT NOT NULL,
  current_serial TEXT NOT NULL,
  current_not_after INTEGER NOT NULL,
  next_serial TEXT NOT NULL,
  next_not_after INTEGER NOT NULL,
  public_key_sha256 TEXT NOT NULL,
  acked_event_seq INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;

CREATE TABLE join_tokens(
  hash TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL,
  environment TEXT NOT NULL,
  creator TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  expire_time INTEGER NOT NULL,
  used_key_sha256 TEXT NOT NULL,
  certificate_pem TEXT NOT NULL,
  version INTEGER NOT NULL
) STRICT;

CREATE TABLE instances(
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL,
  environment TEXT NOT NULL,
  engine TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  labels TEXT NOT NULL,
  role TEXT NOT NULL,
  server_version TEXT NOT NULL,
  forbidden_actions TEXT NOT NULL,
  last_fence INTEGER NOT NULL,
  removed INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE INDEX instances_agent ON instances(agent_id);

CREATE TABLE jobs(
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  environment TEXT NOT NULL,
  requester TEXT NOT NULL,
  title TEXT NOT NULL,
  reason TEXT NOT NULL,
  spec_blob BLOB NOT NULL,
  safety TEXT NOT NULL,
  digest TEXT NOT NULL,
  policy_digest TEXT NOT NULL,
  approve_destructive INTEGER NOT NULL,
  plan_only INTEGER NOT NULL,
  schema_change INTEGER NOT NULL,
  has_rollback INTEGER NOT NULL,
  approved_rows INTEGER NOT NULL,
  backup_gate TEXT NOT NULL,
  gate_job TEXT NOT NULL,
  max_parallel INTEGER NOT NULL,
  rollback_of TEXT NOT NULL,
  parent TEXT NOT NULL,
  request_key TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  end_time INTEGER NOT NULL,
  expire_time INTEGER NOT NULL,
  error_reason TEXT NOT NULL,
  error_message TEXT NOT NULL,
  cancel_requested INTEGER NOT NULL,
  paused_from TEXT NOT NULL,
  approvals TEXT NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX jobs_request_key ON jobs(request_key) WHERE request_key != '';
CREATE INDEX jobs_state ON jobs(state, id);
CREATE INDEX jobs_environment ON jobs(environment, id);

CREATE TABLE tasks(
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  job_id TEXT NOT NULL REFERENCES jobs(id),
  state TEXT NOT NULL,
  instance_id TEXT NOT NULL,
  database TEXT NOT NULL,
  stage INTEGER NOT NULL,
  spec_blob BLOB NOT NULL,
  plan_blob BLOB NOT NULL,
  target_digest TEXT NOT NULL,
  result_blob BLOB NOT NULL,
  steps TEXT NOT NULL,
  error_reason TEXT NOT NULL,
  error_message TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE INDEX tasks_job ON tasks(job_id, position);

CREATE TABLE attempts(
  id TEXT PRIMARY KEY,
  task_id TEXT NOT NULL REFERENCES tasks(id),
  job_id TEXT NOT NULL,
  instance_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  purpose TEXT NOT NULL,
  state TEXT NOT NULL,
  fence INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  safe_to_rerun INTEGER NOT NULL,
  digest TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  start_time INTEGER NOT NULL,
  end_time INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  unreachable_since INTEGER NOT NULL,
  error_reason TEXT NOT NULL,
  error_message TEXT NOT NULL,
  cancel_sent INTEGER NOT NULL,
  version INTEGER NOT NULL,
  UNIQUE(task_id, number)
) STRICT;
CREATE INDEX attempts_open ON attempts(id)
  WHERE state IN ('queued', 'offered', 'accepted', 'granted', 'running', 'unreachable');

CREATE TABLE backups(
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  instance_id TEXT NOT NULL,
  environment TEXT NOT NULL,
  job_id TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  snapshot_time INTEGER NOT NULL,
  databases TEXT NOT NULL,
  result_blob BLOB NOT NULL,
  verification_blob BLOB NOT NULL,
  verified_level INTEGER NOT NULL,
  verify_time INTEGER NOT NULL,
  error_message TEXT NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE INDEX backups_instance ON backups(instance_id, snapshot_time);

CREATE TABLE users(
  id TEXT PRIMARY KEY,
  roles TEXT NOT NULL,
  creator TEXT NOT NULL,
  roles_editor TEXT NOT NULL,
  disabled INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens(
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users(id),
  hash TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL,
  creator TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  expire_time INTEGER NOT NULL,
  revoked INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE INDEX tokens_user ON tokens(user_id, id);

-- The canonical bytes are not stored: they are made again from the row whenever it is read, so that a
-- row that was altered no longer fits its hash.
CREATE TABLE audit(
  seq INTEGER PRIMARY KEY,
  time_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  resource TEXT NOT NULL,
  environment TEXT NOT NULL,
  details TEXT NOT NULL,
  previous_hash BLOB NOT NULL,
  hash BLOB NOT NULL
) STRICT;
CREATE INDEX audit_resource ON audit(resource, seq);
CREATE INDEX audit_actor ON audit(actor, seq);
CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit records never change'); END;
CREATE TRIGGER audit_never_shrinks BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit records are never deleted'); END;

-- The place of signed checkpoints: a signature over the RFC 6962 root of the first `tree_size` records.
CREATE TABLE audit_checkpoints(
  tree_size INTEGER PRIMARY KEY REFERENCES audit(seq),
  time_us INTEGER NOT NULL,
  root_hash BLOB NOT NULL,
  key_id TEXT NOT NULL,
  signature BLOB NOT NULL
) STRICT;
)sql";

// Nothing ever read them.
constexpr char kVersion2[] = R"sql(
ALTER TABLE jobs DROP COLUMN paused_from;
ALTER TABLE attempts DROP COLUMN cancel_sent;
)sql";

// The tree over the audit records, its signed checkpoints, and what the agents answered to them.
// The former audit_checkpoints was never written. `starts` has one row for each start of a
// controller on this store: its epoch, and how many audit records there were before it.
constexpr char kVersion3[] = R"sql(
-- Each approval has the rows that it saw.
ALTER TABLE jobs DROP COLUMN approved_rows;
DROP TABLE audit_checkpoints;
-- id: level << 58 | tile << 3 | part; a part holds up to 32 hashes (sqlite/audit_tree.h).
CREATE TABLE audit_tiles(
  id INTEGER PRIMARY KEY,
  hashes BLOB NOT NULL
) STRICT;
CREATE TABLE audit_checkpoints(
  id INTEGER PRIMARY KEY,
  log_id TEXT NOT NULL,
  size INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX audit_checkpoints_size ON audit_checkpoints(size, id);
CREATE INDEX audit_checkpoints_log ON audit_checkpoints(log_id, id);
CREATE TABLE audit_receipts(
  agent_id TEXT NOT NULL,
  log_id TEXT NOT NULL,
  size INTEGER NOT NULL,
  text TEXT NOT NULL,
  signature BLOB NOT NULL,
  certificate TEXT NOT NULL,
  PRIMARY KEY(agent_id, log_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_receipts_size ON audit_receipts(size);
CREATE TABLE starts(
  epoch INTEGER PRIMARY KEY,
  audit_size INTEGER NOT NULL
) STRICT;
INSERT INTO starts(epoch, audit_size)
  SELECT CAST(CAST(value AS TEXT) AS INTEGER), (SELECT ifnull(max(seq), 0) FROM audit)
  FROM store_state WHERE key = 'epoch';
)sql";

// Which requests made what, apart from the settings, so that they can expire. Those that are there
// do so seven days (in nanoseconds) after the last audit record.
constexpr char kVersion4[] = R"sql(
CREATE TABLE request_keys(
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  expire_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX request_keys_expire ON request_keys(expire_time);
INSERT INTO request_keys(key, value, expire_time)
  SELECT substr(key, 9), CAST(value AS TEXT),
         ifnull((SELECT time_us FROM audit ORDER BY seq DESC LIMIT 1), 0) * 1000 + 604800000000000
  FROM settings WHERE key >= 'request.' AND key < 'request/';
DELETE FROM settings WHERE key >= 'request.' AND key < 'request/';
)sql";

// So that neither an event nor a listing costs more the more there is (job_rows.cc, audit_rows.cc).
constexpr char kVersion5[] = R"sql(
DROP INDEX attempts_open;
CREATE INDEX attempts_open_instance ON attempts(instance_id, id)
  WHERE state IN ('queued', 'offered', 'accepted', 'granted', 'running', 'unreachable');
CREATE INDEX attempts_open_agent ON attempts(agent_id, id)
  WHERE state IN ('queued', 'offered', 'accepted', 'granted', 'running', 'unreachable');
CREATE INDEX attempts_open_job ON attempts(job_id, id)
  WHERE state IN ('queued', 'offered', 'accepted', 'granted', 'running', 'unreachable');
CREATE INDEX tasks_state ON tasks(job_id, state, stage, position);
CREATE INDEX tasks_unplanned ON tasks(job_id) WHERE state = 'pending' AND plan_blob = x'';
CREATE INDEX jobs_kind ON jobs(kind, id);
CREATE INDEX jobs_environment_kind ON jobs(environment, kind, id);
CREATE INDEX audit_collection ON audit(substr(resource, 1, instr(resource, '/')), seq);
CREATE INDEX backups_listed ON backups(instance_id, id);
CREATE INDEX backups_environment ON backups(environment, id);
)sql";

// Two copies of a store may give one epoch each, and only this tells them apart.
constexpr char kVersion6[] = R"sql(
ALTER TABLE starts ADD COLUMN life TEXT NOT NULL DEFAULT '';
)sql";

// Whether an attempt is open has a column of its own, so that SQLite need not write three indexes
// again each time an open attempt moves on: it does whenever a column changes on which an index's
// condition rests, though the outcome is the same.
constexpr char kVersion7[] = R"sql(
ALTER TABLE attempts ADD COLUMN open INTEGER NOT NULL DEFAULT 0;
UPDATE attempts INDEXED BY attempts_open_instance SET open = 1
  WHERE state IN ('queued', 'offered', 'accepted', 'granted', 'running', 'unreachable');
DROP INDEX attempts_open_instance;
DROP INDEX attempts_open_agent;
DROP INDEX attempts_open_job;
CREATE INDEX attempts_open_instance ON attempts(instance_id, id) WHERE open = 1;
CREATE INDEX attempts_open_agent ON attempts(agent_id, id) WHERE open = 1;
CREATE INDEX attempts_open_job ON attempts(job_id, id) WHERE open = 1;
)sql";

// Resources that were declared, and what windows change about environments and jobs.
constexpr char kVersion8[] = R"sql(
CREATE TABLE resources(
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  blob BLOB NOT NULL,
  creator TEXT NOT NULL,
  editor TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE INDEX resources_kind ON resources(kind, id);
ALTER TABLE environments ADD COLUMN window_for TEXT NOT NULL DEFAULT 'none';
ALTER TABLE environments ADD COLUMN declared INTEGER NOT NULL DEFAULT 0;
ALTER TABLE environments ADD COLUMN promotes_from TEXT NOT NULL DEFAULT '';
-- Thirty days, in nanoseconds.
ALTER TABLE environments ADD COLUMN promotion_within INTEGER NOT NULL DEFAULT 2592000000000000;
ALTER TABLE environments ADD COLUMN promotion_rehearsal INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN content_digest TEXT NOT NULL DEFAULT '';
CREATE INDEX jobs_content ON jobs(content_digest, environment, end_time)
  WHERE content_digest <> '';
ALTER TABLE jobs ADD COLUMN window_name TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN window_overrun TEXT NOT NULL DEFAULT 'finish';
-- The end of the int64 range: no bound.
ALTER TABLE attempts ADD COLUMN start_before INTEGER NOT NULL DEFAULT 9223372036854775807;
)sql";

// How changes go over their targets in waves.
constexpr char kVersion9[] = R"sql(
ALTER TABLE jobs ADD COLUMN rollout_waves TEXT NOT NULL DEFAULT '[]';
ALTER TABLE jobs ADD COLUMN rollout_pause INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN rollout_failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN rollout_on_failure TEXT NOT NULL DEFAULT 'stop';
ALTER TABLE jobs ADD COLUMN rollout_health_check INTEGER NOT NULL DEFAULT 1;
ALTER TABLE jobs ADD COLUMN wave INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN waves_ended INTEGER NOT NULL DEFAULT 0;
-- The begin of the int64 range: not yet.
ALTER TABLE jobs ADD COLUMN wave_end_time INTEGER NOT NULL DEFAULT -9223372036854775808;
ALTER TABLE jobs ADD COLUMN wave_check_job TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN failures_forgiven INTEGER NOT NULL DEFAULT 0;
)sql";

// Schedules, and their occurrences, which are unique by what their ids are made of.
constexpr char kVersion10[] = R"sql(
CREATE TABLE schedules(
  name TEXT PRIMARY KEY,
  uid TEXT NOT NULL,
  timing TEXT NOT NULL,
  decided_until INTEGER NOT NULL,
  pruned_until INTEGER NOT NULL,
  declarers TEXT NOT NULL,
  deleted INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE TABLE occurrences(
  id TEXT PRIMARY KEY,
  schedule TEXT NOT NULL,
  uid TEXT NOT NULL,
  nominal INTEGER NOT NULL,
  due_time INTEGER NOT NULL,
  state TEXT NOT NULL,
  missed INTEGER NOT NULL,
  requester TEXT NOT NULL,
  spec_blob BLOB NOT NULL,
  last_target TEXT NOT NULL,
  targets INTEGER NOT NULL,
  jobs INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  begin_time INTEGER NOT NULL,
  end_time INTEGER NOT NULL,
  open INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
-- Each time of a schedule is decided once, whatever ids are made of.
CREATE UNIQUE INDEX occurrences_nominal ON occurrences(uid, nominal) WHERE requester = '';
CREATE INDEX occurrences_schedule ON occurrences(schedule, id);
CREATE INDEX occurrences_open ON occurrences(schedule, id) WHERE open = 1;
CREATE INDEX occurrences_open_state ON occurrences(state, schedule, id) WHERE open = 1;
)sql";

// What is to be told to whom (outbox_rows.cc). The first index finds what is due and counts what
// waits, the second what waits for another row about the same subject.
constexpr char kNotifications[] = R"sql(
CREATE TABLE notifications(
  id TEXT PRIMARY KEY,
  route TEXT NOT NULL,
  recipient TEXT NOT NULL,
  subject TEXT NOT NULL,
  seq INTEGER NOT NULL,
  trigger_name TEXT NOT NULL,
  fields TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  next_time INTEGER NOT NULL,
  end_time INTEGER NOT NULL,
  error TEXT NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX notifications_once ON notifications(seq, route, recipient);
CREATE INDEX notifications_due ON notifications(route, next_time) WHERE state = 'waiting';
CREATE INDEX notifications_subject ON notifications(route, subject, recipient, seq)
  WHERE state = 'waiting';
CREATE INDEX notifications_last ON notifications(route, subject, seq);
CREATE INDEX notifications_ended ON notifications(state, end_time);
CREATE INDEX notifications_made ON notifications(create_time) WHERE state = 'waiting';
)sql";

// Accounts of programs, and tokens that are good for less than their users.
constexpr char kRolesStep[] = R"sql(
ALTER TABLE users ADD COLUMN service INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tokens ADD COLUMN environments TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tokens ADD COLUMN verbs TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tokens ADD COLUMN sources TEXT NOT NULL DEFAULT '[]';
)sql";

// What waits for a window that carries it. The index gives a queue in its order.
constexpr char kQueues[] = R"sql(
ALTER TABLE jobs ADD COLUMN queue_window TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN queue_priority INTEGER NOT NULL DEFAULT 50;
ALTER TABLE jobs ADD COLUMN queue_estimate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN queue_source TEXT NOT NULL DEFAULT 'assumed';
ALTER TABLE jobs ADD COLUMN queue_runs INTEGER NOT NULL DEFAULT 0;
-- The begin of the int64 range: never.
ALTER TABLE jobs ADD COLUMN queue_until INTEGER NOT NULL DEFAULT -9223372036854775808;
CREATE INDEX jobs_queue ON jobs(queue_window, queue_priority DESC, create_time, id)
  WHERE queue_window <> '' AND end_time = -9223372036854775808;
)sql";

// Rules, how far they have counted, and what they propose (rule_rows.cc).
constexpr char kRules[] = R"sql(
CREATE TABLE event_rules(
  name TEXT PRIMARY KEY,
  uid TEXT NOT NULL,
  since_seq INTEGER NOT NULL,
  declarers TEXT NOT NULL,
  deleted INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE TABLE event_rule_counts(
  id TEXT PRIMARY KEY,
  rule TEXT NOT NULL,
  hits TEXT NOT NULL,
  suppressed INTEGER NOT NULL,
  told_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE INDEX event_rule_counts_old ON event_rule_counts(rule, update_time);
CREATE TABLE job_proposals(
  id TEXT PRIMARY KEY,
  rule TEXT NOT NULL,
  seq INTEGER NOT NULL,
  instance TEXT NOT NULL,
  uid TEXT NOT NULL,
  environment TEXT NOT NULL,
  trigger_name TEXT NOT NULL,
  cause TEXT NOT NULL,
  event_time INTEGER NOT NULL,
  depth INTEGER NOT NULL,
  ask INTEGER NOT NULL,
  job_blob BLOB NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  decider TEXT NOT NULL,
  job TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  expire_time INTEGER NOT NULL,
  end_time INTEGER NOT NULL,
  open INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
-- What a rule makes of a record it makes once, whatever ids are made of.
CREATE UNIQUE INDEX job_proposals_once ON job_proposals(rule, seq, instance);
CREATE INDEX job_proposals_rule ON job_proposals(rule, id);
CREATE INDEX job_proposals_environment ON job_proposals(environment, id);
CREATE INDEX job_proposals_last ON job_proposals(uid, instance, event_time);
CREATE INDEX job_proposals_day ON job_proposals(uid, event_time);
CREATE INDEX job_proposals_open ON job_proposals(uid, instance) WHERE open = 1;
CREATE INDEX job_proposals_open_state ON job_proposals(state, id) WHERE open = 1;
)sql";

// Records of one kind, newest first, are found without a look at all others (audit_rows.cc).
constexpr char kAuditActions[] = R"sql(
CREATE INDEX audit_action ON audit(action, seq);
)sql";

// When a job entered its window, and which server a backup is of. Of what there is already nobody
// knows: such a job ends with its window when that is seen closed, and such a backup is of no
// server.
constexpr char kWindowAndServer[] = R"sql(
-- The begin of the int64 range: never.
ALTER TABLE jobs ADD COLUMN window_entered INTEGER NOT NULL DEFAULT -9223372036854775808;
ALTER TABLE backups ADD COLUMN agent_id TEXT NOT NULL DEFAULT '';
ALTER TABLE backups ADD COLUMN endpoint TEXT NOT NULL DEFAULT '';
)sql";

// The backup with which a grant satisfied the policy. Those of before do not tell: their agents
// were not asked to look for it.
constexpr char kGateBackup[] = R"sql(
ALTER TABLE attempts ADD COLUMN backup_id TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN backup_manifest TEXT NOT NULL DEFAULT '';
)sql";

// A new step is taken back in tests/unit/controller/store/sqlite/store_fixture.h, and by
// tests/chaos/workload.py (TO_FORMER_SCHEMA) instead of the last one.
constexpr SchemaStep kSteps[] = {
    {1, kVersion1},         {2, kVersion2},       {3, kVersion3, BuildTiles},
    {4, kVersion4},         {5, kVersion5},       {6, kVersion6},
    {7, kVersion7},         {8, kVersion8},       {9, kVersion9},
    {10, kVersion10},       {11, kNotifications}, {12, kRolesStep},
    {13, kQueues},          {14, kRules},         {15, kAuditActions},
    {16, kWindowAndServer}, {17, kGateBackup}};

}  // namespace

absl::Span<const SchemaStep> SchemaSteps() { return kSteps; }

}  // namespace dbfleet::controller::sqlite
