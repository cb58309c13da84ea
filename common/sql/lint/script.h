#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/sql/lint/made.h"
#include "common/sql/lint/session.h"
#include "common/sql/model/facts.h"
#include "common/sql/model/target.h"

// What the statements of a script did so far, as far as rules about later ones ask for it.
namespace dbfleet::sql {

// A table that the script made or altered.
struct TableState {
  template <typename T>
  struct Part {
    int statement;  // Which added it.
    T facts;
  };
  struct Check {
    std::string name;
    std::string text;  // The alteration that added it, as written.
    bool holds = false;
  };

  Name name;
  std::string place;    // Where it stands: see Session::place.
  Name was;             // Of one that was there before and was renamed: what it was called then.
  int created_by = -1;  // The statement; -1: it was there before.
  bool temporary = false;
  bool gone_at_commit = false;
  bool copied = false;     // Made as a copy or a part of another: it has what that has...
  bool from_rows = false;  // ... but keys: it was made of rows.
  int first_alter = -1;
  int alters = 0;
  bool primary_key = false;
  int key_dropped_by = -1;  // The statement that dropped the primary key of one that was there.
  std::vector<Check> checks;
  std::vector<ColumnFacts> columns;
  std::set<std::string> gone;     // Columns that were dropped, or renamed.
  bool may_have_existed = false;  // Made IF NOT EXISTS: it may be another one.
  std::vector<Part<IndexFacts>> indexes;
  std::vector<Part<ForeignKeyFacts>> foreign_keys;

  // The script says what it looks like.
  bool is_made() const { return created_by >= 0; }
  // Nobody has used it before the script: that is certain.
  bool is_new() const { return is_made() && (temporary || !may_have_existed); }
  bool HasCheckThatHolds() const;
};

// Not thread-safe. Memory grows with the tables that the script names, not with its length.
class Script {
 public:
  explicit Script(const Target& target) : postgres_(target.postgres()), session_(target) {}

  // Takes note of a statement, after the rules have looked at it. `absent`: what it makes IF NOT
  // EXISTS was not there before the script.
  void Note(int statement, const Facts& facts, bool transactional, bool absent = false);

  // Null if the script has not touched it. Where either side's schema is not known the names count
  // alone.
  const TableState* Find(const Name& table) const;
  // Made by an earlier statement, and still there, so that nobody else uses it yet. Certain: the
  // same name in the same schema, not made IF NOT EXISTS, not rolled back.
  bool IsNew(const Name& table) const;
  // An index of that table; PostgreSQL's have a schema instead.
  bool MadeIndex(const Name& table, const Name& index) const;
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

  // Where a name stands, for Made.
  const std::string& PlaceOf(const Name& name) const;
  const Made& made() const { return made_; }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  std::string TemporaryPlace(const std::string& schema) const;
  size_t At(const std::string& place, const std::string& name) const;
  size_t ExactIndexOf(const Name& table) const;
  size_t IndexOf(const Name& table) const;
  TableState& Touch(const Name& table);
  size_t Add(const Name& name, const std::string& place);
  void Forget(size_t index);
  void ForgetSession();
  void TakeBack();
  void Commit();
  std::string IndexKey(const Name& table, const Name& index) const;
  void NoteCreateTable(int statement, const Facts& facts, bool absent);
  void NoteDropTable(const Facts& facts);
  void NoteAlter(int statement, const Facts& facts);
  void NoteAlteration(int statement, const Alteration& alteration, TableState* table);
  void NoteTransaction(int statement, const Facts& facts);
  void NoteRename(const Name& from, const Name& to);
  void NoteMade(const Facts& facts);
  static void AddColumn(int statement, const ColumnFacts& column, TableState* table);
  static void AddForeignKey(int statement, const ForeignKeyFacts& key, TableState* table);
  static void AddIndex(int statement, const IndexFacts& index, TableState* table);
  void MakeIndex(int statement, const IndexFacts& index, const TableState& table, bool sure);

  bool postgres_;
  Session session_;
  std::vector<TableState> tables_;
  std::vector<size_t> free_;  // Of these those that nothing is to be said of any more.
  // By name in lower case, then by place: see Session::place.
  std::map<std::string, std::map<std::string, size_t>> by_name_;
  std::vector<size_t> since_begin_;          // Made or renamed in the transaction at hand.
  std::map<std::string, int> made_indexes_;  // By the statement.
  std::set<std::string> invisible_indexes_;
  std::map<std::string, NotValid> not_valid_;
  Made made_;
  int transaction_ = 0;
  int first_ddl_ = -1;
  int first_dml_ = -1;
  bool all_transactional_ = true;
};

// The verbs that change a schema, and those that change rows.
bool IsDdl(Verb verb);
bool IsDml(Verb verb);

}  // namespace dbfleet::sql
