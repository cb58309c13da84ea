#include "controller/identity/request_keys.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"

namespace dbfleet::controller {
namespace {

class RequestKeysTest : public testing::Test {
 protected:
  static RequestKey Key(const std::string& id, const std::string& asked = "ada") {
    return RequestKey("user", "users/root", id, {asked});
  }
  absl::StatusOr<std::string> Find(const RequestKey& key) {
    absl::StatusOr<std::string> made;
    EXPECT_TRUE(store_
                    .Read([&](ReadTx& tx) {
                      made = key.FindMade(tx, clock_.Now());
                      return absl::OkStatus();
                    })
                    .ok());
    return made;
  }
  void Remember(const RequestKey& key, const std::string& object) {
    ASSERT_TRUE(
        store_.MutateAndWait([&](WriteTx& tx) { return key.Remember(tx, object, clock_.Now()); })
            .ok());
  }
  // How many of the ids r0 to r<count - 1> are still in the store, expired or not.
  int Kept(int count) {
    int kept = 0;
    EXPECT_TRUE(store_
                    .Read([&](ReadTx& tx) -> absl::Status {
                      for (int i = 0; i < count; ++i) {
                        ASSIGN_OR_RETURN(const std::string made,
                                         Key(absl::StrCat("r", i)).FindMade(tx, start_));
                        kept += made.empty() ? 0 : 1;
                      }
                      return absl::OkStatus();
                    })
                    .ok());
    return kept;
  }

  FakeClock clock_;
  const absl::Time start_ = clock_.Now();
  MemoryStore store_{&clock_, 1};
};

TEST_F(RequestKeysTest, ARequestIsRememberedForSevenDays) {
  Remember(Key("r1"), "ada");
  EXPECT_EQ(Find(Key("r1")).value(), "ada");
  EXPECT_EQ(Find(Key("r2")).value(), "");
  clock_.Advance(absl::Hours(7 * 24) - absl::Seconds(1));
  EXPECT_EQ(Find(Key("r1")).value(), "ada");
  EXPECT_EQ(ReasonOf(Find(Key("r1", "bob")).status()), "REQUEST_ID_REUSED");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Find(Key("r1")).value(), "");
  EXPECT_EQ(Find(Key("r1", "bob")).value(), "") << "the id is free again";
  Remember(Key("r1", "bob"), "bob");
  EXPECT_EQ(Find(Key("r1", "bob")).value(), "bob");
}

TEST_F(RequestKeysTest, TheNextRequestsForgetTheExpiredOnesInBatches) {
  for (int i = 0; i < 250; ++i) Remember(Key(absl::StrCat("r", i)), "x");
  EXPECT_EQ(Kept(250), 250);
  clock_.Advance(absl::Hours(8 * 24));
  Remember(Key("s1"), "x");
  EXPECT_EQ(Kept(250), 150);
  Remember(Key("s2"), "x");
  Remember(Key("s3"), "x");
  EXPECT_EQ(Kept(250), 0);
  EXPECT_EQ(Find(Key("s1")).value(), "x");
}

TEST_F(RequestKeysTest, WhatIsKeptIsBoundedByAWeekOfRequests) {
  for (int day = 0; day < 100; ++day) {
    for (int i = 0; i < 10; ++i) Remember(Key(absl::StrCat("r", day * 10 + i)), "x");
    clock_.Advance(absl::Hours(24));
  }
  EXPECT_LE(Kept(1000), 80);
}

TEST_F(RequestKeysTest, WithoutARequestIdNothingIsRemembered) {
  Remember(Key(""), "ada");
  EXPECT_EQ(Find(Key("")).value(), "");
}

}  // namespace
}  // namespace dbfleet::controller
