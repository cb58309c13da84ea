#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/lint/dropped_indexes.h"
#include "common/sql/lint/made.h"
#include "common/sql/lint/session.h"
#include "common/sql/lint/table_state.h"
#include "common/sql/model/facts.h"
#include "common/sql/model/reading.h"
#include "common/sql/model/target.h"

// What the statements of a script did so far, as far as rules about later ones ask for it.
namespace dbfleet::sql {

// Not thread-safe. Memory grows with the tables that the script names, not with its length.
class Script {
 public:
  explicit Script(const Target& target) : postgres_(target.postgres()), session_(target) {}

  // Takes note of a statement, after the rules have looked at it. `absent`: what it makes IF NOT
  // EXISTS was not there before the script. `text_in_doubt`: it may not be what the server reads.
  void Note(int statement, const Reading& reading, bool absent = false, bool text_in_doubt = false);

  // Null if the script has not touched it. Where either side's schema is not known the names count
  // alone.
  const TableState* Find(const Name& table) const;
  // Made by an earlier statement, and still there, so that nobody else uses it yet. Certain: the
  // same name in the same schema, not made IF NOT EXISTS, not rolled back, without rows of others,
  // and no code that is not seen has run since.
  bool IsNew(const Name& table) const;
  // The same, but made as a part of a table that was there before the script.
  bool IsNewPartOfUsed(const Name& table) const;
  // What an ALTER TABLE could stand in one statement with; null: with nothing.
  const AlterSeries* SeriesFor(const Facts& facts) const;
  // An index of that table; PostgreSQL's have a schema instead.
  bool MadeIndex(const Name& table, const Name& index) const;
  // PostgreSQL: whose it is, as far as the script shows; else null.
  const TableState* TableOf(const Name& index) const;
  // Of what was there before the script.
  const DroppedIndexes& dropped_indexes() const { return dropped_indexes_; }
  bool MadeInvisible(const std::string& index) const;
  const std::vector<TableState>& tables() const { return tables_; }

  const Session& session() const { return session_; }
  bool in_transaction() const { return session_.in_transaction(); }
  int begin() const { return session_.begin(); }  // The statement that opened the transaction.
  bool has_setting(const std::string& name) const { return session_.has_setting(name); }
  int first_ddl() const { return first_ddl_; }
  int first_dml() const { return first_dml_; }
  bool all_transactional() const { return all_transactional_; }

  // Constraints added NOT VALID, by "table.constraint" in lower case, with the transaction.
  struct NotValid {
    int transaction;  // 0: outside of BEGIN ... COMMIT.
  };
  const NotValid* FindNotValid(const Name& table, const std::string& constraint) const;
  int transaction() const { return in_transaction() ? transaction_ : 0; }

  const std::string& PlaceOf(const Name& name) const;

  // Whether a live server's column is still what it was: its table was there before, under that
  // name, and nothing was said of the column. Of MySQL's nothing of the table but indexes: its
  // character set decides how wide columns are.
  bool IsAsBefore(const Name& table, const std::string& column) const;

  // PostgreSQL: no column of that name was renamed or dropped, of whatever table: of a parent it is
  // one of its heirs, too.
  bool IsNameUntouched(const std::string& column) const {
    return touched_columns_.count(column) == 0;
  }

  // What stands at the end of what was noted so far, for the way back of a migration.
  Made made() const;
  // Of a way back: whether the table (its column `part`) is one that `up` made or renamed. Certain:
  // it is still the one that bore the name when the way back began.
  bool TakesBack(const Made& up, Made::What what, const Name& table, absl::string_view part) const;
  // So often names came to stand for whatever there is: see ForgetNames.
  int forgettings() const { return forgettings_; }
  // Code ran, or a session began, of which nobody knows what it left.
  bool forgot() const { return forgot_; }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  std::string TemporaryPlace(const std::string& schema) const;
  size_t At(const std::string& place, const std::string& name) const;
  size_t ExactIndexOf(const Name& table) const;
  size_t IndexOf(const Name& table) const;
  size_t IndexOfTouched(const Name& table);
  void ForgetOthers(const Name& table, size_t index);
  bool MayBeAlike(const TableState& state, const std::string& place) const;
  TableState& Touch(const Name& table) { return tables_[IndexOfTouched(table)]; }
  size_t Add(const Name& name, const std::string& place);
  void Forget(size_t index);
  void ForgetDropped(size_t index);
  void ForgetNames();
  void ForgetAll();
  bool MakesNoTables(const Reading& reading) const;
  void TakeBack();
  void Commit();
  void NoteChange(size_t index);
  void NoteSchema(int statement, const Facts& facts);
  void NoteCreateTable(int statement, const Facts& facts, bool absent);
  void NoteDropTable(const Facts& facts);
  void NoteAlter(int statement, const Facts& facts, const Effects& effects);
  void NoteAlteration(int statement, const Alteration& alteration, TableState* table);
  void NoteColumns(const Facts& facts);
  void NoteTransaction(int statement, const Facts& facts);
  void NoteUses(int statement, const Reading& reading);
  void NoteRename(const Name& from, const Name& to);
  void ForgetExcuses(const Facts& facts);
  void ForgetExcusesOf(const std::string& column);
  void ForgetConstraint(const std::string& name, size_t of);
  void NoteValues(const Facts& facts);
  static void AddColumn(int statement, const ColumnFacts& column, TableState* table);
  static void AddForeignKey(int statement, const ForeignKeyFacts& key, TableState* table);
  static void AddIndex(int statement, const IndexFacts& index, TableState* table);

  // Whose rows are in which tables: see TableState::holds_others.
  void NoteParts(const Facts& facts);
  void NotePart(const Name& part, const Name& whole);
  void NoteExchange(const Name& one, const Name& other);
  void Link(size_t part, size_t whole);
  void NoteOthersRows(size_t index);

  // Where it is, or a mark that is the same as any.
  std::string PlaceFor(const Name& name) const;
  // What has that name, or may have it, is another one from here on, but for `but`.
  void DoubtNamed(const std::string& place, const std::string& name, size_t but);

  // Indexes that the script made, by their names.
  std::string OwnName(const std::string& index) const;
  size_t TableOfIndex(const std::string& place, const std::string& index) const;
  size_t TableOfIndex(const Name& index) const;
  void MakeIndex(const IndexFacts& index, size_t table, bool sure);
  void NoteDropIndex(const Facts& facts);
  void DropOwnIndex(const std::string& index, TableState* table) const;
  void NoteMovedIndexes(size_t table);
  void NoteRenameIndex(const Name& index, const std::string& to);
  void RenameOwnIndex(const std::string& from, const std::string& to, TableState* table);

  void AddMade(const TableState& table, Made* made) const;

  // Of a name that stands for more tables than this each is in doubt, as the rows of others may be
  // in it: what is done to one would have to be held against all, in time that grows with its
  // square.
  static constexpr size_t kMostPlaces = 1000;

  bool postgres_;
  Session session_;
  std::vector<TableState> tables_;
  std::vector<size_t> free_;  // Of these those that nothing is to be said of any more.
  // PostgreSQL: those with CHECKs, or with the key of a partitioned table.
  std::set<size_t> excusing_;
  std::set<std::string> touched_columns_;  // See IsNameUntouched.
  // By name in lower case, then by place: see Session::place.
  std::map<std::string, std::map<std::string, size_t>> by_name_;
  std::set<size_t> since_begin_;  // Changed since the last COMMIT.
  // PostgreSQL, whose indexes have no table's name in front: whose they are, by place and name.
  std::map<std::string, size_t> index_tables_;
  std::set<std::string> invisible_indexes_;
  DroppedIndexes dropped_indexes_;
  // By name in lower case: the last statement but ALTER TABLE that wrote or defined it.
  std::map<std::string, int> used_by_;
  std::map<std::string, NotValid> not_valid_;
  std::map<std::string, int> made_schemas_;  // By the statement.
  std::map<std::string, int> renamed_schemas_;
  Made values_;  // Values of enums that were renamed; NOT NULL of domains.
  bool forgot_ = false;
  int forgettings_ = 0;
  int code_ran_ = -1;  // MySQL and MariaDB: the last statement that may have run some.
  bool new_session_ = false;
  int transaction_ = 0;
  int first_ddl_ = -1;
  int first_dml_ = -1;
  bool all_transactional_ = true;
};

// Whether PostgreSQL may have given the name to a constraint of the table that was written without
// one: t_a_check, t_a_fkey.
bool IsServersNameOf(const Name& table, const std::string& constraint);

// The verbs that change a schema, and those that change rows.
bool IsDdl(Verb verb);
bool IsDml(Verb verb);
// Not COPY ... TO.
bool ChangesRows(const Facts& facts);

}  // namespace dbfleet::sql
