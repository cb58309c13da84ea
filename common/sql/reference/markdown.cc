#include "common/sql/reference/markdown.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace dbfleet::sql {

std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"<", "&lt;"}, {">", "&gt;"}, {"*", "\\*"}, {"_", "\\_"}});
}

std::string Code(absl::string_view text) { return absl::StrCat("`", text, "`"); }

void AppendRow(std::initializer_list<absl::string_view> cells, std::string* out) {
  *out += "|";
  for (absl::string_view cell : cells) {
    absl::StrAppend(out, " ", absl::StrReplaceAll(cell, {{"|", "\\|"}}), cell.empty() ? "|" : " |");
  }
  *out += "\n";
}

void AppendHead(std::initializer_list<absl::string_view> titles, std::string* out) {
  AppendRow(titles, out);
  *out += "|";
  for (size_t i = 0; i < titles.size(); ++i) *out += "---|";
  *out += "\n";
}

}  // namespace dbfleet::sql
