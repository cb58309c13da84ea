#include "controller/cli/sql_applied.h"

#include "absl/strings/match.h"

#include "common/sql/lint/applied.h"
#include "common/sql/script_reader.h"
#include "controller/cli/sql_input.h"

namespace dbfleet::cli {
namespace {

bool IsWayBack(absl::string_view file) { return absl::EndsWith(file, ".down.sql"); }

}  // namespace

size_t CountEvidentlyApplied(const std::vector<std::string>& files, const sql::Target& target,
                             const sql::SchemaSnapshot& snapshot, std::istream& in) {
  for (size_t i = files.size(); i > 0; --i) {
    if (IsWayBack(files[i - 1])) continue;
    bool applied = false;
    sql::ScriptReader reader(target);
    const absl::Status read =
        ForEachStatement(files[i - 1], in, target, [&](const sql::Statement& statement) {
          applied = applied || sql::LooksApplied(reader.Read(statement).facts, snapshot);
        });
    if (read.ok() && applied) return i;
  }
  return 0;
}

}  // namespace dbfleet::cli
