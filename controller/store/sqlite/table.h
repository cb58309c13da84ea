#pragma once

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
// of its insertion: an Update that would change it is refused. v.Derived("name", field, function)
// stores what follows from another column's field and is never read: it is there for an index.
// Column names come from here only, never from outside.
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

// All rows that satisfy `tail` ("WHERE ... ORDER BY ..."), whose parameters are the texts. Rows
// that cannot be read are DATA_LOSS, or go to `unreadable` by their first column, which is the key.
template <typename T>
absl::StatusOr<std::vector<T>> SelectRows(Connection& connection, absl::string_view tail,
                                          const std::vector<std::string>& texts,
                                          Unreadable* unreadable = nullptr) {
  ASSIGN_OR_RETURN(Statement statement, connection.Prepare(absl::StrCat(SelectSql<T>(), tail)));
  for (size_t i = 0; i < texts.size(); ++i) statement.BorrowText(static_cast<int>(i) + 1, texts[i]);
  std::vector<T> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return rows;
    absl::StatusOr<T> row = ReadRow<T>(statement);
    if (row.ok()) {
      rows.push_back(*std::move(row));
    } else if (unreadable != nullptr) {
      unreadable->emplace(statement.Text(0), row.status());
    } else {
      return row.status();
    }
  }
}

template <typename T>
absl::Status NotFound(absl::string_view key) {
  return Error(absl::StatusCode::kNotFound, ReasonFor<T>("NOT_FOUND"),
               absl::StrCat("there is no ", Table<T>::kNoun, " \"", key, "\""));
}

}  // namespace dbfleet::controller::sqlite
