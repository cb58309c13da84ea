#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

#include "common/sql/text/lexer.h"

// Where the clients of MySQL and MariaDB take a script, which they read line by line, for something
// else than a server would that got the whole. Found by comparing what they send with the script.
namespace dbfleet::sql {

struct TokenPlace {
  bool begins_statement = false;
  bool behind_comment = false;  // One stands between it and the delimiter in front.
  bool begins_line = false;     // But for blanks and comments.
  bool first_column = false;    // But for comments.
};

// Why the client may send something else than the token at that place, and what follows it, or cut
// it elsewhere; "" if it does not. `text` is what the token was read from.
absl::string_view DoubtOfMySqlClient(absl::string_view text, const Token& token, TokenPlace place);

// The same of a whole statement, its white space at the end included: "USE a" ends with its line.
// Most send it all the same if only the delimiter is missing there; with --comments, and behind a
// line of blanks, they look for a database "a ", and stay where they are.
absl::string_view DoubtOfMySqlUse(absl::string_view statement);

// The same of a DELIMITER command, of which `argument` is the rest of its line, and what it makes
// the delimiter `next`. `gap` stands between the command and the delimiter before it, a `former`,
// or the beginning of the script. A client that sends comments does not know the command behind
// some of them, and goes on with the former one; one in binary mode counts a carriage return.
absl::string_view DoubtOfMySqlDelimiter(absl::string_view former, absl::string_view gap,
                                        bool behind_delimiter, absl::string_view argument,
                                        absl::string_view next);

// What DELIMITER is given on its line, which goes on with `argument`: up to a comment that stands
// behind a blank, which clients leave out.
absl::string_view DelimiterOf(absl::string_view argument);

// The delimiter in that; "" unless clients cut at it wherever servers would, and know the next
// DELIMITER command. A carriage return belongs to the end of the line, and elsewhere to it.
absl::string_view PlainDelimiterOf(absl::string_view argument);

// How much of such a line clients look at, blanks in front of it included.
inline constexpr size_t kMostOfDelimiterLine = 254;

}  // namespace dbfleet::sql
