#include "common/sql/lint/column_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace dbfleet::sql {
namespace {

bool HasValues(absl::string_view type) { return type == "enum" || type == "set"; }

std::string Quoted(const std::string& value) {
  return absl::StrCat("'", absl::StrReplaceAll(value, {{"'", "''"}}), "'");
}

}  // namespace

std::string TypeText(const ColumnFacts& column) {
  std::string text = column.type;
  if (!column.arguments.empty()) {
    std::vector<std::string> arguments = column.arguments;
    if (HasValues(column.type)) {
      for (std::string& value : arguments) value = Quoted(value);
    }
    absl::StrAppend(&text, "(", absl::StrJoin(arguments, ","), ")");
  }
  if (column.is_unsigned) text += " unsigned";
  return text;
}

std::string NormalType(absl::string_view type) {
  // The values of ENUM and SET are told apart by case and spaces.
  const std::string lower = absl::AsciiStrToLower(type);
  if (absl::StartsWith(lower, "enum(") || absl::StartsWith(lower, "set(")) return std::string(type);
  std::string normal = absl::StrReplaceAll(lower, {{", ", ","}});
  if (absl::StartsWith(normal, "integer")) normal.replace(0, 7, "int");
  const size_t open = normal.find('(');
  const size_t close = normal.find(')');
  if (open != std::string::npos && close != std::string::npos &&
      absl::EndsWith(absl::string_view(normal).substr(0, open), "int")) {
    normal.erase(open, close - open + 1);
  }
  return normal;
}

std::vector<std::string> ValuesOf(absl::string_view type) {
  std::vector<std::string> values;
  const std::string lower = absl::AsciiStrToLower(type);
  if (!absl::StartsWith(lower, "enum(") && !absl::StartsWith(lower, "set(")) return values;
  for (size_t i = type.find('('); i < type.size(); ++i) {
    if (type[i] != '\'') continue;
    std::string value;
    for (++i; i < type.size(); ++i) {
      if (type[i] == '\'') {
        if (i + 1 >= type.size() || type[i + 1] != '\'') break;
        ++i;
      }
      value.push_back(type[i]);
    }
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace dbfleet::sql
