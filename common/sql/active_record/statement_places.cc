#include "common/sql/active_record/statement_places.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"

namespace dbfleet::sql {

void StatementPlaces::AddPiece(size_t begin, size_t end, size_t statement) {
  pieces_.push_back({begin, end, statement});
}

// A comment is about what ends on its line in front of it, or else about the next statement. One
// inside of a statement's text is read with that. Comments come in the order of the program, so
// each piece is looked at once.
void StatementPlaces::AttachComments(const HostProgram& program,
                                     std::vector<Statement>* statements) {
  std::vector<Piece> by_begin = pieces_;
  std::stable_sort(by_begin.begin(), by_begin.end(),
                   [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
  std::stable_sort(pieces_.begin(), pieces_.end(),
                   [](const Piece& a, const Piece& b) { return a.end < b.end; });
  auto begun = by_begin.cbegin();
  auto ended = pieces_.cbegin();
  size_t open_until = 0;
  const Piece* before = nullptr;
  for (const HostComment& comment : program.comments()) {
    if (!absl::StrContains(comment.text, "dbfleet:")) continue;
    for (; begun != by_begin.cend() && begun->begin <= comment.offset; ++begun) {
      open_until = std::max(open_until, begun->end);
    }
    for (; ended != pieces_.cend() && ended->end <= comment.offset; ++ended) {
      if (before == nullptr || ended->end > before->end) before = &*ended;
    }
    if (open_until <= comment.offset) Attach(comment, before, statements);
  }
}

// `before`: what ends last in front of it, if anything does.
void StatementPlaces::Attach(const HostComment& comment, const Piece* before,
                             std::vector<Statement>* statements) {
  const bool on_its_line =
      before != nullptr &&
      !absl::StrContains(text_.substr(before->end, comment.offset - before->end), "\n");
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), comment.offset);
  const size_t about =
      on_its_line ? before->statement : static_cast<size_t>(next - starts_.begin());
  std::string& comments =
      about < statements->size() ? (*statements)[about].comments : statements->back().behind;
  absl::StrAppend(&comments, comment.text, "\n");
}

// Statements come in the order of the program.
void StatementPlaces::Place(size_t offset, Statement* statement) {
  starts_.push_back(offset);
  for (; counted_ < offset; ++counted_) {
    character_ += CountCharacters(text_.substr(counted_, 1));
    if (text_[counted_] == '\n') {
      ++line_;
      line_start_ = counted_ + 1;
      character_ = 1;
    }
  }
  statement->line = line_;
  statement->column = static_cast<int>(offset - line_start_) + 1;
  statement->character = character_;
}

}  // namespace dbfleet::sql
