#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "common/sql/report/report.h"
#include "controller/cli/shell.h"
#include "controller/cli/sql_run.h"

namespace dbfleet::cli {

// Prints statements in the form that the shell asks for: Begin, then Statement for each in order,
// then End. Not thread-safe; the shell must outlive it.
class SqlOutput {
 public:
  virtual ~SqlOutput() = default;
  virtual void Begin() {}
  virtual void Statement(const sql::StatementReport& report) = 0;
  // Of a file, which could not be gone through to its end.
  virtual void Failed(const std::string& file, const absl::Status& status) {}
  virtual void End() {}
  // Whether it shows statements of which there is nothing to say.
  virtual bool wants_all() const { return true; }
};

std::unique_ptr<SqlOutput> MakeSqlOutput(Shell& shell, SqlTask task,
                                         const sql::ReportOptions& options, bool with_class);

// `text` broken into lines of at most `width` characters, each behind `indent` spaces; 0: one line.
std::string Wrapped(absl::string_view text, size_t indent, size_t width);

}  // namespace dbfleet::cli
