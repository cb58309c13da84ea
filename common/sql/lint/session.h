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
  // PostgreSQL: no other table stands before a temporary one.
  bool temporary_first() const { return path_.temporary_first; }

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
  void NoteSchema(const Facts& facts);
  void NoteUncommitted(int statement, const Facts& facts);
  Path UnknownPath();

  bool postgres_;
  Path path_;
  Path path_at_begin_;
  bool path_is_local_ = false;
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
