#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/reading.h"
#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// Reads the statements of one script, in order: what one of them does to the names in it decides
// what a later one does that only reads. Not safe, and not understood, is what reads
//  - a view, a function, a foreign table... that the script made or changed, if what it does is not
//    known to only read;
//  - any table or view, where the script put such a thing in the place of another one: a view that
//    was there before may read it;
//  - anything behind a statement that may have made any of those unseen: DO, CALL, a function, an
//    operator or a type that is not known, also in an index, a check or a partition's bound; CREATE
//    EXTENSION, a search_path in which built-in names may be others', a change of the server's own
//    tables, whatever may run what the script made (of PostgreSQL any change of rows behind a
//    trigger, a rule, a default or a check with such code), and all that is not understood;
//  - rows of a table, in MySQL and MariaDB, where the isolation level may be SERIALIZABLE;
//  - anything behind a statement whose strings may end elsewhere, since its own may, too.
// A reason that holds from some statement on is told of the first of them; later ones refer to its
// line. USE changes the database for those behind it. What was there before the script is not
// looked at.
//
// Memory grows with the names that the script makes, up to a bound beyond which all of them count
// as made. Not thread-safe. Redis and host languages: as Read.
class ScriptReader {
 public:
  explicit ScriptReader(const Target& target);

  Reading Read(const Statement& statement);

 private:
  Reading ReadClientCommand(const Statement& statement);
  Reading ReadWhereItMayRun(const Statement& statement) const;
  void HoldAgainstScript(const Statement& statement, Reading* reading) const;
  bool MayRunMade(const Statement& statement, const Reading& reading) const;
  void Note(const Statement& statement, const Reading& reading);
  void NoteView(const Statement& statement, const Reading& reading);
  void NoteTable(const Statement& statement, const Reading& reading);
  void NoteOther(const Statement& statement, const Reading& reading);
  void NoteUse(const Statement& statement);
  void NoteIsolation(const Statement& statement, const Reading& reading);
  void NoteRemoved(const Statement& statement, const Facts& facts);
  bool NamesMade(const Statement& statement, const std::set<std::string>& names,
                 std::string* which) const;
  bool ReadsMade(const Statement& statement, const Verdict& verdict, std::string* which) const;
  std::string HeadOfStatement(const Statement& statement) const;
  void Make(const Reading& reading, std::set<std::string>* names);
  void MakeFiring(const Reading& reading);
  void MakeCode(const Statement& statement, const Reading& reading, std::set<std::string>* names);
  void MadeUnseen(absl::string_view what, const Statement& statement);
  void TellOnce(const Statement& statement, Reading* reading);
  bool FillsFreshTable(const Reading& reading) const;
  std::string FreshName(const Name& table) const;
  void NoteFresh(const Reading& reading);

  const Target target_;
  std::vector<std::string> databases_;  // In which the session may be.
  std::string unseen_;   // Why any name may stand for what the script made; "" if none does.
  bool lost_ = false;    // What follows a statement that is not understood may begin elsewhere.
  std::string strings_;  // Why what follows may begin elsewhere.
  // Why a view that was there before may read what the script made; "" if none does.
  std::string beneath_;
  std::string serializable_;  // MySQL: why queries may lock the rows that they read.
  bool removed_ = false;      // Names were dropped or renamed, under which something else may come.
  std::set<std::string> made_;        // What reading it does is not known; in lower case.
  std::set<std::string> relations_;   // The same of views and tables.
  std::set<std::string> triggered_;   // What writing to it does is not known.
  bool fires_ = false;                // Some of it runs whatever table is written to.
  std::string fresh_;                 // MySQL: the table that the script made last; "" if none.
  std::map<std::string, int> begun_;  // Why something holds: the line of the statement that did it.
  std::map<std::string, int> told_;   // What holds from some place on: the line that told it.
};

}  // namespace dbfleet::sql
