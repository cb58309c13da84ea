#pragma once

#include <string>
#include <vector>

#include "common/sql/model/finding.h"
#include "common/sql/model/target.h"
#include "common/sql/model/verdict.h"

// What is told of statements, as text for programs.
namespace dbfleet::sql {

// One statement with what was found out about it.
struct StatementReport {
  std::string file;  // "-" for standard input.
  int number = 1;    // In its file, from 1.
  int line = 1;
  int column = 1;  // In bytes.
  std::string text;
  Verdict verdict;
  std::vector<Finding> findings;
};

struct ReportOptions {
  Target target = Dialect::kMariaDb;
  EnvironmentClass environment = EnvironmentClass::kProduction;
  bool with_verdict = true;  // Without it, the statement and its place only.
  bool with_findings = true;
  size_t max_text_bytes = 2000;  // A longer statement is cut, and says so; 0: never.
};

// One JSON object on one line, without a newline, as docs/reference/sql-report.schema.json
// describes it. Pure ASCII.
std::string ToJson(const StatementReport& report, const ReportOptions& options);

// Whether the statement is destructive where it is to run.
bool IsDestructive(const StatementReport& report, EnvironmentClass environment);

}  // namespace dbfleet::sql
