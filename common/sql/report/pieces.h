#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/report/redact.h"

namespace dbfleet::sql {

// What stands in the place of what is hidden.
inline constexpr absl::string_view kHiddenText = "***";

// A part of a text that its lexer has cut out; what stands between them is white space and
// comments.
struct Piece {
  enum class Kind { kName, kWord, kText, kNumber, kSymbol, kComment };

  Kind kind = Kind::kSymbol;
  size_t begin = 0;
  size_t end = 0;
  bool speaks = false;  // Of a secret, by itself.
};

using Pieces = std::vector<Piece>;

// A text and what its lexer made of it. Views into the text.
class PiecedText {
 public:
  PiecedText(absl::string_view text, const Pieces& pieces) : text_(text), pieces_(pieces) {}

  size_t size() const { return pieces_.size(); }
  absl::string_view text() const { return text_; }
  const Piece& operator[](size_t i) const { return pieces_[i]; }
  // "" behind the end.
  absl::string_view Text(size_t i) const {
    return i < pieces_.size() ? text_.substr(pieces_[i].begin, pieces_[i].end - pieces_[i].begin)
                              : absl::string_view();
  }
  bool Is(size_t i, absl::string_view word) const;
  bool IsWord(size_t i) const { return i < size() && pieces_[i].kind == Piece::Kind::kWord; }

 private:
  const absl::string_view text_;
  const Pieces& pieces_;
};

// Writes a text down with what is hidden in it.
class RedactedWriter {
 public:
  RedactedWriter(absl::string_view text, size_t place) : text_(text), place_(place) {}

  void Keep(size_t end);
  void Put(absl::string_view shown, size_t end);
  // What nothing that is said of the text shows either.
  void AlsoHide(absl::string_view text);
  // What may stand in it, although it is in quotes.
  void ShowName(absl::string_view quoted);
  Redacted Finish();

 private:
  const absl::string_view text_;
  const size_t place_;
  size_t pos_ = 0;
  Redacted out_;
};

// Of a text that nobody can cut, all.
Redacted HideAll(absl::string_view text);

// What of a statement is to be hidden besides what speaks of a secret by itself.
struct Hiding {
  bool texts = false;  // All of its texts but the names of accounts...
  // ... and values without quotes: where each one ends, by its first piece; 0: none begins there.
  std::vector<size_t> values;
};

Redacted HidePieces(const PiecedText& pieced, const Hiding& hiding, size_t place);

}  // namespace dbfleet::sql
