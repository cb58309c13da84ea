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

// A statement that begins so makes nothing which reading calls.
bool MakesNothing(absl::string_view head);

// A name without its quotes, in lower case; "" for one that is written with escapes.
std::string PlainName(const Token& token);

// MySQL takes "x" for a name in sql_mode ANSI_QUOTES.
bool MayBeName(const Target& target, const Token& token);

// An engine of MySQL or MariaDB, in lower case: FEDERATED, CONNECT and SPIDER read what others
// hold.
bool ReadsItsOwnRows(absl::string_view engine);

}  // namespace dbfleet::sql
