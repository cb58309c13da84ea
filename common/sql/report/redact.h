#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/finding.h"
#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"
#include "common/sql/report/report.h"

namespace dbfleet::sql {

// What was hidden of a statement, so that nothing that is said of it shows it either.
class Hidden {
 public:
  void Add(absl::string_view text);
  // A name in quotes that the statement is shown with: what is said may hold it.
  void ShowName(absl::string_view quoted);
  bool empty() const { return !any_; }

  // What is said of the statement (a reason, a finding), without quoted texts and without what is
  // hidden in the statement. As it is where nothing is hidden.
  std::string Say(absl::string_view said) const;
  // The same of a finding. What a comment says of an ignored one (why, or a rule that is none) is
  // not shown where it speaks of a secret.
  void SayFinding(Finding* finding) const;
  // The same of a name with its own quotes.
  std::string SayName(absl::string_view name) const;

 private:
  bool any_ = false;
  bool more_ = false;               // There was more than is kept of it.
  std::vector<std::string> texts_;  // Without their quotes, in lower case, sorted by length.
  std::vector<std::string> names_;  // That are shown, with their quotes.
  bool own_ = true;                 // No hidden text is like one of our own in quotes.
};

// A statement for people and logs.
struct Redacted {
  std::string text;
  size_t place = 0;  // Where the place that was asked for stands in it.
  Hidden hidden;     // Not empty: nothing else may quote the statement either.
};

// *** for what stands where secrets may, by the dialect's own tokens. Literals are shown of no
// statements but those whose literals are ordinarily data: queries, INSERT, UPDATE, DELETE, and the
// DDL of tables, indexes, views and the like. Of every other statement (accounts, settings,
// servers, replication, programs, whatever is not known) all texts are hidden but the names of
// accounts, and so is what stands behind "=", TO and BY, with quotes or without. In those that show
// them,
//  - all texts are hidden where a name speaks of passwords, keys and the like;
//  - so is a text with such words in it, and one with a URI that holds a password;
//  - and comments that do.
// Of Redis only the commands on data show their arguments, up to one that speaks of a secret; of
// others those are shown that are known to be none. In host languages texts are hidden where a
// connection is made or somebody logs in, where they make SQL whose literals would be, and where
// they are values for a prepared statement that is not seen, or in which such a name stands.
//
// A text that cannot be cut into tokens, or of which an unknown sql_mode decides how, is hidden as
// a whole. Hides too much rather than too little; nothing for programs to run. Takes time in
// proportion to the text. `place`: see Redacted.
Redacted Redact(const Target& target, absl::string_view text, size_t place = 0);

// In what is told of the statement: its text, of which the report holds a copy, the reasons and the
// names. What else is said of it goes through the result.
Hidden HideSecrets(const Target& target, const Statement& statement, StatementReport* report);

}  // namespace dbfleet::sql
