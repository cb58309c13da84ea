// Whatever text comes as a script: it is refused with a place, or cut into pieces that stand in it
// one behind the other, each of which is one statement when it is cut again. Joined with what
// stands between them they are the script, and nothing of that is a statement.
#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/sql/report/redact.h"
#include "common/sql/script_reader.h"
#include "tests/fuzz/common/sql/dialects.h"
#include "tests/fuzz/require.h"

namespace {

// Where a statement is said to stand.
size_t OffsetOf(const std::string& script, const dbfleet::sql::Statement& statement) {
  size_t at = 0;
  for (int line = 1; line < statement.line; ++line) {
    at = script.find('\n', at);
    dbfleet::Require(at != std::string::npos);
    ++at;
  }
  return at + static_cast<size_t>(statement.column) - 1;
}

// What stands between statements, in front of the first or behind the last: alone it is none.
void CheckGap(const dbfleet::sql::Target& target, absl::string_view gap) {
  // The vertical tab is white space around a statement, and alone a symbol of some versions.
  const auto none = dbfleet::sql::Split(target, absl::StrReplaceAll(gap, {{"\v", " "}}));
  dbfleet::Require(none.ok());
  // psql's \g ends a statement, and is one that no server knows where it stands alone.
  for (const auto& command : *none) dbfleet::Require(command.client_command);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dbfleet;
  if (size == 0) return 0;
  const sql::Target target = FuzzTarget(data[0]);
  const std::string script(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto statements = sql::Split(target, script);
  if (!statements.ok()) {
    Require(statements.status().code() == absl::StatusCode::kInvalidArgument);
    Require(ReasonOf(statements.status()) == "BAD_SQL");
    Require(IsValidUtf8(statements.status().message()));
    return 0;
  }
  size_t behind = 0;
  size_t end = 0;
  // DELIMITER makes separators that are none by themselves, and a command of psql may end a gap.
  const bool gaps = (target.mysql_family() || target.postgres()) &&
                    !absl::StrContains(absl::AsciiStrToUpper(script), "DELIMITER");
  sql::ScriptReader reader(target);
  for (const sql::Statement& statement : *statements) {
    const sql::Redacted shown = sql::Redact(target, statement.text, statement.content);
    Require(shown.place <= shown.text.size());
    Require(!shown.hidden.empty() || shown.text == statement.text);
    // What stands before a statement makes it worse, never better. Commands of psql are known to
    // the reader of a script only.
    const sql::Safety alone = sql::Read(target, statement).verdict.safety;
    Require(reader.Read(statement).verdict.safety >= alone || statement.client_command);
    const size_t at = OffsetOf(script, statement);
    Require(at >= behind || target.active_record());
    Require(at < script.size() || script.empty());
    behind = at;
    if (target.active_record()) {
      (void)sql::Read(target, statement);
      continue;
    }
    if (gaps) {
      Require(end <= statement.begin && at < statement.end);
      Require(script.substr(statement.begin, statement.end - statement.begin) == statement.text);
      CheckGap(target, script.substr(end, statement.begin - end));
      end = std::max(statement.end, statement.data_end);
      Require(end <= script.size());
    }
    // Its text begins there, or with comments in front of that place.
    Require(absl::StrContains(script, statement.text));
    // A byte order mark is nothing at the begin of a script, and part of a word behind that.
    if (target.dialect == sql::Dialect::kRedis &&
        !absl::StartsWith(statement.text, "\xEF\xBB\xBF")) {
      const auto again = sql::Split(target, statement.text);
      Require(again.ok() && again->size() == 1 && (*again)[0].text == statement.text);
    }
  }
  if (gaps) CheckGap(target, script.substr(end));
  return 0;
}
