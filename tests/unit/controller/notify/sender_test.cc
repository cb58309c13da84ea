#include "controller/notify/sender.h"

#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"

#include "tests/unit/controller/notify/notify_fixture.h"

namespace dbfleet::controller {
namespace {

using State = Notification::State;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kNotKept[] =
    "; the receiver's answer is not kept, as it may quote the route's secret";

class SenderTest : public NotifyTest {
 protected:
  // All that is waiting is answered with this, again and again, until nothing more is sent.
  void AnswerAll(int code) {
    for (Send(); !transfers_->waiting.empty(); Send()) {
      while (!transfers_->waiting.empty()) transfers_->Answer(code);
    }
  }
  int AuditRecords(const std::string& action) {
    int count = 0;
    for (const AuditRow& row : Trail()) count += row.entry.action == action;
    return count;
  }
};

TEST_F(SenderTest, WhatIsAcceptedIsSentAndNotSentAgain) {
  Declare("r", Hook("failed"));
  Collect();
  Happen(1);
  Send();
  ASSERT_EQ(transfers_->waiting.size(), 1u);
  const auto& sent = transfers_->waiting[0];
  EXPECT_EQ(sent.url, "https://h.example/x");
  EXPECT_EQ(sent.Header("Idempotency-Key"), Rows()[0].id);
  const std::string stamp = sent.Header("X-Dbfleet-Timestamp");
  EXPECT_EQ(sent.Header("X-Dbfleet-Signature"), Signature(Secret("s3cr3t-key"), stamp, sent.body));
  transfers_->Answer(204);
  Send();
  EXPECT_EQ(Count(State::kSent), 1u);
  clock_.Advance(absl::Hours(1));
  Send();
  EXPECT_TRUE(transfers_->waiting.empty());
}

TEST_F(SenderTest, TheSignatureIsHmacSha256) {
  // By: printf '1.x' | openssl dgst -sha256 -hmac key
  EXPECT_EQ(Signature(Secret("key"), "1", "x").size(), 3u + 64u);
  EXPECT_NE(Signature(Secret("key"), "1", "x"), Signature(Secret("key"), "1", "y"));
  EXPECT_NE(Signature(Secret("key"), "1", "x"), Signature(Secret("kez"), "1", "x"));
}

TEST_F(SenderTest, AnAttemptIsCountedBeforeItIsMade) {
  Declare("r", Hook("failed"));
  Collect();
  Happen(1);
  Send();
  EXPECT_EQ(Rows()[0].attempts, 1);
  EXPECT_GT(Rows()[0].next_time, clock_.Now());
  // Killed here, it is sent again, later and with the same key.
  const std::string key = transfers_->waiting[0].Header("Idempotency-Key");
  Restart();
  Send();
  EXPECT_TRUE(transfers_->waiting.empty());
  clock_.Advance(kFirstDelay);
  Send();
  ASSERT_EQ(transfers_->waiting.size(), 1u);
  EXPECT_EQ(transfers_->waiting[0].Header("Idempotency-Key"), key);
  EXPECT_EQ(Rows()[0].attempts, 2);
}

TEST_F(SenderTest, AFailureIsTriedAgainLaterAndLater) {
  Declare("r", Hook("failed"));
  Collect();
  Happen(1);
  absl::Duration last = absl::ZeroDuration();
  for (int i = 0; i < 4; ++i) {
    Send();
    ASSERT_EQ(transfers_->waiting.size(), 1u) << i;
    const absl::Duration delay = Rows()[0].next_time - clock_.Now();
    EXPECT_GT(delay, last);
    last = delay;
    transfers_->Answer(503, "not now");
    Send();
    EXPECT_THAT(Rows()[0].error, HasSubstr("HTTP 503"));
    clock_.Advance(delay - absl::Milliseconds(5));
    Send();
    EXPECT_TRUE(transfers_->waiting.empty());
    clock_.Advance(absl::Milliseconds(10));
  }
}

TEST_F(SenderTest, ABrokenReceiverTakesNoRoomFromOthers) {
  for (int i = 0; i < 40; ++i) {
    Declare(absl::StrCat("broken", i), Hook("failed", "h.example"));
  }
  Declare("good", Hook("failed", "g.example"));
  Collect();
  Happen(20);
  // Nobody answers; each route has its own few under way.
  for (int i = 0; i < 30; ++i) Send();
  EXPECT_EQ(transfers_->waiting.size(), 41u * Lanes::kMostOfRoute);
  const auto good = [&] {
    return std::find_if(transfers_->waiting.begin(), transfers_->waiting.end(),
                        [](const auto& sent) { return sent.url == "https://g.example/x"; });
  };
  int delivered = 0;
  for (auto sent = good(); sent != transfers_->waiting.end(); sent = good()) {
    const auto done = sent->done;
    transfers_->waiting.erase(sent);
    done(transfer::Response{200, "", std::nullopt});
    ++delivered;
    Send();
  }
  EXPECT_EQ(delivered, 20);
}

TEST_F(SenderTest, ARouteWhoseReceiverFailsIsLeftAloneForAWhile) {
  Declare("r", Hook("failed"));
  Collect();
  Happen(100);
  for (int i = 0; i < 50; ++i) {
    Send();
    while (!transfers_->waiting.empty()) transfers_->Fail("CONNECT_FAILED");
  }
  // The first round, then one at a time until the circuit opened.
  EXPECT_LT(transfers_->answered.size(), 10u);
  clock_.Advance(Lanes::kFirstPause);
  Send();
  EXPECT_EQ(transfers_->waiting.size(), 1u);
  transfers_->Answer(200);
  Send();
  EXPECT_EQ(transfers_->waiting.size(), static_cast<size_t>(Lanes::kMostOfRoute));
}

TEST_F(SenderTest, OfOneSubjectTheNextWaitsForTheFormer) {
  Declare("pager", "triggers: [paused], pagerduty: {routing_key_secret: token}");
  Collect();
  Record("job.pause", "jobs/A");
  Record("job.resume", "jobs/A");
  Collect();
  Send();
  ASSERT_EQ(transfers_->waiting.size(), 1u);
  EXPECT_THAT(transfers_->waiting[0].body, HasSubstr("\"trigger\""));
  transfers_->Answer(503);
  Send();
  EXPECT_TRUE(transfers_->waiting.empty());  // Not the end before its begin.
  clock_.Advance(absl::Seconds(10));
  Send();
  ASSERT_EQ(transfers_->waiting.size(), 1u);
  EXPECT_THAT(transfers_->waiting[0].body, HasSubstr("\"trigger\""));
  transfers_->Answer(202);
  Send();
  ASSERT_EQ(transfers_->waiting.size(), 1u);
  EXPECT_THAT(transfers_->waiting[0].body, HasSubstr("\"resolve\""));
}

TEST_F(SenderTest, AHostThatAsksForTimeGetsItFromAllRoutes) {
  Declare("a", Hook("failed"));
  Declare("b", Hook("failed"));
  Collect();
  Happen(1);
  Send();
  ASSERT_EQ(transfers_->waiting.size(), 2u);
  transfers_->Answer(429, "", absl::Minutes(10));
  transfers_->Answer(200);
  Send();
  Happen(3, "jobs/K");
  Send();
  EXPECT_TRUE(transfers_->waiting.empty());
  for (const Notification& row : Rows({State::kWaiting, "b"})) EXPECT_EQ(row.attempts, 0);
  clock_.Advance(absl::Minutes(9));
  Send();
  EXPECT_TRUE(transfers_->waiting.empty());
  clock_.Advance(absl::Minutes(2));
  AnswerAll(200);
  EXPECT_EQ(Count(State::kSent), 8u);
}

TEST_F(SenderTest, WhatIsRefusedIsGivenUpAfterAFewAttemptsAndTold) {
  Declare("r", Hook("failed"));
  Collect();
  Happen(1);
  for (int i = 0; i < 3; ++i) {
    Send();
    ASSERT_EQ(transfers_->waiting.size(), 1u) << i;
    transfers_->Answer(400, "my key is s3cr3t-key");
    Send();
    clock_.Advance(absl::Minutes(5));
  }
  ASSERT_EQ(Count(State::kDead), 1u);
  EXPECT_EQ(Rows()[0].error, absl::StrCat("HTTP 400", kNotKept));
  EXPECT_EQ(AuditRecords("notification.failed"), 1);
}

TEST_F(SenderTest, WhatGoesOnFailingIsGivenUpInTheEnd) {
  Declare("r", Hook("failed"));
  Collect();
  Happen(3);
  for (int i = 0; i < 25 * 60 && Count(State::kWaiting) > 0; ++i) {
    Send();
    while (!transfers_->waiting.empty()) transfers_->Fail("TIMED_OUT");
    clock_.Advance(absl::Minutes(1));
    if (i % 10 == 0) {
      ASSERT_TRUE(sender_->Upkeep().ok());
    }
  }
  EXPECT_EQ(Count(State::kDead), 3u);
  EXPECT_LE(transfers_->answered.size(), 3u * 100u);
}

TEST_F(SenderTest, AStoreThatTakesNoWritesStopsTheSending) {
  Declare("r", Hook("failed"));
  Collect();
  Happen(1);
  full_store_->full = true;
  for (int i = 0; i < 10; ++i) {
    Send();
    clock_.Advance(absl::Minutes(1));
  }
  EXPECT_TRUE(transfers_->waiting.empty());
  full_store_->full = false;
  Send();
  ASSERT_EQ(transfers_->waiting.size(), 1u);
  // Full between the sending and the writing down of it: it is not sent again in this life.
  full_store_->full = true;
  transfers_->Answer(200);
  for (int i = 0; i < 10; ++i) {
    Send();
    clock_.Advance(absl::Minutes(1));
  }
  EXPECT_TRUE(transfers_->waiting.empty());
  full_store_->full = false;
  Send();
  EXPECT_TRUE(transfers_->waiting.empty());
  EXPECT_EQ(Count(State::kSent), 1u);
}

TEST_F(SenderTest, AClockThatIsSetChangesNoDelay) {
  Declare("r", Hook("failed"));
  Collect();
  Happen(1);
  Send();
  transfers_->Answer(503);
  Send();
  clock_.JumpWallClock(-absl::Hours(48));
  clock_.Advance(absl::Seconds(3));
  Send();
  EXPECT_EQ(transfers_->waiting.size(), 1u);
  // Nor for long in the next life, which begins with the wrong clock.
  transfers_->Answer(503);
  Send();
  Restart();
  clock_.Advance(absl::Seconds(1));
  Send();
  EXPECT_EQ(transfers_->waiting.size(), 1u);
}

TEST_F(SenderTest, WhatWaitsForADeletedRouteIsGivenUp) {
  Declare("r", Hook("failed"));
  Collect();
  Happen(2);
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                ASSIGN_OR_RETURN(const Resource route, tx.GetResource("notificationroutes/r"));
                return tx.DeleteResource(route);
              }).ok());
  Send();
  EXPECT_TRUE(transfers_->waiting.empty());
  ASSERT_TRUE(sender_->Upkeep().ok());
  EXPECT_EQ(Count(State::kDead), 2u);
  EXPECT_EQ(Rows()[0].error, "the route was deleted");
}

TEST_F(SenderTest, ASecretGoesToItsHostsAndItsKindOnly) {
  Declare("elsewhere",
          "triggers: [failed], webhook: {url: 'https://evil.example/', "
          "signing_secret: key}");
  Declare("other-kind",
          "triggers: [failed], webhook: {url: 'https://h.example/', "
          "signing_secret: token}");
  Declare("port",
          "triggers: [failed], webhook: {url: 'https://h.example:8443/', "
          "signing_secret: key}");
  Declare("unknown",
          "triggers: [failed], webhook: {url: 'https://h.example/', "
          "signing_secret: nobody}");
  Collect();
  Happen(1);
  for (int i = 0; i < 3; ++i) {
    Send();
    clock_.Advance(absl::Minutes(5));
  }
  Send();
  EXPECT_TRUE(transfers_->waiting.empty());
  EXPECT_EQ(Count(State::kDead), 4u);
  for (const Notification& row : Rows()) {
    // Of one that is for something else no more is told than of one that there is not.
    EXPECT_THAT(row.error, HasSubstr("SECRET_NOT_FOR_THIS"));
    EXPECT_THAT(row.error, HasSubstr("names no secret"));
    EXPECT_THAT(row.error, ::testing::Not(HasSubstr("s3cr3t")));
  }
}

// Whoever may declare routes is told these words by a dry run, and has no business to know where
// the controller keeps its files.
TEST_F(SenderTest, WhyASecretCannotBeReadIsToldWithoutItsPath) {
  WriteSecret("token", "");
  ASSERT_EQ(chmod((folder_ + "/secrets/key").c_str(), 0644), 0);
  ASSERT_EQ(unlink((folder_ + "/secrets/slack").c_str()), 0);
  const std::vector<absl::Status> statuses = {
      secrets_.Get("key", "webhook", "h.example").status(),
      secrets_.Get("token", "pagerduty", "events.pagerduty.com").status(),
      secrets_.GetUrl("slack", "slack").status()};
  for (const absl::Status& status : statuses) {
    EXPECT_EQ(ReasonOf(status), "SECRET_UNREADABLE");
    EXPECT_THAT(std::string(status.message()), ::testing::Not(HasSubstr("/")));
    EXPECT_THAT(std::string(status.message()), HasSubstr("the controller's log"));
  }
  EXPECT_THAT(std::string(statuses[1].message()), HasSubstr("the secret token is empty"));
}

// Each attempt and each dry run reads it again; the log would be full of it.
TEST_F(SenderTest, WhyASecretCannotBeReadIsLoggedOnceUntilThatChanges) {
  const auto logged = [&](int times) {
    testing::internal::CaptureStderr();
    for (int i = 0; i < times; ++i) (void)secrets_.Get("key", "webhook", "h.example");
    const std::string text = testing::internal::GetCapturedStderr();
    return std::vector<std::string>(absl::StrSplit(text, '\n', absl::SkipEmpty()));
  };
  const std::string path = folder_ + "/secrets/key";
  EXPECT_THAT(logged(2), IsEmpty());
  ASSERT_EQ(unlink(path.c_str()), 0);
  EXPECT_THAT(logged(3), ElementsAre(AllOf(HasSubstr("cannot be read"), HasSubstr(path))));
  EXPECT_THAT(logged(3), IsEmpty());
  WriteSecret("key", "");
  EXPECT_THAT(logged(3), ElementsAre(HasSubstr("is empty"))) << "which is another reason";
  WriteSecret("key", "s3cr3t-new");
  EXPECT_THAT(logged(3), ElementsAre(AllOf(HasSubstr("can be read again"),
                                           ::testing::Not(HasSubstr("s3cr3t")))));
  ASSERT_EQ(unlink(path.c_str()), 0);
  EXPECT_THAT(logged(3), SizeIs(1)) << "it is news again";
}

TEST_F(SenderTest, AWebhooksUrlMayBeASecret) {
  Declare("r", "triggers: [failed], webhook: {url_secret: hook, signing_secret: key}");
  Collect();
  Happen(1);
  Send();
  ASSERT_EQ(transfers_->waiting.size(), 1u);
  EXPECT_EQ(transfers_->waiting[0].url, "https://h.example/in?team=dba&token=s3cr3t-parameter");
  EXPECT_NE(transfers_->waiting[0].Header("X-Dbfleet-Signature"), "");
  transfers_->Answer(400, "no such token: s3cr3t-parameter, of dba");
  Send();
  EXPECT_EQ(Rows()[0].error, absl::StrCat("HTTP 400", kNotKept));
}

// Slack refuses a message with a blank text, and it would be lost.
TEST_F(SenderTest, ATemplateThatComesToNothingIsReplacedByTheUsualText) {
  Declare("s",
          "triggers: [paused], slack: {url_secret: slack}, "
          "template: {title: '{{error}} ', body: \"{{rows}}\\n\"}");
  Collect();
  Record("job.pause", "jobs/A");
  Collect();
  Send();
  ASSERT_EQ(transfers_->waiting.size(), 1u);
  const auto message = nlohmann::json::parse(transfers_->waiting[0].body);
  EXPECT_THAT(message["text"].get<std::string>(), HasSubstr("[dbfleet] "));
  EXPECT_THAT(message["blocks"][1]["text"]["text"].get<std::string>(), HasSubstr("About: jobs/A"));
}

TEST_F(SenderTest, SlackReadsNoMarkupOfOthers) {
  Declare("s", "triggers: [paused], slack: {url_secret: slack}");
  Collect();
  Record("job.pause", "jobs/A", {{"reason", "<!channel> & <https://evil|good>"}});
  Collect();
  Send();
  ASSERT_EQ(transfers_->waiting.size(), 1u);
  const auto& sent = transfers_->waiting[0];
  EXPECT_EQ(sent.url, "https://hooks.slack.com/services/s3cr3t-path");
  EXPECT_THAT(sent.body, HasSubstr("&lt;!channel&gt; &amp; "));
  EXPECT_THAT(sent.body, ::testing::Not(HasSubstr("<")));
  transfers_->Answer(404, "no_service /services/s3cr3t-path");
  Send();
  EXPECT_EQ(Rows()[0].error, absl::StrCat("HTTP 404", kNotKept));
}

TEST_F(SenderTest, MailHeadersHoldOneLineEach) {
  Declare("m",
          "triggers: [paused], smtp: {host: m.example, from: a@b.example, to: [x@y.example]}, "
          "template: {title: '{{reason}}'}");
  Collect();
  Record("job.pause", "jobs/A", {{"reason", "x\r\nBcc: all@y.example \xc3\xa4 =?UTF-8?Q?y?="}});
  Collect();
  Send();
  ASSERT_EQ(transfers_->waiting.size(), 1u);
  const std::string& body = transfers_->waiting[0].body;
  const std::string head = body.substr(0, body.find("\r\n\r\n"));
  EXPECT_THAT(head, ::testing::Not(HasSubstr("Bcc")));
  EXPECT_THAT(head, HasSubstr("Subject: =?UTF-8?B?"));
  EXPECT_EQ(transfers_->waiting[0].to, "x@y.example");
}

TEST_F(SenderTest, OldRowsAreDeleted) {
  Declare("r", Hook("failed"));
  Collect();
  Happen(3);
  AnswerAll(200);
  clock_.Advance(Sender::kKeepSent + absl::Hours(1));
  ASSERT_TRUE(sender_->Upkeep().ok());
  EXPECT_TRUE(Rows().empty());
}

TEST(Lanes, AGoodAnswerDoesNotEndAPauseThatTheHostAskedFor) {
  Lanes lanes([] { return 0.5; });
  lanes.Begin("r");
  lanes.Begin("r");
  lanes.End("r", true, absl::ZeroDuration());
  lanes.Pause("r", absl::Minutes(1), absl::ZeroDuration());
  lanes.End("r", true, absl::ZeroDuration());
  EXPECT_EQ(lanes.Room("r", absl::Seconds(59)), 0);
  EXPECT_EQ(lanes.Room("r", absl::Seconds(60)), Lanes::kMostOfRoute);
  lanes.Pause("r", absl::Hours(100), absl::ZeroDuration());
  EXPECT_GT(lanes.Room("r", Lanes::kLongestRetryAfter), 0);
}

TEST(Lanes, RoutesInTroubleShareABoundedPart) {
  Lanes lanes([] { return 0.5; });
  for (int i = 0; i < 300; ++i) {
    const std::string route = absl::StrCat("r", i);
    lanes.Begin(route);
    lanes.End(route, false, absl::ZeroDuration());
  }
  int begun = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string route = absl::StrCat("r", i);
    if (lanes.Room(route, absl::ZeroDuration()) == 0) continue;
    lanes.Begin(route);
    ++begun;
  }
  EXPECT_EQ(begun, Lanes::kMostTroubled);
  EXPECT_EQ(lanes.Room("healthy", absl::ZeroDuration()), Lanes::kMostOfRoute);
}

TEST(Lanes, DelaysGrowToTheirLimit) {
  EXPECT_EQ(NextDelay(1, 1), kFirstDelay);
  EXPECT_EQ(NextDelay(2, 1), 2 * kFirstDelay);
  EXPECT_EQ(NextDelay(100, 1), kLongestDelay);
  EXPECT_EQ(NextDelay(100, 0), absl::ZeroDuration());
}

}  // namespace
}  // namespace dbfleet::controller
