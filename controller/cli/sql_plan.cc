#include "controller/cli/sql_plan.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/yaml.h"
#include "common/lint_config/lint_config.h"
#include "common/sql/model/charsets.h"
#include "common/sql/sql.h"

namespace dbfleet::cli {
namespace {

constexpr int64_t kMaxSnapshotBytes = int64_t{256} << 20;

absl::Status Invalid(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, reason, message);
}

// What the server says of itself, held against what `option` says of it.
absl::Status CheckAgrees(absl::string_view option, absl::string_view name,
                         const sql::Target& target, absl::string_view text,
                         const sql::Version& version) {
  const std::string lower = absl::AsciiStrToLower(text);
  const bool is_server = !target.active_record();
  const bool other_flavour =
      (target.dialect == sql::Dialect::kMySql && absl::StrContains(lower, "mariadb")) ||
      (is_server && !target.postgres() && absl::StrContains(lower, "postgresql"));
  const bool other_major = target.version.known() && target.version.major != version.major;
  // PostgreSQL's second number is no series.
  const bool other_series =
      target.version_parts > 1 && !target.postgres() && target.version.minor != version.minor;
  if (!other_flavour && !other_major && !other_series) return absl::OkStatus();
  return Invalid("BAD_VERSION",
                 absl::StrCat("--server-version ", SanitizeForDisplay(text), " contradicts ",
                              option, " ", SanitizeForDisplay(name), "; leave one of them out"));
}

// A MariaDB that is taken for a MySQL, or one of a version that there never was, would be believed
// to skip comments that it executes.
absl::Status CheckSeries(sql::Dialect dialect, const sql::Target& target) {
  const std::string name =
      absl::StrCat(NameOf(dialect), "-", NameOf(target.version, target.version_parts));
  return Annotate(sql::ParseTarget(name).status(), "--server-version");
}

absl::Status ReadVersion(const SqlArguments& arguments, sql::Target* target) {
  auto version = sql::ParseVersion(arguments.server_version);
  if (!version.ok()) return Annotate(version.status(), "--server-version");
  RETURN_IF_ERROR(
      CheckAgrees("--dialect", arguments.dialect, *target, arguments.server_version, *version));
  target->version = *version;
  target->version_parts = sql::CountVersionParts(arguments.server_version);
  return target->active_record() ? absl::OkStatus() : CheckSeries(target->dialect, *target);
}

absl::Status ReadEmbedded(const SqlArguments& arguments, sql::Target* target) {
  auto embedded = sql::ParseTarget(arguments.embedded);
  if (!embedded.ok()) return Annotate(embedded.status(), "--embedded");
  if (!target->active_record() || embedded->active_record() ||
      embedded->dialect == sql::Dialect::kRedis) {
    return Invalid("BAD_DIALECT",
                   "--embedded names the SQL inside --dialect activerecord-php or "
                   "activerecord-ruby: mysql, mariadb or postgresql");
  }
  target->embedded = embedded->dialect;
  if (target->version.known()) {
    RETURN_IF_ERROR(CheckAgrees("--embedded", arguments.embedded, *embedded,
                                arguments.server_version, target->version));
    return CheckSeries(embedded->dialect, *target);
  }
  target->version = embedded->version;
  target->version_parts = embedded->version_parts;
  return absl::OkStatus();
}

absl::Status ReadCharset(const SqlArguments& arguments, sql::Target* target) {
  if (target->dialect == sql::Dialect::kRedis) {
    return Invalid("BAD_CHARSET",
                   "--charset is for MySQL, MariaDB and PostgreSQL: Redis reads bytes as they are");
  }
  const sql::Dialect dialect = target->active_record() ? target->embedded : target->dialect;
  auto risk = sql::ParseCharset(dialect, arguments.charset);
  if (!risk.ok()) return Annotate(risk.status(), "--charset");
  target->charset = *risk;
  return absl::OkStatus();
}

absl::StatusOr<sql::Target> ReadTarget(const SqlArguments& arguments) {
  auto target = sql::ParseTarget(arguments.dialect);
  if (!target.ok()) return Annotate(target.status(), "--dialect");
  if (!arguments.server_version.empty()) RETURN_IF_ERROR(ReadVersion(arguments, &*target));
  if (!arguments.sql_mode.empty() && !target->mysql_family() && !target->active_record()) {
    return Invalid("BAD_SQL_MODE", absl::StrCat("--sql-mode is for MySQL and MariaDB, not for ",
                                                arguments.dialect));
  }
  if (!arguments.sql_mode.empty()) {
    auto modes = sql::ParseSqlModes(arguments.sql_mode);
    if (!modes.ok()) return Annotate(modes.status(), "--sql-mode");
    target->modes = *modes;
  }
  if (!arguments.embedded.empty()) RETURN_IF_ERROR(ReadEmbedded(arguments, &*target));
  if (!arguments.charset.empty()) RETURN_IF_ERROR(ReadCharset(arguments, &*target));
  target->database = arguments.database;
  return *std::move(target);
}

absl::StatusOr<SqlThresholds> ReadThresholds(SqlTask task, const SqlArguments& arguments) {
  SqlThresholds thresholds;
  for (const std::string& word : arguments.fail_on) {
    std::optional<sql::Severity> severity;
    if (word == "info") severity = sql::Severity::kInfo;
    if (word == "warning") severity = sql::Severity::kWarning;
    if (word == "error") severity = sql::Severity::kError;
    if (word == "destructive") {
      thresholds.destructive = true;
    } else if (!severity.has_value() || task != SqlTask::kLint) {
      return Invalid(
          "UNKNOWN_WORD",
          absl::StrCat("--fail-on: \"", SanitizeForDisplay(word), "\" is none of ",
                       task == SqlTask::kLint ? "info, warning, error, destructive" : "destructive",
                       absl::StrContains(word, ",") ? "; write --fail-on once for each of "
                                                      "several"
                                                    : ""));
    } else {
      thresholds.severity = std::min(*severity, thresholds.severity.value_or(*severity));
    }
  }
  return thresholds;
}

}  // namespace

absl::StatusOr<SqlPlan> MakeSqlPlan(SqlTask task, const SqlArguments& arguments) {
  SqlPlan plan;
  ASSIGN_OR_RETURN(plan.options.target, ReadTarget(arguments));
  ASSIGN_OR_RETURN(plan.thresholds, ReadThresholds(task, arguments));
  if (arguments.environment.empty()) {
    return Invalid("UNKNOWN_WORD",
                   "--environment is empty; write development, qa, production or another name");
  }
  // No environment has a name with capitals.
  plan.options.environment = sql::ClassOfEnvironment(absl::AsciiStrToLower(arguments.environment));
  plan.options.with_verdict = task != SqlTask::kSplit;
  plan.show_secrets = task == SqlTask::kSplit && arguments.show_secrets;
  plan.options.with_findings = task == SqlTask::kLint;
  if (!arguments.config_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, config::ReadYamlFile(arguments.config_file));
    ASSIGN_OR_RETURN(plan.config, ReadLintConfig(SanitizeForDisplay(arguments.config_file), text,
                                                 arguments.environment));
  }
  if (!arguments.snapshot_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(arguments.snapshot_file, kMaxSnapshotBytes));
    ASSIGN_OR_RETURN(plan.snapshot,
                     ReadSchemaSnapshot(SanitizeForDisplay(arguments.snapshot_file), text));
  }
  return plan;
}

}  // namespace dbfleet::cli
