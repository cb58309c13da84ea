#pragma once

#include <cstddef>
#include <utility>

namespace dbfleet::controller::sqlite {

// For static_asserts beside each Table<T>: the number of fields of an aggregate, so that a field
// that somebody adds to a noun cannot be forgotten here and lost with the next write.
struct AnyField {
  template <typename F>
  operator F() const;
};
template <typename T, size_t... I>
constexpr bool HasFields(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), AnyField{})...}; };
}
template <typename T, size_t N = 0>
constexpr size_t FieldCount() {
  if constexpr (HasFields<T>(std::make_index_sequence<N + 1>())) {
    return FieldCount<T, N + 1>();
  } else {
    return N;
  }
}

}  // namespace dbfleet::controller::sqlite
