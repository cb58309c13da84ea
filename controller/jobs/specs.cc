#include "controller/jobs/specs.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/canonical.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

template <typename Message>
absl::StatusOr<Message> ParseBlob(const std::string& blob, absl::string_view what,
                                  absl::string_view id) {
  Message message;
  if (!message.ParseFromString(blob)) {
    return Error(absl::StatusCode::kDataLoss, "BAD_BLOB",
                 absl::StrCat("the stored ", what, " of ", id, " cannot be read"));
  }
  return message;
}

absl::Status FillContent(ReadTx& tx, work::v1::ContentRef* ref) {
  ASSIGN_OR_RETURN(*ref->mutable_inline_(), tx.GetContent(ref->sha256()));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<work::v1::JobSpec> ParseSpec(const Job& job) {
  return ParseBlob<work::v1::JobSpec>(job.spec_blob, "specification", job.id);
}

absl::StatusOr<work::v1::JobSpec> ParseSpec(const Job& job, const Task& task) {
  if (task.spec_blob.empty()) return ParseSpec(job);
  return ParseBlob<work::v1::JobSpec>(task.spec_blob, "specification", task.id);
}

absl::StatusOr<work::v1::Plan> ParsePlan(const Task& task) {
  return ParseBlob<work::v1::Plan>(task.plan_blob, "plan", task.id);
}

absl::StatusOr<work::v1::TaskResult> ParseResult(const Task& task) {
  return ParseBlob<work::v1::TaskResult>(task.result_blob, "result", task.id);
}

absl::StatusOr<std::string> ManifestOf(const Backup& backup) {
  ASSIGN_OR_RETURN(const auto result,
                   ParseBlob<work::v1::BackupResult>(backup.result_blob, "result", backup.id));
  return result.manifest_sha256();
}

absl::StatusOr<work::v1::JobSpec> SpecForAgent(ReadTx& tx, work::v1::JobSpec spec) {
  if (spec.has_verify()) {
    ASSIGN_OR_RETURN(const Backup backup, tx.GetBackup(spec.verify().backup_id()));
    ASSIGN_OR_RETURN(*spec.mutable_verify()->mutable_manifest_sha256(), ManifestOf(backup));
    return spec;
  }
  if (!spec.has_migrate()) return spec;
  int64_t total = 0;
  for (const work::v1::Migration& migration : spec.migrate().migrations()) {
    total += migration.up().size_bytes() + migration.down().size_bytes();
  }
  if (total > kMaxInlineBytes) return spec;
  for (work::v1::Migration& migration : *spec.mutable_migrate()->mutable_migrations()) {
    RETURN_IF_ERROR(FillContent(tx, migration.mutable_up()));
    if (migration.has_down()) RETURN_IF_ERROR(FillContent(tx, migration.mutable_down()));
  }
  return spec;
}

std::string ContentDigest(const std::set<std::string>& engines, const work::v1::MigrateSpec& spec) {
  CanonicalWriter writer("dbfleet.content.v1");
  writer.List({engines.begin(), engines.end()});
  writer.Begin(spec.migrations_size());
  for (const work::v1::Migration& migration : spec.migrations()) {
    writer.Text(migration.version())
        .Text(migration.name())
        .Text(migration.up().sha256())
        .Text(migration.down().sha256());
  }
  return Sha256Hex(writer.bytes());
}

bool SpecNamesContent(const work::v1::JobSpec& spec, absl::string_view sha256) {
  for (const work::v1::Migration& migration : spec.migrate().migrations()) {
    if (migration.up().sha256() == sha256 || migration.down().sha256() == sha256) return true;
  }
  return false;
}

sql::Dialect DialectOf(const Instance& instance) {
  if (instance.engine == "postgresql") return sql::Dialect::kPostgres;
  if (instance.engine == "redis") return sql::Dialect::kRedis;
  return absl::StrContains(absl::AsciiStrToLower(instance.server_version), "mariadb")
             ? sql::Dialect::kMariaDb
             : sql::Dialect::kMySql;
}

absl::Status CheckDatabasesFit(const Instance& instance,
                               const std::vector<std::string>& databases) {
  if (instance.engine != "redis" || databases.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "NO_DATABASE_DUMP",
               absl::StrCat("instances/", instance.id,
                            " is a Redis server, whose backup is always the whole instance; leave "
                            "the list of databases out"));
}

bool SafeToRerun(JobKind kind, Purpose purpose) {
  return purpose == Purpose::kPlan || kind != JobKind::kMigrate;
}

bool IsExclusive(JobKind kind, Purpose purpose) {
  if (purpose == Purpose::kPlan) return false;
  return kind != JobKind::kCheck && kind != JobKind::kInspect;
}

}  // namespace dbfleet::controller
