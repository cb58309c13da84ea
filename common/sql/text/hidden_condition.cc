#include "common/sql/text/hidden_condition.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace dbfleet::sql {

bool HidesCondition(absl::string_view gap) {
  const size_t opening = gap.find("/*");
  if (opening == absl::string_view::npos) return false;
  gap.remove_prefix(opening);
  // A condition has one behind its quote.
  const size_t comparison = gap.find_last_of("=<>");
  for (size_t at = gap.find_first_of("'\""); at != absl::string_view::npos;
       at = gap.find_first_of("'\"", at + 1)) {
    const absl::string_view rest = absl::StripLeadingAsciiWhitespace(gap.substr(at + 1));
    for (absl::string_view word : {"AND", "OR"}) {
      if (!absl::StartsWithIgnoreCase(rest, word) || rest.size() == word.size()) continue;
      const char behind = rest[word.size()];
      if (absl::ascii_isspace(static_cast<unsigned char>(behind)) &&
          comparison != absl::string_view::npos && comparison > at) {
        return true;
      }
    }
  }
  return false;
}

bool ContinuesCondition(absl::string_view said) {
  for (absl::string_view word : {"AND", "OR"}) {
    if (!absl::StartsWithIgnoreCase(said, word) || said.size() == word.size()) continue;
    const char behind = said[word.size()];
    if (absl::ascii_isspace(static_cast<unsigned char>(behind)) &&
        said.find_first_of("=<>") != absl::string_view::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace dbfleet::sql
