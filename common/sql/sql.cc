#include "common/sql/sql.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/sql/active_record/active_record.h"
#include "common/sql/lint/linter.h"
#include "common/sql/mysql/reader.h"
#include "common/sql/postgres/postgres.h"
#include "common/sql/redis/redis.h"
#include "common/sql/script_reader.h"
#include "common/sql/text/split.h"

namespace dbfleet::sql {
namespace {

// SQL in a host language holds no program of a host language.
Reading ReadEmbedded(const Target& target, absl::string_view text) {
  return target.active_record() ? Reading() : Read(target, text, kNoPlace);
}

// Which bytes of it are quotes is not known.
void DoubtBytes(const Target& target, Reading* reading) {
  Doubt(absl::StrCat(
            "where its strings end depends on the client's character set, which is, or a statement "
            "before it makes, one whose characters may hold bytes of quotes; use ",
            target.postgres() ? "UTF8" : "utf8mb4"),
        reading);
}

bool DependsOnCharset(const Target& target, absl::string_view text) {
  if (target.charset != CharsetRisk::kHighBytes) return target.charset != CharsetRisk::kNone;
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

// A statement as if its client sent just that.
Reading ReadAlone(const Target& target, const Statement& statement) {
  if (!target.active_record()) {
    if (!statement.modes_changed && !statement.charset_in_doubt) {
      return Read(target, statement.text, statement.origin());
    }
    Target changed = target;
    changed.modes = ModesFor(target, statement);
    Reading reading = Read(changed, statement.text, statement.origin());
    if (statement.charset_in_doubt) DoubtBytes(target, &reading);
    return reading;
  }
  Target changed = target;
  if (statement.modes_changed) changed.modes = SqlModes();
  changed.charset = std::max(target.charset, statement.host.charset);
  return ReadActiveRecord(changed, statement.text, statement.host, ReadEmbedded);
}

}  // namespace

absl::StatusOr<std::vector<Statement>> Split(const Target& target, absl::string_view script) {
  if (target.dialect == Dialect::kRedis) return SplitRedis(script);
  if (target.active_record()) return SplitActiveRecord(target, script);
  return SplitSql(target, script);
}

Reading Read(const Target& target, absl::string_view text, Position origin) {
  if (target.active_record()) {
    return ReadActiveRecord(target, text, {}, ReadEmbedded);
  }
  if (target.dialect == Dialect::kRedis) return ReadRedis(target, text);
  Reading reading =
      target.postgres() ? ReadPostgres(target, text, origin) : ReadMySql(target, text, origin);
  if (DependsOnCharset(target, text)) DoubtBytes(target, &reading);
  return reading;
}

Reading Read(const Target& target, const Statement& statement) {
  Reading reading = ReadAlone(target, statement);
  if (!statement.client_doubt.empty()) Doubt(statement.client_doubt, &reading);
  return reading;
}

Verdict Classify(const Target& target, absl::string_view text, absl::string_view database) {
  if (database.empty()) return Read(target, text).verdict;
  Target there = target;
  there.database = std::string(database);
  return Read(there, text).verdict;
}

std::vector<Finding> Lint(const Target& target, const std::vector<Statement>& statements) {
  const LintConfig config = RunnerLintConfig();
  Linter linter(target, config, nullptr);
  ScriptReader reader(target);
  for (const Statement& statement : statements) linter.Add(statement, reader.Read(statement));
  return linter.Finish();
}

}  // namespace dbfleet::sql
