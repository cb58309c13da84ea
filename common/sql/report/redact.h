#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"
#include "common/sql/report/report.h"

namespace dbfleet::sql {

// A statement for people and logs.
struct Redacted {
  std::string text;
  size_t place = 0;    // Where the place that was asked for stands in it.
  bool hides = false;  // Something was hidden, so that nothing else may quote the statement either.
};

// *** for what stands where secrets do, by the dialect's own tokens:
//  - in a statement that speaks of passwords, keys and the like, or that defines accounts, servers,
//    subscriptions or replication, all of its texts but the names of accounts;
//  - a text with such words in it, and one with a URI that holds a password;
//  - comments that do;
//  - of Redis the arguments that its commands take for passwords, and what follows a name that
//    speaks of one.
// A text that cannot be cut into tokens, or of which an unknown sql_mode decides how, is hidden as
// a whole. Hides too much rather than too little; nothing for programs to run. Takes time in
// proportion to the text. `place`: see Redacted.
Redacted Redact(const Target& target, absl::string_view text, size_t place = 0);

// In what is told of the statement: its text, of which the report holds a copy, and the reasons.
void HideSecrets(const Target& target, const Statement& statement, StatementReport* report);

// What is said of a statement that holds secrets: without what it quotes.
std::string RedactSaid(absl::string_view said);

}  // namespace dbfleet::sql
