#pragma once

#include "absl/strings/string_view.h"

// Of psql's commands in a script, which ones leave alone what the statements say and do.
namespace dbfleet::sql {

// Of the word behind the backslash, in small letters or not as psql tells them apart: \connect and
// \encoding, which whoever executes the script has to know.
bool ChangesConnection(absl::string_view word);

// Those about its own output, and \set and \unset of variables that change neither a statement nor
// how statements run. `line`: the whole, the backslash first.
bool IsHarmlessCommand(absl::string_view word, absl::string_view line);

// \g, \gx and the like: what stands in front of them is executed, as by ";".
bool EndsStatement(absl::string_view word);
// Of those, what does nothing more: \g without an argument.
bool OnlyExecutes(absl::string_view word, absl::string_view line);

// \d, \l: shows what the catalogues say.
bool ShowsCatalogue(absl::string_view line);

// Whether the statements behind it say what they say without it, whatever else it does: \if leaves
// some out, \watch repeats one. \set and \gset bind what psql puts into statements, or how it cuts
// them; what \i brings in is not seen.
bool LeavesStatements(absl::string_view word, absl::string_view line);

// Whether an error may show the word.
bool IsPlainCommand(absl::string_view word);

// \set HISTFILE x, \set PROMPT1 x: variables of any value. Harmless as long as no statement names
// one, for psql puts the value in its place.
bool SetsTextVariable(absl::string_view line);

// Whether what stands behind a colon is such a variable: NAME, 'NAME', "NAME".
bool NamesTextVariable(absl::string_view text);

}  // namespace dbfleet::sql
