#include "agent/engine/statement_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

// Cuts off one comment at the front. False if there is none.
bool SkipComment(absl::string_view* text) {
  if (absl::StartsWith(*text, "--") || absl::StartsWith(*text, "#")) {
    const size_t end = text->find('\n');
    *text = end == absl::string_view::npos ? absl::string_view() : text->substr(end + 1);
    return true;
  }
  if (!absl::StartsWith(*text, "/*") || absl::StartsWith(*text, "/*!") ||
      absl::StartsWith(*text, "/*M!")) {
    return false;
  }
  const size_t end = text->find("*/", 2);
  *text = end == absl::string_view::npos ? absl::string_view() : text->substr(end + 2);
  return true;
}

}  // namespace

std::string FirstKeyword(absl::string_view statement) {
  do {
    while (!statement.empty() && (absl::ascii_isspace(statement[0]) || statement[0] == '(')) {
      statement.remove_prefix(1);
    }
  } while (SkipComment(&statement));
  size_t length = 0;
  while (length < statement.size() &&
         (absl::ascii_isalnum(statement[length]) || statement[length] == '_')) {
    ++length;
  }
  return absl::AsciiStrToUpper(statement.substr(0, length));
}

absl::Status CheckBeginsAsQuery(absl::string_view statement,
                                absl::Span<const absl::string_view> words) {
  const std::string word = FirstKeyword(statement);
  if (std::find(words.begin(), words.end(), word) != words.end()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "INSPECTION_NOT_SAFE",
               absl::StrCat("an inspection begins with ", absl::StrJoin(words, ", "),
                            "; not with \"", Truncate(word, 32), "\""));
}

std::string MaskQuoted(absl::string_view message, char quote) {
  const size_t first = message.find(quote);
  const size_t last = message.rfind(quote);
  if (first == absl::string_view::npos) return std::string(message);
  // From the first to the last: values may hold quotes themselves. An unpaired one hides the rest.
  const absl::string_view tail = last == first ? "" : message.substr(last + 1);
  return absl::StrCat(message.substr(0, first), "(value not shown)", tail);
}

}  // namespace dbfleet::agent
