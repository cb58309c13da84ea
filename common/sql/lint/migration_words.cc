#include "common/sql/lint/migration_words.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace dbfleet::sql {

bool IsWord(absl::string_view name) {
  return !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

namespace {

std::string Written(const Name& name) {
  return name.schema.empty() ? name.name : absl::StrCat(name.schema, ".", name.name);
}

}  // namespace

std::string Quoted(const Look& look, absl::string_view name) {
  if (look.facts.call->php) return absl::StrCat("'", name, "'");
  return IsWord(name) ? absl::StrCat(":", name) : absl::StrCat(":\"", name, "\"");
}

std::string Quoted(const Look& look, const Name& name) { return Quoted(look, Written(name)); }

std::string Quoted(const Look& look, const std::vector<std::string>& columns) {
  if (columns.size() == 1) {
    // A symbol would be a column of that name: add_index :orders, "lower(a)"
    const bool expression = !look.facts.call->php && !IsWord(columns[0]);
    return expression ? absl::StrCat("\"", columns[0], "\"") : Quoted(look, columns[0]);
  }
  return absl::StrCat("[",
                      absl::StrJoin(columns, ", ",
                                    [&](std::string* out, const auto& column) {
                                      absl::StrAppend(out, Quoted(look, column));
                                    }),
                      "]");
}

std::string PlaceOf(const Look& look, absl::string_view column) {
  return absl::StrCat(look.Sql(look.table()), ".", look.Sql(column));
}

std::string InTable(const Look& look, absl::string_view call) {
  return absl::StrCat("$table->", call, " in Schema::table(", Quoted(look, look.table()), ", ...)");
}

std::string RunSql(const Look& look, absl::string_view sql) {
  if (!look.facts.call->php) {
    return absl::StrCat("execute \"", absl::StrReplaceAll(sql, {{"\\", "\\\\"}, {"\"", "\\\""}}),
                        "\"");
  }
  return absl::StrCat("DB::statement('", absl::StrReplaceAll(sql, {{"\\", "\\\\"}, {"'", "\\'"}}),
                      "')");
}

}  // namespace dbfleet::sql
