#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/engine/engine.h"
#include "agent/engine/health.h"
#include "agent/engines/mysql/mysql_connection.h"
#include "common/time/clock.h"

namespace dbfleet::agent {

// A connection with the inspection account that never works past its deadline: one read may take
// half of it, and nothing starts in its second half. Not thread-safe.
class MysqlProbe {
 public:
  static absl::StatusOr<std::unique_ptr<MysqlProbe>> Open(const InstanceSpec& spec,
                                                          absl::Duration deadline, Clock& clock);

  // DEADLINE_EXCEEDED (DATABASE_TIMEOUT) without asking when the time is used up.
  absl::StatusOr<std::vector<MysqlConnection::NamedRow>> Query(absl::string_view statement);

  // SHOW GLOBAL STATUS or VARIABLES, names in lower case.
  using Values = std::map<std::string, std::string>;
  absl::StatusOr<Values> Status() { return NameValues("SHOW GLOBAL STATUS"); }
  absl::StatusOr<Values> Variables() { return NameValues("SHOW GLOBAL VARIABLES"); }

  // One row per replication channel, column names in lower case and the old words (master, slave)
  // whatever the server calls them. Empty on a primary.
  using Channel = std::map<std::string, std::optional<std::string>>;
  absl::StatusOr<std::vector<Channel>> ReplicationChannels();

  const std::string& version() const { return connection_->version(); }
  bool is_mariadb() const { return connection_->is_mariadb(); }

 private:
  MysqlProbe(absl::Duration deadline, Clock& clock);
  absl::StatusOr<Values> NameValues(absl::string_view statement);

  Clock& clock_;
  const absl::Duration start_;
  const absl::Duration deadline_;
  const absl::Duration io_timeout_;
  std::unique_ptr<MysqlConnection> connection_;
};

// What requirement W1 asks about an instance. `deltas` remembers counters from check to check.
work::v1::InstanceHealth CheckMysql(const InstanceSpec& spec, absl::Duration deadline, Clock& clock,
                                    CounterDeltas& deltas);

// Samples under mysqld_exporter's names.
std::vector<Sample> CollectMysqlMetrics(const InstanceSpec& spec, absl::Duration deadline,
                                        Clock& clock);

// The accounts' GRANT statements.
std::string MysqlGrants(const InstanceSpec& spec);

}  // namespace dbfleet::agent
