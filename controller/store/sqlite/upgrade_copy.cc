#include "controller/store/sqlite/upgrade_copy.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"

#include "common/base/failpoint.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/store/sqlite/rows.h"
#include "controller/store/sqlite/schema.h"
#include "controller/store/sqlite/store_copy.h"

namespace dbfleet::controller::sqlite {
namespace {

// Tells states of one store apart: every program that opens it takes a new epoch first.
struct State {
  int64_t schema = 0;
  std::string epoch;
  int64_t records = 0;
  std::string head;
  bool operator==(const State&) const = default;
};

absl::StatusOr<State> ReadState(Connection& connection) {
  State state;
  ASSIGN_OR_RETURN(state.schema, connection.QueryInt("PRAGMA user_version"));
  ASSIGN_OR_RETURN(state.epoch, GetState(connection, "epoch"));
  ASSIGN_OR_RETURN(Statement last, connection.Prepare("SELECT seq, hash FROM audit "
                                                      "ORDER BY seq DESC LIMIT 1"));
  ASSIGN_OR_RETURN(const bool row, last.Step());
  if (row) {
    state.records = last.Int(0);
    state.head = last.Text(1);
  }
  return state;
}

bool IsCopyOf(const std::string& path, const State& state) {
  if (access(path.c_str(), F_OK) != 0) return false;
  const absl::StatusOr<std::unique_ptr<Connection>> copy = Connection::Open(path);
  if (!copy.ok() || !CheckIsStore(**copy).ok()) return false;
  const absl::StatusOr<State> found = ReadState(**copy);
  return found.ok() && *found == state;
}

// SQLite's own files too: a journal that was left would be played back into the next copy.
void RemoveUnfinished(const std::string& path) {
  for (const char* ending : {"", "-journal", "-wal", "-shm"}) {
    unlink(absl::StrCat(path, ending).c_str());
  }
}

absl::Status CheckRoom(Connection& connection, const std::string& folder,
                       const UpgradeCopyOptions& options) {
  ASSIGN_OR_RETURN(const int64_t pages, connection.QueryInt("PRAGMA page_count"));
  ASSIGN_OR_RETURN(const int64_t page_bytes, connection.QueryInt("PRAGMA page_size"));
  const int64_t needed = pages * page_bytes + options.reserve_bytes;
  const int64_t free = options.free_bytes(folder);
  if (free < 0 || free >= needed) return absl::OkStatus();
  return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL",
               absl::StrCat("the store is copied before its schema is upgraded, which takes ",
                            needed, " bytes in ", folder, ", where ", free,
                            " are free; make room there and start again. Nothing was changed"));
}

// Killed before: the next start throws the unfinished copy away and makes another one. Killed
// after: the next start finds the copy, and the store that is still as the copy has it.
absl::Status GiveName(const std::string& unfinished, const std::string& path,
                      const std::string& folder) {
  RETURN_IF_ERROR(DBFLEET_FAILPOINT_STATUS("store.upgrade_copy.before", ""));
  if (rename(unfinished.c_str(), path.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("rename ", unfinished, " to ", path));
  }
  RETURN_IF_ERROR(SyncDirectory(folder));
  return DBFLEET_FAILPOINT_STATUS("store.upgrade_copy.after", "");
}

}  // namespace

std::string UpgradeCopyPath(const std::string& store, int version) {
  return absl::StrCat(store, ".before-schema-", version);
}

absl::Status CopyBeforeUpgrade(Connection& connection, int version,
                               const UpgradeCopyOptions& options) {
  ASSIGN_OR_RETURN(const int64_t schema, connection.QueryInt("PRAGMA user_version"));
  if (schema == 0 || schema >= version) return absl::OkStatus();
  const std::string path = UpgradeCopyPath(options.store, version);
  const std::string unfinished = path + ".unfinished";
  const std::filesystem::path parent = std::filesystem::path(options.store).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  RemoveUnfinished(unfinished);
  ASSIGN_OR_RETURN(const State state, ReadState(connection));
  if (!IsCopyOf(path, state)) {
    RETURN_IF_ERROR(CheckRoom(connection, folder, options));
    absl::Status status = CopyStore(options.store, unfinished);
    if (status.ok()) status = GiveName(unfinished, path, folder);
    if (!status.ok()) {
      RemoveUnfinished(unfinished);
      return Annotate(status, "the copy of the store before its upgrade");
    }
  }
  log::Info("the store's schema is upgraded; a copy of the store as it was stays",
            {{"from_schema", absl::StrCat(schema)},
             {"to_schema", absl::StrCat(version)},
             {"copy", path}});
  return absl::OkStatus();
}

}  // namespace dbfleet::controller::sqlite
