#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

#include "common/base/status.h"
#include "controller/store/sqlite/column_visitors.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/field_count.h"

// Maps a noun of controller/domain/types.h to its table. Each noun lists its columns once, in a
// specialisation of Table<T>:
//
//   template <> struct Table<Job> {
//     static constexpr char kName[] = "jobs";   // The table.
//     static constexpr char kNoun[] = "job";    // For messages and reasons (JOB_NOT_FOUND).
//     static constexpr char kKey[] = "id";
//     static const std::string& Key(const Job& job);
//     template <typename J, typename Visitor> static void Columns(J& job, Visitor& v);
//   };
//
// Columns calls v("name", field), or v.Blob("name", field), or v.Fixed("name", field), for every
// column but `version`, the same way for naming, binding and reading. What is Fixed keeps the value
// of its insertion: Update leaves it alone, so that SQLite need not write its indexes again nor
// look at foreign keys. Keys are, and whatever has an index and never changes. Column names come
// from here only, never from outside.
namespace dbfleet::controller::sqlite {

template <typename T>
struct Table;

template <typename T>
std::vector<std::string> ColumnNames() {
  NameVisitor names;
  const T value{};
  Table<T>::Columns(value, names);
  return names.names;
}

template <typename T>
const std::string& SelectSql() {
  static const auto& sql = *new std::string(absl::StrCat(
      "SELECT ", absl::StrJoin(ColumnNames<T>(), ", "), ", version FROM ", Table<T>::kName, " "));
  return sql;
}

template <typename T>
std::string ReasonFor(absl::string_view suffix) {
  std::string reason = absl::StrCat(Table<T>::kNoun, "_", suffix);
  for (char& c : reason) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return reason;
}

template <typename T>
absl::StatusOr<T> ReadRow(const Statement& statement) {
  T value;
  ReadVisitor reader(statement);
  Table<T>::Columns(value, reader);
  value.version = static_cast<uint64_t>(statement.Int(reader.index));
  if (reader.unreadable.empty()) return value;
  return Error(
      absl::StatusCode::kDataLoss, "STORE_CORRUPT",
      absl::StrCat("the column ", reader.unreadable, " of ", Table<T>::kNoun, " \"",
                   Table<T>::Key(value), "\" in the store cannot be read; restore the store"));
}

// All rows that satisfy `tail` ("WHERE ... ORDER BY ..."), whose parameters are the texts.
template <typename T>
absl::StatusOr<std::vector<T>> SelectRows(Connection& connection, absl::string_view tail,
                                          const std::vector<std::string>& texts) {
  ASSIGN_OR_RETURN(Statement statement, connection.Prepare(absl::StrCat(SelectSql<T>(), tail)));
  for (size_t i = 0; i < texts.size(); ++i) statement.BorrowText(static_cast<int>(i) + 1, texts[i]);
  std::vector<T> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return rows;
    ASSIGN_OR_RETURN(T row, ReadRow<T>(statement));
    rows.push_back(std::move(row));
  }
}

template <typename T>
absl::Status NotFound(absl::string_view key) {
  return Error(absl::StatusCode::kNotFound, ReasonFor<T>("NOT_FOUND"),
               absl::StrCat("there is no ", Table<T>::kNoun, " \"", key, "\""));
}

template <typename T>
absl::StatusOr<T> GetRow(Connection& connection, absl::string_view key) {
  static const auto& sql =
      *new std::string(absl::StrCat(SelectSql<T>(), "WHERE ", Table<T>::kKey, " = ?1"));
  ASSIGN_OR_RETURN(Statement statement, connection.Prepare(sql));
  statement.BorrowText(1, key);
  ASSIGN_OR_RETURN(const bool found, statement.Step());
  if (!found) return NotFound<T>(key);
  return ReadRow<T>(statement);
}

template <typename T>
absl::Status MapDuplicate(const absl::Status& status, absl::string_view key) {
  if (status.code() != absl::StatusCode::kAlreadyExists) return status;
  return Error(
      absl::StatusCode::kAlreadyExists, ReasonFor<T>("EXISTS"),
      absl::StrCat("the ", Table<T>::kNoun, " \"", key,
                   "\", or one with the same unique field, is there already: ", status.message()));
}

template <typename T>
absl::Status InsertRow(Connection& connection, T* value) {
  static const auto& sql = *new std::string([] {
    const std::vector<std::string> names = ColumnNames<T>();
    const std::vector<std::string> marks(names.size(), "?");
    return absl::StrCat("INSERT INTO ", Table<T>::kName, "(", absl::StrJoin(names, ", "),
                        ", version) VALUES(", absl::StrJoin(marks, ", "), ", 1)");
  }());
  ASSIGN_OR_RETURN(Statement statement, connection.Prepare(sql));
  BindVisitor binder(&statement);
  Table<T>::Columns(std::as_const(*value), binder);
  RETURN_IF_ERROR(MapDuplicate<T>(statement.Run(), Table<T>::Key(*value)));
  value->version = 1;
  return absl::OkStatus();
}

template <typename T>
absl::Status UpdateRow(Connection& connection, T* value) {
  static const auto& sql = *new std::string([] {
    NameVisitor columns;
    const T empty{};
    Table<T>::Columns(empty, columns);
    std::string text = absl::StrCat("UPDATE ", Table<T>::kName, " SET version = version + 1");
    size_t n = 0;
    for (const std::string& name : columns.names) {
      if (std::count(columns.fixed.begin(), columns.fixed.end(), name) > 0) continue;
      absl::StrAppend(&text, ", ", name, " = ?", ++n);
    }
    absl::StrAppend(&text, " WHERE version = ?", ++n);
    for (const std::string& name : columns.fixed) absl::StrAppend(&text, " AND ", name, " = ?", ++n);
    return text;
  }());
  const std::string& key = Table<T>::Key(*value);
  {
    ASSIGN_OR_RETURN(Statement statement, connection.Prepare(sql));
    BindVisitor binder(&statement, BindVisitor::Which::kChangeable);
    Table<T>::Columns(std::as_const(*value), binder);
    statement.BindInt(binder.index + 1, static_cast<int64_t>(value->version));
    BindVisitor fixed(&statement, BindVisitor::Which::kFixed, binder.index + 1);
    Table<T>::Columns(std::as_const(*value), fixed);
    RETURN_IF_ERROR(MapDuplicate<T>(statement.Run(), key));
  }
  if (connection.changes() == 1) {
    ++value->version;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const T stored, GetRow<T>(connection, key));
  if (stored.version == value->version) {
    return Error(absl::StatusCode::kInternal, "FIXED_COLUMN",
                 absl::StrCat("an update of the ", Table<T>::kNoun, " \"", key,
                              "\" would change a column that is fixed"));
  }
  return Error(
      absl::StatusCode::kAborted, "STALE",
      absl::StrCat(Table<T>::kNoun, " \"", key, "\" was changed meanwhile; read it again"));
}

}  // namespace dbfleet::controller::sqlite
