#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "controller/notify/outgoing.h"
#include "tests/unit/controller/notify/notify_fixture.h"

namespace dbfleet::controller {
namespace {

using State = Notification::State;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kNotKept[] =
    "; the receiver's answer is not kept, as it may quote the route's secret";

class QuotedSecretsTest : public NotifyTest {};

// A trail that is never shortened would keep it for ever.
TEST_F(QuotedSecretsTest, NoQuotedSecretReachesTheOutboxOrTheTrail) {
  WriteSecret("bearer", "ab/cd+s3cr3t");
  WriteSecret("slack", "https://hooks.slack.com/services/T0001/s3cr3t-hook");
  secrets_ = RouteSecrets(folder_ + "/secrets", {{"key", {"webhook", {"h.example"}}},
                                                 {"bearer", {"webhook", {"h.example"}}},
                                                 {"slack", {"slack", {"hooks.slack.com"}}}});
  Declare("hook",
          "triggers: [failed], webhook: {url: 'https://h.example/x', signing_secret: key, "
          "bearer_secret: bearer}");
  Declare("slack", "triggers: [failed], slack: {url_secret: slack}");
  Collect();
  Happen(1);
  for (int i = 0; i < 3; ++i) {
    Send();
    ASSERT_EQ(transfers_->waiting.size(), 2u) << i;
    while (!transfers_->waiting.empty()) {
      const bool slack = transfers_->waiting.front().url.find("slack") != std::string::npos;
      transfers_->Answer(slack ? 404 : 400, slack ? "no hook s3cr3t-hook"
                                                  : R"({"error":"what is Bearer ab\/cd+s3cr3t?"})");
    }
    Send();
    clock_.Advance(absl::Minutes(5));
  }
  ASSERT_EQ(Count(State::kDead), 2u);
  for (const Notification& row : Rows()) {
    EXPECT_THAT(row.error, AllOf(HasSubstr("HTTP 40"), ::testing::EndsWith(kNotKept)));
  }
  int told = 0;
  for (const AuditRow& row : Trail()) {
    told += row.entry.action == "notification.failed";
    for (const auto& [name, value] : row.entry.details) {
      EXPECT_THAT(value, ::testing::Not(HasSubstr("s3cr3t"))) << name;
    }
  }
  EXPECT_EQ(told, 2);
}

TEST_F(QuotedSecretsTest, WhatAReceiverWithoutSecretsAnswersIsKept) {
  Declare("a", "triggers: [failed], alertmanager: {url: 'https://am.example'}");
  Collect();
  Happen(1);
  Send();
  transfers_->Answer(400, "bad \x1b[0m label");
  Send();
  EXPECT_EQ(Rows()[0].error, "HTTP 400: bad \\x1b[0m label");
}

TEST_F(QuotedSecretsTest, WhatATransferFailedOfIsKeptWithoutSecrets) {
  HiddenSecrets hidden;
  hidden.Add("s3cr3t-token");
  const Verdict verdict = Judge(
      Error(absl::StatusCode::kUnavailable, "BROKEN_OFF", "lost at s3cr3t%2Dtoken"), hidden, false);
  EXPECT_EQ(verdict.words, "BROKEN_OFF: lost at [secret]");
}

}  // namespace
}  // namespace dbfleet::controller
