// What goes wrong on the way, and what would silence too much.
#include "tests/unit/controller/notify/span_keeper_fixture.h"

namespace dbfleet::controller {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// An instance joins while the silence stands: an update is under way whose answer does not come.
class UnansweredUpdateTest : public SpanKeeperTest {
 protected:
  UnansweredUpdateTest() {
    Declare("quiet", kQuiet);
    Watch({Nightly(absl::Hours(2), "production")});
    Tick();
    MakeSilence("s-1");
    AddInstance("db4", "production");
    After(SpanSource::kTargetsAge + absl::Seconds(1));
    Answer(200, Silence("s-1", "active", begin_ + absl::Hours(2)));
    EXPECT_EQ(Body()["id"], "s-1");
    transfers_->Fail("TIMED_OUT");
  }
};

TEST_F(UnansweredUpdateTest, WhichNeverCameLeavesTheFormerSilenceInItsHands) {
  After(absl::Seconds(10));
  ASSERT_THAT(Asked(), HasSubstr("GET https://am.example/api/v2/silences?filter="));
  EXPECT_THAT(Asked(), HasSubstr("db4"));
  Answer(200, "[]");  // It has the former matchers.
  ASSERT_EQ(Asked(), "GET https://am.example/api/v2/silence/s-1");
  Answer(200, Silence("s-1", "active", begin_ + absl::Hours(2)));
  ASSERT_EQ(Asked(), "POST https://am.example/api/v2/silences");
  EXPECT_EQ(Body()["id"], "s-1");
  EXPECT_EQ(Body()["matchers"][0]["value"], "(?:db3(:[0-9]+)?|db4(:[0-9]+)?)");
}

TEST_F(UnansweredUpdateTest, WhichEndedTheFormerSilenceOnlyMakesAnother) {
  After(absl::Seconds(10));
  Answer(200, "[]");
  ASSERT_EQ(Asked(), "GET https://am.example/api/v2/silence/s-1");
  // No person ended it: nobody let go of it.
  Answer(200, Silence("s-1", "expired", clock_.Now() - absl::Minutes(1)));
  ASSERT_EQ(Asked(), "POST https://am.example/api/v2/silences");
  EXPECT_EQ(Body().count("id"), 0u);
}

TEST_F(UnansweredUpdateTest, WhichNeverCameIsEndedWithItsWindow) {
  Watch({});
  After(absl::Seconds(10));
  ASSERT_THAT(Asked(), HasSubstr("GET https://am.example/api/v2/silences?filter="));
  RestartKeeper();  // What is known of it is written down.
  Tick();
  Answer(200, "[]");
  ASSERT_EQ(Asked(), "GET https://am.example/api/v2/silence/s-1");
  RestartKeeper();
  Tick();
  Answer(200, Silence("s-1", "active", begin_ + absl::Hours(2)));
  ASSERT_EQ(Asked(), "DELETE https://am.example/api/v2/silence/s-1");
  Answer(200);
  EXPECT_EQ(Kept(), 0u);
}

// A filter by what has not changed finds it, too; it does not have what was sent for all that.
TEST_F(UnansweredUpdateTest, WhichNeverCameIsSentAgainToWhatIsFound) {
  After(absl::Seconds(10));
  Answer(200, "[" + Silence("s-1", "active", begin_ + absl::Hours(2)) + "]");
  ASSERT_EQ(Asked(), "GET https://am.example/api/v2/silence/s-1");
  Answer(200, Silence("s-1", "active", begin_ + absl::Hours(2)));
  ASSERT_EQ(Asked(), "POST https://am.example/api/v2/silences");
  EXPECT_EQ(Body()["matchers"][0]["value"], "(?:db3(:[0-9]+)?|db4(:[0-9]+)?)");
}

TEST_F(SpanKeeperTest, AnInstanceThatIsNotThereHoldsUpNothing) {
  Declare("quiet", kQuiet);
  Run("J", "nowhere");
  Watch({Nightly(absl::Hours(2))});
  Tick();
  ASSERT_EQ(Asked(), "POST https://am.example/api/v2/silences");
  EXPECT_THAT(Body()["comment"].get<std::string>(), HasSubstr("nightly"));
}

// What is wanted of the production is not wanted of a qa that has the same name elsewhere.
TEST_F(SpanKeeperTest, NoCombinationFallsSilentThatNoInstanceHas) {
  Declare("quiet",
          "follows: [windows], silences: {url: 'https://am.example/', matchers: "
          "['instance=\"{{instance}}\"', 'env=\"{{environment}}\"']}");
  DeclaredWindow everywhere = Nightly(absl::Hours(2));
  everywhere.environments.clear();
  Watch({everywhere});
  Tick();
  ASSERT_EQ(transfers_->waiting.size(), 2u);
  std::vector<std::string> silenced;
  for (const FakeTransfers::Sent& sent : transfers_->waiting) {
    const Json matchers = Json::parse(sent.body)["matchers"];
    silenced.push_back(absl::StrCat(matchers[0]["value"].get<std::string>(), " ",
                                    matchers[1]["value"].get<std::string>()));
  }
  EXPECT_THAT(silenced, testing::UnorderedElementsAre("(?:db1|db2) qa", "db3 production"));
  Answer(200, R"({"silenceID":"s-1"})");
  Answer(200, R"({"silenceID":"s-2"})");
  After(absl::Seconds(5));
  EXPECT_EQ(Asked(), "0 requests");
  // One of them has nothing more to do.
  Watch({Nightly(absl::Hours(2))});
  After(absl::Seconds(2));
  EXPECT_EQ(transfers_->waiting.size(), 3u);  // Both end, and one for the qa alone begins.
}

TEST_F(SpanKeeperTest, ASilenceThatIsTooLargeIsToldOnce) {
  Declare("quiet", kQuiet);
  for (int i = 0; i < 300; ++i) AddInstance(absl::StrCat("db-", std::string(60, 'x'), i), "qa");
  Watch({Nightly(absl::Hours(2))});
  full_store_->full = true;
  EXPECT_FALSE(keeper_->Tick(clock_.Now()).ok());
  full_store_->full = false;
  for (int i = 0; i < 10; ++i) After(absl::Seconds(2));
  EXPECT_EQ(Asked(), "0 requests");
  EXPECT_THAT(GivenUp(), ElementsAre(testing::StartsWith(
                             "notificationroutes/quiet maintenancewindows/nightly TOO_LARGE")));
  // The next one is told again.
  Watch({});
  After(absl::Seconds(2));
  Watch({Nightly(absl::Hours(3))});
  After(absl::Seconds(2));
  EXPECT_EQ(GivenUp().size(), 2u);
}

// What names many instances is looked up by what is shorter: servers take no URL of any length.
TEST_F(SpanKeeperTest, TheLookUpOfALargeSilenceIsOfBoundedLength) {
  Declare("quiet", kQuiet);
  for (int i = 0; i < 150; ++i) AddInstance(absl::StrCat("db-", std::string(60, 'x'), i), "qa");
  Watch({Nightly(absl::Hours(2))});
  Tick();
  ASSERT_EQ(Asked(), "POST https://am.example/api/v2/silences");
  transfers_->Fail("TIMED_OUT");
  After(absl::Seconds(10));
  EXPECT_EQ(Asked(), "GET https://am.example/api/v2/silences?filter=severity%21%3d%22page%22");
}

}  // namespace
}  // namespace dbfleet::controller
