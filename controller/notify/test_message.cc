#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/concurrency/mutex.h"
#include "controller/notify/notifier.h"
#include "controller/notify/outgoing.h"
#include "controller/notify/span_calls.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kLongestMails = absl::Minutes(1);  // Then no further one is begun.

// The answers to some transfers that were started together.
class Answers {
 public:
  // `heard`: the receiver said something, or was not asked.
  void Add(size_t index, Verdict verdict, bool heard = false) {
    MutexLock lock(&mutex_);
    if (verdicts_.size() <= index) verdicts_.resize(index + 1);
    verdicts_[index] = std::move(verdict);
    heard_[index] = heard;
    changed_.SignalAll();
  }
  // Whether that one was heard.
  bool WaitFor(size_t index) {
    MutexLock lock(&mutex_);
    while (!heard_.contains(index)) changed_.Wait(&mutex_);
    return heard_[index];
  }
  std::vector<Verdict> Wait(size_t count) {
    MutexLock lock(&mutex_);
    while (heard_.size() < count) changed_.Wait(&mutex_);
    return verdicts_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::map<size_t, bool> heard_ ABSL_GUARDED_BY(mutex_);  // Of those that have come.
  std::vector<Verdict> verdicts_ ABSL_GUARDED_BY(mutex_);
};

Notification TestNotification(const Route& route, const std::string& recipient, absl::Time now,
                              const std::string& status) {
  Notification row;
  row.id = NewUlid(now);
  row.route = route.name;
  row.recipient = recipient;
  row.subject = absl::StrCat("notificationroutes/", route.name);
  row.trigger = std::string(kTestTrigger);
  row.fields = {{"summary", absl::StrCat("a test of the route ", route.name)},
                {"trigger", row.trigger},
                {"status", status},
                {"subject", row.subject},
                {"time", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now, absl::UTCTimeZone())}};
  return row;
}

std::vector<Verdict> SendAll(const Route& route, const std::string& status, Clock& clock,
                             const RouteSecrets& secrets, transfer::Client& client) {
  auto answers = std::make_shared<Answers>();
  const absl::Duration last_begin = clock.Monotonic() + kLongestMails;
  bool silent = false;
  for (size_t i = 0; i < route.recipients.size(); ++i) {
    const Notification row = TestNotification(route, route.recipients[i], clock.Now(), status);
    absl::StatusOr<Outgoing> outgoing = MakeOutgoing(route, row, secrets, clock.Now());
    if (!outgoing.ok()) {
      Verdict verdict;
      verdict.words = absl::StrCat(ReasonOf(outgoing.status()), ": ", outgoing.status().message());
      answers->Add(i, std::move(verdict));
      continue;
    }
    const bool mail = outgoing->request.mail.has_value();
    if (mail && (silent || clock.Monotonic() > last_begin)) {
      Verdict verdict;
      verdict.words = "NOT_TRIED: the server was too slow with those before";
      answers->Add(i, std::move(verdict));
      continue;
    }
    client.Start(std::move(outgoing->request), [answers, i, mail, hidden = outgoing->hidden](
                                                   absl::StatusOr<transfer::Response> result) {
      Verdict verdict = Judge(result, hidden, mail);
      const bool heard = result.ok() || verdict.definite;
      answers->Add(i, std::move(verdict), heard);
    });
    // A route's mail goes to one server, and tests of several routes share few threads: one that
    // does not answer shall not keep all of them.
    if (mail) silent = !answers->WaitFor(i);
  }
  return answers->Wait(route.recipients.size());
}

constexpr char kTestKey[] = "test";

store::v1::FollowedSpan TestSpan(const Route& route) {
  store::v1::FollowedSpan span;
  *span.mutable_spec() = route.spec;
  span.set_receiver(route.receiver);
  std::vector<AlertMatcher::Rendered> matchers;
  for (const AlertMatcher& matcher : route.matchers) matchers.push_back(matcher.For({}));
  span.set_sent_matchers(MatchersJson(matchers));
  return span;
}

// Of a route that follows: can what it has be asked for? Nothing is silenced or drawn for a test.
Verdict AskOnce(const Route& route, const RouteSecrets& secrets, transfer::Client& client) {
  const store::v1::FollowedSpan span = TestSpan(route);
  const std::string key = kTestKey;
  absl::StatusOr<Outgoing> out = MakeSpanCall(span, key, SpanStep::kFind, "", secrets);
  Verdict verdict;
  if (!out.ok()) {
    verdict.words = absl::StrCat(ReasonOf(out.status()), ": ", out.status().message());
    return verdict;
  }
  auto answers = std::make_shared<Answers>();
  client.Start(std::move(out->request), [answers, span, key, hidden = out->hidden](
                                            absl::StatusOr<transfer::Response> result) {
    Verdict judged = Judge(result, hidden, false);
    const absl::Status understood =
        judged.delivered ? ReadSpanAnswer(span, key, SpanStep::kFind, result->body).status()
                         : absl::OkStatus();
    judged.words = judged.delivered ? absl::StrCat("HTTP ", result->code) : judged.words;
    if (!understood.ok()) {
      judged.delivered = false;
      absl::StrAppend(&judged.words, ": ", understood.message());
    }
    answers->Add(0, std::move(judged));
  });
  return answers->Wait(1)[0];
}

}  // namespace

absl::StatusOr<std::vector<TestOutcome>> Notifier::Test(const std::string& route_name) {
  std::shared_ptr<const Route> route;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const Resource resource,
                     tx.GetResource(absl::StrCat("notificationroutes/", route_name)));
    ASSIGN_OR_RETURN(route, ReadRoute(resource));
    return absl::OkStatus();
  }));
  // Each holds a thread of the API until its receivers have answered.
  struct Slot {
    explicit Slot(std::atomic<int>* taken) : taken_(*taken), mine(++*taken) {}
    ~Slot() { --taken_; }
    std::atomic<int>& taken_;
    const int mine;
  } slot(&tests_);
  if (slot.mine > kMostTests) {
    return Error(absl::StatusCode::kResourceExhausted, "TESTS_BUSY",
                 absl::StrCat(kMostTests, " tests of routes are under way; try again in a minute"));
  }
  if (route->follows()) {
    const Verdict verdict = AskOnce(*route, secrets_, *clients_.tests);
    return std::vector<TestOutcome>{{"", verdict.delivered, verdict.words}};
  }
  std::vector<Verdict> verdicts =
      SendAll(*route, route->alerts() ? "trouble" : "news", clock_, secrets_, *clients_.tests);
  if (route->alerts() && verdicts[0].delivered) {
    verdicts = SendAll(*route, "over", clock_, secrets_, *clients_.tests);
  }
  std::vector<TestOutcome> outcomes;
  for (size_t i = 0; i < verdicts.size(); ++i) {
    outcomes.push_back({route->recipients[i], verdicts[i].delivered, verdicts[i].words});
  }
  return outcomes;
}

absl::Status Notifier::CheckRoute(const Route& route) const {
  if (route.follows()) {
    return MakeSpanCall(TestSpan(route), kTestKey, SpanStep::kFind, "", secrets_).status();
  }
  const absl::Time now = clock_.Now();
  const std::string recipient = route.recipients.empty() ? "" : route.recipients[0];
  const std::string status = route.alerts() ? "trouble" : "news";
  return MakeOutgoing(route, TestNotification(route, recipient, now, status), secrets_, now)
      .status();
}

}  // namespace dbfleet::controller
