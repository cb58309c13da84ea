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
  sql::AppliedSigns signs(target, snapshot);
  size_t count = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    if (IsWayBack(files[i])) continue;
    signs.BeginFile();
    sql::ScriptReader reader(target);
    const absl::Status read = ForEachStatement(
        files[i], in, target,
        [&](const sql::Statement& statement) { signs.Note(reader.Read(statement).facts); });
    if (signs.EndFile() && read.ok()) count = i + 1;
  }
  return count;
}

}  // namespace dbfleet::cli
