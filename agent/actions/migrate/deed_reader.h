#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "agent/actions/migrate/deed.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::agent {

// Walks over a statement's tokens; past the end every question is answered by "no". A value: copies
// walk by themselves. The text must outlive it. Not thread-safe.
class DeedReader {
 public:
  // Names as the server compares them: PostgreSQL's bare ones in lower case, MySQL's as written.
  struct Name {
    std::string schema;  // With its dot; empty for the session's own database.
    std::string text;    // With the schema, if there is one.
    bool quoted = false;
  };

  DeedReader(sql::Dialect dialect, absl::string_view text, absl::string_view database);

  bool postgres() const { return dialect_ == sql::Dialect::kPostgres; }
  bool AtEnd() const { return pos_ >= tokens_.size(); }
  size_t Left() const { return AtEnd() ? 0 : tokens_.size() - pos_; }
  void Next() { ++pos_; }
  bool Is(absl::string_view upper, size_t ahead = 0) const;
  bool IsSymbol(char c, size_t ahead = 0) const;
  bool Skip(absl::string_view upper);
  bool IsIfExists(size_t ahead = 0) const;  // IF EXISTS, IF NOT EXISTS
  bool SkipIfExists();
  // Among the tokens that are left.
  bool Has(absl::string_view upper) const;
  bool HasComma() const;  // Outside parentheses.
  bool HasPair(absl::string_view first, absl::string_view second) const;
  // Skips to behind the word that says what is created or dropped, and returns that.
  std::string FindKind();
  // name, schema.name; `text` is empty if there is none.
  Name ReadName();
  // MySQL compares the names of columns, indexes and routines without regard to case.
  std::string Fold(absl::string_view name) const;
  // What is left, cut at the commas outside parentheses.
  std::vector<DeedReader> Clauses() const;

 private:
  std::string OneName(bool* quoted);

  sql::Dialect dialect_;
  std::string database_;
  std::vector<sql::Token> tokens_;
  size_t pos_ = 0;
};

// ALTER TABLE (any engine's) and ALTER of what the schema shows in full.
void ReadAlter(DeedReader reader, Deed* deed);

}  // namespace dbfleet::agent
