#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/time/time.h"

#include "controller/domain/names.h"
#include "controller/store/sqlite/codec.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/row_visitors.h"

// The ways to go over the columns of a noun (table.h) that have to do with SQLite: naming, binding
// and reading them, always in the same order.
namespace dbfleet::controller::sqlite {

class NameVisitor {
 public:
  template <typename F>
  void operator()(const char* name, const F&) {
    names.push_back(name);
  }
  template <typename F>
  void Fixed(const char* name, const F&) {
    fixed.set(names.size());
    names.push_back(name);
  }
  void Blob(const char* name, const std::string&) { names.push_back(name); }
  template <typename F, typename Derive>
  void Derived(const char* name, const F&, const Derive&) {
    names.push_back(name);
  }

  std::vector<std::string> names;
  ColumnSet fixed;
};

// Binds these columns, from the number 1 on. The value must outlive the statement.
class BindVisitor {
 public:
  BindVisitor(Statement* statement, ColumnSet which) : statement_(*statement), which_(which) {}

  template <typename F>
  void operator()(const char*, const F& v) {
    if (which_.test(column_++)) Bind(v);
  }
  template <typename F>
  void Fixed(const char*, const F& v) {
    if (which_.test(column_++)) Bind(v);
  }
  void Blob(const char*, const std::string& v) {
    if (which_.test(column_++)) statement_.BorrowBlob(++index, v);
  }
  template <typename F, typename Derive>
  void Derived(const char*, const F& v, const Derive& derive) {
    if (which_.test(column_++)) Bind(derive(v));
  }

  int index = 0;  // The last one that was bound.

 private:
  void Bind(const std::string& v) { statement_.BorrowText(++index, v); }
  void Bind(absl::Time v) { statement_.BindInt(++index, EncodeTime(v)); }
  void Bind(absl::Duration v) { statement_.BindInt(++index, EncodeDuration(v)); }
  template <typename F>
  void Bind(const F& v) {
    if constexpr (std::is_enum_v<F>) {
      statement_.BorrowText(++index, NameOf(v));
    } else if constexpr (std::is_integral_v<F>) {
      statement_.BindInt(++index, static_cast<int64_t>(v));
    } else {
      statement_.BindText(++index, Encode(v));
    }
  }

  Statement& statement_;
  const ColumnSet which_;
  size_t column_ = 0;
};

class ReadVisitor {
 public:
  explicit ReadVisitor(const Statement& statement) : statement_(statement) {}

  void operator()(const char*, std::string& v) { v = statement_.Text(index++); }
  void operator()(const char*, absl::Time& v) { v = DecodeTime(statement_.Int(index++)); }
  void operator()(const char*, absl::Duration& v) { v = DecodeDuration(statement_.Int(index++)); }
  void operator()(const char*, bool& v) { v = statement_.Int(index++) != 0; }
  template <typename F>
  void operator()(const char* name, F& v) {
    if constexpr (std::is_enum_v<F>) {
      const std::optional<F> value = FromName<F>(statement_.Text(index++));
      value.has_value() ? void(v = *value) : void(unreadable = name);
    } else if constexpr (std::is_integral_v<F>) {
      v = static_cast<F>(statement_.Int(index++));
    } else if (!Decode(statement_.Text(index++), &v)) {
      unreadable = name;
    }
  }
  template <typename F>
  void Fixed(const char* name, F& v) {
    (*this)(name, v);
  }
  void Blob(const char*, std::string& v) { v = statement_.Text(index++); }
  template <typename F, typename Derive>
  void Derived(const char*, F&, const Derive&) {
    ++index;
  }

  int index = 0;
  std::string unreadable;  // A column whose text means nothing to this program.

 private:
  const Statement& statement_;
};

}  // namespace dbfleet::controller::sqlite
