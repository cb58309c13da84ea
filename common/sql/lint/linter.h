#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "common/sql/lint/config.h"
#include "common/sql/lint/directives.h"
#include "common/sql/lint/files.h"
#include "common/sql/lint/followed_schema.h"
#include "common/sql/lint/look.h"
#include "common/sql/lint/script.h"
#include "common/sql/lint/snapshot.h"
#include "common/sql/model/finding.h"
#include "common/sql/model/reading.h"
#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// Holds the statements of one script against the rules, one after the other: memory grows with the
// tables and findings of a script, not with its length. Looks at facts only, which the readers of
// the dialects give. Not thread-safe; target, config and snapshot must outlive it.
class Linter {
 public:
  struct Options {
    bool down = false;  // The script is a way back.
    MigrationFile file = {};
    Made up = {};  // Of a way back: what its way there made, if that stands in another file.
    // What the files before it leave, of whose series it is; none: the snapshot.
    std::optional<FollowedSchema> before = {};
    // It was run there already, as the snapshot says, which has what it made.
    bool applied = false;
  };

  // `snapshot` may be null: then rules that need live facts say nothing.
  Linter(const Target& target, const LintConfig& config, const SchemaSnapshot* snapshot,
         Options options);
  Linter(const Target& target, const LintConfig& config, const SchemaSnapshot* snapshot)
      : Linter(target, config, snapshot, Options()) {}

  // `text`: with the comments before it, for "dbfleet:ignore". `text_in_doubt`: it may not be what
  // the server reads.
  void Add(absl::string_view text, const Reading& reading, bool text_in_doubt = false);
  // With the comments around it that are not in its text.
  void Add(const Statement& statement, const Reading& reading);

  // What the snapshot says of the next statement, before it is added. PostgreSQL: "t.name" calls a
  // function name(t) where t has no such column, so that it is not understood. Everywhere: a change
  // of a column's type that keeps the rows copies nothing.
  void HoldAgainstSnapshot(Reading* reading) const;

  // How much is kept: tables and findings.
  size_t kept() const { return script_.tables().size() + reporter_.count(); }

  // What the script made, for the way back in another file.
  Made made() const { return script_.made(); }

  // What the next file meets; `in_series`: it is run behind this one. After Finish, as the last.
  FollowedSchema TakeLeft(bool in_series);

  // The script was not read to its end: nothing is said that a later statement could change.
  void BreakOff() { broken_off_ = true; }

  // All findings, by statement (counted from 0). Once, at the end.
  std::vector<Finding> Finish();

 private:
  void Note(const Directives& directives);
  void NoteBehind(const Directives& directives);
  void NoteSecondRule(const IgnoreDirective& ignore, int statement);
  void NoteIgnores(const Directives& directives, int statement);
  bool WasAbsent(const Facts& facts) const;
  void BeginSection(SectionMark section);
  // What the statements meet, if that is known: a way back, and what was applied long ago, meet
  // another schema than the one that is followed.
  const FollowedSchema* Schema() const {
    return !down_ && !applied_ && schema_.follows() ? &schema_ : nullptr;
  }
  WholeLook Whole() {
    return {target_, config_, snapshot_, script_, reporter_, Schema(), applied_};
  }
  void EndScript();
  void SortFindings();
  void ApplyIgnores();

  const Target target_;  // Of the SQL.
  const Target as_given_;
  const LintConfig& config_;
  const SchemaSnapshot* const snapshot_;
  const MigrationFile file_;
  bool has_way_back_ = false;
  bool down_ = false;
  bool broken_off_ = false;
  Made up_;
  Script script_;
  FollowedSchema schema_;
  const bool applied_;
  Reporter reporter_;
  int next_ = 0;
  int last_line_ = 0;  // On which the statement before ended.
  std::map<int, std::vector<IgnoreDirective>> ignores_;
};

}  // namespace dbfleet::sql
