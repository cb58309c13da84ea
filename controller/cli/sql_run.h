#pragma once

#include <string>
#include <vector>

#include "controller/cli/shell.h"

namespace dbfleet::cli {

// The command line of `dbfleet sql split|classify|lint`.
struct SqlArguments {
  std::string dialect;
  std::string server_version;
  std::string sql_mode;
  std::string charset;
  std::string embedded;
  std::string database;
  std::string environment = "production";
  std::string config_file;
  std::string snapshot_file;
  bool show_secrets = false;  // Of split: as they were written, for programs that run them.
  std::vector<std::string> fail_on;
  std::vector<std::string> files;
};

enum class SqlTask { kSplit, kClassify, kLint };

// Does the task without a controller, and prints what it finds. Returns the exit code: kExitRefused
// when something reaches a threshold of `fail_on`.
int RunSql(Shell& shell, SqlTask task, const SqlArguments& arguments);

}  // namespace dbfleet::cli
