#include "common/sql/sql.h"

#include "common/sql/lint/lint.h"
#include "common/sql/redis/redis.h"
#include "common/sql/text/split.h"
#include "common/sql/tokens/classify.h"

namespace dbfleet::sql {

absl::StatusOr<std::vector<Statement>> Split(const Target& target, absl::string_view script) {
  if (target.dialect == Dialect::kRedis) return SplitRedis(script);
  return SplitSql(target.dialect, script);
}

Reading Read(const Target& target, absl::string_view text) {
  if (target.dialect == Dialect::kRedis) return ReadRedis(target, text);
  Reading reading;
  reading.verdict = ClassifyTokens(target.dialect, text, target.database);
  return reading;
}

Verdict Classify(const Target& target, absl::string_view text, absl::string_view database) {
  if (database.empty()) return Read(target, text).verdict;
  Target there = target;
  there.database = std::string(database);
  return Read(there, text).verdict;
}

std::vector<Finding> Lint(const Target& target, const std::vector<Statement>& statements) {
  return FindAll(target.dialect, statements);
}

}  // namespace dbfleet::sql
