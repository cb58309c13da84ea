#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/domain/types.h"
#include "controller/store/queries.h"

namespace dbfleet::controller {

struct NotificationFilter {
  std::optional<Notification::State> state;
  std::string route;  // "" matches all.
};

// When a waiting row may be tried: its time has come, or lies so far ahead that the clock must have
// been set back since it was written.
struct DueTimes {
  absl::Time now;
  absl::Time farthest;
};

struct NotificationCounts {
  int64_t waiting = 0;
  int64_t failed = 0;
  absl::Time oldest_waiting = absl::InfiniteFuture();  // When it was made.
};

// The notifications, inside of a transaction of the store (store.h).
class OutboxReader {
 public:
  virtual ~OutboxReader() = default;

  virtual absl::StatusOr<Notification> Get(absl::string_view id) const = 0;
  // Newest first.
  virtual absl::StatusOr<Page<Notification>> List(const NotificationFilter& filter,
                                                  const PageRequest& page) const = 0;
  // Waiting ones of the route that may be tried, those that wait longest first. Of one subject and
  // recipient only the first: the others wait for it.
  virtual absl::StatusOr<std::vector<Notification>> Due(absl::string_view route,
                                                        const DueTimes& times, int limit) const = 0;
  // The routes of which something waits, in order.
  virtual absl::StatusOr<std::vector<std::string>> WaitingRoutes() const = 0;
  // The route's latest about this subject.
  virtual absl::StatusOr<std::optional<Notification>> Last(absl::string_view route,
                                                           absl::string_view subject) const = 0;
  // How many of the route wait, counted up to `limit`.
  virtual absl::StatusOr<int> CountWaiting(absl::string_view route, int limit) const = 0;
  virtual absl::StatusOr<NotificationCounts> Count() const = 0;
};

class Outbox : public OutboxReader {
 public:
  // ALREADY_EXISTS if the route's recipient has one of this audit record.
  virtual absl::Status Insert(Notification* value) = 0;
  virtual absl::Status Update(Notification* value) = 0;
  // Deletes up to `limit` of this state that ended before `before`, or that `keep` newer ones
  // follow. Returns how many.
  virtual absl::StatusOr<int> Prune(Notification::State state, absl::Time before, int keep,
                                    int limit) = 0;
};

}  // namespace dbfleet::controller
