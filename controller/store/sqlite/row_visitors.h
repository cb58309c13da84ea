#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "controller/domain/types.h"
#include "controller/store/sqlite/codec.h"

// Ways to go over the columns of a noun (table.h) that only concern its value in memory.
namespace dbfleet::controller::sqlite {

// By their numbers, in the order of Columns().
constexpr size_t kMaxColumns = 64;
using ColumnSet = std::bitset<kMaxColumns>;

// In which columns two values differ: it goes over the one, then over the other.
class DiffVisitor {
 public:
  template <typename F>
  void operator()(const char*, const F& v) {
    Compare(v, [](const F& field) -> const F& { return field; });
  }
  template <typename F>
  void Fixed(const char*, const F& v) {
    (*this)("", v);
  }
  void Blob(const char*, const std::string& v) { (*this)("", v); }
  template <typename F, typename Derive>
  void Derived(const char*, const F& v, const Derive& derive) {
    Compare(v, derive);
  }
  void Next() {
    second_ = true;
    index_ = 0;
  }

  ColumnSet changed;

 private:
  template <typename F, typename Derive>
  void Compare(const F& v, const Derive& derive) {
    if (!second_) {
      first_[index_] = &v;
    } else if (!(derive(*static_cast<const F*>(first_[index_])) == derive(v))) {
      changed.set(index_);
    }
    ++index_;
  }

  bool second_ = false;
  size_t index_ = 0;
  std::array<const void*, kMaxColumns> first_;
};

// Makes of these columns what reading them from the store would give: not all that a value can hold
// survives that (codec.h).
class StoredVisitor {
 public:
  explicit StoredVisitor(ColumnSet which) : which_(which) {}

  template <typename F>
  void operator()(const char*, F& v) {
    if (!which_.test(index_++)) return;
    if constexpr (std::is_same_v<F, absl::Time>) {
      v = DecodeTime(EncodeTime(v));
    } else if constexpr (std::is_same_v<F, absl::Duration>) {
      v = DecodeDuration(EncodeDuration(v));
    } else if constexpr (!std::is_enum_v<F> && !std::is_integral_v<F> &&
                         !std::is_same_v<F, std::string>) {
      F stored;
      readable = Decode(Encode(v), &stored) && readable;
      v = std::move(stored);
    }
  }
  template <typename F>
  void Fixed(const char* name, F& v) {
    (*this)(name, v);
  }
  void Blob(const char*, std::string&) { ++index_; }
  template <typename F, typename Derive>
  void Derived(const char*, F&, const Derive&) {
    ++index_;
  }

  bool readable = true;

 private:
  const ColumnSet which_;
  size_t index_ = 0;
};

// About how much memory a value takes beside its own size.
class BytesVisitor {
 public:
  template <typename F>
  void operator()(const char*, const F& v) {
    Add(v);
  }
  template <typename F>
  void Fixed(const char*, const F& v) {
    Add(v);
  }
  void Blob(const char*, const std::string& v) { Add(v); }
  template <typename F, typename Derive>
  void Derived(const char*, const F&, const Derive&) {}

  size_t bytes = 0;

 private:
  static constexpr size_t kNode = 48;  // Of a map.

  void Add(const std::string& v) { bytes += v.size(); }
  template <typename V>
  void Add(const std::map<std::string, V>& map) {
    for (const auto& [key, value] : map) {
      bytes += sizeof(std::pair<const std::string, V>) + kNode;
      Add(key);
      Add(value);
    }
  }
  template <typename V>
  void Add(const std::vector<V>& values) {
    for (const V& value : values) {
      bytes += sizeof(V);
      Add(value);
    }
  }
  void Add(const Approval& v) {
    bytes += v.principal.size() + v.digest.size() + v.reason.size() + v.token.size();
    Add(v.rows);
  }
  void Add(const StepReport& v) {
    bytes += v.state.size() + v.error.size() + v.migration_version.size();
  }
  template <typename F>
  void Add(const F&) {
    static_assert(std::is_enum_v<F> || std::is_integral_v<F> || std::is_same_v<F, absl::Time> ||
                      std::is_same_v<F, absl::Duration>,
                  "give this type its own way of counting");
  }
};

}  // namespace dbfleet::controller::sqlite
