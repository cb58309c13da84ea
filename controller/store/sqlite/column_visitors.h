#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/time/time.h"

#include "controller/domain/names.h"
#include "controller/store/sqlite/codec.h"
#include "controller/store/sqlite/connection.h"

// The three ways to go over the columns of a noun (table.h): naming, binding and reading them,
// always in the same order.
namespace dbfleet::controller::sqlite {

class NameVisitor {
 public:
  template <typename F>
  void operator()(const char* name, const F&) {
    names.push_back(name);
  }
  template <typename F>
  void Fixed(const char* name, const F&) {
    names.push_back(name);
    fixed.push_back(name);
  }
  void Blob(const char* name, const std::string&) { names.push_back(name); }

  std::vector<std::string> names;
  std::vector<std::string> fixed;  // A part of the names.
};

// Binds the columns of one kind, from the number index + 1 on. The value must outlive the
// statement.
class BindVisitor {
 public:
  enum class Which { kAll, kChangeable, kFixed };
  explicit BindVisitor(Statement* statement, Which which = Which::kAll, int from = 0)
      : index(from), statement_(*statement), which_(which) {}

  template <typename F>
  void Fixed(const char* name, const F& v) {
    if (which_ != Which::kChangeable) Bind(name, v);
  }
  template <typename F>
  void operator()(const char* name, const F& v) {
    if (which_ != Which::kFixed) Bind(name, v);
  }
  void Blob(const char*, const std::string& v) {
    if (which_ != Which::kFixed) statement_.BorrowBlob(++index, v);
  }

  int index;

 private:
  void Bind(const char*, const std::string& v) { statement_.BorrowText(++index, v); }
  void Bind(const char*, absl::Time v) { statement_.BindInt(++index, EncodeTime(v)); }
  void Bind(const char*, absl::Duration v) { statement_.BindInt(++index, EncodeDuration(v)); }
  template <typename F>
  void Bind(const char*, const F& v) {
    if constexpr (std::is_enum_v<F>) {
      statement_.BorrowText(++index, NameOf(v));
    } else if constexpr (std::is_integral_v<F>) {
      statement_.BindInt(++index, static_cast<int64_t>(v));
    } else {
      statement_.BindText(++index, Encode(v));
    }
  }

  Statement& statement_;
  const Which which_;
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

  int index = 0;
  std::string unreadable;  // A column whose text means nothing to this program.

 private:
  const Statement& statement_;
};

}  // namespace dbfleet::controller::sqlite
