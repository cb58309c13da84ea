#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "agent/actions/migrate/step_runner.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr size_t kMaxIdentifierBytes = 63;  // PostgreSQL cuts longer ones.

// The index's own name as the catalogue has it.
std::string CatalogueName(absl::string_view written) {
  std::string name(written);
  if (const size_t quote = name.find('"'); quote != std::string::npos && name.back() == '"') {
    // "schema"."name" or schema."name": the last quoted part.
    size_t begin = name.size() - 1;
    while (begin > quote && !(name[begin - 1] == '.' && name[begin] == '"')) --begin;
    name = absl::StrReplaceAll(name.substr(begin + 1, name.size() - begin - 2), {{"\"\"", "\""}});
  } else if (const size_t dot = name.rfind('.'); dot != std::string::npos) {
    name = name.substr(dot + 1);
  }
  return name.substr(0, kMaxIdentifierBytes);
}

constexpr char kRelation[] = "index of relation ";
constexpr char kIndex[] = "index ";
constexpr char kBefore[] = ", invalid before: ";

// The condition for the invalid indexes that the statement may have left behind; "" if the note
// says nothing. Only numbers of it are used.
std::string ConditionFrom(absl::string_view scope) {
  std::string column = "i.indrelid";
  if (!absl::ConsumePrefix(&scope, kRelation)) {
    if (!absl::ConsumePrefix(&scope, kIndex)) return "";
    column = "i.indexrelid";
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(scope, absl::ByString(kBefore));
  uint32_t oid = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &oid) || oid == 0) return "";
  std::string condition = absl::StrCat(" AND ", column, " = ", oid);
  for (absl::string_view part : absl::StrSplit(parts[1], ' ', absl::SkipEmpty())) {
    if (!absl::SimpleAtoi(part, &oid)) return "";
    absl::StrAppend(&condition, " AND i.indexrelid <> ", oid);
  }
  return condition;
}

// The table that CREATE INDEX CONCURRENTLY names, as written.
std::string TableOf(absl::string_view text) {
  const std::vector<std::string> words = Words(sql::Dialect::kPostgres, text);
  size_t i = 0;
  while (i < words.size() && words[i] != "ON") ++i;
  if (i + 1 < words.size() && words[i + 1] == "ONLY") ++i;
  std::string name;
  for (++i; i < words.size(); i += 2) {
    name += words[i].front() == '"' ? words[i] : absl::AsciiStrToLower(words[i]);
    if (i + 1 >= words.size() || words[i + 1] != ".") break;
    name += ".";
  }
  return name;
}

std::string InvalidNamed(MigrationSession& session, const std::string& written) {
  return absl::StrCat(
      " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE NOT i.indisvalid AND c.relname = ",
      session.Quote(CatalogueName(written)));
}

}  // namespace

absl::StatusOr<std::string> ConcurrentIndexScope(MigrationSession& session,
                                                 const PlannedStatement& statement) {
  const std::string written = ConcurrentIndexName(statement.text);
  if (written.empty()) return std::string();
  const std::string table = TableOf(statement.text);
  // Names are resolved now, with the search path that the statement will have.
  ASSIGN_OR_RETURN(
      const auto relation,
      session.Query(absl::StrCat("SELECT pg_catalog.to_regclass(",
                                 session.Quote(table.empty() ? written : table), ")::oid::text")));
  if (relation.size() != 1 || relation[0].size() != 1 || !relation[0][0].has_value()) {
    return std::string();
  }
  std::string scope = absl::StrCat(table.empty() ? kIndex : kRelation, *relation[0][0], kBefore);
  if (table.empty()) return scope;  // DROP: whatever its state, it shall go.
  ASSIGN_OR_RETURN(const auto before, session.Query(absl::StrCat("SELECT c.oid::text",
                                                                 InvalidNamed(session, written))));
  for (const auto& row : before) {
    if (row.size() == 1 && row[0].has_value()) absl::StrAppend(&scope, *row[0], " ");
  }
  return scope;
}

absl::Status RemoveInvalidIndex(Attempt& attempt, MigrationSession& session,
                                const PlannedStatement& statement, absl::string_view scope) {
  const std::string written = ConcurrentIndexName(statement.text);
  if (written.empty()) return absl::OkStatus();
  const std::string condition = ConditionFrom(scope);
  ASSIGN_OR_RETURN(const auto rows, session.Query(absl::StrCat(
                                        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)",
                                        InvalidNamed(session, written), condition)));
  if (rows.empty()) return absl::OkStatus();
  if (condition.empty() || rows.size() > 1 || rows[0].size() != 1 || !rows[0][0].has_value()) {
    return Error(absl::StatusCode::kFailedPrecondition, "INVALID_INDEX",
                 absl::StrCat("there is an invalid index ", written,
                              " of which it cannot be told whether version ", statement.version,
                              " left it behind; look at it, and drop it if it did"));
  }
  attempt.Warn(absl::StrCat("dropping the invalid index ", *rows[0][0], " that ", statement.Where(),
                            " left behind"));
  return session
      .Execute(absl::StrCat("DROP INDEX CONCURRENTLY IF EXISTS ", *rows[0][0]),
               absl::ZeroDuration())
      .status();
}

}  // namespace dbfleet::agent
