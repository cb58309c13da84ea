#include "common/sql/report/pieces.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/report/secret_words.h"

namespace dbfleet::sql {
namespace {

class Redactor {
 public:
  Redactor(const PiecedText& pieced, const Hiding& hiding, size_t place)
      : pieced_(pieced), hiding_(hiding), writer_(pieced.text(), place) {}

  Redacted Run() {
    secret_ = hiding_.texts;
    for (size_t i = 0; i < pieced_.size() && !secret_; ++i) {
      secret_ = pieced_[i].speaks && pieced_[i].kind != Piece::Kind::kComment;
    }
    size_t end = 0;
    for (size_t i = 0; i < pieced_.size(); ++i) {
      Between(end, pieced_[i].begin);
      const size_t value = i < hiding_.values.size() ? hiding_.values[i] : 0;
      if (value > i) {
        HideValue(i, value);
        i = value - 1;
      } else {
        Show(i);
      }
      end = pieced_[i].end;
    }
    Between(end, pieced_.text().size());
    return writer_.Finish();
  }

 private:
  // Comments, with the white space around them.
  void Between(size_t begin, size_t end) {
    const absl::string_view gap = pieced_.text().substr(begin, end - begin);
    const bool comment = gap.find_first_not_of(" \t\r\n\f\v") != absl::string_view::npos;
    const bool quotes = gap.find_first_of("'\"`$") != absl::string_view::npos;
    if (comment && (SpeaksOfSecret(gap) || (secret_ && quotes))) {
      return writer_.Put(absl::StrContains(gap, "\n") ? " /* *** */\n" : " /* *** */ ", end);
    }
    writer_.Keep(end);
  }

  bool Touches(size_t i, size_t next) const {
    return next < pieced_.size() && pieced_.Text(next) == "@" &&
           (pieced_[i].end == pieced_[next].begin || pieced_[next].end == pieced_[i].begin);
  }

  // 'anna'@'localhost'
  bool IsOfAccount(size_t i) const { return Touches(i, i + 1) || (i > 0 && Touches(i, i - 1)); }

  // A number as a password: PASSWORD(12345), password = 5, 0x61.
  bool IsSecretNumber(size_t i) const {
    if (!secret_) return false;
    if (absl::StartsWithIgnoreCase(pieced_.Text(i), "0x")) return true;
    const absl::string_view before = i > 1 ? pieced_.Text(i - 1) : "";
    const bool given = before == "(" || before == "=" || before == "=>";
    return (i > 0 && pieced_[i - 1].speaks) || (given && pieced_[i - 2].speaks);
  }

  // "auth_user" ("username" ...: the columns of a table, whose name is no function's.
  bool IsOfTable(size_t i) const {
    if (pieced_.Text(i - 1) != "(") return false;
    size_t name = i - 2;
    while (name > 1 && pieced_.Text(name - 1) == ".") name -= 2;
    if (name == 0) return false;
    const size_t before = name - 1;
    const bool index =
        pieced_.Is(0, "CREATE") && (pieced_.Is(before, "ON") || pieced_.Is(before, "ONLY"));
    return index || pieced_.Is(before, "INTO") || pieced_.Is(before, "TABLE") ||
           pieced_.Is(before, "EXISTS") || pieced_.Is(before, "REFERENCES");
  }

  // password = "x", crypt("x".
  bool IsTextInWrongQuotes(size_t i) const {
    return i > 1 && (pieced_.Text(i - 1) == "=" || pieced_.Text(i - 1) == "(") && !IsOfTable(i) &&
           pieced_[i - 2].speaks && !pieced_.Is(i - 2, "IDENTIFIED") && pieced_.Text(i + 1) != ".";
  }

  void HideText(size_t begin, size_t end) {
    const char first = pieced_.text()[begin];
    const absl::string_view quote = first == '"' ? "\"" : first == '`' ? "`" : "'";
    writer_.Put(absl::StrCat(quote, kHiddenText, quote), end);
  }

  void HideValue(size_t i, size_t end) {
    const bool quoted = end == i + 1 && (pieced_[i].kind == Piece::Kind::kText ||
                                         pieced_[i].kind == Piece::Kind::kName);
    if (quoted) return HideText(pieced_[i].begin, pieced_[i].end);
    writer_.Put(kHiddenText, pieced_[end - 1].end);
    // A reason may name one of several words.
    for (; i < end; ++i) {
      if (pieced_[i].kind != Piece::Kind::kSymbol) writer_.AlsoHide(pieced_.Text(i));
    }
  }

  void Show(size_t i) {
    const Piece& piece = pieced_[i];
    const absl::string_view text = pieced_.Text(i);
    const bool number = piece.kind == Piece::Kind::kNumber || text.find_first_of("0123456789") == 0;
    switch (piece.kind) {
      case Piece::Kind::kText:
        if (!piece.speaks && (!secret_ || IsOfAccount(i))) break;
        return HideText(piece.begin, piece.end);
      case Piece::Kind::kName:
        // A connection string in the place of a name.
        if (!HoldsUriPassword(text) && !(piece.speaks && absl::StrContains(text, "=")) &&
            !IsTextInWrongQuotes(i)) {
          writer_.ShowName(text);
          break;
        }
        return HideText(piece.begin, piece.end);
      case Piece::Kind::kWord:
      case Piece::Kind::kNumber:
        if (!number || !IsSecretNumber(i)) break;
        return writer_.Put(kHiddenText, piece.end);
      case Piece::Kind::kComment:
        if (!piece.speaks && !secret_) break;
        return writer_.Put("/* *** */", piece.end);
      case Piece::Kind::kSymbol:
        break;
    }
    writer_.Keep(piece.end);
  }

  const PiecedText& pieced_;
  const Hiding& hiding_;
  RedactedWriter writer_;
  bool secret_ = false;
};

}  // namespace

bool PiecedText::Is(size_t i, absl::string_view word) const {
  return absl::EqualsIgnoreCase(Text(i), word);
}

void RedactedWriter::Keep(size_t end) {
  end = std::min(end, text_.size());
  if (pos_ <= place_ && place_ < end) out_.place = out_.text.size() + (place_ - pos_);
  out_.text.append(text_.data() + pos_, end - pos_);
  pos_ = end;
}

void RedactedWriter::Put(absl::string_view shown, size_t end) {
  if (pos_ <= place_ && place_ < end) out_.place = out_.text.size();
  absl::StrAppend(&out_.text, shown);
  out_.hidden.Add(text_.substr(pos_, end - pos_));
  pos_ = end;
}

void RedactedWriter::ShowName(absl::string_view quoted) { out_.hidden.ShowName(quoted); }

void RedactedWriter::AlsoHide(absl::string_view text) { out_.hidden.Add(text); }

Redacted RedactedWriter::Finish() {
  Keep(text_.size());
  if (place_ >= text_.size()) out_.place = out_.text.size();
  return std::move(out_);
}

Redacted HideAll(absl::string_view text) {
  Redacted redacted;
  redacted.text = std::string(kHiddenText);
  redacted.hidden.Add(text);
  return redacted;
}

Redacted HidePieces(const PiecedText& pieced, const Hiding& hiding, size_t place) {
  return Redactor(pieced, hiding, place).Run();
}

}  // namespace dbfleet::sql
