#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "agent/engines/redis/redis_connection.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

absl::Status Bad(absl::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_COMMAND", what);
}

// The character that a backslash sequence stands for; moves `text` behind it.
char TakeEscape(absl::string_view* text) {
  const char c = (*text)[1];
  if (c == 'x' && text->size() >= 4 && absl::ascii_isxdigit((*text)[2]) &&
      absl::ascii_isxdigit((*text)[3])) {
    const std::string byte = absl::HexStringToBytes(text->substr(2, 2));
    text->remove_prefix(4);
    return byte[0];
  }
  text->remove_prefix(2);
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// Reads up to the closing quote, which must end the word.
absl::Status TakeQuoted(absl::string_view* text, std::string* word) {
  const char quote = (*text)[0];
  text->remove_prefix(1);
  while (!text->empty()) {
    const char c = (*text)[0];
    if (c == quote) {
      text->remove_prefix(1);
      if (!text->empty() && !absl::ascii_isspace((*text)[0])) {
        return Bad("a closing quote must be followed by a space");
      }
      return absl::OkStatus();
    }
    const bool escape = c == '\\' && text->size() > 1 && (quote == '"' || (*text)[1] == '\'');
    if (escape) {
      *word += quote == '"' ? TakeEscape(text) : '\'';
      if (quote == '\'') text->remove_prefix(2);
    } else {
      *word += c;
      text->remove_prefix(1);
    }
  }
  return Bad("a quote is not closed");
}

}  // namespace

absl::StatusOr<std::vector<std::string>> SplitRedisCommand(absl::string_view line) {
  std::vector<std::string> words;
  absl::string_view text = absl::StripAsciiWhitespace(line);
  while (!text.empty()) {
    std::string word;
    while (!text.empty() && !absl::ascii_isspace(text[0])) {
      if (text[0] == '"' || text[0] == '\'') {
        RETURN_IF_ERROR(TakeQuoted(&text, &word));
        break;
      }
      word += text[0];
      text.remove_prefix(1);
    }
    words.push_back(std::move(word));
    while (!text.empty() && absl::ascii_isspace(text[0])) {
      if (text[0] == '\n') return Bad("one command, on one line, is expected");
      text.remove_prefix(1);
    }
  }
  if (words.empty()) return Bad("the command is empty");
  return words;
}

}  // namespace dbfleet::agent
