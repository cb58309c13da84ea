#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/byte_order_mark.h"
#include "common/base/status.h"
#include "common/sql/redis/redis.h"

namespace dbfleet::sql {
namespace {

bool IsSpace(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }

bool IsComment(absl::string_view line) {
  return line.empty() || line[0] == '#' || absl::StartsWith(line, "--");
}

absl::Status BadLine(absl::string_view problem) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_SQL", problem);
}

int HexValue(char c) {
  if (absl::ascii_isdigit(c)) return c - '0';
  return absl::ascii_tolower(c) - 'a' + 10;
}

// One escape of "..." at `line[*i]`, the backslash; leaves *i behind it.
char Unescape(absl::string_view line, size_t* i) {
  const char c = line[*i + 1];
  if (c == 'x' && *i + 3 < line.size() && absl::ascii_isxdigit(line[*i + 2]) &&
      absl::ascii_isxdigit(line[*i + 3])) {
    const int value = HexValue(line[*i + 2]) * 16 + HexValue(line[*i + 3]);
    *i += 4;
    return static_cast<char>(value);
  }
  *i += 2;
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

// The quoted argument at `line[*i]`; leaves *i behind its closing quote.
absl::StatusOr<std::string> TakeQuoted(absl::string_view line, size_t* i) {
  const char quote = line[(*i)++];
  std::string value;
  while (*i < line.size()) {
    const char c = line[*i];
    if (c == '\\' && *i + 1 < line.size() && (quote == '"' || line[*i + 1] == '\'')) {
      value.push_back(Unescape(line, i));
      continue;
    }
    ++*i;
    if (c == quote) {
      if (*i < line.size() && !IsSpace(line[*i])) {
        return BadLine("a closing quote needs a space behind it");
      }
      return value;
    }
    value.push_back(c);
  }
  return BadLine(absl::StrCat("a quoted argument is not closed; close it with ",
                              absl::string_view(&quote, 1)));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseRedisCommand(absl::string_view line) {
  std::vector<std::string> arguments;
  size_t i = 0;
  for (;;) {
    while (i < line.size() && IsSpace(line[i])) ++i;
    if (i >= line.size()) return arguments;
    if (line[i] == '"' || line[i] == '\'') {
      ASSIGN_OR_RETURN(std::string quoted, TakeQuoted(line, &i));
      arguments.push_back(std::move(quoted));
      continue;
    }
    std::string bare;
    for (; i < line.size() && !IsSpace(line[i]); ++i) {
      if (line[i] == '"' || line[i] == '\'') {
        return BadLine("a quote inside an argument; quote the whole argument");
      }
      bare.push_back(line[i]);
    }
    arguments.push_back(std::move(bare));
  }
}

absl::StatusOr<std::vector<Statement>> SplitRedis(absl::string_view script) {
  std::vector<Statement> statements;
  std::string comments;
  size_t begin = absl::StartsWith(script, kByteOrderMark) ? kByteOrderMark.size() : 0;
  for (int number = 1; begin <= script.size(); ++number) {
    const size_t end = std::min(script.find('\n', begin), script.size());
    const absl::string_view line = script.substr(begin, end - begin);
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    begin = end + 1;
    if (absl::StrContains(line, absl::string_view("\0", 1))) {
      return BadLine(absl::StrCat("line ", number, ", column ", line.find('\0') + 1,
                                  ": a NUL byte; remove it"));
    }
    if (IsComment(text)) {
      if (absl::StrContains(text, "dbfleet:")) absl::StrAppend(&comments, text, "\n");
      continue;
    }
    Statement statement;
    statement.comments = std::exchange(comments, "");
    statement.text = std::string(text);
    statement.line = number;
    // In front of it is only white space.
    statement.column = static_cast<int>(text.data() - line.data()) + 1;
    statement.character = statement.column;
    if (absl::Status status = ParseRedisCommand(text).status(); !status.ok()) {
      return Annotate(status, absl::StrCat("line ", number, ", column ", statement.column));
    }
    statements.push_back(std::move(statement));
  }
  if (!statements.empty()) statements.back().behind = std::move(comments);
  return statements;
}

}  // namespace dbfleet::sql
