#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"

#include "common/audit/export.h"
#include "common/audit/merkle.h"
#include "common/base/canonical.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/store/sqlite/audit_reads.h"
#include "controller/store/sqlite/codec.h"
#include "controller/store/sqlite/rows.h"

namespace dbfleet::controller::sqlite {
namespace {

constexpr size_t kMaxValueBytes = 16 << 10;
constexpr size_t kMaxDetails = 256;
// Leaves room for escapes and base64 below the longest line that a verifier reads.
constexpr size_t kMaxCanonicalBytes = 1 << 20;
static_assert(8 * kMaxCanonicalBytes < audit::kMaxLineBytes);

std::string CanonicalBytes(uint64_t seq, absl::Time time, const AuditEntry& entry,
                           absl::string_view previous_hash) {
  return audit::CanonicalBytes(audit::RecordView{seq, time, entry.actor, entry.action,
                                                 entry.resource, entry.environment, entry.details,
                                                 previous_hash});
}

absl::Status Unreadable(int64_t seq) {
  return Error(absl::StatusCode::kDataLoss, "AUDIT_CORRUPT",
               absl::StrCat("the details of audit record ", seq, " cannot be read"));
}

absl::StatusOr<AuditRow> ReadAuditRow(const Statement& statement) {
  AuditRow row;
  row.seq = static_cast<uint64_t>(statement.Int(0));
  row.record_time = absl::FromUnixMicros(statement.Int(1));
  row.entry.actor = statement.Text(2);
  row.entry.action = statement.Text(3);
  row.entry.resource = statement.Text(4);
  row.entry.environment = statement.Text(5);
  if (!Decode(statement.Text(6), &row.entry.details)) {
    return Unreadable(statement.Int(0));
  }
  row.previous_hash = statement.Text(7);
  row.hash = statement.Text(8);
  row.canonical = CanonicalBytes(row.seq, row.record_time, row.entry, row.previous_hash);
  return row;
}

absl::StatusOr<Statement> PrepareFrom(Connection& connection, absl::string_view select,
                                      uint64_t from_seq, int limit) {
  ASSIGN_OR_RETURN(Statement statement, connection.Prepare(absl::StrCat(
                                            select, "WHERE seq >= ?1 ORDER BY seq LIMIT ?2")));
  constexpr uint64_t kLargest = std::numeric_limits<int64_t>::max();
  statement.BindInt(1, static_cast<int64_t>(std::min(from_seq, kLargest)));
  statement.BindInt(2, std::max(limit, 0));
  return statement;
}

absl::Status TooLarge(absl::string_view most) {
  return Error(absl::StatusCode::kInvalidArgument, "AUDIT_TOO_LARGE",
               absl::StrCat("an audit record holds at most ", most,
                            "; put the rest where its hash can name it"));
}

bool Fits(absl::string_view text) { return text.size() <= kMaxValueBytes && IsValidUtf8(text); }

bool Fits(const AuditEntry& entry) {
  return Fits(entry.actor) && Fits(entry.action) && Fits(entry.resource) &&
         Fits(entry.environment) &&
         std::all_of(entry.details.begin(), entry.details.end(),
                     [](const auto& detail) { return Fits(detail.first) && Fits(detail.second); });
}

std::string Fit(absl::string_view text) {
  std::string fit = IsValidUtf8(text) ? std::string(text) : SanitizeForDisplay(text, true);
  if (fit.size() <= kMaxValueBytes) return fit;
  return absl::StrCat(Truncate(fit, kMaxValueBytes), " (", text.size(), " bytes, SHA-256 ",
                      Sha256Hex(text), ")");
}

AuditEntry Fit(const AuditEntry& entry) {
  AuditEntry fit = {
      Fit(entry.actor), Fit(entry.action), Fit(entry.resource), Fit(entry.environment), {}};
  for (const auto& [key, value] : entry.details) fit.details[Fit(key)] = Fit(value);
  return fit;
}

}  // namespace

absl::StatusOr<std::vector<AuditRow>> ReadAuditRows(Statement* statement) {
  std::vector<AuditRow> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement->Step());
    if (!more) return rows;
    ASSIGN_OR_RETURN(AuditRow row, ReadAuditRow(*statement));
    rows.push_back(std::move(row));
  }
}

absl::StatusOr<std::vector<AuditRow>> ReadAudit(Connection& connection, uint64_t from_seq,
                                                int limit) {
  ASSIGN_OR_RETURN(Statement statement, PrepareFrom(connection, kSelectAudit, from_seq, limit));
  return ReadAuditRows(&statement);
}

absl::StatusOr<std::vector<AuditRow>> SkimAudit(Connection& connection, uint64_t from_seq,
                                                int limit) {
  ASSIGN_OR_RETURN(
      Statement statement,
      PrepareFrom(connection, "SELECT seq, action, resource FROM audit ", from_seq, limit));
  std::vector<AuditRow> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return rows;
    AuditRow& row = rows.emplace_back();
    row.seq = static_cast<uint64_t>(statement.Int(0));
    row.entry.action = statement.Text(1);
    row.entry.resource = statement.Text(2);
  }
}

absl::StatusOr<std::vector<std::map<std::string, std::string>>> AuditDetails(
    Connection& connection, absl::string_view resource, absl::string_view action) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("SELECT seq, details FROM audit WHERE resource = ?1 AND "
                                      "action = ?2 ORDER BY seq"));
  statement.BindText(1, resource);
  statement.BindText(2, action);
  std::vector<std::map<std::string, std::string>> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return found;
    if (!Decode(statement.Text(1), &found.emplace_back())) return Unreadable(statement.Int(0));
  }
}

absl::StatusOr<bool> AuditMentions(Connection& connection, absl::string_view resource,
                                   absl::string_view text) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("SELECT 1 FROM audit WHERE resource = ?1 AND "
                                      "instr(details, ?2) > 0 LIMIT 1"));
  statement.BindText(1, resource);
  statement.BindText(2, text);
  return statement.Step();
}

absl::StatusOr<ChainHead> ReadChainHead(Connection& connection) {
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare(absl::StrCat(kSelectAudit, "ORDER BY seq DESC LIMIT 1")));
  ASSIGN_OR_RETURN(const std::vector<AuditRow> rows, ReadAuditRows(&statement));
  ChainHead head;
  if (rows.empty()) return head;
  if (Sha256(rows[0].canonical) != rows[0].hash) {
    return Error(absl::StatusCode::kDataLoss, "AUDIT_CORRUPT",
                 absl::StrCat("audit record ", rows[0].seq,
                              ", the last one, was altered; restore the "
                              "store, or keep it as evidence and begin a new one"));
  }
  head.seq = rows[0].seq;
  head.hash = rows[0].hash;
  head.leaf = audit::LeafHash(rows[0].canonical);
  return head;
}

absl::Status AppendAudit(Connection& connection, const AuditEntry& given, absl::Time now,
                         ChainHead* head) {
  if (given.details.size() > kMaxDetails) return TooLarge(absl::StrCat(kMaxDetails, " details"));
  const bool fits = Fits(given);
  const AuditEntry fit = fits ? AuditEntry() : Fit(given);
  const AuditEntry& entry = fits ? given : fit;
  const uint64_t seq = head->seq + 1;
  const int64_t micros = absl::ToUnixMicros(now);
  const std::string canonical =
      CanonicalBytes(seq, absl::FromUnixMicros(micros), entry, head->hash);
  if (canonical.size() > kMaxCanonicalBytes) return TooLarge("1 MiB");
  const std::string previous_hash = head->hash;
  const std::string hash = Sha256(canonical);
  const std::string details = Encode(entry.details);
  ASSIGN_OR_RETURN(Statement statement,
                   connection.Prepare("INSERT INTO audit(seq, time_us, actor, action, resource, "
                                      "environment, details, previous_hash, hash) "
                                      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
  statement.BindInt(1, static_cast<int64_t>(seq));
  statement.BindInt(2, micros);
  statement.BorrowText(3, entry.actor);
  statement.BorrowText(4, entry.action);
  statement.BorrowText(5, entry.resource);
  statement.BorrowText(6, entry.environment);
  statement.BorrowText(7, details);
  statement.BorrowBlob(8, previous_hash);
  statement.BorrowBlob(9, hash);
  RETURN_IF_ERROR(statement.Run());
  head->seq = seq;
  head->hash = hash;
  head->leaf = audit::LeafHash(canonical);
  return absl::OkStatus();
}

}  // namespace dbfleet::controller::sqlite
