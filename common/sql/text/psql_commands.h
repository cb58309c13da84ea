#pragma once

#include <string>

#include "absl/strings/string_view.h"

// Of psql's commands in a script, which ones leave alone what the statements say and do.
namespace dbfleet::sql {

// What ends a command's name and its arguments. Newer versions of psql also take a vertical tab.
constexpr absl::string_view kPsqlSpaces = " \t\r\f";

// Of the word behind the backslash, in small letters or not as psql tells them apart: \connect and
// \encoding, which whoever executes the script has to know.
bool ChangesConnection(absl::string_view word);

// Those about its own output, and \set and \unset of variables that change neither a statement nor
// how statements run. `line`: the whole, the backslash first.
bool IsHarmlessCommand(absl::string_view word, absl::string_view line);

// \g, \gx and the like: what stands in front of them is executed, as by ";".
bool EndsStatement(absl::string_view word);
// Of those, what does nothing more, and cannot fail: \g and \gx without an argument. \gdesc
// executes nothing; behind one that fails the statement goes on.
bool OnlyExecutes(absl::string_view line);

// The key of "\restrict KEY", behind which psql takes no command but "\unrestrict KEY", if the line
// is just that with a plain key; "" otherwise.
std::string KeyOf(absl::string_view line, absl::string_view command);

// \set ON_ERROR_STOP on: from there on nothing is executed behind what failed.
bool StopsAtErrors(absl::string_view line);

// \d, \l: shows what the catalogues say.
bool ShowsCatalogue(absl::string_view line);

// Whether the statements behind it say what they say without it, whatever else it does: \if leaves
// some out. \set and \gset bind what psql puts into statements, or how it cuts
// them; what \i brings in is not seen.
bool LeavesStatements(absl::string_view word, absl::string_view line);

}  // namespace dbfleet::sql
