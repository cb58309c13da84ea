#include "common/sql/active_record/model_query.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace dbfleet::sql {
namespace {

bool IsNameByte(char c) { return absl::ascii_isalnum(c) || c == '_'; }

std::string Plural(const std::string& word) {
  const auto ends = [&](absl::string_view end) { return absl::EndsWith(word, end); };
  if (ends("y") && !ends("ay") && !ends("ey") && !ends("oy") && !ends("uy")) {
    return absl::StrCat(word.substr(0, word.size() - 1), "ies");
  }
  if (ends("s") || ends("x") || ends("ch") || ends("sh")) return absl::StrCat(word, "es");
  return absl::StrCat(word, "s");
}

}  // namespace

std::string TableOf(absl::string_view model) {
  const size_t space = model.find_last_of(":\\");
  if (space != absl::string_view::npos) model.remove_prefix(space + 1);
  std::string word;
  for (size_t i = 0; i < model.size(); ++i) {
    const char c = model[i];
    if (!IsNameByte(c)) continue;
    if (absl::ascii_isupper(c) && i > 0 && !absl::ascii_isupper(model[i - 1])) word.push_back('_');
    word.push_back(absl::ascii_tolower(c));
  }
  return word.empty() ? word : Plural(word);
}

std::string QuoteName(const Target& embedded, absl::string_view name) {
  std::vector<std::string> parts;
  for (absl::string_view part : absl::StrSplit(name, '.')) {
    if (part.empty() || !std::all_of(part.begin(), part.end(), IsNameByte)) return "";
    const char* quote = embedded.postgres() ? "\"" : "`";
    parts.push_back(absl::StrCat(quote, part, quote));
  }
  return absl::StrJoin(parts, ".");
}

std::string FillPlaceholders(absl::string_view fragment) {
  std::string filled;
  char quote = '\0';
  for (size_t i = 0; i < fragment.size(); ++i) {
    const char c = fragment[i];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '\'' || c == '"' || c == '`') {
      quote = c;
    } else if (c == '?') {
      filled.push_back('1');
      continue;
    } else if (c == ':' && i + 1 < fragment.size() && absl::ascii_isalpha(fragment[i + 1]) &&
               (i == 0 || (fragment[i - 1] != ':' && !IsNameByte(fragment[i - 1])))) {
      while (i + 1 < fragment.size() && IsNameByte(fragment[i + 1])) ++i;
      filled.push_back('1');
      continue;
    }
    filled.push_back(c);
  }
  return filled;
}

bool HasPlaceholders(absl::string_view sql) {
  if (FillPlaceholders(sql) != sql) return true;
  char quote = '\0';
  for (size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '\'' || c == '"' || c == '`') {
      quote = c;
    } else if (c == '$' && i + 1 < sql.size() && absl::ascii_isdigit(sql[i + 1]) &&
               (i == 0 || !IsNameByte(sql[i - 1]))) {
      return true;
    }
  }
  return false;
}

std::string ModelQuery::ToSql(const Target& embedded, MethodRole role) const {
  const std::string name = QuoteName(embedded, table);
  std::string sql;
  if (role == MethodRole::kInsert) {
    std::vector<std::string> quoted;
    for (const std::string& column : columns) quoted.push_back(QuoteName(embedded, column));
    const std::vector<std::string> values(quoted.size(), "1");
    return absl::StrCat("INSERT INTO ", name, " (", absl::StrJoin(quoted, ", "), ") VALUES (",
                        absl::StrJoin(values, ", "), ")");
  }
  if (role == MethodRole::kUpdate) {
    std::vector<std::string> sets;
    for (const std::string& column : columns) {
      sets.push_back(absl::StrCat(QuoteName(embedded, column), " = 1"));
    }
    if (!set.empty()) sets.push_back(set);
    if (sets.empty()) sets.push_back("updated_at = 1");
    sql = absl::StrCat("UPDATE ", name, " SET ", absl::StrJoin(sets, ", "));
  } else if (role == MethodRole::kDelete) {
    sql = absl::StrCat("DELETE FROM ", name);
  } else {
    sql = absl::StrCat("SELECT ", counts ? "count(*)" : "", counts && !select.empty() ? ", " : "",
                       select.empty() && !counts ? "*" : select);
    for (const std::string& expression : expressions) absl::StrAppend(&sql, ", ", expression);
    absl::StrAppend(&sql, " FROM ", from.empty() ? name : from);
    for (const std::string& join : joins) absl::StrAppend(&sql, " ", join);
  }
  if (!where.empty()) absl::StrAppend(&sql, " WHERE (", absl::StrJoin(where, ") AND ("), ")");
  if (role == MethodRole::kUpdate || role == MethodRole::kDelete) return sql;
  if (!group.empty()) absl::StrAppend(&sql, " GROUP BY ", group);
  if (!having.empty()) absl::StrAppend(&sql, " HAVING ", having);
  if (!order.empty()) absl::StrAppend(&sql, " ORDER BY ", order);
  if (limit) absl::StrAppend(&sql, " LIMIT 1");
  if (offset) absl::StrAppend(&sql, limit ? " OFFSET 1" : " LIMIT 1 OFFSET 1");
  return sql;
}

}  // namespace dbfleet::sql
