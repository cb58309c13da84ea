#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/sql/active_record/host_lexer.h"

namespace dbfleet::sql {

// A place in a program, and what both languages' lexers do there.
class HostCursor {
 public:
  explicit HostCursor(absl::string_view text) : text_(text) {}

  bool done() const { return pos_ >= text_.size(); }
  char Peek(size_t ahead = 0) const {
    return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0';
  }
  bool At(absl::string_view what) const { return absl::StartsWith(text_.substr(pos_), what); }

  static bool IsWordStart(char c) {
    return absl::ascii_isalpha(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
  }
  static bool IsWordByte(char c) { return IsWordStart(c) || absl::ascii_isdigit(c); }

  void SkipWord() {
    while (!done() && IsWordByte(text_[pos_])) ++pos_;
  }
  void SkipLine() { pos_ = std::min(text_.find('\n', pos_), text_.size()); }

  void Emit(HostTokenKind kind, size_t start, std::vector<StringPart> parts = {}) {
    HostToken token;
    token.kind = kind;
    token.text = text_.substr(start, pos_ - start);
    token.offset = start;
    token.end = pos_;
    token.parts = std::move(parts);
    tokens_.push_back(std::move(token));
  }

  // The comment from `start` up to here.
  void Comment(size_t start) { comments_.push_back({text_.substr(start, pos_ - start), start}); }

  // "line 2, column 7"
  static std::string Place(absl::string_view text, size_t at) {
    int line = 1;
    size_t begin = 0;
    for (size_t i = 0; i < at && i < text.size(); ++i) {
      if (text[i] == '\n') {
        ++line;
        begin = i + 1;
      }
    }
    return absl::StrCat("line ", line, ", column ", at - begin + 1);
  }

  absl::Status Fail(size_t at, absl::string_view problem) const {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_SQL",
                 absl::StrCat(Place(text_, at), ": ", problem));
  }

  static void AddText(char c, std::vector<StringPart>* parts) {
    if (parts->empty() || parts->back().is_code) parts->push_back({});
    parts->back().text.push_back(c);
  }

 protected:
  absl::string_view text_;
  size_t pos_ = 0;
  std::vector<HostToken> tokens_;
  std::vector<HostComment> comments_;
};

}  // namespace dbfleet::sql
