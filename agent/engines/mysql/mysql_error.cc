#include <cppconn/exception.h>

#include "absl/strings/str_cat.h"

#include "agent/engines/mysql/mysql_connection.h"
#include "agent/engines/mysql/mysql_error_text.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

using absl::StatusCode;

struct Meaning {
  int number;  // The server's or client library's error number.
  StatusCode code;
  const char* reason;
};

const Meaning kMeanings[] = {
    {1005, StatusCode::kFailedPrecondition, "DATABASE_ERROR"},
    {1021, StatusCode::kResourceExhausted, "DISK_FULL"},
    {1040, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},  // Too many connections.
    {1044, StatusCode::kPermissionDenied, "DATABASE_PERMISSION"},
    {1045, StatusCode::kUnauthenticated, "DATABASE_AUTH"},
    {1049, StatusCode::kNotFound, "DATABASE_NOT_FOUND"},
    {1053, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},  // Shutdown in progress.
    {1064, StatusCode::kInvalidArgument, "BAD_SQL"},
    {1065, StatusCode::kInvalidArgument, "BAD_SQL"},  // Empty.
    {1095, StatusCode::kPermissionDenied, "DATABASE_PERMISSION"},
    {1114, StatusCode::kResourceExhausted, "DISK_FULL"},
    {1129, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},  // Host blocked.
    {1130, StatusCode::kUnauthenticated, "DATABASE_AUTH"},     // Host not allowed.
    {1142, StatusCode::kPermissionDenied, "DATABASE_PERMISSION"},
    {1143, StatusCode::kPermissionDenied, "DATABASE_PERMISSION"},
    {1152, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {1153, StatusCode::kResourceExhausted, "PACKET_TOO_LARGE"},
    {1158, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {1159, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {1160, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {1161, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {1203, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},  // The user's connections used up.
    {1205, StatusCode::kAborted, "LOCK_TIMEOUT"},
    {1213, StatusCode::kAborted, "DEADLOCK"},
    {1226, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},  // The user's resource limit.
    {1227, StatusCode::kPermissionDenied, "DATABASE_PERMISSION"},
    {1317, StatusCode::kCancelled, "INTERRUPTED"},
    {1370, StatusCode::kPermissionDenied, "DATABASE_PERMISSION"},
    {1698, StatusCode::kUnauthenticated, "DATABASE_AUTH"},
    {1792, StatusCode::kPermissionDenied, "READ_ONLY_SESSION"},
    {1820, StatusCode::kUnauthenticated, "DATABASE_AUTH"},      // Password must be changed.
    {1862, StatusCode::kUnauthenticated, "DATABASE_AUTH"},      // Password expired.
    {1927, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},   // Connection was killed.
    {1969, StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT"},  // max_statement_time.
    {2001, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {2002, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {2003, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {2005, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {2006, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {2012, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {2013, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {2014, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {2020, StatusCode::kResourceExhausted, "PACKET_TOO_LARGE"},
    {2026, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},  // TLS.
    {2055, StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {3024, StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT"},  // max_execution_time.
    {3118, StatusCode::kUnauthenticated, "DATABASE_AUTH"},      // Account locked.
    {4151, StatusCode::kUnauthenticated, "DATABASE_AUTH"},      // Account locked (MariaDB).
};

}  // namespace

absl::Status MysqlStatus(const ::sql::SQLException& exception) {
  const int number = exception.getErrorCode();
  const std::string state = exception.getSQLStateCStr();
  StatusCode code = StatusCode::kFailedPrecondition;
  const char* reason = "DATABASE_ERROR";
  for (const Meaning& meaning : kMeanings) {
    if (meaning.number != number) continue;
    code = meaning.code;
    reason = meaning.reason;
  }
  // The driver's own complaints carry no number, and no data.
  if (number == 0) {
    return Error(
        code, reason,
        absl::StrCat("database driver: ", Truncate(SanitizeForDisplay(exception.what()), 1024)));
  }
  // 45000 is a stored program's, whatever number it chose.
  const std::string text =
      state == "45000" ? std::string() : ShowableMysqlText(number, exception.what());
  return Error(code, reason,
               absl::StrCat("error ", number, " (", state, ")",
                            text.empty() ? "; its text is not shown, because it is not one of the "
                                           "server's own and may hold row data"
                                         : absl::StrCat(": ", text)));
}

}  // namespace dbfleet::agent
