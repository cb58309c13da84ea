#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/store/outbox.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/page_tokens.h"

namespace dbfleet::controller::sqlite {

// The statements behind Outbox, on a connection that is inside of a transaction.
class SqliteOutbox : public Outbox {
 public:
  SqliteOutbox(Connection* connection, const PageTokens* tokens)
      : db_(*connection), tokens_(*tokens) {}

  absl::StatusOr<Notification> Get(absl::string_view id) const override;
  absl::StatusOr<Page<Notification>> List(const NotificationFilter& filter,
                                          const PageRequest& page) const override;
  absl::StatusOr<std::vector<Notification>> Due(absl::string_view route, const DueTimes& times,
                                                int limit) const override;
  absl::StatusOr<std::vector<std::string>> WaitingRoutes() const override;
  absl::StatusOr<std::optional<Notification>> Last(absl::string_view route,
                                                   absl::string_view subject) const override;
  absl::StatusOr<int> CountWaiting(absl::string_view route, int limit) const override;
  absl::StatusOr<NotificationCounts> Count() const override;
  absl::Status Insert(Notification* value) override;
  absl::Status Update(Notification* value) override;
  absl::StatusOr<int> Prune(Notification::State state, absl::Time before, int keep,
                            int limit) override;

 private:
  Connection& db_;
  const PageTokens& tokens_;
};

}  // namespace dbfleet::controller::sqlite
