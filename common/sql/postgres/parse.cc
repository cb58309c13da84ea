#include "common/sql/postgres/parse.h"

#include <pg_query.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/postgres/nesting.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql::pg {
namespace {

// Owns what the C library allocated.
class Answer {
 public:
  explicit Answer(const char* text) : result_(pg_query_parse(text)) {}
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() { pg_query_free_parse_result(result_); }

  const PgQueryError* error() const { return result_.error; }
  const char* json() const { return result_.parse_tree; }

 private:
  PgQueryParseResult result_;
};

// Where the `n`th character (1-based) begins; the parser counts characters, positions count bytes.
size_t OffsetOfCharacter(absl::string_view text, int n) {
  size_t at = 0;
  for (int i = 1; i < n && at < text.size(); ++i) {
    do {
      ++at;
    } while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  }
  return at;
}

// The parser's message up to where it begins to quote the text.
std::string Describe(const PgQueryError& error, absl::string_view text, Position origin) {
  absl::string_view message = error.message == nullptr ? "" : error.message;
  message = message.substr(0, message.find(" at or near "));
  if (message.find_first_of("\"'") != absl::string_view::npos || message.empty()) {
    message = "it is refused";
  }
  std::string where;
  if (error.cursorpos > 0 && origin.known()) {
    const size_t offset = OffsetOfCharacter(text, error.cursorpos);
    const Position position = PositionAt(text, offset, origin);
    where = absl::StrCat(" at line ", position.line, ", column ", position.column);
    // Whoever runs it would put a text there: psql's :name, :'name', Flyway's ${name}.
    const absl::string_view at = text.substr(std::min(offset, text.size()));
    const bool psql = at.size() > 1 && at[0] == ':' &&
                      (absl::ascii_isalpha(at[1]) || at[1] == '_' || at[1] == '\'' || at[1] == '"');
    if (psql || absl::StartsWith(at, "${")) {
      absl::StrAppend(&where,
                      ", where a variable stands whose value is not seen: lint the script "
                      "with its values put in");
    }
  }
  return absl::StrCat("it cannot be read as PostgreSQL 15: ", message, where);
}

// What is more than the parser is given.
std::string TooLarge(absl::string_view text, const Extent& extent) {
  if (text.size() > kMaxBytes) return absl::StrCat("it is longer than ", kMaxBytes >> 20, " MiB");
  if (extent.tokens > kMaxTokens) {
    return absl::StrCat("it has more than ", kMaxTokens,
                        " words, which is more than is looked at; cut it into several");
  }
  if (extent.nesting > kMaxNesting) {
    return absl::StrCat("it is nested deeper than ", kMaxNesting,
                        " levels, which is more than is looked at");
  }
  return "";
}

std::string Refuse(absl::string_view text, const Extent& extent) {
  if (text.find('\0') != absl::string_view::npos) return "it contains a NUL byte";
  if (!IsValidUtf8(text)) return "it is not valid UTF-8";
  if (!extent.status.ok()) {
    return absl::StrCat("it cannot be read: ", extent.status.message());
  }
  return "";
}

}  // namespace

Parsed Parse(absl::string_view text, Position origin) {
  Parsed parsed;
  const Extent extent = text.size() > kMaxBytes ? Extent() : ExtentOf(text, origin);
  parsed.problem = TooLarge(text, extent);
  parsed.too_large = !parsed.problem.empty();
  if (!parsed.too_large) parsed.problem = Refuse(text, extent);
  if (!parsed.problem.empty()) return parsed;
  const std::string terminated(text);
  const Answer answer(terminated.c_str());
  if (answer.error() != nullptr) {
    parsed.problem = Describe(*answer.error(), text, origin);
  } else if (answer.json() == nullptr || !parsed.tree.Build(answer.json(), text)) {
    parsed.problem = "the parser's tree is of an unknown form";
  }
  return parsed;
}

}  // namespace dbfleet::sql::pg
