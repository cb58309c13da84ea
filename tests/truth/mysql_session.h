#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct st_mysql;

namespace dbfleet::truth {

// A session of root, one statement a call, over the C client: no pool, no settings but the server's
// own. Not thread-safe.
class MysqlSession {
 public:
  static absl::StatusOr<std::unique_ptr<MysqlSession>> Open(const std::string& socket,
                                                            const std::string& database);
  ~MysqlSession();
  MysqlSession(const MysqlSession&) = delete;
  MysqlSession& operator=(const MysqlSession&) = delete;

  // All result sets are read and dropped. UNAVAILABLE if the connection is lost.
  absl::Status Execute(absl::string_view statement);
  // The rows of the first result set, columns joined by tabs; NULL is "NULL".
  absl::StatusOr<std::vector<std::string>> Query(absl::string_view statement);

  unsigned long id() const;  // NOLINT(google-runtime-int)

 private:
  explicit MysqlSession(st_mysql* connection) : connection_(connection) {}
  absl::Status Run(absl::string_view statement, std::vector<std::string>* rows);
  absl::Status LastError();
  st_mysql* connection_;
};

}  // namespace dbfleet::truth
