#pragma once

#include <optional>
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
#include "controller/store/sqlite/row_cache.h"
#include "controller/store/sqlite/row_visitors.h"
#include "controller/store/sqlite/table.h"

// One row of a noun (table.h) by its key: reading, inserting and updating it. On a connection with
// a cache of rows (row_cache.h) these functions use it and keep it coherent.
namespace dbfleet::controller::sqlite {

template <typename T>
ColumnSet AllColumns() {
  static const ColumnSet all((uint64_t{1} << ColumnNames<T>().size()) - 1);
  return all;
}

template <typename T>
absl::StatusOr<T> SelectRow(Connection& connection, absl::string_view key) {
  static const auto& sql =
      *new std::string(absl::StrCat(SelectSql<T>(), "WHERE ", Table<T>::kKey, " = ?1"));
  ASSIGN_OR_RETURN(Statement statement, connection.Prepare(sql));
  statement.BorrowText(1, key);
  ASSIGN_OR_RETURN(const bool found, statement.Step());
  if (!found) return NotFound<T>(key);
  return ReadRow<T>(statement);
}

// `row` is what the store holds now, but for what it cannot hold of `lossy`, the columns that were
// just written.
template <typename T>
void KeepRow(Connection& connection, T row, ColumnSet lossy) {
  if constexpr (RowCache::kHolds<T>) {
    if (connection.row_cache() == nullptr) return;
    StoredVisitor stored(lossy);
    Table<T>::Columns(row, stored);
    if (!stored.readable) return;
    BytesVisitor size;
    Table<T>::Columns(std::as_const(row), size);
    const std::string key = Table<T>::Key(row);
    connection.row_cache()->Keep(key, std::move(row), sizeof(T) + key.size() + size.bytes);
  }
}

template <typename T>
absl::StatusOr<T> GetRow(Connection& connection, absl::string_view key) {
  if constexpr (RowCache::kHolds<T>) {
    if (connection.row_cache() != nullptr) {
      if (const T* row = connection.row_cache()->template Find<T>(key)) return *row;
    }
  }
  ASSIGN_OR_RETURN(T row, SelectRow<T>(connection, key));
  KeepRow(connection, row, ColumnSet());
  return row;
}

// The row that is about to be written, as it is.
template <typename T>
absl::StatusOr<T> TakeRow(Connection& connection, absl::string_view key) {
  if constexpr (RowCache::kHolds<T>) {
    if (connection.row_cache() != nullptr) {
      std::optional<T> row = connection.row_cache()->template Take<T>(key);
      if (row.has_value()) return *std::move(row);
    }
  }
  return SelectRow<T>(connection, key);
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
  const std::string& key = Table<T>::Key(*value);
  if constexpr (RowCache::kHolds<T>) {
    if (connection.row_cache() != nullptr) connection.row_cache()->template Take<T>(key);
  }
  ASSIGN_OR_RETURN(Statement statement, connection.Prepare(sql));
  BindVisitor binder(&statement, AllColumns<T>());
  Table<T>::Columns(std::as_const(*value), binder);
  RETURN_IF_ERROR(MapDuplicate<T>(statement.Run(), key));
  value->version = 1;
  KeepRow(connection, *value, AllColumns<T>());
  return absl::OkStatus();
}

template <typename T>
std::string UpdateSql(const std::vector<std::string>& names, ColumnSet changed) {
  std::string sql = absl::StrCat("UPDATE ", Table<T>::kName, " SET version = version + 1");
  int n = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    if (changed.test(i)) absl::StrAppend(&sql, ", ", names[i], " = ?", ++n);
  }
  absl::StrAppend(&sql, " WHERE ", Table<T>::kKey, " = ?", n + 1, " AND version = ?", n + 2);
  return sql;
}

// Writes only what differs from the row as it is, so that SQLite need not write the other columns'
// indexes again nor look at foreign keys.
template <typename T>
absl::Status UpdateRow(Connection& connection, T* value) {
  static const auto& columns = *new NameVisitor([] {
    NameVisitor names;
    const T empty{};
    Table<T>::Columns(empty, names);
    return names;
  }());
  const std::string& key = Table<T>::Key(*value);
  ASSIGN_OR_RETURN(const T before, TakeRow<T>(connection, key));
  if (before.version != value->version) {
    return Error(
        absl::StatusCode::kAborted, "STALE",
        absl::StrCat(Table<T>::kNoun, " \"", key, "\" was changed meanwhile; read it again"));
  }
  DiffVisitor diff;
  Table<T>::Columns(before, diff);
  diff.Next();
  Table<T>::Columns(std::as_const(*value), diff);
  if ((diff.changed & columns.fixed).any()) {
    return Error(absl::StatusCode::kInternal, "FIXED_COLUMN",
                 absl::StrCat("an update of the ", Table<T>::kNoun, " \"", key,
                              "\" would change a column that is fixed"));
  }
  {
    const std::string sql = UpdateSql<T>(columns.names, diff.changed);
    ASSIGN_OR_RETURN(Statement statement, connection.Prepare(sql));
    BindVisitor binder(&statement, diff.changed);
    Table<T>::Columns(std::as_const(*value), binder);
    statement.BorrowText(binder.index + 1, key);
    statement.BindInt(binder.index + 2, static_cast<int64_t>(before.version));
    RETURN_IF_ERROR(MapDuplicate<T>(statement.Run(), key));
  }
  if (connection.changes() != 1) {
    return Error(absl::StatusCode::kInternal, "ROW_NOT_THERE",
                 absl::StrCat("the ", Table<T>::kNoun, " \"", key,
                              "\" is not in the store as it was known to be"));
  }
  ++value->version;
  KeepRow(connection, *value, diff.changed);
  return absl::OkStatus();
}

}  // namespace dbfleet::controller::sqlite
