#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"

#include "controller/notify/notifier.h"
#include "tests/unit/controller/notify/notify_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Takes each mail at once.
class TakingTransfers : public transfer::Client {
 public:
  void Start(transfer::Request request, Done done) override {
    to.push_back(request.mail.has_value() ? request.mail->to : "");
    done(transfer::Response{250, "2.0.0 taken", std::nullopt});
  }
  void Stop() override { ++stops; }

  std::vector<std::string> to;
  int stops = 0;
};

class TestMessageTest : public NotifyTest {};

// A server that hangs would else hold the threads that other routes' mail waits for.
TEST_F(TestMessageTest, ATestTakesNothingFromWhatIsSentToOthers) {
  Declare("mail",
          "triggers: [paused], smtp: {host: m.example, from: a@b.example, to: [x@y.example, "
          "z@y.example]}");
  auto sends = std::make_unique<TakingTransfers>();
  auto tests = std::make_unique<TakingTransfers>();
  TakingTransfers& sent = *sends;
  TakingTransfers& tested = *tests;
  Notifier notifier(
      *store_, clock_, registry_, {std::move(sends), std::move(tests)},
      RouteSecrets(folder_ + "/secrets", {}),
      [](ReadTx&) -> absl::StatusOr<std::shared_ptr<const WindowBook>> { return nullptr; }, {});
  const auto outcomes = notifier.Test("mail");
  ASSERT_TRUE(outcomes.ok()) << outcomes.status();
  ASSERT_EQ(outcomes->size(), 2u);
  EXPECT_TRUE((*outcomes)[0].delivered && (*outcomes)[1].delivered);
  EXPECT_THAT(tested.to, ElementsAre("x@y.example", "z@y.example"));
  EXPECT_THAT(sent.to, IsEmpty());
  notifier.Stop();
  EXPECT_EQ(tested.stops, 1);
  EXPECT_EQ(sent.stops, 1);
}

}  // namespace
}  // namespace dbfleet::controller
