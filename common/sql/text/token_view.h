#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/types/span.h"

#include "common/sql/text/lexer.h"

namespace dbfleet::sql {

// The tokens of one statement. Positions outside of it give an empty token, so that rules can look
// around freely.
class TokenView {
 public:
  explicit TokenView(absl::Span<const Token> tokens) : tokens_(tokens) {}

  ptrdiff_t size() const { return static_cast<ptrdiff_t>(tokens_.size()); }
  const Token& operator[](ptrdiff_t i) const {
    static const Token& nothing = *new Token{TokenKind::kDelimiter, "", 0};
    return i >= 0 && i < size() ? tokens_[static_cast<size_t>(i)] : nothing;
  }
  TokenView From(ptrdiff_t i) const {
    return TokenView(tokens_.subspan(static_cast<size_t>(std::clamp<ptrdiff_t>(i, 0, size()))));
  }

  // Whether the words at `i`, `i + 1`... are these.
  bool HasWords(ptrdiff_t i, std::initializer_list<absl::string_view> words) const {
    for (absl::string_view word : words) {
      if (!(*this)[i++].IsWord(word)) return false;
    }
    return true;
  }
  bool HasWord(absl::string_view word) const {
    return std::any_of(tokens_.begin(), tokens_.end(),
                       [&](const Token& token) { return token.IsWord(word); });
  }

  // The position after the ")" that belongs to the "(" at `open`; size() if there is none.
  ptrdiff_t AfterParen(ptrdiff_t open) const {
    int depth = 0;
    for (ptrdiff_t i = open; i < size(); ++i) {
      if ((*this)[i].IsSymbol('(')) ++depth;
      if ((*this)[i].IsSymbol(')') && --depth == 0) return i + 1;
    }
    return size();
  }

 private:
  absl::Span<const Token> tokens_;
};

// A word in a list that is sorted and in upper case.
inline bool IsIn(absl::Span<const std::string_view> list, const Token& token) {
  if (token.kind != TokenKind::kWord) return false;
  const std::string upper = absl::AsciiStrToUpper(token.text);
  return std::binary_search(list.begin(), list.end(), std::string_view(upper));
}

}  // namespace dbfleet::sql
