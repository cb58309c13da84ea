#include "common/sql/report/sarif.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "common/sql/lint/rules.h"
#include "common/sql/report/json_writer.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kSchema = "https://json.schemastore.org/sarif-2.1.0.json";

absl::string_view LevelOf(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

void WriteText(absl::string_view key, absl::string_view text, JsonWriter* json) {
  json->Key(key).BeginObject().Key("text").String(text).EndObject();
}

void WriteRule(absl::string_view id, Severity severity, absl::string_view title,
               absl::string_view reason, absl::string_view advice, JsonWriter* json) {
  json->BeginObject().Key("id").String(id);
  WriteText("shortDescription", title, json);
  WriteText("fullDescription", absl::StrCat(title, ": ", reason), json);
  json->Key("help").BeginObject();
  json->Key("text").String(absl::StrCat(reason, "\nSafe form: ", advice));
  json->Key("markdown").String(absl::StrCat(reason, "\n\n**Safe form:** ", advice));
  json->EndObject();
  json->Key("defaultConfiguration").BeginObject().Key("level").String(LevelOf(severity));
  json->EndObject().EndObject();
}

void WriteLocation(const StatementReport& report, JsonWriter* json) {
  json->Key("locations").BeginArray().BeginObject().Key("physicalLocation").BeginObject();
  json->Key("artifactLocation").BeginObject().Key("uri").String(ToUri(report.file)).EndObject();
  json->Key("region").BeginObject();
  json->Key("startLine").Number(report.line).Key("startColumn").Number(report.character);
  json->EndObject().EndObject().EndObject().EndArray();
}

std::string WriteFinding(const StatementReport& report, const Finding& finding) {
  JsonWriter json;
  json.BeginObject().Key("ruleId").String(finding.rule_id);
  if (const LintRule* rule = FindRule(finding.rule_id)) {
    json.Key("ruleIndex").Number(static_cast<int64_t>(rule->lint_id));
  }
  json.Key("level").String(LevelOf(finding.severity));
  WriteText("message", absl::StrCat(finding.message, ". ", finding.advice), &json);
  WriteLocation(report, &json);
  if (finding.ignored) {
    json.Key("suppressions").BeginArray().BeginObject();
    json.Key("kind").String(finding.ignored_in_source ? "inSource" : "external");
    json.Key("justification").String(finding.ignore_reason).EndObject().EndArray();
  }
  json.EndObject();
  return json.text();
}

std::string WriteClass(const StatementReport& report) {
  JsonWriter json;
  json.BeginObject().Key("ruleId").String(kDestructiveRule);
  json.Key("ruleIndex").Number(static_cast<int64_t>(kRuleCount));
  json.Key("level").String("error");
  WriteText("message", absl::StrCat("destructive: ", absl::StrJoin(report.verdict.reasons, "; ")),
            &json);
  WriteLocation(report, &json);
  json.EndObject();
  return json.text();
}

bool StaysInUri(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::StrContains("-._~/!$&'()*+,;=@", c);
}

}  // namespace

std::string ToUri(absl::string_view path) {
  if (path == "-") return "stdin";
  while (absl::ConsumePrefix(&path, "./")) {
  }
  std::string uri = absl::StartsWith(path, "/") ? "file://" : "";
  for (char c : path) {
    if (StaysInUri(c)) {
      uri.push_back(c);
    } else {
      absl::StrAppendFormat(&uri, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return uri;
}

std::string SarifWriter::Begin() const {
  JsonWriter rules;
  rules.BeginArray();
  for (const LintRule& rule : LintRules()) {
    WriteRule(rule.id, rule.severity, rule.message, rule.reason, rule.advice, &rules);
  }
  if (with_class_) {
    WriteRule(kDestructiveRule, Severity::kError, "the statement is destructive",
              "it changes something, or is not fully understood",
              "run it as a change, with its approval and backup", &rules);
  }
  rules.EndArray();
  JsonWriter driver;
  driver.BeginObject().Key("name").String("dbfleet").Key("version").String(version_);
  driver.Key("rules").Raw(rules.text()).EndObject();
  return absl::StrCat("{\"$schema\":\"", kSchema, "\",\"version\":\"2.1.0\",\"runs\":[{\"tool\":{",
                      "\"driver\":", driver.text(), "},\n\"results\":[\n");
}

std::string SarifWriter::Statement(const StatementReport& report) {
  std::string out;
  const auto add = [&](const std::string& result) {
    absl::StrAppend(&out, first_ ? "" : ",\n", result);
    first_ = false;
  };
  if (with_class_ && IsDestructive(report, environment_)) add(WriteClass(report));
  for (const Finding& finding : report.findings) add(WriteFinding(report, finding));
  return out;
}

void SarifWriter::Failed(absl::string_view file, absl::string_view problem) {
  JsonWriter json;
  json.BeginObject().Key("level").String("error");
  WriteText("message", problem, &json);
  json.Key("locations").BeginArray().BeginObject().Key("physicalLocation").BeginObject();
  json.Key("artifactLocation").BeginObject().Key("uri").String(ToUri(file)).EndObject();
  json.EndObject().EndObject().EndArray().EndObject();
  absl::StrAppend(&failures_, failures_.empty() ? "" : ",", json.text());
}

std::string SarifWriter::End() const {
  JsonWriter json;
  json.BeginArray().BeginObject();
  json.Key("executionSuccessful").Bool(failures_.empty());
  if (!failures_.empty()) {
    json.Key("toolExecutionNotifications").Raw(absl::StrCat("[", failures_, "]"));
  }
  json.EndObject().EndArray();
  return absl::StrCat("\n],\"invocations\":", json.text(),
                      ",\"columnKind\":\"unicodeCodePoints\"}]}\n");
}

}  // namespace dbfleet::sql
