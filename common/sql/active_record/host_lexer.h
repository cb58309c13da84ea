#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// The two host languages cut into tokens, as far as it takes to find calls and what they are given.
namespace dbfleet::sql {

enum class HostTokenKind {
  kName,      // A word: keywords, functions, classes, Ruby's local variables.
  kVariable,  // PHP's "$x"; Ruby's "@x", "@@x", "$x".
  kLabel,     // Ruby's "name:" in front of a value; without the colon.
  kSymbol,    // Ruby's ":name"; without the colon.
  kNumber,
  kString,   // Every quoted text, heredocs too; see `parts`.
  kOther,    // Shell commands in backticks, regular expressions, word lists.
  kPunct,    // "->", "?->", "::", "=>", "&.", or one character.
  kNewline,  // Ruby only: an end of line that may end a statement.
};

// A piece of a quoted text: its value, or code of which the value stands there.
struct StringPart {
  std::string text;
  bool is_code = false;
};

struct HostToken {
  HostTokenKind kind = HostTokenKind::kPunct;
  absl::string_view text;  // As written. Of a heredoc: its head.
  size_t offset = 0;
  std::vector<StringPart> parts;
  // Of a heredoc: where its body ends, since a statement's text reaches to there; else the end of
  // `text`.
  size_t end = 0;
  size_t body = 0;  // Of a heredoc of Ruby: where its body begins; else 0.

  bool Is(absl::string_view punct) const { return kind == HostTokenKind::kPunct && text == punct; }
  bool IsName(absl::string_view name) const { return kind == HostTokenKind::kName && text == name; }
};

struct HostComment {
  absl::string_view text;  // With its marks.
  size_t offset = 0;
};

struct HostLexed {
  std::vector<HostToken> tokens;
  std::vector<HostComment> comments;
};

// Views into `text`, which must outlive them. INVALID_ARGUMENT (BAD_SQL) with line and column for
// what is not closed and for NUL bytes. One pass, no recursion.
//
// PHP: of a text that begins with "<" what stands in "<? ?>"; else all of it. Ruby: up to __END__.
absl::StatusOr<HostLexed> LexPhp(absl::string_view text);
absl::StatusOr<HostLexed> LexRuby(absl::string_view text);

}  // namespace dbfleet::sql
