#include "controller/audit/lost_history.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/audit/recovery.h"
#include "tests/unit/controller/audit/trail_test_util.h"

namespace dbfleet::controller {
namespace {

class LostHistoryTest : public TrailTest {
 protected:
  absl::StatusOr<std::vector<LostHistory>> Read() {
    return ReadFrom(store_, [](ReadTx& tx) { return LostHistories(tx); });
  }
  void Demand(std::optional<uint64_t> shared) {
    MemoryVerdict verdict;
    verdict.why = "it has seen more";
    verdict.shared_size = shared;
    Commit([&](WriteTx& tx) {
      return DemandRecovery(tx, verdict, "db1", "system/test", clock_.Now(), 0);
    });
  }
  void Put(const std::string& key, const std::string& value) {
    Commit([&](WriteTx& tx) { return tx.PutSetting(key, value); });
  }
  void Commit(const Store::Mutation& mutation) {
    const absl::Status status = store_.MutateAndWait(mutation);
    ASSERT_TRUE(status.ok()) << status;
  }
};

TEST_F(LostHistoryTest, ThereIsNoneWithoutADemand) {
  Append(3);
  Commit(&RememberLostHistory);
  EXPECT_EQ(Read()->size(), 0u);
}

TEST_F(LostHistoryTest, ADemandTellsOfTheTimeFromTheLastSharedRecordUntilItWasNoticed) {
  Append(2);
  const absl::Time last_shared = clock_.Now();
  clock_.Advance(absl::Hours(1));
  Append(1);
  clock_.Advance(absl::Hours(1));
  const absl::Time noticed = clock_.Now();
  Demand(2);
  clock_.Advance(absl::Hours(1));
  Demand(2);  // Again: it was noticed before.
  const auto all = Read();
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->size(), 1u);
  EXPECT_EQ((*all)[0].from, last_shared);
  EXPECT_EQ((*all)[0].to, noticed);
}

TEST_F(LostHistoryTest, WhereNothingIsSharedItHasNoBeginning) {
  Append(2);
  Demand(std::nullopt);
  ASSERT_EQ(Read()->size(), 1u);
  EXPECT_EQ(Read()->front().from, absl::InfinitePast());
  Commit(&RememberLostHistory);
  Put(RecoverySetting(), "");
  ASSERT_EQ(Read()->size(), 1u);
  EXPECT_EQ(Read()->front().from, absl::InfinitePast());
}

TEST_F(LostHistoryTest, TheLatestOutliveTheirRecoveries) {
  const absl::Time began = clock_.Now();
  for (int i = 1; i <= 40; ++i) {
    Append(1);
    clock_.Advance(absl::Hours(1));
    Demand(store_.Audit().size());
    Commit(&RememberLostHistory);
    Commit(&RememberLostHistory);  // A recovery that was tried before.
    Put(RecoverySetting(), "");
  }
  const auto all = Read();
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->size(), 32u);
  EXPECT_EQ(all->front().to, began + absl::Hours(40));
  EXPECT_EQ(all->front().from, began + absl::Hours(39));
  EXPECT_EQ(all->back().to, began + absl::Hours(9));
}

TEST_F(LostHistoryTest, WhatCannotBeReadIsSaid) {
  for (const char* text : {"1", "1 x", "x 1", "1 2 3"}) {
    Put("recovery.lost_histories", text);
    EXPECT_EQ(ReasonOf(Read().status()), "STORE_CORRUPT") << text;
  }
}

}  // namespace
}  // namespace dbfleet::controller
