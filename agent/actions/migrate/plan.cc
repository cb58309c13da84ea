#include "agent/actions/migrate/plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/plan/digest.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

using work::v1::Plan;
using work::v1::Step;
using work::v1::TableEstimate;

work::v1::StatementKind ToProto(sql::Kind kind) {
  switch (kind) {
    case sql::Kind::kInspection:
      return work::v1::STATEMENT_KIND_INSPECTION;
    case sql::Kind::kDataFix:
      return work::v1::STATEMENT_KIND_DATA_FIX;
    case sql::Kind::kSchemaMigration:
      return work::v1::STATEMENT_KIND_SCHEMA_MIGRATION;
    case sql::Kind::kQueryOptimization:
      return work::v1::STATEMENT_KIND_QUERY_OPTIMIZATION;
    case sql::Kind::kMaintenance:
      return work::v1::STATEMENT_KIND_MAINTENANCE;
    case sql::Kind::kControl:
      return work::v1::STATEMENT_KIND_CONTROL;
  }
  return work::v1::STATEMENT_KIND_CONTROL;
}

using Estimates = std::map<std::string, TableEstimate>;

Step ToStep(const PlannedStatement& statement, bool transactional, const Estimates& estimates) {
  Step step;
  step.set_index(statement.index);
  step.set_version(statement.version);
  step.set_sql(statement.shown);
  step.set_file(statement.file);
  step.set_line(statement.line);
  step.set_kind(ToProto(statement.verdict.kind));
  step.set_safety(statement.verdict.safety == sql::Safety::kSafe
                      ? work::v1::SAFETY_CLASS_SAFE
                      : work::v1::SAFETY_CLASS_DESTRUCTIVE);
  for (const std::string& reason : statement.verdict.reasons) step.add_safety_reasons(reason);
  step.set_transactional(transactional);
  for (const work::v1::Finding& finding : statement.findings) *step.add_findings() = finding;
  for (const std::string& table : statement.verdict.tables) {
    const auto it = estimates.find(table);
    if (it != estimates.end()) *step.add_tables() = it->second;
  }
  return step;
}

absl::StatusOr<Estimates> EstimateTables(const MigrationModel& model, SqlMigrations& sql,
                                         MigrationSession& session) {
  std::set<std::string> names;
  for (const VersionUnit& unit : model.units) {
    for (const PlannedStatement& statement : unit.forward) {
      names.insert(statement.verdict.tables.begin(), statement.verdict.tables.end());
    }
  }
  Estimates estimates;
  if (names.empty()) return estimates;
  ASSIGN_OR_RETURN(std::vector<TableEstimate> found,
                   sql.Estimate(session, std::vector<std::string>(names.begin(), names.end())));
  for (TableEstimate& estimate : found) {
    const std::string table = estimate.table();
    estimates[table] = std::move(estimate);
  }
  return estimates;
}

// Says before the approval what would fail after it: schema changes need the table's owner.
absl::Status WarnOfForeignOwners(const MigrationModel& model, SqlMigrations& sql,
                                 MigrationSession& session, Plan* plan) {
  std::set<std::string> names;
  for (const VersionUnit& unit : model.units) {
    for (const PlannedStatement& statement : unit.forward) {
      if (statement.verdict.kind != sql::Kind::kSchemaMigration &&
          statement.verdict.kind != sql::Kind::kQueryOptimization) {
        continue;
      }
      names.insert(statement.verdict.tables.begin(), statement.verdict.tables.end());
    }
  }
  if (names.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> tables,
                   sql.NotOwned(session, std::vector<std::string>(names.begin(), names.end())));
  for (const std::string& table : tables) {
    plan->add_warnings(
        absl::StrCat("the account for migrations does not own ", table,
                     ", so ALTER, DROP and CREATE INDEX on it fail: GRANT it the owner's role"));
  }
  return absl::OkStatus();
}

// Tables that do not exist yet are unknown to the server and count as empty beside known ones.
int64_t SumRows(const Estimates& estimates) {
  int64_t sum = 0;
  bool known = estimates.empty();
  for (const auto& [table, estimate] : estimates) {
    if (estimate.rows() < 0) continue;
    known = true;
    sum += estimate.rows();
  }
  return known ? sum : -1;
}

}  // namespace

absl::StatusOr<Plan> MakePlan(const MigrationModel& model, SqlMigrations& sql,
                              MigrationSession& session, const std::string& target,
                              absl::Time now) {
  Plan plan;
  ASSIGN_OR_RETURN(const Estimates estimates, EstimateTables(model, sql, session));
  plan.set_safety(work::v1::SAFETY_CLASS_SAFE);
  for (const VersionUnit& unit : model.units) {
    plan.add_versions(unit.version());
    for (const PlannedStatement& statement : unit.forward) {
      *plan.add_forward() = ToStep(statement, unit.forward_atomic, estimates);
      plan.set_safety(std::max(plan.safety(), plan.forward().rbegin()->safety()));
    }
  }
  for (auto unit = model.units.rbegin(); unit != model.units.rend(); ++unit) {
    for (const PlannedStatement& statement : unit->backward) {
      *plan.add_rollback() = ToStep(statement, unit->backward_atomic, Estimates());
    }
  }
  for (const std::string& text : model.irreversible) plan.add_irreversible(text);
  for (const std::string& text : model.warnings) plan.add_warnings(text);
  RETURN_IF_ERROR(WarnOfForeignOwners(model, sql, session, &plan));
  ASSIGN_OR_RETURN(*plan.mutable_schema_fingerprint(), sql.SchemaFingerprint(session));
  ASSIGN_OR_RETURN(*plan.mutable_server_version(), sql.ServerVersion(session));
  plan.set_estimated_rows(SumRows(estimates));
  plan.set_nothing_to_do(model.units.empty() && model.unsettled.empty());
  *plan.mutable_plan_time() = dbfleet::ToProto(now);
  plan.set_target_digest(PlanDigest(target, plan));
  return plan;
}

}  // namespace dbfleet::agent
