#include "controller/identity/denials.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"

namespace dbfleet::controller {
namespace {

using testing::Contains;
using testing::Key;
using testing::Not;
using testing::Pair;

class DenialsTest : public testing::Test {
 protected:
  void Refuse(const std::string& who, const std::string& method,
              const std::string& environment = "") {
    Caller caller;
    caller.principal = who;
    caller.token_id = "K1";
    denials_.Record(caller, method,
                    Error(absl::StatusCode::kPermissionDenied, "ROLE_MISSING", "it needs a role"),
                    environment);
  }
  size_t Records() { return store_.Audit().size(); }
  AuditEntry Last() { return store_.Audit().back().entry; }

  FakeClock clock_;
  MemoryStore store_{&clock_, 1'800'000'000};
  Denials denials_{store_, clock_};
};

TEST_F(DenialsTest, WhoWasRefusedWhatAndWhyIsInTheTrail) {
  Refuse("users/eve", "s/Cancel");
  ASSERT_EQ(Records(), 1u);
  EXPECT_EQ(Last().actor, "users/eve");
  EXPECT_EQ(Last().action, "access.denied");
  EXPECT_EQ(Last().resource, "methods/s/Cancel");
  EXPECT_THAT(Last().details, Contains(Pair("token", "K1")));
  EXPECT_THAT(Last().details, Contains(Pair("reason", "ROLE_MISSING")));
  EXPECT_THAT(Last().details, Not(Contains(Key("repeated"))));
}

TEST_F(DenialsTest, RepetitionsAreCountedAndToldByTheNextRecord) {
  for (int i = 0; i < 1000; ++i) Refuse("users/eve", "s/Cancel");
  EXPECT_EQ(Records(), 1u);
  Refuse("users/eve", "s/Pause");
  Refuse("users/mallory", "s/Cancel");
  EXPECT_EQ(Records(), 3u) << "others are others";
  clock_.Advance(Denials::kQuiet);
  Refuse("users/eve", "s/Cancel");
  ASSERT_EQ(Records(), 4u);
  EXPECT_THAT(Last().details, Contains(Pair("repeated", "999")));
}

TEST_F(DenialsTest, EachEnvironmentHasARecordOfItsOwn) {
  Refuse("users/eve", "s/Cancel", "qa");
  EXPECT_EQ(Last().environment, "qa");
  Refuse("users/eve", "s/Cancel", "production");
  ASSERT_EQ(Records(), 2u);
  EXPECT_EQ(Last().environment, "production");
  Refuse("users/eve", "s/Cancel", "qa");
  EXPECT_EQ(Records(), 2u);
}

TEST_F(DenialsTest, AClockThatIsSetBackSilencesNobody) {
  Refuse("users/eve", "s/Cancel");
  clock_.JumpWallClock(-absl::Hours(5));
  Refuse("users/eve", "s/Cancel");
  EXPECT_EQ(Records(), 2u);
}

TEST_F(DenialsTest, WhatIsRememberedIsBoundedAndForgottenInTime) {
  for (size_t i = 0; i < Denials::kMostRemembered + 100; ++i) {
    Refuse(absl::StrCat("users/u", i), "s/Cancel");
  }
  EXPECT_EQ(Records(), Denials::kMostRemembered);
  clock_.Advance(Denials::kQuiet);
  Refuse("users/late", "s/Cancel");
  EXPECT_EQ(Records(), Denials::kMostRemembered + 1);
}

}  // namespace
}  // namespace dbfleet::controller
