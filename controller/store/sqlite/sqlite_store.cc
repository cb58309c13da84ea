#include "controller/store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/failpoint.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/policy/policy.h"
#include "controller/store/sqlite/audit_tree.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/disk_guard.h"
#include "controller/store/sqlite/page_tokens.h"
#include "controller/store/sqlite/reader_pool.h"
#include "controller/store/sqlite/rows.h"
#include "controller/store/sqlite/schema.h"
#include "controller/store/sqlite/store_lock.h"
#include "controller/store/sqlite/upgrade_copy.h"
#include "controller/store/sqlite/writer.h"

namespace dbfleet::controller {
namespace {

using sqlite::ChainHead;
using sqlite::Connection;

constexpr int kSoftwareError = 70;  // EX_SOFTWARE of sysexits.h.

void EndProcess(const absl::Status& status) {
  log::Error(
      "the outcome of a write to the store is unknown: the process ends without answering, and "
      "reads the store anew when it is started again",
      {{"error", std::string(status.message())}});
  _exit(kSoftwareError);
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Makes the file itself, so that it (and SQLite's others, which copy its mode) are the owner's
// only.
absl::Status PrepareFiles(const std::string& path) {
  const std::string folder = FolderOf(path);
  struct stat info;
  if (stat(folder.c_str(), &info) != 0) {
    if (errno != ENOENT) return ErrnoStatus(errno, absl::StrCat("stat ", folder));
    RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  }
  RETURN_IF_ERROR(sqlite::CheckLocalFileSystem(folder));
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
  close(fd);
  return SyncDirectory(folder);
}

// Writes audit records outside of the writer, with their place in the tree.
class StartTrail {
 public:
  static absl::StatusOr<StartTrail> Open(Connection& connection) {
    StartTrail trail;
    ASSIGN_OR_RETURN(trail.head, sqlite::ReadChainHead(connection));
    ASSIGN_OR_RETURN(trail.tree, sqlite::OpenTree(connection, trail.head));
    return trail;
  }
  absl::Status Append(Connection& connection, const AuditEntry& entry, absl::Time now) {
    RETURN_IF_ERROR(sqlite::AppendAudit(connection, entry, now, &head));
    tree.Append(head.leaf);
    return sqlite::AppendTiles(connection, tree.TakeChanges());
  }

  ChainHead head;
  audit::TreeAppender tree;
};

absl::Status AddDefaultEnvironments(Connection& connection, absl::Time now, StartTrail* trail) {
  for (const char* name : {"development", "qa", "production"}) {
    Environment environment;
    environment.name = name;
    environment.display_name = name;
    environment.policy = DefaultPolicy(name);
    RETURN_IF_ERROR(sqlite::Insert(connection, &environment));
    AuditEntry entry;
    entry.actor = "system/controller";
    entry.action = "environment.create";
    entry.resource = absl::StrCat("environments/", name);
    entry.environment = name;
    entry.details["policy_digest"] = PolicyDigest(name, environment.policy);
    RETURN_IF_ERROR(trail->Append(connection, entry, now));
  }
  return absl::OkStatus();
}

struct Start {
  uint64_t epoch = 0;
  std::string life;
  std::string page_secret;
  StartTrail trail;
};

absl::StatusOr<Start> WriteStart(Connection& connection, absl::Time now) {
  Start start;
  ASSIGN_OR_RETURN(start.trail, StartTrail::Open(connection));
  ASSIGN_OR_RETURN(start.page_secret, sqlite::GetState(connection, "page_secret"));
  ASSIGN_OR_RETURN(const std::string stored, sqlite::GetState(connection, "epoch"));
  uint64_t last_epoch = 0;
  if (!stored.empty() && !absl::SimpleAtoi(stored, &last_epoch)) {
    return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                 "the epoch in the store is no number; restore the store from its backup");
  }
  // Above every epoch that an agent is known to have seen of a life that this store lost.
  ASSIGN_OR_RETURN(const std::string floor_text, sqlite::GetSetting(connection, "epoch_floor"));
  uint64_t floor = 0;
  if (absl::SimpleAtoi(floor_text, &floor)) last_epoch = std::max(last_epoch, floor);
  start.epoch = std::max<uint64_t>(last_epoch + 1, std::max<int64_t>(absl::ToUnixSeconds(now), 1));
  start.life = HexEncode(RandomBytes(16));
  RETURN_IF_ERROR(
      sqlite::InsertStart(connection, {start.epoch, start.life, start.trail.head.seq, false}));
  if (stored.empty()) {
    start.page_secret = RandomBytes(32);
    RETURN_IF_ERROR(sqlite::PutState(connection, "page_secret", start.page_secret));
    RETURN_IF_ERROR(AddDefaultEnvironments(connection, now, &start.trail));
  }
  RETURN_IF_ERROR(sqlite::PutState(connection, "epoch", absl::StrCat(start.epoch)));
  return start;
}

// The epoch is on the disk before anything uses it.
absl::StatusOr<Start> CommitStart(Connection& connection, absl::Time now) {
  RETURN_IF_ERROR(connection.Execute("BEGIN IMMEDIATE"));
  absl::StatusOr<Start> start = WriteStart(connection, now);
  if (start.ok()) {
    RETURN_IF_ERROR(DBFLEET_FAILPOINT_STATUS("store.start.before", ""));
    RETURN_IF_ERROR(connection.Execute("COMMIT"));
    RETURN_IF_ERROR(DBFLEET_FAILPOINT_STATUS("store.start.after", ""));
  } else if (connection.in_transaction()) {
    connection.Execute("ROLLBACK").IgnoreError();
  }
  return start;
}

absl::Status Prepare(Connection& connection, const SqliteStoreOptions& options) {
  RETURN_IF_ERROR(sqlite::CheckIsStore(connection));
  RETURN_IF_ERROR(connection.Configure(/*reader=*/false));
  sqlite::UpgradeCopyOptions copy;
  copy.store = options.path;
  copy.reserve_bytes = options.ballast_bytes;
  if (options.free_bytes) copy.free_bytes = options.free_bytes;
  const auto steps = sqlite::SchemaSteps();
  RETURN_IF_ERROR(sqlite::CopyBeforeUpgrade(connection, steps.back().version, copy));
  return sqlite::UpgradeSchema(connection, steps);
}

}  // namespace

struct SqliteStore::Parts {
  // In this order: the lock is given up last, the readers close before the writer, whose connection
  // then folds the log into the file.
  std::unique_ptr<sqlite::StoreLock> lock;
  uint64_t epoch = 0;
  std::string life;
  std::unique_ptr<sqlite::PageTokens> tokens;
  std::unique_ptr<sqlite::Writer> writer;
  std::unique_ptr<sqlite::ReaderPool> readers;
};

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(SqliteStoreOptions options,
                                                               const Clock* clock) {
  auto parts = std::make_unique<Parts>();
  RETURN_IF_ERROR(PrepareFiles(options.path));
  ASSIGN_OR_RETURN(parts->lock, sqlite::StoreLock::Take(options.path + ".lock"));
  auto disk = std::make_unique<sqlite::DiskGuard>(
      options.path + ".ballast", options.ballast_bytes,
      options.free_bytes ? options.free_bytes : sqlite::FreeBytesOf);
  // On a full disk this makes the room that opening needs.
  disk->IsFull();

  ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connection::Open(options.path));
  RETURN_IF_ERROR(Annotate(Prepare(*connection, options), options.path));
  absl::StatusOr<Start> start = CommitStart(*connection, clock->Now());
  if (!start.ok()) return Annotate(start.status(), options.path);

  parts->epoch = start->epoch;
  parts->life = start->life;
  parts->tokens = std::make_unique<sqlite::PageTokens>(start->page_secret);
  ASSIGN_OR_RETURN(parts->readers,
                   sqlite::ReaderPool::Open(options.path, options.readers, parts->tokens.get()));
  sqlite::Writer::Options writer;
  writer.connection = std::move(connection);
  writer.tokens = parts->tokens.get();
  writer.clock = clock;
  writer.head = start->trail.head;
  writer.tree = std::move(start->trail.tree);
  writer.disk = std::move(disk);
  writer.row_cache_bytes = options.row_cache_bytes;
  writer.metrics = options.metrics;
  writer.fatal = options.fatal ? options.fatal : EndProcess;
  if (options.on_audit_head) {
    writer.on_head = [notify = options.on_audit_head](const ChainHead& head) {
      notify(head.seq, head.hash);
    };
  }
  parts->writer = std::make_unique<sqlite::Writer>(std::move(writer));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(parts)));
}

SqliteStore::SqliteStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

SqliteStore::~SqliteStore() {
  // `done`s that run now may still read.
  parts_->writer->Stop();
}

void SqliteStore::Mutate(Mutation mutation, Done done) {
  parts_->writer->Add(std::move(mutation), std::move(done), sqlite::Writer::Kind::kOnce);
}

void SqliteStore::MutateRepeatable(Mutation mutation, Done done) {
  parts_->writer->Add(std::move(mutation), std::move(done), sqlite::Writer::Kind::kRepeatable);
}

void SqliteStore::MutateEssential(Mutation mutation, Done done) {
  parts_->writer->Add(std::move(mutation), std::move(done), sqlite::Writer::Kind::kEssential);
}

absl::Status SqliteStore::Read(const std::function<absl::Status(ReadTx&)>& fn) {
  return parts_->readers->Read(fn);
}

uint64_t SqliteStore::epoch() const { return parts_->epoch; }

const std::string& SqliteStore::life() const { return parts_->life; }

}  // namespace dbfleet::controller
