#include "controller/store/sqlite/audit_tree.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/audit/merkle.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::controller::sqlite {
namespace {

constexpr size_t kHashBytes = 32;
constexpr int kPartsPerTile = audit::kTileWidth / kPartHashes;
constexpr int kLevelShift = 58;
constexpr uint64_t kRecordsAtOnce = 2000;

int64_t FirstPart(const audit::TileId& id) {
  return static_cast<int64_t>((static_cast<uint64_t>(id.level) << kLevelShift) |
                              (id.index * kPartsPerTile));
}

class Tiles : public audit::TileSource {
 public:
  explicit Tiles(Connection* connection) : connection_(*connection) {}
  absl::StatusOr<std::string> ReadTile(const audit::TileId& id, int) override {
    return ReadAuditTile(connection_, id);
  }

 private:
  Connection& connection_;
};

absl::Status Damaged(absl::string_view what) {
  return Error(absl::StatusCode::kDataLoss, "AUDIT_TREE_DAMAGED",
               absl::StrCat("the audit trail's tree is damaged: ", what,
                            "; restore the store from its backup"));
}

absl::Status InsertPart(Connection& connection, int64_t part, absl::string_view hashes) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("INSERT INTO audit_tiles(id, hashes) VALUES(?1, ?2)"));
  statement.BindInt(1, part);
  statement.BindBlob(2, hashes);
  return statement.Run();
}

absl::Status ExtendPart(Connection& connection, int64_t part, size_t from_bytes,
                        absl::string_view hashes) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("UPDATE audit_tiles SET hashes = CAST(hashes || ?2 AS BLOB) "
                                      "WHERE id = ?1 AND length(hashes) = ?3"));
  statement.BindInt(1, part);
  statement.BindBlob(2, hashes);
  statement.BindInt(3, static_cast<int64_t>(from_bytes));
  return statement.Run();
}

absl::Status AppendTile(Connection& connection, const audit::TileAppend& append) {
  absl::string_view rest = append.hashes;
  int at = append.from;
  while (!rest.empty()) {
    const int64_t part = FirstPart(append.id) + at / kPartHashes;
    const int begin = at % kPartHashes;
    const absl::string_view now = rest.substr(0, (kPartHashes - begin) * kHashBytes);
    const absl::Status status = begin == 0 ? InsertPart(connection, part, now)
                                           : ExtendPart(connection, part, begin * kHashBytes, now);
    if (absl::IsAlreadyExists(status) || (status.ok() && connection.changes() != 1)) {
      return Damaged(absl::StrCat(audit::TileName(append.id), " does not hold ", append.from,
                                  " hashes, as it should"));
    }
    RETURN_IF_ERROR(status);
    rest.remove_prefix(now.size());
    at += static_cast<int>(now.size() / kHashBytes);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadAuditTile(Connection& connection, const audit::TileId& id) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("SELECT hashes FROM audit_tiles WHERE id >= ?1 AND id < ?2 "
                                      "ORDER BY id"));
  statement.BindInt(1, FirstPart(id));
  statement.BindInt(2, FirstPart(id) + kPartsPerTile);
  std::string hashes;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return hashes;
    hashes += statement.Text(0);
  }
}

absl::Status AppendTiles(Connection& connection, const std::vector<audit::TileAppend>& appends) {
  for (const audit::TileAppend& append : appends) {
    RETURN_IF_ERROR(AppendTile(connection, append));
  }
  return absl::OkStatus();
}

absl::StatusOr<audit::TreeAppender> OpenTree(Connection& connection, const ChainHead& head) {
  Tiles tiles(&connection);
  ASSIGN_OR_RETURN(audit::TreeAppender tree, audit::TreeAppender::Resume(tiles, head.seq));
  if (head.seq == 0) return tree;
  const audit::TileId id{0, (head.seq - 1) / audit::kTileWidth};
  ASSIGN_OR_RETURN(const std::string last, ReadAuditTile(connection, id));
  const size_t at = ((head.seq - 1) % audit::kTileWidth) * kHashBytes;
  if (last.size() != at + kHashBytes || last.substr(at) != head.leaf) {
    return Damaged(absl::StrCat("its last leaf is not that of record ", head.seq));
  }
  return tree;
}

absl::Status BuildTiles(Connection& connection) {
  audit::TreeAppender tree;
  for (;;) {
    ASSIGN_OR_RETURN(const std::vector<AuditRow> rows,
                     ReadAudit(connection, tree.size() + 1, kRecordsAtOnce));
    for (const AuditRow& row : rows) {
      if (row.seq != tree.size() + 1 || Sha256(row.canonical) != row.hash) {
        return Error(absl::StatusCode::kDataLoss, "AUDIT_CORRUPT",
                     absl::StrCat("audit record ", tree.size() + 1,
                                  " is missing or was altered; restore the store, or keep it as "
                                  "evidence and begin a new one"));
      }
      tree.Append(audit::LeafHash(row.canonical));
    }
    RETURN_IF_ERROR(AppendTiles(connection, tree.TakeChanges()));
    if (rows.size() < kRecordsAtOnce) return absl::OkStatus();
  }
}

}  // namespace dbfleet::controller::sqlite
