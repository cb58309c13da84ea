#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/metrics/registry.h"
#include "common/transfer/transfer.h"
#include "controller/notify/lanes.h"
#include "controller/notify/route_book.h"
#include "controller/notify/route_secrets.h"
#include "controller/notify/span_calls.h"
#include "controller/notify/span_state.h"
#include "controller/notify/spans.h"
#include "controller/notify/steady_time.h"
#include "controller/store/store.h"
#include "dbfleet/store/v1/window_state.pb.h"

namespace dbfleet::controller {

// Keeps silences and annotations at their receivers as what they follow begins, is moved and ends.
//
// A row of the store for each, written before anything is sent and marked unsure before whatever
// may make something: after a crash, or an answer that did not come, the receiver is asked for what
// has the row's key, so that nothing is made twice or forgotten. A silence ends by itself: with its
// window, or, of a change, after the route's lease, which is renewed at half of it. What fails is
// tried again with backoff, in a lane of its route's, and holds up nothing else. A silence that
// would say too much is not made, which is told once in the audit trail, and once more after a
// restart.
//
// Not thread-safe: everything is called on one executor, to which `post` hands over.
class SpanKeeper {
 public:
  using Post = std::function<void(std::function<void()>)>;

  SpanKeeper(Store& store, const SteadyTime& time, transfer::Client& client,
             const RouteSecrets& secrets, metrics::Registry& registry, Post post,
             double (*random)() = nullptr);

  // Looks at what lasts by `now`, the wall clock's time, begins what may begin and writes down what
  // ended. How long it has nothing to do, if nothing happens.
  absl::StatusOr<absl::Duration> Tick(absl::Time now);
  // No request is begun any more.
  void Stop() { stopped_ = true; }

  static constexpr absl::Duration kPulse = absl::Seconds(1);  // While there is a row.
  static constexpr absl::Duration kIdlePulse = absl::Seconds(10);
  // Between two attempts of a change on one instance nothing ends.
  static constexpr absl::Duration kLinger = absl::Seconds(30);
  static constexpr absl::Duration kLongestDelay = absl::Minutes(1);
  static constexpr size_t kMostRows = 5000;
  static constexpr size_t kMostWritten = 200;            // With one transaction.
  static constexpr size_t kMostMatcherBytes = 16 << 10;  // Of a silence, together.

 private:
  using Span = store::v1::FollowedSpan;
  struct Row : SpanState {
    std::string key;
    Resource resource;  // As stored; without an id if it is not.
    bool remove = false;
    bool under_way = false;
    absl::Duration next;  // By SteadyTime::Passed.
    absl::Time gone_since = absl::InfiniteFuture();
  };

  using Name = std::pair<std::string, std::string>;  // Route and subject.
  struct Wanted {
    Name name;  // With what tells it apart, if the subject needs several silences.
    const WantedSpan* span;
    std::shared_ptr<const Route> route;
    std::string matchers;  // Of a silence.
  };

  absl::Status Load(ReadTx& tx);
  std::vector<Wanted> Parts(const std::vector<WantedSpan>& spans);
  void Follow(const std::vector<WantedSpan>& spans, absl::Time now);
  Row* Insert(const Wanted& wanted, absl::Time now);
  static void Adapt(const WantedSpan& wanted, const std::string& matchers, Row* live);
  static void Finish(Row* row, absl::Time end);
  absl::Status Write(std::vector<Row*> rows, absl::Time now);
  void Begin(Row* row, SpanStep step);
  void End(const std::string& key, SpanStep step, int code, const Verdict& verdict,
           const absl::StatusOr<SpanAnswer>& answer);

  Store& store_;
  const SteadyTime& time_;
  transfer::Client& client_;
  const RouteSecrets& secrets_;
  const Post post_;
  double (*const random_)();
  Lanes lanes_;
  RouteBook book_;
  SpanSource source_;
  bool loaded_ = false;
  bool stopped_ = false;
  bool full_ = false;
  std::set<Name> too_large_;                        // By the last look.
  std::vector<std::pair<Name, std::string>> lost_;  // To be told, with the errors.
  absl::Duration look_at_;
  std::map<std::string, std::unique_ptr<Row>> rows_;  // By key.
  metrics::Gauge& silences_;
  metrics::Gauge& annotations_;
  metrics::Counter& failures_;
};

}  // namespace dbfleet::controller
