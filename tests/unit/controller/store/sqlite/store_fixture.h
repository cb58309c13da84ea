#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "common/audit/export.h"
#include "common/audit/verify.h"
#include "common/base/status.h"
#include "common/concurrency/mutex.h"
#include "controller/store/sqlite/sqlite_store.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/read_from.h"

namespace dbfleet::controller {

// Something that happens once; absl::Notification in a form that ThreadSanitizer can follow.
class Event {
 public:
  void Notify() {
    MutexLock lock(&mutex_);
    happened_ = true;
    changed_.SignalAll();
  }
  void Wait() {
    MutexLock lock(&mutex_);
    while (!happened_) changed_.Wait(&mutex_);
  }
  bool Happened() {
    MutexLock lock(&mutex_);
    return happened_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool happened_ ABSL_GUARDED_BY(mutex_) = false;
};

// What takes a store of this program's schema back to schema 1 + i, from the one after it.
inline constexpr const char* kBackTo[] = {
    "ALTER TABLE jobs ADD COLUMN paused_from TEXT NOT NULL DEFAULT ''; "
    "ALTER TABLE attempts ADD COLUMN cancel_sent INTEGER NOT NULL DEFAULT 0; "
    "PRAGMA user_version = 1;",
    "DROP TABLE audit_tiles; DROP TABLE audit_checkpoints; DROP TABLE audit_receipts; "
    "DROP TABLE starts; ALTER TABLE jobs ADD COLUMN approved_rows INTEGER NOT NULL DEFAULT -1; "
    "CREATE TABLE audit_checkpoints(x INTEGER); PRAGMA user_version = 2;",
    "INSERT INTO settings(key, value) SELECT 'request.' || key, CAST(value AS BLOB) "
    "FROM request_keys; DROP TABLE request_keys; PRAGMA user_version = 3;",
    "DROP INDEX jobs_kind; DROP INDEX jobs_environment_kind; DROP INDEX audit_collection; "
    "DROP INDEX backups_environment; DROP INDEX backups_listed; "
    "DROP INDEX tasks_unplanned; DROP INDEX tasks_state; DROP INDEX attempts_open_job; "
    "DROP INDEX attempts_open_agent; DROP INDEX attempts_open_instance; "
    "CREATE INDEX attempts_open ON attempts(id) WHERE state IN ('queued', 'offered', 'accepted', "
    "'granted', 'running', 'unreachable'); PRAGMA user_version = 4;",
    "ALTER TABLE starts DROP COLUMN life; PRAGMA user_version = 5;",
    "DROP INDEX attempts_open_job; DROP INDEX attempts_open_agent; "
    "DROP INDEX attempts_open_instance; ALTER TABLE attempts DROP COLUMN open; "
    "CREATE INDEX attempts_open_instance ON attempts(instance_id, id) WHERE state IN ('queued', "
    "'offered', 'accepted', 'granted', 'running', 'unreachable'); "
    "CREATE INDEX attempts_open_agent ON attempts(agent_id, id) WHERE state IN ('queued', "
    "'offered', 'accepted', 'granted', 'running', 'unreachable'); "
    "CREATE INDEX attempts_open_job ON attempts(job_id, id) WHERE state IN ('queued', "
    "'offered', 'accepted', 'granted', 'running', 'unreachable'); PRAGMA user_version = 6;",
    "DROP TABLE resources; DROP INDEX jobs_content; ALTER TABLE jobs DROP COLUMN content_digest; "
    "ALTER TABLE environments DROP COLUMN promotes_from; "
    "ALTER TABLE environments DROP COLUMN promotion_within; "
    "ALTER TABLE environments DROP COLUMN promotion_rehearsal; "
    "ALTER TABLE environments DROP COLUMN window_for; "
    "ALTER TABLE environments DROP COLUMN declared; ALTER TABLE jobs DROP COLUMN window_name; "
    "ALTER TABLE jobs DROP COLUMN window_overrun; ALTER TABLE attempts DROP COLUMN start_before; "
    "PRAGMA user_version = 7;",
    "ALTER TABLE jobs DROP COLUMN rollout_waves; ALTER TABLE jobs DROP COLUMN rollout_pause; "
    "ALTER TABLE jobs DROP COLUMN rollout_failures; "
    "ALTER TABLE jobs DROP COLUMN rollout_on_failure; "
    "ALTER TABLE jobs DROP COLUMN rollout_health_check; ALTER TABLE jobs DROP COLUMN wave; "
    "ALTER TABLE jobs DROP COLUMN waves_ended; ALTER TABLE jobs DROP COLUMN wave_end_time; "
    "ALTER TABLE jobs DROP COLUMN wave_check_job; "
    "ALTER TABLE jobs DROP COLUMN failures_forgiven; PRAGMA user_version = 8;",
    "DROP TABLE occurrences; DROP TABLE schedules; PRAGMA user_version = 9;",
    "DROP TABLE notifications; PRAGMA user_version = 10;",
    "ALTER TABLE users DROP COLUMN service; ALTER TABLE tokens DROP COLUMN environments; "
    "ALTER TABLE tokens DROP COLUMN verbs; ALTER TABLE tokens DROP COLUMN sources; "
    "PRAGMA user_version = 11;",
    "DROP INDEX jobs_queue; ALTER TABLE jobs DROP COLUMN queue_window; "
    "ALTER TABLE jobs DROP COLUMN queue_priority; ALTER TABLE jobs DROP COLUMN queue_estimate; "
    "ALTER TABLE jobs DROP COLUMN queue_source; ALTER TABLE jobs DROP COLUMN queue_runs; "
    "ALTER TABLE jobs DROP COLUMN queue_until; PRAGMA user_version = 12;",
    "DROP TABLE job_proposals; DROP TABLE event_rule_counts; DROP TABLE event_rules; "
    "PRAGMA user_version = 13;",
    "DROP INDEX audit_action; PRAGMA user_version = 14;",
    "ALTER TABLE jobs DROP COLUMN window_entered; ALTER TABLE backups DROP COLUMN agent_id; "
    "ALTER TABLE backups DROP COLUMN endpoint; PRAGMA user_version = 15;",
    "ALTER TABLE attempts DROP COLUMN backup_id; ALTER TABLE attempts DROP COLUMN backup_manifest; "
    "PRAGMA user_version = 16;",
};

// A store in a temporary folder.
class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    // In memory where that is possible: what these tests ask for survives a killed process either
    // way, and every fsync on a disk costs them time.
    const bool memory = access("/dev/shm", W_OK) == 0;
    std::string pattern =
        (memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path()) /
        "dbfleet-store-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~StoreTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  SqliteStoreOptions Options() {
    SqliteStoreOptions options;
    options.path = folder_ + "/controller.db";
    options.readers = 2;
    options.ballast_bytes = 0;
    return options;
  }
  void Open() { Open(Options()); }
  void Open(SqliteStoreOptions options) {
    store_.reset();
    auto store = SqliteStore::Open(std::move(options), &clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  absl::Status Mutate(Store::Mutation mutation) {
    return store_->MutateAndWait(std::move(mutation));
  }

  // What `get` returns for a reader.
  template <typename F>
  auto Read(F get) {
    return ReadFrom(*store_, std::move(get));
  }

  static Job MakeJob(const std::string& id) {
    Job job;
    job.id = id;
    job.environment = "qa";
    return job;
  }
  static AuditEntry Entry(const std::string& resource) {
    return {"users/ada", "test.write", resource, "qa", {{"k", "v"}}};
  }

  std::vector<AuditRow> Trail() { return TrailOf(*store_); }
  static std::vector<AuditRow> TrailOf(Store& store) {
    std::vector<AuditRow> all;
    EXPECT_TRUE(store
                    .Read([&](ReadTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(all, tx.ReadAudit(1, 1'000'000));
                      return absl::OkStatus();
                    })
                    .ok());
    return all;
  }

  // The trail as an export, verified by nothing but the export.
  static audit::VerifyReport VerifyTrail(const std::vector<AuditRow>& rows) {
    std::string text;
    for (const AuditRow& row : rows) {
      audit::ExportedRecord out;
      out.record = {row.seq,           row.record_time,    row.entry.actor,
                    row.entry.action,  row.entry.resource, row.entry.environment,
                    row.entry.details, row.previous_hash};
      out.canonical = row.canonical;
      out.hash = row.hash;
      absl::StrAppend(&text, audit::WriteJsonLine(out), "\n");
    }
    std::istringstream in(text);
    return audit::VerifyExport(in).value();
  }

  FakeClock clock_;
  std::string folder_;
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace dbfleet::controller
