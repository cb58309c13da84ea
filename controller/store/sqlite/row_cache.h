#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/strings/string_view.h"

#include "controller/domain/types.h"

namespace dbfleet::controller::sqlite {

struct Setting {
  std::string value;  // "" also for one that was never set.
};

// The rows that the writer read or wrote last, as they are in its open transaction, so that one
// mutation need not ask SQLite for what the one before it had in hand (docs/adr/0011). It hangs on
// the writer's connection, through which alone the store is written: reads by key look here first,
// and what is about to be written is taken out before and kept again once the statement succeeded.
// What a rollback undoes is forgotten, so a row that is here is always the one that SQLite has.
//
// Bounded by the bytes of the rows. In two generations: what was not used since the young one began
// goes when that one is full. Not thread-safe.
class RowCache {
 public:
  template <typename T>
  static constexpr bool kHolds =
      std::is_same_v<T, Environment> || std::is_same_v<T, Agent> || std::is_same_v<T, Instance> ||
      std::is_same_v<T, Job> || std::is_same_v<T, Task> || std::is_same_v<T, Attempt> ||
      std::is_same_v<T, Setting>;

  explicit RowCache(size_t max_bytes) : max_young_bytes_(max_bytes / 2) {}

  // Null if the row is not here. Valid until the next call.
  template <typename T>
  const T* Find(absl::string_view key) {
    Generations<T>& rows = std::get<Generations<T>>(kinds_);
    if (const auto it = rows.young.find(key); it != rows.young.end()) return &it->second.row;
    const auto it = rows.old.find(key);
    if (it == rows.old.end()) return nullptr;
    const Kept<T>& kept = it->second;  // Its node moves, it does not.
    young_bytes_ += kept.bytes;
    rows.young.insert(rows.old.extract(it));
    AgeIfFull();
    return &kept.row;
  }

  // A row that was just read or written; `bytes` is what it takes.
  template <typename T>
  void Keep(absl::string_view key, T row, size_t bytes) {
    if (bytes > max_young_bytes_ / 2) return;  // It would push out all the others.
    Generations<T>& rows = std::get<Generations<T>>(kinds_);
    Remove(rows, key);
    rows.young.emplace(std::string(key), Kept<T>{std::move(row), bytes});
    young_bytes_ += bytes;
    AgeIfFull();
  }

  // Before the row is written: whatever comes of that, this is not the row any more.
  template <typename T>
  std::optional<T> Take(absl::string_view key) {
    Generations<T>& rows = std::get<Generations<T>>(kinds_);
    rows.written.emplace_back(key);
    return Remove(rows, key);
  }

  void BeginMutation() {
    ForEachKind([](auto& rows) { rows.written.clear(); });
  }
  // The transaction goes back to where the mutation began. A row that it wrote may have been read
  // since, so these are forgotten by their keys.
  void UndoMutation() {
    ForEachKind([this](auto& rows) {
      for (const std::string& key : rows.written) Remove(rows, key);
    });
  }
  // The whole transaction is rolled back.
  void Clear() {
    ForEachKind([](auto& rows) {
      rows.young.clear();
      rows.old.clear();
      rows.written.clear();
    });
    young_bytes_ = 0;
  }

 private:
  template <typename T>
  struct Kept {
    T row;
    size_t bytes = 0;
  };
  template <typename T>
  struct Generations {
    absl::node_hash_map<std::string, Kept<T>> young;
    absl::node_hash_map<std::string, Kept<T>> old;
    std::vector<std::string> written;  // By the mutation that runs.
  };

  template <typename T>
  std::optional<T> Remove(Generations<T>& rows, absl::string_view key) {
    std::optional<T> removed;
    for (auto* generation : {&rows.young, &rows.old}) {
      const auto it = generation->find(key);
      if (it == generation->end()) continue;
      if (generation == &rows.young) young_bytes_ -= it->second.bytes;
      removed = std::move(it->second.row);
      generation->erase(it);
    }
    return removed;
  }

  void AgeIfFull() {
    if (young_bytes_ <= max_young_bytes_) return;
    ForEachKind([](auto& rows) {
      rows.old = std::move(rows.young);
      rows.young.clear();
    });
    young_bytes_ = 0;
  }

  template <typename F>
  void ForEachKind(const F& f) {
    std::apply([&f](auto&... rows) { (f(rows), ...); }, kinds_);
  }

  const size_t max_young_bytes_;
  size_t young_bytes_ = 0;
  std::tuple<Generations<Environment>, Generations<Agent>, Generations<Instance>, Generations<Job>,
             Generations<Task>, Generations<Attempt>, Generations<Setting>>
      kinds_;
};

}  // namespace dbfleet::controller::sqlite
