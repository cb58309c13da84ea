#pragma once

#include <optional>
#include <utility>

#include "gtest/gtest.h"

#include "controller/store/store.h"

namespace dbfleet::controller {

// What `get(ReadTx&)` returns in a read of its own.
template <typename F>
auto ReadFrom(Store& store, F get) {
  std::optional<decltype(get(std::declval<ReadTx&>()))> result;
  const absl::Status status = store.Read([&](ReadTx& tx) {
    result = get(tx);
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  return *std::move(result);
}

}  // namespace dbfleet::controller
