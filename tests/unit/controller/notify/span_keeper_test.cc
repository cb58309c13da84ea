#include "controller/notify/span_keeper.h"

#include "tests/unit/controller/notify/span_keeper_fixture.h"

namespace dbfleet::controller {
namespace {

using Method = transfer::Request::Method;
using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(SpanKeeperTest, ASilenceBeginsWithItsWindowIsExtendedAndEnds) {
  Declare("quiet", kQuiet);
  Watch({Nightly(absl::Hours(2))});
  Tick();
  ASSERT_EQ(Asked(), "POST https://am.example/api/v2/silences");
  EXPECT_EQ(transfers_->waiting.front().Header("Authorization"), "Bearer s3cr3t-am");
  const Json body = Body();
  const Json matchers = Json::parse(R"json(
      [{"name": "instance", "value": "(?:db1(:[0-9]+)?|db2(:[0-9]+)?)",
        "isRegex": true, "isEqual": true},
       {"name": "severity", "value": "page", "isRegex": false, "isEqual": false}])json");
  EXPECT_EQ(body["matchers"], matchers);
  EXPECT_EQ(body["endsAt"], Moment(begin_ + absl::Hours(2)));
  EXPECT_THAT(body["comment"].get<std::string>(), HasSubstr("the maintenance window nightly"));
  EXPECT_EQ(body.count("id"), 0u);
  MakeSilence("s-1");
  After(absl::Minutes(10));
  EXPECT_EQ(Asked(), "0 requests");  // It ends by itself: nothing to renew.

  Watch({Nightly(absl::Hours(3))});
  After(absl::Seconds(2));
  // With another start it would become another silence.
  ASSERT_EQ(Asked(), "GET https://am.example/api/v2/silence/s-1");
  Answer(200, Silence("s-1", "active", begin_ + absl::Hours(2)));
  ASSERT_EQ(Asked(), "POST https://am.example/api/v2/silences");
  EXPECT_EQ(Body()["id"], "s-1");
  EXPECT_EQ(Body()["startsAt"], "2026-11-21T10:00:00.123Z");
  EXPECT_EQ(Body()["endsAt"], Moment(begin_ + absl::Hours(3)));
  Answer(200, R"({"silenceID":"s-1"})");

  Watch({});
  After(absl::Seconds(2));
  ASSERT_EQ(Asked(), "DELETE https://am.example/api/v2/silence/s-1");
  Answer(200);
  EXPECT_EQ(Kept(), 0u);
  EXPECT_EQ(transfers_->answered.size(), 4u);
  EXPECT_THAT(GivenUp(), IsEmpty());
}

TEST_F(SpanKeeperTest, WhatEndsByItselfIsNotAskedFor) {
  Declare("quiet", kQuiet);
  Watch({Nightly(absl::Hours(2))});
  Tick();
  MakeSilence("s-1");
  clock_.Advance(absl::Hours(2) + absl::Seconds(1));
  LookAtWindows();
  Tick();
  EXPECT_EQ(Asked(), "0 requests");
  EXPECT_EQ(Kept(), 0u);
}

// The answer, or the controller, was lost on the way.
TEST_F(SpanKeeperTest, NoSilenceIsMadeTwiceAfterACrash) {
  Declare("quiet", kQuiet);
  Watch({Nightly(absl::Hours(2))});
  Tick();
  ASSERT_EQ(Asked(), "POST https://am.example/api/v2/silences");
  Note();
  RestartKeeper();
  Tick();
  // Asked for by its own matchers, and told by the key in its comment.
  ASSERT_THAT(Asked(), HasSubstr("GET https://am.example/api/v2/silences?filter="));
  EXPECT_THAT(Asked(), HasSubstr("filter=instance%3d~%22"));
  EXPECT_THAT(Asked(), HasSubstr("filter=severity%21%3d%22page%22"));
  Answer(200, "[" + Silence("s-0", "expired", begin_) + "," +
                  Silence("s-1", "active", begin_ + absl::Hours(2)) + "]");
  After(absl::Minutes(1));
  EXPECT_EQ(Asked(), "0 requests");
  Watch({});
  After(absl::Seconds(2));
  EXPECT_EQ(Asked(), "DELETE https://am.example/api/v2/silence/s-1");
}

TEST_F(SpanKeeperTest, WhatTheReceiverNeverGotIsSentAgain) {
  Declare("quiet", kQuiet);
  Watch({Nightly(absl::Hours(2))});
  Tick();
  transfers_->Fail("TIMED_OUT");
  After(absl::Seconds(10));
  ASSERT_THAT(Asked(), HasSubstr("GET https://am.example/api/v2/silences?filter="));
  comment_ = "somebody else's";
  Answer(200, "[" + Silence("s-0", "active", begin_ + absl::Hours(2)) + "]");
  MakeSilence("s-1");
  EXPECT_EQ(Asked(), "0 requests");
}

// Nobody was there when it should have ended.
TEST_F(SpanKeeperTest, WhatEndedDuringARestartIsEndedAfterIt) {
  Declare("quiet", kQuiet);
  Watch({Nightly(absl::Hours(2))});
  Tick();
  Note();
  RestartKeeper();  // Killed before the answer.
  Watch({});
  Tick();
  ASSERT_THAT(Asked(), HasSubstr("GET https://am.example/api/v2/silences?filter="));
  Answer(200, "[" + Silence("s-1", "active", begin_ + absl::Hours(2)) + "]");
  ASSERT_EQ(Asked(), "DELETE https://am.example/api/v2/silence/s-1");
  Answer(200);
  EXPECT_EQ(Kept(), 0u);
}

TEST_F(SpanKeeperTest, AChangeIsSilencedWhereItRunsByALeaseThatIsRenewed) {
  Declare("quiet", kQuiet);
  Run("J", "db3");
  Tick();
  ASSERT_EQ(Asked(), "POST https://am.example/api/v2/silences");
  EXPECT_EQ(Body()["matchers"][0]["value"], "db3(:[0-9]+)?");
  EXPECT_EQ(Body()["endsAt"], Moment(begin_ + absl::Minutes(15)));
  EXPECT_THAT(Body()["comment"].get<std::string>(), HasSubstr("jobs/J on db3: add\\x0aa column"));
  MakeSilence("s-1");
  After(absl::Minutes(7));
  EXPECT_EQ(Asked(), "0 requests");
  After(absl::Minutes(1));
  ASSERT_EQ(Asked(), "GET https://am.example/api/v2/silence/s-1");
  Answer(200, Silence("s-1", "active", begin_ + absl::Minutes(15)));
  EXPECT_EQ(Body()["endsAt"], Moment(clock_.Now() + absl::Minutes(15)));
  Answer(200, R"({"silenceID":"s-1"})");

  Becomes(AttemptState::kSucceeded);
  After(absl::Seconds(2));
  After(absl::Seconds(20));
  EXPECT_EQ(Asked(), "0 requests");  // The next target of the same instance may follow.
  After(absl::Seconds(20));
  EXPECT_EQ(Asked(), "DELETE https://am.example/api/v2/silence/s-1");
}

TEST_F(SpanKeeperTest, AnInstanceOutOfReachIsNotSilenced) {
  Declare("quiet", kQuiet);
  Run("J", "db1");
  Tick();
  MakeSilence("s-1");
  Becomes(AttemptState::kUnreachable);
  After(absl::Seconds(2));
  After(SpanKeeper::kLinger);
  EXPECT_EQ(Asked(), "DELETE https://am.example/api/v2/silence/s-1");
}

TEST_F(SpanKeeperTest, WhatAPersonEndedStaysEndedAndWhatWasLostIsMadeAgain) {
  Declare("quiet", kQuiet);
  Run("J", "db1");
  Tick();
  MakeSilence("s-1");
  After(absl::Minutes(8));
  ASSERT_EQ(Asked(), "GET https://am.example/api/v2/silence/s-1");
  Answer(404, "");
  MakeSilence("s-2");
  After(absl::Minutes(8));
  ASSERT_EQ(Asked(), "GET https://am.example/api/v2/silence/s-2");
  Answer(200, Silence("s-2", "expired", clock_.Now() - absl::Minutes(1)));
  After(absl::Minutes(30));
  EXPECT_EQ(Asked(), "0 requests");
  Becomes(AttemptState::kSucceeded);
  After(absl::Seconds(2));
  After(SpanKeeper::kLinger);
  EXPECT_EQ(Asked(), "0 requests");
  EXPECT_EQ(Kept(), 0u);
}

TEST_F(SpanKeeperTest, ARefusedEndIsTriedAgainAndAuditedWhenItIsGivenUp) {
  Declare("quiet", kQuiet);
  Watch({Nightly(absl::Hours(2))});
  Tick();
  MakeSilence("s-1");
  Watch({});
  After(absl::Seconds(2));
  int requests = 0;
  for (int i = 0; i < 3 * 3600 && Kept() > 0; i += 5) {
    while (!transfers_->waiting.empty()) {
      ++requests;
      const bool reads = Asked().rfind("GET", 0) == 0;
      Answer(reads ? 200 : 500,
             reads ? Silence("s-1", "active", begin_ + absl::Hours(2)) : "s3cr3t-am is no key");
    }
    After(absl::Seconds(5));
  }
  EXPECT_GT(requests, 100);
  EXPECT_LT(requests, 700);
  EXPECT_THAT(GivenUp(), ElementsAre("notificationroutes/quiet maintenancewindows/nightly "
                                     "HTTP 500; the receiver's answer is not kept, as it may "
                                     "quote the route's secret"));
}

// 0.25 answers 500 for a silence that it does not know any more.
TEST_F(SpanKeeperTest, AnEndThatIsRefusedBecauseItIsOverIsAnEnd) {
  Declare("quiet", kQuiet);
  Watch({Nightly(absl::Hours(2))});
  Tick();
  MakeSilence("s-1");
  Watch({});
  After(absl::Seconds(2));
  Answer(500, "silence not found");
  After(absl::Seconds(5));
  ASSERT_EQ(Asked(), "GET https://am.example/api/v2/silence/s-1");
  Answer(404);
  EXPECT_EQ(Kept(), 0u);
  EXPECT_THAT(GivenUp(), IsEmpty());
}

TEST_F(SpanKeeperTest, OnlyWhatTheRouteSelectsFallsSilent) {
  Declare("quiet", absl::StrCat(kQuiet, ", selector: {environments: [production]}"));
  Watch({Nightly(absl::Hours(2))});
  Tick();
  EXPECT_EQ(Asked(), "0 requests");
  DeclaredWindow everywhere = Nightly(absl::Hours(2));
  everywhere.environments.clear();
  Watch({everywhere});
  After(absl::Seconds(2));
  ASSERT_EQ(Asked(), "POST https://am.example/api/v2/silences");
  EXPECT_EQ(Body()["matchers"][0]["value"], "db3(:[0-9]+)?");
}

TEST_F(SpanKeeperTest, AFreezeIsFollowedWhereTheRouteSaysSo) {
  Declare("quiet", kQuiet);
  Declare("drawn", kDrawn);
  DeclaredWindow freeze = Nightly(absl::Hours(2));
  freeze.window.effect = WindowEffect::kDeny;
  Watch({freeze});
  Tick();
  ASSERT_EQ(Asked(), "POST https://g.example/api/annotations");
  EXPECT_EQ(Body()["tags"][1], "freeze");
}

// Nothing may begin there, so what alerts is no maintenance.
TEST_F(SpanKeeperTest, AFreezeWithinAWindowLetsAlertsThrough) {
  Declare("quiet", kQuiet);
  const DeclaredWindow window = Nightly(absl::Hours(2));
  Watch({window});
  Tick();
  MakeSilence("s-1");
  DeclaredWindow freeze = Nightly(absl::Hours(1), "production");
  freeze.window.name = "incident";
  freeze.window.effect = WindowEffect::kDeny;
  Watch({window, freeze});
  After(absl::Seconds(2));
  EXPECT_EQ(Asked(), "0 requests");
  freeze.environments = {"qa"};
  Watch({window, freeze});
  After(absl::Seconds(2));
  ASSERT_EQ(Asked(), "DELETE https://am.example/api/v2/silence/s-1");
  Answer(200);
  Watch({window});
  After(absl::Seconds(2));
  ASSERT_EQ(Asked(), "POST https://am.example/api/v2/silences");
  EXPECT_EQ(Body()["endsAt"], Moment(begin_ + absl::Hours(2)));
}

TEST_F(SpanKeeperTest, ARouteThatIsDeclaredOtherwiseBeginsAnew) {
  Declare("quiet", kQuiet);
  Watch({Nightly(absl::Hours(2))});
  Tick();
  MakeSilence("s-1");
  Resource route =
      Read([](ReadTx& tx) { return tx.GetResource("notificationroutes/quiet"); }).value();
  resource::v1::NotificationRoute manifest;
  ASSERT_TRUE(manifest.ParseFromString(route.blob));
  manifest.mutable_spec()->mutable_silences()->set_matchers(0, R"(host="{{instance}}")");
  route.blob = manifest.SerializeAsString();
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.UpdateResource(&route); }).ok());
  After(absl::Seconds(2));
  ASSERT_EQ(transfers_->waiting.size(), 2u);
  EXPECT_EQ(transfers_->waiting[0].url, "https://am.example/api/v2/silence/s-1");
  EXPECT_EQ(transfers_->waiting[0].method, Method::kDelete);
  EXPECT_EQ(Json::parse(transfers_->waiting[1].body)["matchers"][0]["name"], "host");
}

// Other instances are selected, by a label or by joining: other matchers, and so another silence.
TEST_F(SpanKeeperTest, AnInstanceThatJoinsFallsSilentToo) {
  Declare("quiet", kQuiet);
  Watch({Nightly(absl::Hours(2), "production")});
  Tick();
  MakeSilence("s-1");
  AddInstance("db4", "production");
  After(SpanSource::kTargetsAge + absl::Seconds(1));
  ASSERT_EQ(Asked(), "GET https://am.example/api/v2/silence/s-1");
  Answer(200, Silence("s-1", "active", begin_ + absl::Hours(2)));
  EXPECT_EQ(Body()["id"], "s-1");
  EXPECT_EQ(Body()["matchers"][0]["value"], "(?:db3(:[0-9]+)?|db4(:[0-9]+)?)");
  Answer(200, R"({"silenceID":"s-2"})");
  Watch({});
  After(absl::Seconds(2));
  EXPECT_EQ(Asked(), "DELETE https://am.example/api/v2/silence/s-2");
}

TEST_F(SpanKeeperTest, ADeletedRoutesSilencesEndWhereTheyAre) {
  Declare("quiet", kQuiet);
  Watch({Nightly(absl::Hours(2))});
  Tick();
  MakeSilence("s-1");
  Resource route =
      Read([](ReadTx& tx) { return tx.GetResource("notificationroutes/quiet"); }).value();
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.DeleteResource(route); }).ok());
  After(absl::Seconds(2));
  ASSERT_EQ(Asked(), "DELETE https://am.example/api/v2/silence/s-1");
  EXPECT_EQ(transfers_->waiting.front().Header("Authorization"), "Bearer s3cr3t-am");
}

TEST_F(SpanKeeperTest, AStoreThatTakesNoWritesSendsNothing) {
  Declare("quiet", kQuiet);
  Watch({Nightly(absl::Hours(2))});
  full_store_->full = true;
  EXPECT_FALSE(keeper_->Tick(clock_.Now()).ok());
  EXPECT_EQ(Asked(), "0 requests");
  full_store_->full = false;
  clock_.Advance(absl::Seconds(2));
  Tick();
  EXPECT_THAT(Asked(), HasSubstr("https://am.example/api/v2/silences"));
}

TEST_F(SpanKeeperTest, AnAnnotationIsARegionThatIsClosedAtTheEnd) {
  Declare("drawn", kDrawn);
  Run("J", "db1");
  Tick();
  ASSERT_EQ(Asked(), "POST https://g.example/api/annotations");
  EXPECT_EQ(transfers_->waiting.front().Header("Authorization"), "Bearer s3cr3t-graf");
  const Json body = Body();
  EXPECT_EQ(body["time"], absl::ToUnixMillis(begin_));
  EXPECT_EQ(body.count("timeEnd"), 0u);
  ASSERT_EQ(body["tags"].size(), 4u);
  EXPECT_EQ(body["tags"][1], "change");
  EXPECT_EQ(body["tags"][3], "db");
  Answer(200, R"({"message":"Annotation added","id":42})");
  After(absl::Hours(1));
  EXPECT_EQ(Asked(), "0 requests");
  Becomes(AttemptState::kFailed);
  After(absl::Seconds(2));
  const absl::Time seen = clock_.Now();
  After(SpanKeeper::kLinger);
  ASSERT_EQ(Asked(), "PATCH https://g.example/api/annotations/42");
  EXPECT_EQ(Body(), Json({{"timeEnd", absl::ToUnixMillis(seen)}}));
  Answer(200, R"({"message":"Annotation patched"})");
  EXPECT_EQ(Kept(), 0u);
}

TEST_F(SpanKeeperTest, AnAnnotationIsFoundByItsTagAfterACrash) {
  Declare("drawn", kDrawn);
  Watch({Nightly(absl::Hours(2))});
  Tick();
  ASSERT_EQ(Asked(), "POST https://g.example/api/annotations");
  EXPECT_EQ(Body()["timeEnd"], absl::ToUnixMillis(begin_ + absl::Hours(2)));
  const std::string tag = Body()["tags"][2];
  RestartKeeper();
  Tick();
  ASSERT_EQ(
      Asked(),
      absl::StrCat("GET https://g.example/api/annotations?type=annotation&limit=10&tags=", tag));
  Answer(200, Json::array({{{"id", 7}, {"tags", {"other"}}}, {{"id", 8}, {"tags", {tag}}}}).dump());
  // Ended early: the region is cut.
  Answer(200, "{}");
  clock_.Advance(absl::Minutes(5));
  Watch({});
  After(absl::Seconds(2));
  ASSERT_EQ(Asked(), "PATCH https://g.example/api/annotations/8");
  // Somebody has deleted it: their business.
  Answer(404, R"({"message":"Annotation not found"})");
  EXPECT_EQ(Kept(), 0u);
  EXPECT_THAT(GivenUp(), IsEmpty());
}

// What was over before its receiver could be reached is drawn with both its ends.
TEST_F(SpanKeeperTest, AnAnnotationOfWhatIsOverIsStillDrawn) {
  Declare("drawn", kDrawn);
  Watch({Nightly(absl::Minutes(2))});
  Tick();
  transfers_->Fail("CONNECT_FAILED");
  clock_.Advance(absl::Minutes(3));
  LookAtWindows();
  Tick();
  Answer(200, "[]");
  ASSERT_EQ(Asked(), "POST https://g.example/api/annotations");
  EXPECT_EQ(Body()["timeEnd"], absl::ToUnixMillis(begin_ + absl::Minutes(2)));
  Answer(200, R"({"id":9})");
  EXPECT_EQ(Kept(), 0u);
}

// Whatever the answer holds becomes part of no URL.
TEST_F(SpanKeeperTest, AnAnswerThatIsNoneIsAFailure) {
  Declare("quiet", kQuiet);
  Watch({Nightly(absl::Hours(2))});
  Tick();
  Note();
  Answer(200, R"({"silenceID":"../../admin"})");
  After(absl::Minutes(2));
  EXPECT_THAT(Asked(), HasSubstr("GET https://am.example/api/v2/silences?filter="));
}

}  // namespace
}  // namespace dbfleet::controller
