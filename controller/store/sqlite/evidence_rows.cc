// What proves the audit trail: its signed checkpoints, the agents' receipts; and the starts of
// controllers.
#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/store/sqlite/rows.h"

namespace dbfleet::controller::sqlite {
namespace {

constexpr char kSelectCheckpoint[] =
    "SELECT id, log_id, size, time_us, text FROM audit_checkpoints ";

int64_t Clamp(uint64_t value) {
  constexpr uint64_t kLargest = std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(std::min(value, kLargest));
}

absl::StatusOr<std::vector<AuditCheckpoint>> ReadCheckpoints(Statement* statement) {
  std::vector<AuditCheckpoint> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement->Step());
    if (!more) return rows;
    AuditCheckpoint& row = rows.emplace_back();
    row.id = statement->Int(0);
    row.log_id = statement->Text(1);
    row.size = static_cast<uint64_t>(statement->Int(2));
    row.time = absl::FromUnixMicros(statement->Int(3));
    row.text = statement->Text(4);
  }
}

}  // namespace

absl::StatusOr<std::vector<AuditCheckpoint>> AuditCheckpoints(Connection& connection,
                                                              uint64_t first_size,
                                                              uint64_t last_size) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare(absl::StrCat(
                       kSelectCheckpoint, "WHERE size >= ?1 AND size <= ?2 ORDER BY size, id")));
  statement.BindInt(1, Clamp(first_size));
  statement.BindInt(2, Clamp(last_size));
  return ReadCheckpoints(&statement);
}

absl::StatusOr<std::vector<AuditCheckpoint>> LastCheckpoints(Connection& connection,
                                                             absl::string_view log_id, int limit) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare(absl::StrCat(kSelectCheckpoint,
                                                   "WHERE log_id = ?1 ORDER BY id DESC LIMIT ?2")));
  statement.BindText(1, log_id);
  statement.BindInt(2, std::max(limit, 0));
  return ReadCheckpoints(&statement);
}

absl::StatusOr<std::vector<std::string>> AuditLogs(Connection& connection) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("SELECT log_id FROM audit_checkpoints GROUP BY log_id "
                                      "ORDER BY min(id)"));
  std::vector<std::string> logs;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return logs;
    logs.push_back(statement.Text(0));
  }
}

absl::StatusOr<std::vector<AuditReceipt>> AuditReceipts(Connection& connection, uint64_t first_size,
                                                        uint64_t last_size) {
  ASSIGN_OR_RETURN(
      Statement statement,
      connection.Prepare("SELECT agent_id, log_id, size, text, signature, certificate FROM "
                         "audit_receipts WHERE size >= ?1 AND size <= ?2 ORDER BY size, agent_id"));
  statement.BindInt(1, Clamp(first_size));
  statement.BindInt(2, Clamp(last_size));
  std::vector<AuditReceipt> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return rows;
    rows.push_back({statement.Text(0), statement.Text(1), static_cast<uint64_t>(statement.Int(2)),
                    statement.Text(3), statement.Text(4), statement.Text(5)});
  }
}

absl::Status InsertAuditCheckpoint(Connection& connection, const AuditCheckpoint& checkpoint) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("INSERT INTO audit_checkpoints(log_id, size, time_us, text) "
                                      "VALUES(?1, ?2, ?3, ?4)"));
  statement.BindText(1, checkpoint.log_id);
  statement.BindInt(2, Clamp(checkpoint.size));
  statement.BindInt(3, absl::ToUnixMicros(checkpoint.time));
  statement.BindText(4, checkpoint.text);
  return statement.Run();
}

absl::Status DeleteAuditCheckpoint(Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("DELETE FROM audit_checkpoints WHERE id = ?1"));
  statement.BindInt(1, id);
  return statement.Run();
}

absl::Status PutAuditReceipt(Connection& connection, const AuditReceipt& receipt) {
  ASSIGN_OR_RETURN(
      Statement statement,
      connection.Prepare(
          "INSERT INTO audit_receipts(agent_id, log_id, size, text, signature, certificate) "
          "VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(agent_id, log_id) DO UPDATE SET "
          "size = excluded.size, text = excluded.text, signature = excluded.signature, "
          "certificate = excluded.certificate WHERE excluded.size >= size"));
  statement.BindText(1, receipt.agent_id);
  statement.BindText(2, receipt.log_id);
  statement.BindInt(3, Clamp(receipt.size));
  statement.BindText(4, receipt.text);
  statement.BindBlob(5, receipt.signature);
  statement.BindText(6, receipt.certificate_pem);
  return statement.Run();
}

absl::StatusOr<std::optional<ControllerStart>> StartFrom(Connection& connection, uint64_t epoch) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("SELECT epoch, life, audit_size, epoch = (SELECT min(epoch) "
                                      "FROM starts) FROM starts WHERE epoch >= ?1 ORDER BY epoch "
                                      "LIMIT 1"));
  statement.BindInt(1, Clamp(epoch));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return std::optional<ControllerStart>();
  return std::make_optional<ControllerStart>(
      {static_cast<uint64_t>(statement.Int(0)), statement.Text(1),
       static_cast<uint64_t>(statement.Int(2)), statement.Int(3) != 0});
}

absl::Status InsertStart(Connection& connection, const ControllerStart& start) {
  ASSIGN_OR_RETURN(
      Statement statement,
      connection.Prepare("INSERT INTO starts(epoch, life, audit_size) VALUES(?1, ?2, ?3)"));
  statement.BindInt(1, Clamp(start.epoch));
  statement.BindText(2, start.life);
  statement.BindInt(3, Clamp(start.audit_size));
  return statement.Run();
}

}  // namespace dbfleet::controller::sqlite
