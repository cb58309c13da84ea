#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"
#include "common/sql/text/lexer.h"
#include "common/sql/text/modes_watch.h"

namespace dbfleet::sql {

// Looks in a script for statements that change how the server reads what follows them: MySQL's and
// MariaDB's sql_mode, and a character set of the client in which bytes of a longer character look
// like a quote or a backslash. Given each statement's tokens and its end, in order; not
// thread-safe, fails never. Keeps no more than a few words. What a routine of MySQL changes ends
// with it; the text of PostgreSQL's routines and DO is looked through for what may change it.
//
// Dumps keep the character set in a variable and set it again from there. That is known to change
// nothing only where the script itself put it there, in the form of the dumps
// (SET @saved_cs_client = @@character_set_client), and nothing else names the variable.
class SessionWatch {
 public:
  explicit SessionWatch(const Target& target)
      : postgres_(target.postgres()), modes_(target), charset_(target.charset) {}

  void Take(const Token& token);
  // \encoding and \connect of psql, a whole line.
  void TakeClientCommand(absl::string_view line);
  void EndStatement();

  // By a statement before the one at hand, or from the start.
  bool modes_changed() const { return modes_.changed(); }
  // They are known again, and end strings as the caller told.
  bool modes_known() const { return modes_.known(); }
  CharsetRisk charset() const { return charset_; }

 private:
  // What the next token is.
  enum class Next {
    kAnything,
    kSet,          // MySQL: SET, behind CHARACTER.
    kAssignment,   // "=", ":=" or TO, if what stands before it is assigned to.
    kValue,        // The name of a character set.
    kVariable,     // MySQL: what stands behind "@" as a value.
    kEnd,          // Nothing more of the value.
    kSettingOpen,  // PostgreSQL: the parenthesis of set_config, then the name of the setting,
    kSetting,      // then a comma, which for the character set has the value behind it.
    kSettingComma,
    kOtherComma,
  };
  // MySQL: how far "SET @saved_cs_client = @@character_set_client" has come.
  enum class Saving { kNo, kTarget, kNamed, kColon, kEqual, kAt, kAtAt, kScope, kDot, kDone };
  enum class Kept { kNothing, kFound, kAnything };
  static constexpr size_t kKeptVariables = 2;

  void Begin(const Token& token);
  void TakeMySql(const Token& token, absl::string_view text);
  void TakePostgres(const Token& token, absl::string_view text);
  void FollowSetConfig(const Token& token, absl::string_view text);
  void LookThrough(absl::string_view code);
  bool FollowValue(const Token& token, absl::string_view text);
  void TakeComment(bool opens);
  void FollowKept(const Token& token, absl::string_view text);
  bool FollowSaving(const Token& token, absl::string_view text);
  void EndSaving(bool found);
  void KeptMayBeAnything() { kept_[0] = kept_[1] = Kept::kAnything; }
  // In every character set of PostgreSQL ASCII stands for itself.
  CharsetRisk Worst() const { return postgres_ ? CharsetRisk::kHighBytes : CharsetRisk::kAllBytes; }
  void Named(CharsetRisk risk) { named_ = named_ < risk ? risk : named_; }

  const bool postgres_;
  bool begun_ = false;
  bool begins_in_comment_ = false;  // MySQL: its first word stands in an executable comment...
  bool behind_comment_ = false;     // ... that has just ended.
  bool looks_ = false;              // Whether the statement at hand may change them at all.
  bool holds_code_ = false;         // PostgreSQL: its texts may be executed at some time.
  bool updates_ = false;            // The same: it may change pg_settings.
  bool behind_set_ = false;
  bool behind_language_ = false;
  Next next_ = Next::kAnything;
  bool modes_named_ = false;
  CharsetRisk named_ = CharsetRisk::kNone;
  ModesWatch modes_;
  CharsetRisk charset_;
  bool behind_mark_ = false;        // MySQL: the token before is the mark of an executable comment.
  bool is_set_ = false;             // MySQL: the statement at hand is SET.
  bool behind_at_ = false;          // The token before is "@"...
  bool begins_assignment_ = false;  // ... or what an assignment of SET begins behind.
  bool at_begins_assignment_ = false;
  Saving saving_ = Saving::kNo;
  size_t saved_ = 0;  // The variable.
  Kept kept_[kKeptVariables] = {};
};

}  // namespace dbfleet::sql
