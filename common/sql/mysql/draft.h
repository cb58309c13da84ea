#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/reading.h"
#include "common/sql/model/target.h"
#include "common/sql/mysql/tokens.h"

namespace dbfleet::sql::mysql {

// An object's name in a statement.
struct Named {
  Name name;
  std::string written;  // With its quotes: "shop.`orders`".
};

// A reading in the making: one statement and what is known of it so far. It starts as understood,
// safe and harmless; whoever reads a part adds to it. Not thread-safe.
class Draft {
 public:
  Draft(const Target& target, Toks tokens, absl::string_view text, Position origin)
      : target(target), tokens(tokens), text(text), origin(origin) {}

  const Target& target;
  const Toks tokens;
  const absl::string_view text;  // The whole, of which the statement may be a part.
  const Position origin;         // Of its first byte.
  Reading reading;
  bool planned = false;  // EXPLAIN plans it and no more: whose tables it writes does not matter.

  bool maria() const { return target.dialect == Dialect::kMariaDb; }
  // Whether the server is at least these versions, as far as that is known.
  bool Since(Version mysql, Version mariadb) const;

  // It does more than read; it may, because a part of it is not known. Reasons come once each.
  void Object(std::string reason);
  void Doubt(std::string reason);
  void Raise(Kind kind);
  bool full() const;  // No more reasons are taken: to look for them is in vain.

  // Of several accesses to one object, the heaviest is kept. `table`: it counts for estimates.
  void Use(const std::string& written, Access access, bool table = true);

  // Keeps names that are longer than the server's 64 characters.
  void CheckLength(const std::string& name);

  // The text of the tokens from `from` up to `to`.
  std::string TextOf(ptrdiff_t from, ptrdiff_t to) const;

  // What is known in the end: safety and understanding follow from the reasons.
  Reading Finish();

 private:
  bool understood_ = true;
  std::unordered_map<std::string, size_t> used_;  // Only of many.
};

// Reads one statement from the left. Every part is asked for in turn; what was asked for and is not
// there leaves the place unchanged.
class Parser {
 public:
  explicit Parser(Draft* draft, ptrdiff_t at = 0) : draft(draft), at(at) {}

  Draft* const draft;
  ptrdiff_t at;

  const Tok& Now(ptrdiff_t ahead = 0) const { return draft->tokens[at + ahead]; }
  bool AtEnd() const { return at >= draft->tokens.size(); }
  bool Is(Word word) const { return Now().word == word; }
  bool Accept(Word word);
  bool AcceptAll(std::initializer_list<Word> words);
  bool AcceptAny(std::initializer_list<Word> words);
  bool AcceptSymbol(char c);
  bool IfExists() { return AcceptAll({K("IF"), K("EXISTS")}); }
  bool IfNotExists() { return AcceptAll({K("IF"), K("NOT"), K("EXISTS")}); }

  // A name without a schema; "" if there is none.
  std::string PlainName();
  // [schema.]name, or an empty one.
  Named ObjectName();
  // The same, of the table that the statement defines: noted, and nothing understood without it.
  bool DefinedTable(Name* table);
  // name (, name)*
  std::vector<Named> ObjectNames();
  // "(" name [(length)] [ASC | DESC], ... ")" without lengths; an expression as its text.
  std::vector<std::string> NameList();
  // Over a "(" up to its ")".
  bool SkipParens();

  // Whatever is left is not understood.
  void ExpectEnd();
  void NotUnderstood();
};

// A reserved word that no statement has behind what was read of it, and what to say of that.
bool BeginsAnother(const Tok& token);
std::string MissesDelimiter(const Tok& token);

}  // namespace dbfleet::sql::mysql
