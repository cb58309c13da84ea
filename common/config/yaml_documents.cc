#include "common/config/yaml_documents.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace dbfleet::config {
namespace {

bool IsDivider(absl::string_view line) {
  return absl::ConsumePrefix(&line, "---") && (line.empty() || absl::ascii_isspace(line[0]));
}

bool HasContent(absl::string_view line) {
  const absl::string_view plain = absl::StripAsciiWhitespace(line);
  return !plain.empty() && plain[0] != '#';
}

}  // namespace

std::vector<std::string> SplitYamlDocuments(absl::string_view text, size_t most) {
  std::vector<std::string> documents;
  std::string document;
  bool content = false;
  size_t line_number = 0;
  const auto finish = [&] {
    if (content) documents.push_back(std::move(document));
    document.assign(line_number, '\n');
    content = false;
  };
  absl::ConsumeSuffix(&text, "\n");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (IsDivider(line)) {
      finish();
      if (documents.size() == most) return documents;
      // What stands behind the divider belongs to what follows it.
      line.remove_prefix(3);
      document.append("   ");
    }
    content = content || HasContent(line);
    document.append(line.data(), line.size());
    document.push_back('\n');
    ++line_number;
  }
  finish();
  return documents;
}

}  // namespace dbfleet::config
