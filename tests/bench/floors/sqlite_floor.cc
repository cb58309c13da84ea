#include "tests/bench/floors/sqlite_floor.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sqlite3.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "tests/bench/floors/usage.h"

namespace dbfleet::bench {
namespace {

constexpr int kRows = 10'000;
constexpr int kFsyncs = 300;
constexpr int kCheckpointPages = 1000;  // As the store's writer does.

constexpr char kSchema[] = R"sql(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 0;
PRAGMA cache_size = -16384;
CREATE TABLE states(id INTEGER PRIMARY KEY, state TEXT NOT NULL, changed INTEGER NOT NULL,
                    version INTEGER NOT NULL) STRICT;
CREATE TABLE audit(seq INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, actor TEXT NOT NULL,
                   action TEXT NOT NULL, resource TEXT NOT NULL, details TEXT NOT NULL,
                   previous_hash BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
  INSERT INTO states SELECT i, 'granted', 0, 1 FROM n;
)sql";

class Database {
 public:
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path) {
    auto database = std::make_unique<Database>();
    if (sqlite3_open(path.c_str(), &database->db_) != SQLITE_OK) return database->Error("open");
    if (sqlite3_exec(database->db_, kSchema, nullptr, nullptr, nullptr) != SQLITE_OK) {
      return database->Error("schema");
    }
    sqlite3_wal_hook(
        database->db_,
        [](void* pages, sqlite3*, const char*, int count) {
          *static_cast<int*>(pages) = count;
          return SQLITE_OK;
        },
        &database->wal_pages_);
    RETURN_IF_ERROR(database->Prepare("BEGIN IMMEDIATE", &database->begin_));
    RETURN_IF_ERROR(database->Prepare("COMMIT", &database->commit_));
    RETURN_IF_ERROR(database->Prepare(
        "UPDATE states SET state = ?2, changed = ?3, version = version + 1 WHERE id = ?1",
        &database->update_));
    RETURN_IF_ERROR(database->Prepare("INSERT INTO audit VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                                      &database->insert_));
    return database;
  }

  ~Database() {
    for (sqlite3_stmt* statement : {begin_, commit_, update_, insert_}) sqlite3_finalize(statement);
    sqlite3_close(db_);
  }

  // Mutations per second.
  absl::StatusOr<double> Run(double seconds, int group) {
    const auto began = SteadyClock::now();
    int64_t done = 0;
    while (SecondsSince(began) < seconds) {
      RETURN_IF_ERROR(Step(begin_));
      for (int i = 0; i < group; ++i) RETURN_IF_ERROR(Mutate());
      RETURN_IF_ERROR(Step(commit_));
      done += group;
      if (wal_pages_ < kCheckpointPages) continue;
      wal_pages_ = 0;
      if (sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr) !=
          SQLITE_OK) {
        return Error("checkpoint");
      }
    }
    return static_cast<double>(done) / SecondsSince(began);
  }

 private:
  absl::Status Error(const char* what) {
    return absl::InternalError(absl::StrCat("SQLite: ", what, ": ", sqlite3_errmsg(db_)));
  }

  absl::Status Prepare(const char* sql, sqlite3_stmt** statement) {
    return sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, nullptr) ==
                   SQLITE_OK
               ? absl::OkStatus()
               : Error(sql);
  }

  absl::Status Step(sqlite3_stmt* statement) {
    const int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code == SQLITE_DONE ? absl::OkStatus() : Error(sqlite3_sql(statement));
  }

  absl::Status Mutate() {
    ++seq_;
    sqlite3_bind_int64(update_, 1, seq_ * 7919 % kRows + 1);
    sqlite3_bind_text(update_, 2, seq_ % 2 == 0 ? "running" : "granted", -1, SQLITE_STATIC);
    sqlite3_bind_int64(update_, 3, seq_);
    RETURN_IF_ERROR(Step(update_));
    const std::string resource = absl::StrCat("jobs/01M7WYJ71DR0YVS6X", 100'000 + seq_ % kRows);
    const std::string details =
        absl::StrCat(R"({"attempt":"01M7WYJ71DA8RNFY7KZ1VXGXGJ","fence":"3011836026814)",
                     seq_ % 1000, R"(","kind":"check"})");
    const std::string hash = Sha256(absl::StrCat(previous_, seq_, resource, details));
    sqlite3_bind_int64(insert_, 1, seq_);
    sqlite3_bind_int64(insert_, 2, 1'795'194'166'317'091 + seq_);
    sqlite3_bind_text(insert_, 3, "agents/sim-00003", -1, SQLITE_STATIC);
    sqlite3_bind_text(insert_, 4, "attempt.start", -1, SQLITE_STATIC);
    sqlite3_bind_text(insert_, 5, resource.data(), static_cast<int>(resource.size()),
                      SQLITE_STATIC);
    sqlite3_bind_text(insert_, 6, details.data(), static_cast<int>(details.size()), SQLITE_STATIC);
    sqlite3_bind_blob(insert_, 7, previous_.data(), static_cast<int>(previous_.size()),
                      SQLITE_STATIC);
    sqlite3_bind_blob(insert_, 8, hash.data(), static_cast<int>(hash.size()), SQLITE_STATIC);
    RETURN_IF_ERROR(Step(insert_));
    previous_ = hash;
    return absl::OkStatus();
  }

  sqlite3* db_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
  sqlite3_stmt* update_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  int wal_pages_ = 0;
  int64_t seq_ = 0;
  std::string previous_ = std::string(32, '\0');
};

absl::Status MeasureFsync(const std::string& path, SqliteFloor* floor) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
  const absl::Cleanup close_it = [fd] { close(fd); };
  const std::string block(4096, 'x');
  std::vector<double> millis;
  for (int i = 0; i < kFsyncs; ++i) {
    if (pwrite(fd, block.data(), block.size(), i * 4096L) != 4096) {
      return ErrnoStatus(errno, absl::StrCat("write ", path));
    }
    const auto began = SteadyClock::now();
    if (fsync(fd) != 0) return ErrnoStatus(errno, absl::StrCat("fsync ", path));
    millis.push_back(SecondsSince(began) * 1000);
  }
  floor->fsync_ms_p50 = Median(millis);
  floor->fsync_ms_p99 = Quantile(millis, 0.99);
  return absl::OkStatus();
}

absl::Status RequireDisk(const std::string& folder) {
  struct statfs info;
  if (statfs(folder.c_str(), &info) != 0)
    return ErrnoStatus(errno, absl::StrCat("statfs ", folder));
  if (info.f_type != TMPFS_MAGIC) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "NO_DISK",
               absl::StrCat(folder,
                            " is in memory, where fsync does nothing; name a folder on a "
                            "disk with --folder"));
}

}  // namespace

absl::StatusOr<SqliteFloor> MeasureSqlite(const std::string& folder, int repetitions,
                                          double seconds, int group) {
  RETURN_IF_ERROR(RequireDisk(folder));
  std::string own = folder + "/dbfleet-floors-XXXXXX";
  if (mkdtemp(own.data()) == nullptr)
    return ErrnoStatus(errno, absl::StrCat("mkdtemp in ", folder));
  const absl::Cleanup remove = [own] {
    std::error_code ignored;
    std::filesystem::remove_all(own, ignored);
  };
  SqliteFloor floor;
  floor.group = group;
  RETURN_IF_ERROR(MeasureFsync(own + "/block", &floor));
  ASSIGN_OR_RETURN(const std::unique_ptr<Database> database, Database::Open(own + "/floor.db"));
  std::vector<double> single, grouped;
  for (int i = 0; i < repetitions; ++i) {
    ASSIGN_OR_RETURN(const double one, database->Run(seconds, 1));
    ASSIGN_OR_RETURN(const double many, database->Run(seconds, group));
    single.push_back(one);
    grouped.push_back(many);
  }
  floor.single_per_second = Median(single);
  floor.grouped_per_second = Median(grouped);
  return floor;
}

}  // namespace dbfleet::bench
