#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

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

  Name name;
  Name was;             // Of one that was there before and was renamed: what it was called then.
  int created_by = -1;  // The statement; -1: it was there before.
  bool temporary = false;
  bool copied = false;  // Made as a copy or a part of another: it has what that has.
  int first_alter = -1;
  int alters = 0;
  bool primary_key = false;
  bool check_added = false;      // A CHECK was added...
  bool check_validated = false;  // ... and is known to hold.
  std::vector<ColumnFacts> columns;
  std::set<std::string> gone;     // Columns that were dropped, or renamed.
  bool may_have_existed = false;  // Made IF NOT EXISTS: it may be another one.
  std::vector<Part<IndexFacts>> indexes;
  std::vector<Part<ForeignKeyFacts>> foreign_keys;

  bool is_new() const { return created_by >= 0; }
};

// Not thread-safe. Memory grows with the tables that the script names, not with its length.
class Script {
 public:
  // Takes note of a statement, after the rules have looked at it.
  void Note(int statement, const Facts& facts, bool transactional);

  // Null if the script has not touched it. Without a schema on either side the names count alone.
  const TableState* Find(const Name& table) const;
  // Made by an earlier statement, so that nobody else uses it yet.
  bool IsNew(const Name& table) const;
  bool MadeIndex(const std::string& index) const;
  bool MadeInvisible(const std::string& index) const;
  const std::vector<TableState>& tables() const { return tables_; }

  bool in_transaction() const { return begin_ >= 0; }
  int begin() const { return begin_; }  // The statement that opened the transaction.
  bool has_setting(const std::string& name) const { return settings_.count(name) > 0; }
  int first_ddl() const { return first_ddl_; }
  int first_dml() const { return first_dml_; }
  bool all_transactional() const { return all_transactional_; }

  // Constraints added NOT VALID, by "table.constraint" in lower case, with the transaction.
  struct NotValid {
    int transaction;  // 0: outside of BEGIN ... COMMIT.
  };
  const NotValid* FindNotValid(const Name& table, const std::string& constraint) const;
  int transaction() const { return in_transaction() ? transaction_ : 0; }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  size_t IndexOf(const Name& table) const;
  TableState& Touch(const Name& table);
  void NoteCreateTable(int statement, const Facts& facts);
  void NoteAlter(int statement, const Facts& facts);
  void NoteAlteration(int statement, const Alteration& alteration, TableState* table);
  void NoteTransaction(int statement, const Facts& facts);
  void NoteRename(const Name& from, const Name& to);
  static void AddColumn(int statement, const ColumnFacts& column, TableState* table);
  void AddIndex(int statement, const IndexFacts& index, TableState* table);

  std::vector<TableState> tables_;
  // By name, then by schema, both in lower case.
  std::map<std::string, std::map<std::string, size_t>> by_name_;
  std::set<std::string> made_indexes_;
  std::set<std::string> invisible_indexes_;
  std::set<std::string> settings_;
  std::map<std::string, NotValid> not_valid_;
  int begin_ = -1;
  int transaction_ = 0;
  int first_ddl_ = -1;
  int first_dml_ = -1;
  bool all_transactional_ = true;
};

// The verbs that change a schema, and those that change rows.
bool IsDdl(Verb verb);
bool IsDml(Verb verb);

}  // namespace dbfleet::sql
