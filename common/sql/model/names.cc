#include <algorithm>
#include <utility>

#include "absl/strings/match.h"

#include "common/base/ids.h"
#include "common/sql/model/finding.h"
#include "common/sql/model/verdict.h"

namespace dbfleet::sql {
namespace {

int Weight(Kind kind) {
  switch (kind) {
    case Kind::kInspection:
      return 0;
    case Kind::kMaintenance:
      return 1;
    case Kind::kQueryOptimization:
      return 2;
    case Kind::kDataFix:
      return 3;
    case Kind::kControl:
      return 4;
    case Kind::kSchemaMigration:
      return 5;
  }
  return 5;
}

}  // namespace

absl::string_view WhatKindDoes(Kind kind, absl::string_view otherwise) {
  switch (kind) {
    case Kind::kDataFix:
      return "changes data";
    case Kind::kSchemaMigration:
      return "changes the schema, or runs code that may";
    case Kind::kQueryOptimization:
      return "builds or removes an index or statistics";
    case Kind::kMaintenance:
      return "works on whole tables and may lock them";
    case Kind::kInspection:
    case Kind::kControl:
      break;
  }
  return otherwise;
}

Kind Heavier(Kind a, Kind b) { return Weight(a) >= Weight(b) ? a : b; }

Safety SafetyIn(EnvironmentClass environment, const Verdict& verdict) {
  const bool strict = environment == EnvironmentClass::kProduction;
  return !strict && verdict.adds_only && verdict.understood ? Safety::kSafe : verdict.safety;
}

bool IsServersOwn(Dialect dialect, absl::string_view schema, absl::string_view table) {
  if (absl::EqualsIgnoreCase(schema, "information_schema")) return true;
  if (dialect == Dialect::kPostgres) {
    // No other schema may have a name like these; without one the server looks in its own first.
    return absl::StartsWithIgnoreCase(schema.empty() ? table : schema, "pg_") &&
           !absl::StartsWithIgnoreCase(schema, "pg_temp");
  }
  for (const absl::string_view own : {"mysql", "sys", "performance_schema"}) {
    if (absl::EqualsIgnoreCase(schema, own)) return true;
  }
  return false;
}

bool IsServersOwn(absl::string_view schema, absl::string_view table) {
  return IsServersOwn(Dialect::kMySql, schema, table) ||
         IsServersOwn(Dialect::kPostgres, schema, table);
}

EnvironmentClass ClassOfEnvironment(absl::string_view name) {
  const absl::string_view plain = PlainEnvironment(name);
  if (plain == "development") return EnvironmentClass::kDevelopment;
  return plain == "qa" ? EnvironmentClass::kQa : EnvironmentClass::kProduction;
}

void AddReason(std::string reason, std::vector<std::string>* reasons) {
  if (std::find(reasons->begin(), reasons->end(), reason) == reasons->end()) {
    reasons->push_back(std::move(reason));
  }
}

absl::string_view NameOf(Kind kind) {
  switch (kind) {
    case Kind::kInspection:
      return "inspection";
    case Kind::kDataFix:
      return "data-fix";
    case Kind::kSchemaMigration:
      return "schema-migration";
    case Kind::kQueryOptimization:
      return "query-optimization";
    case Kind::kMaintenance:
      return "maintenance";
    case Kind::kControl:
      return "control";
  }
  return "control";
}

absl::string_view NameOf(Safety safety) { return safety == Safety::kSafe ? "safe" : "destructive"; }

absl::string_view NameOf(Access access) {
  switch (access) {
    case Access::kRead:
      return "read";
    case Access::kLock:
      return "lock";
    case Access::kWrite:
      return "write";
    case Access::kDefine:
      return "define";
  }
  return "define";
}

absl::string_view NameOf(Blocking blocking) {
  switch (blocking) {
    case Blocking::kNothing:
      return "nothing";
    case Blocking::kWrites:
      return "writes";
    case Blocking::kReadsAndWrites:
      return "reads-and-writes";
  }
  return "reads-and-writes";
}

absl::string_view NameOf(Undo undo) {
  switch (undo) {
    case Undo::kNothingToUndo:
      return "nothing-to-undo";
    case Undo::kRollback:
      return "rollback";
    case Undo::kInverse:
      return "inverse";
    case Undo::kBackup:
      return "backup";
  }
  return "backup";
}

absl::string_view NameOf(EnvironmentClass environment) {
  switch (environment) {
    case EnvironmentClass::kDevelopment:
      return "development";
    case EnvironmentClass::kQa:
      return "qa";
    case EnvironmentClass::kProduction:
      return "production";
  }
  return "production";
}

absl::string_view NameOf(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

}  // namespace dbfleet::sql
