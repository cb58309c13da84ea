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

std::string YamlDocument::InPlace() const {
  return std::string(static_cast<size_t>(lines_before), '\n') + text;
}

std::vector<YamlDocument> SplitYamlDocuments(absl::string_view text, size_t most) {
  std::vector<YamlDocument> documents;
  YamlDocument document;
  bool content = false;
  int line_number = 0;
  const auto finish = [&] {
    if (content) documents.push_back(std::move(document));
    document = {"", line_number};
    content = false;
  };
  absl::ConsumeSuffix(&text, "\n");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (IsDivider(line)) {
      finish();
      if (documents.size() == most) return documents;
      // What stands behind the divider belongs to what follows it.
      line.remove_prefix(3);
      document.text.append("   ");
    }
    content = content || HasContent(line);
    document.text.append(line.data(), line.size());
    document.text.push_back('\n');
    ++line_number;
  }
  finish();
  return documents;
}

}  // namespace dbfleet::config
