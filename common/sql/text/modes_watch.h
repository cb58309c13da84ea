#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql {

// MySQL and MariaDB: what is known of a session's sql_mode behind the statements of a script. Dumps
// set it, and put back what they found:
//
//   /*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
//   /*!50003 SET sql_mode = @saved_sql_mode */;
//
// Followed are these forms alone, and SET [SESSION] sql_mode = '...': with words that every server
// knows and by which strings end where they end without them, since the script was cut by these.
// The two variables of the dumps hold what was put into them in this form as long as nothing else
// in the script names them; that a function or a trigger which stands elsewhere changes them is not
// seen. Whatever else names the mode leaves it unknown. Not thread-safe.
class ModesWatch {
 public:
  explicit ModesWatch(const Target& target) : given_(target.modes), dialect_(target.dialect) {}

  void Take(const Token& token);
  // `named`: the statement may change it in a way that is not followed here.
  void EndStatement(bool named);

  // By a statement before the one at hand: it is not what the caller told, ...
  bool changed() const { return state_ != State::kAsGiven; }
  // ... but known, and ends strings as the caller told.
  bool known() const { return state_ == State::kKnown; }

 private:
  enum class State { kAsGiven, kKnown, kUnknown };
  struct Word {
    TokenKind kind;
    std::string text;
    bool Is(absl::string_view word) const;
  };
  using Words = std::vector<Word>;

  void Forget(bool variable, TokenKind kind, absl::string_view text);
  bool FollowSet();
  bool KnowsModes(const Word& list) const;

  const SqlModes given_;
  const Dialect dialect_;
  State state_ = State::kAsGiven;
  std::map<std::string, State> kept_;  // By the names of variables, in upper case.
  Words words_;                        // Of the statement, as far as they are looked at.
  bool several_ = false;               // A ";" stands in it: DELIMITER.
  bool named_ = false;                 // It names the mode, or executes what may.
  bool begun_ = false;
  bool collects_ = false;  // It may be a SET.
  bool too_long_ = false;
  bool behind_at_ = false;
};

}  // namespace dbfleet::sql
