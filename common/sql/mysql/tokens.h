#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/sql/model/target.h"
#include "common/sql/mysql/words.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql::mysql {

// A token with what word it is. One behind "." or "@" that touches it is a name, whatever it says.
struct Tok : Token {
  Word word = 0;

  bool Is(Word wanted) const { return word == wanted; }
  bool IsOneOf(std::initializer_list<Word> words) const {
    for (Word wanted : words) {
      if (word == wanted) return true;
    }
    return false;
  }
  bool IsText() const { return kind == TokenKind::kString; }
  bool Touches(const Tok& next) const { return offset + text.size() == next.offset; }
};

// The tokens of one statement. Positions outside of it give an empty token, so that rules can look
// around freely.
class Toks {
 public:
  Toks() = default;
  explicit Toks(absl::Span<const Tok> tokens) : tokens_(tokens) {}

  ptrdiff_t size() const { return static_cast<ptrdiff_t>(tokens_.size()); }
  const Tok& operator[](ptrdiff_t i) const {
    return i >= 0 && i < size() ? tokens_[static_cast<size_t>(i)] : kNothing;
  }
  bool HasWords(ptrdiff_t i, std::initializer_list<Word> words) const {
    for (Word word : words) {
      if ((*this)[i++].word != word) return false;
    }
    return true;
  }
  bool HasWord(Word word) const;
  // The position after the ")" that belongs to the "(" at `open`; size() if there is none.
  ptrdiff_t AfterParen(ptrdiff_t open) const;

 private:
  static const Tok kNothing;
  absl::Span<const Tok> tokens_;
};

// A text as a server would cut it.
struct Lexed {
  absl::Status status;
  std::vector<Tok> tokens;                           // Without hints and delimiters.
  std::vector<std::pair<size_t, size_t>> commented;  // [begin, end): in executable comments.
  std::vector<size_t> ends;                          // Of statements, in `tokens`.
  bool doubtful_comment = false;  // Whether executable comments are executed is not known.
  bool doubtful_hint = false;  // Some /*+ hint */ changes settings, or may not end where it seems.
  bool doubtful_quotes = false;  // Where strings end depends on sql_mode, which is not known.
};
Lexed Lex(const Target& target, absl::string_view text, Position origin = {});

// The same without what stands in executable comments: how a server reads it that skips them.
Lexed WithoutCommented(const Lexed& lexed);

// A name without its quotes; "x" too. Empty for what is none.
std::string Unquoted(const Tok& token);
// The content of a string without its quotes; escapes stay as they are.
absl::string_view Inside(const Tok& token);

}  // namespace dbfleet::sql::mysql
