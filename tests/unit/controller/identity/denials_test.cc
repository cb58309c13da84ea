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
              const std::string& environment = "", const std::string& token = "K1") {
    Caller caller;
    caller.principal = who;
    caller.token_id = token;
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

// Else one that was stolen and revoked would be counted under its owner's own refusals.
TEST_F(DenialsTest, EachTokenHasARecordOfItsOwn) {
  Refuse("users/eve", "s/Cancel");
  Refuse("users/eve", "s/Cancel", "", "K2");
  Refuse("users/eve", "s/Cancel", "", "K2");
  ASSERT_EQ(Records(), 2u);
  EXPECT_THAT(Last().details, Contains(Pair("token", "K2")));
  clock_.Advance(Denials::kQuiet);
  Refuse("users/bob", "s/Pause");
  ASSERT_EQ(Records(), 4u);
  EXPECT_THAT(Last().details, Contains(Pair("token", "K2"))) << "the one that was repeated";
  EXPECT_THAT(Last().details, Contains(Pair("repeated", "1")));
}

TEST_F(DenialsTest, AClockThatIsSetBackSilencesNobody) {
  Refuse("users/eve", "s/Cancel");
  clock_.JumpWallClock(-absl::Hours(5));
  Refuse("users/eve", "s/Cancel");
  EXPECT_EQ(Records(), 2u);
}

// What is repeated does not keep its place for ever, and is told when it loses it.
TEST_F(DenialsTest, RepetitionsThatNobodyRepeatsAreToldByAnothersRefusal) {
  for (int i = 0; i < 3; ++i) Refuse("users/eve", "s/Cancel", "qa");
  clock_.Advance(Denials::kQuiet);
  Refuse("users/bob", "s/Pause");
  ASSERT_EQ(Records(), 3u);
  EXPECT_EQ(Last().actor, "users/eve");
  EXPECT_EQ(Last().resource, "methods/s/Cancel");
  EXPECT_EQ(Last().environment, "qa");
  EXPECT_THAT(Last().details, Contains(Pair("repeated", "2")));
  Refuse("users/eve", "s/Cancel", "qa");
  ASSERT_EQ(Records(), 4u);
  EXPECT_THAT(Last().details, Not(Contains(Key("repeated")))) << "they were told";
}

// Each refusal is a record of its own, or counted in one.
TEST_F(DenialsTest, WhatIsRememberedIsBoundedAndNoRefusalIsLost) {
  const size_t all = Denials::kMostRemembered + 100;
  const auto refuse_all = [&] {
    for (size_t i = 0; i < all; ++i) {
      Refuse(absl::StrCat("users/u", i), "s/Cancel");
      Refuse(absl::StrCat("users/u", i), "s/Cancel");
    }
  };
  refuse_all();
  EXPECT_EQ(Records(), Denials::kMostRemembered);
  clock_.Advance(Denials::kQuiet);
  Refuse("users/late", "s/Cancel");
  EXPECT_EQ(Last().resource, "methods/-");
  EXPECT_EQ(Last().environment, "");
  EXPECT_THAT(Last().details, Contains(Pair("repeated", "200")));
  // New ones are told again, each at once.
  for (size_t i = 0; i < 100; ++i) {
    const size_t before = Records();
    Refuse(absl::StrCat("users/new", i), "s/Cancel");
    ASSERT_GT(Records(), before) << i;
  }
  for (int round = 0; round < 3; ++round) refuse_all();
  for (int i = 0; i < 3; ++i) {  // A few at each refusal; all in the end.
    clock_.Advance(Denials::kQuiet);
    for (size_t n = 0; n < all; ++n) Refuse(absl::StrCat("users/last", i, "-", n), "s/Cancel");
  }
  clock_.Advance(Denials::kQuiet);
  Refuse("users/end", "s/Cancel");
  size_t told = 0;
  for (const AuditRow& row : store_.Audit()) {
    const auto& details = row.entry.details;
    const bool counts_only =
        details.at("reason") == "REPEATED" || details.at("reason") == "TOO_MANY";
    if (!counts_only) ++told;
    const auto repeated = details.find("repeated");
    if (repeated != details.end()) told += std::stoul(repeated->second);
  }
  EXPECT_EQ(told, 2 * all + 1 + 100 + 3 * 2 * all + 3 * all + 1);
}

}  // namespace
}  // namespace dbfleet::controller
