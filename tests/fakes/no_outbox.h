#pragma once

#include "controller/store/outbox.h"

namespace dbfleet::controller {

// For stores of tests that are not about notifications; those take a real one.
class NoOutbox : public Outbox {
 public:
  absl::StatusOr<Notification> Get(absl::string_view) const override { return None(); }
  absl::StatusOr<Page<Notification>> List(const NotificationFilter&,
                                          const PageRequest&) const override {
    return None();
  }
  absl::StatusOr<std::vector<Notification>> Due(absl::string_view, const DueTimes&,
                                                int) const override {
    return None();
  }
  absl::StatusOr<std::vector<std::string>> WaitingRoutes() const override { return None(); }
  absl::StatusOr<std::optional<Notification>> Last(absl::string_view,
                                                   absl::string_view) const override {
    return None();
  }
  absl::StatusOr<int> CountWaiting(absl::string_view, int) const override { return None(); }
  absl::StatusOr<NotificationCounts> Count() const override { return None(); }
  absl::Status Insert(Notification*) override { return None(); }
  absl::Status Update(Notification*) override { return None(); }
  absl::StatusOr<int> Prune(Notification::State, absl::Time, int, int) override { return None(); }

 private:
  static absl::Status None() { return absl::UnimplementedError("this store has no outbox"); }
};

}  // namespace dbfleet::controller
