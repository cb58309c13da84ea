#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"
#include "common/sql/text/lexer.h"

// What ScriptReader asks of the words of statements.
namespace dbfleet::sql {

// Up to the first error.
std::vector<Token> TokensOf(const Target& target, absl::string_view text);

// Executable comments' marks, and hints.
bool IsMark(const Token& token);

// The first two words, in upper case, with one space between them.
std::string HeadOf(const std::vector<Token>& tokens);

// SHOW of MySQL and MariaDB, known or not, without a call: it makes nothing.
bool OnlyShows(const std::vector<Token>& tokens);

// A statement that begins so makes nothing which reading calls.
bool MakesNothing(absl::string_view head);

// A name without its quotes, in lower case; "" for one that is written with escapes.
std::string PlainName(const Token& token);

// MySQL and MariaDB: of a SELECT the names that stand where a table may, with blanks between them;
// others are columns, aliases and qualifiers. Of anything else, the text.
std::string PlacesOfTables(const Target& target, absl::string_view statement);

// MySQL takes "x" for a name in sql_mode ANSI_QUOTES.
bool MayBeName(const Target& target, const Token& token);

// Of a table, one of its partitions, or SET default_storage_engine: one whose rows stand elsewhere.
bool NamesForeignEngine(const Target& target, absl::string_view statement);

// Whether what MySQL computes of a new row (a default, a check, a generated column) calls anything
// but what only reads.
bool DefinesCalls(const Target& target, absl::string_view statement);

// Of what sets search_path, set_config('search_path', ...) too: pg_catalog is searched first unless
// it is named, and where it is named behind other schemas, their functions hide the built-in ones.
bool MayHideBuiltIns(const Target& target, absl::string_view statement);

}  // namespace dbfleet::sql
