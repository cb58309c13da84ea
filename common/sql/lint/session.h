#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/sql/model/facts.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// What the session of a script goes by: where names without a schema are looked for, settings,
// transactions. Not thread-safe.
class Session {
 public:
  // The place where names are looked for before anything is set, where that is not known.
  static constexpr char kFirstPlace[] =
      "\x01"
      "0";

  explicit Session(const Target& target);

  // Of each statement, behind the rules.
  void Note(int statement, const Facts& facts);
  // Code ran of which nobody knows what it set: limits hold no more, and names may be anywhere.
  void Forget();

  // Where such a name is, and is made: a schema (MySQL: a database), or a mark of its own for one
  // that is not known.
  const std::string& place() const { return path_.place; }
  bool place_known() const { return path_.known; }
  // PostgreSQL: where they are looked for if they are not there.
  const std::vector<std::string>& behind() const { return path_.behind; }
  // PostgreSQL takes the first schema of the path that is there, and that the role may use: where
  // there are several, and the script has not made the first, the place may be any of them.
  bool place_guessed() const;
  // Whether what a name found at `place` may be in `other`, by a path of the script.
  bool MayMean(const std::string& place, const std::string& other) const;
  // PostgreSQL: no other table stands before a temporary one.
  bool temporary_first() const { return path_.temporary_first; }

  // MySQL: what is made (`written`: with an ENGINE of its own) may keep its rows elsewhere.
  bool engine_in_doubt(bool written) const {
    return engine_forced_ || (!written && engine_in_doubt_);
  }

  // MySQL and MariaDB: foreign_key_checks is certainly off.
  bool foreign_keys_off() const { return foreign_keys_off_; }
  // Certainly on, as far as the script tells.
  bool foreign_keys_checked() const { return !foreign_keys_off_ && !foreign_keys_in_doubt_; }

  bool in_transaction() const { return begin_ >= 0; }
  int begin() const { return begin_; }
  // MySQL with autocommit off: the first change that is not committed; -1: none.
  int uncommitted() const { return uncommitted_; }
  // Has a value that means something: of a timeout not 0; not DEFAULT; of SET LOCAL only in its
  // transaction.
  bool has_setting(const std::string& name) const;

 private:
  struct Path {
    std::string place;
    bool known = false;
    bool temporary_first = true;
    std::vector<std::string> behind;
  };

  void Begin(int statement);
  void End(bool takes_back);
  void Set(const SettingChange& change);
  void SetPath(const SettingChange& change);
  void SetEngine(const SettingChange& change);
  void NoteSchema(const Facts& facts);
  void NoteUncommitted(int statement, const Facts& facts);
  Path UnknownPath();

  bool postgres_;
  Path path_;
  Path path_at_begin_;
  bool path_is_local_ = false;
  // What stood behind the first schema of a path, by that; one that the script made.
  std::map<std::string, std::vector<std::string>> behind_of_;
  std::set<std::string> made_;
  bool engine_in_doubt_ = false;
  bool engine_forced_ = false;
  bool foreign_keys_off_ = false;
  bool foreign_keys_in_doubt_ = false;
  Path path_behind_local_;        // What it is again at the COMMIT.
  bool path_changed_ = false;     // Since the transaction began.
  int unknown_ = 0;               // So many unknown places there were.
  bool names_temporary_ = false;  // Some path of the script may have pg_temp in it.
  std::set<std::string> settings_;
  std::set<std::string> settings_at_begin_;
  std::map<std::string, bool> local_;  // In the transaction: whether there is a value.
  int begin_ = -1;
  bool autocommit_ = true;
  int uncommitted_ = -1;
};

}  // namespace dbfleet::sql
