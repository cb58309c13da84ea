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
  int column = 1;         // In bytes...
  int character = 1;      // ... and in characters.
  std::string text;       // May be cut, then...
  size_t text_bytes = 0;  // ... this is how long it was; 0: it is whole.
  size_t content = 0;     // Where in `text` the place above is: behind comments.
  Verdict verdict;
  std::vector<Finding> findings;
};

struct ReportOptions {
  Target target = Dialect::kMariaDb;
  EnvironmentClass environment = EnvironmentClass::kProduction;
  bool with_verdict = true;  // Without it, the statement and its place only.
  bool with_findings = true;
};

// One JSON object on one line, without a newline, as docs/reference/sql-report.schema.json
// describes it. Pure ASCII.
std::string ToJson(const StatementReport& report, const ReportOptions& options);

// Keeps the beginning of a long statement.
void CutText(StatementReport* report);

// Whether the statement is destructive where it is to run.
bool IsDestructive(const StatementReport& report, EnvironmentClass environment);

}  // namespace dbfleet::sql
