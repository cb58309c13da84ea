#pragma once

#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"
#include "common/sql/model/statement.h"

namespace dbfleet::sql {

// Where the statements of a program stand in it, and which of its comments are about which. They
// are given in the order of the program. Not thread-safe.
class StatementPlaces {
 public:
  explicit StatementPlaces(absl::string_view text) : text_(text) {}

  // The next statement, which begins there.
  void Place(size_t offset, Statement* statement);
  // A part of a statement's text.
  void AddPiece(size_t begin, size_t end, size_t statement);
  // When all are there.
  void AttachComments(const HostProgram& program, std::vector<Statement>* statements);

 private:
  // What of the program is some statement's text.
  struct Piece {
    size_t begin;
    size_t end;
    size_t statement;
  };
  void Attach(const HostComment& comment, const Piece* before, std::vector<Statement>* statements);

  const absl::string_view text_;
  std::vector<Piece> pieces_;
  std::vector<size_t> starts_;  // Of the statements.
  size_t counted_ = 0;
  int line_ = 1;
  size_t line_start_ = 0;
  int character_ = 1;
};

}  // namespace dbfleet::sql
