#include "common/sql/report/report.h"

#include "common/base/text.h"
#include "common/sql/report/json_writer.h"

namespace dbfleet::sql {
namespace {

constexpr EnvironmentClass kEnvironments[] = {EnvironmentClass::kDevelopment, EnvironmentClass::kQa,
                                              EnvironmentClass::kProduction};

void WriteUses(const Verdict& verdict, JsonWriter* json) {
  json->Key("uses").BeginArray();
  for (const ObjectUse& use : verdict.uses) {
    json->BeginObject().Key("name").String(use.name).Key("access").String(NameOf(use.access));
    json->EndObject();
  }
  json->EndArray();
}

void WriteEffects(const Effects& effects, JsonWriter* json) {
  json->Key("effects").BeginObject();
  json->Key("blocks").String(NameOf(effects.blocks));
  json->Key("locksRows").Bool(effects.locks_rows);
  json->Key("rewritesTable").Bool(effects.rewrites_table);
  json->Key("scansTable").Bool(effects.scans_table);
  json->EndObject();
}

void WriteVerdict(const StatementReport& report, const ReportOptions& options, JsonWriter* json) {
  const Verdict& verdict = report.verdict;
  json->Key("kind").String(NameOf(verdict.kind));
  json->Key("class").String(NameOf(SafetyIn(options.environment, verdict)));
  json->Key("environment").String(NameOf(options.environment));
  json->Key("classes").BeginObject();
  for (EnvironmentClass environment : kEnvironments) {
    json->Key(NameOf(environment)).String(NameOf(SafetyIn(environment, verdict)));
  }
  json->EndObject();
  json->Key("reasons").Strings(verdict.reasons);
  json->Key("understood").Bool(verdict.understood);
  WriteUses(verdict, json);
  WriteEffects(verdict.effects, json);
  json->Key("transactional").Bool(verdict.transactional);
  json->Key("transactionControl").Bool(verdict.transaction_control);
  json->Key("undo").String(NameOf(verdict.effects.undo));
  json->Key("addsOnly").Bool(verdict.adds_only);
  json->Key("credentials").Bool(verdict.credentials);
}

void WriteFindings(const std::vector<Finding>& findings, JsonWriter* json) {
  json->Key("findings").BeginArray();
  for (const Finding& finding : findings) {
    json->BeginObject();
    json->Key("rule").String(finding.rule_id);
    json->Key("severity").String(NameOf(finding.severity));
    json->Key("message").String(finding.message);
    json->Key("advice").String(finding.advice);
    json->Key("ignored").Bool(finding.ignored);
    if (finding.ignored) json->Key("ignoreReason").String(finding.ignore_reason);
    json->EndObject();
  }
  json->EndArray();
}

}  // namespace

std::string ToJson(const StatementReport& report, const ReportOptions& options) {
  JsonWriter json;
  json.BeginObject();
  json.Key("file").String(report.file);
  json.Key("number").Number(report.number);
  json.Key("line").Number(report.line);
  json.Key("column").Number(report.column);
  json.Key("dialect").String(NameOf(options.target));
  if (options.with_verdict) WriteVerdict(report, options, &json);
  if (options.with_findings) WriteFindings(report.findings, &json);
  json.Key("text").String(report.text);
  if (report.text_bytes > 0) json.Key("textBytes").Number(static_cast<int64_t>(report.text_bytes));
  json.EndObject();
  return json.text();
}

void CutText(StatementReport* report) {
  constexpr size_t kMaxBytes = 2000;
  if (report->text.size() <= kMaxBytes) return;
  report->text_bytes = report->text.size();
  report->text = Truncate(report->text, kMaxBytes);
}

bool IsDestructive(const StatementReport& report, EnvironmentClass environment) {
  return SafetyIn(environment, report.verdict) == Safety::kDestructive;
}

}  // namespace dbfleet::sql
