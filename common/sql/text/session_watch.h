#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql {

// Looks in a script for statements that change how the server reads what follows them: MySQL's and
// MariaDB's sql_mode, and a character set of the client in which bytes of a longer character look
// like a quote or a backslash. Given each statement's tokens and its end, in order; not
// thread-safe, fails never. Keeps no more than a few words. What a routine of MySQL changes ends
// with it; the text of PostgreSQL's routines and DO is looked through for what may change it.
class SessionWatch {
 public:
  explicit SessionWatch(const Target& target)
      : postgres_(target.postgres()), charset_(target.charset) {}

  void Take(const Token& token);
  // \encoding and \connect of psql, a whole line.
  void TakeClientCommand(absl::string_view line);
  void EndStatement();

  // By a statement before the one at hand, or from the start.
  bool modes_changed() const { return modes_changed_; }
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

  void Begin(const Token& token);
  void TakeMySql(const Token& token, absl::string_view text);
  void TakePostgres(const Token& token, absl::string_view text);
  void FollowSetConfig(const Token& token, absl::string_view text);
  void LookThrough(absl::string_view code);
  bool FollowValue(const Token& token, absl::string_view text);
  // In every character set of PostgreSQL ASCII stands for itself.
  CharsetRisk Worst() const { return postgres_ ? CharsetRisk::kHighBytes : CharsetRisk::kAllBytes; }
  void Named(CharsetRisk risk) { named_ = named_ < risk ? risk : named_; }

  const bool postgres_;
  bool begun_ = false;
  bool looks_ = false;       // Whether the statement at hand may change them at all.
  bool holds_code_ = false;  // PostgreSQL: its texts may be executed at some time.
  bool updates_ = false;     // The same: it may change pg_settings.
  bool behind_set_ = false;
  bool behind_language_ = false;
  Next next_ = Next::kAnything;
  bool modes_named_ = false;
  CharsetRisk named_ = CharsetRisk::kNone;
  bool modes_changed_ = false;
  CharsetRisk charset_;
};

}  // namespace dbfleet::sql
