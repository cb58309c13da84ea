#include <cppconn/exception.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/engine/statement_text.h"
#include "agent/engines/mysql/mysql_connection.h"
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

// Errors whose quoted text is names of schema objects, accounts or settings only. In all others a
// quote may hold a value of a row or a part of the statement.
const int kNamesOnly[] = {
    1005, 1006, 1007, 1008, 1044, 1045, 1046, 1048, 1049, 1050, 1051, 1052, 1054, 1059, 1060, 1061,
    1066, 1068, 1069, 1071, 1072, 1075, 1091, 1099, 1100, 1101, 1109, 1113, 1115, 1130, 1133, 1136,
    1141, 1142, 1143, 1146, 1147, 1166, 1170, 1176, 1193, 1205, 1213, 1215, 1227, 1238, 1264, 1265,
    1273, 1290, 1304, 1305, 1317, 1318, 1327, 1347, 1356, 1359, 1360, 1364, 1370, 1396, 1406, 1410,
    1419, 1451, 1452, 1553, 1557, 1698, 1701, 1792, 1813, 1824, 1826, 1832, 1833, 1834, 1845, 1846,
    1969, 2001, 2002, 2003, 2005, 2006, 2012, 2013, 2026, 2055, 3024, 4025, 4031};

// Raised by SIGNAL or by a stored program: free text from inside the database.
bool IsUserText(int number, absl::string_view state) { return number == 1644 || state == "45000"; }

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
  std::string text;
  if (IsUserText(number, state)) {
    text = "raised by a stored program; its text is not shown here because it may hold row data";
  } else if (std::find(std::begin(kNamesOnly), std::end(kNamesOnly), number) !=
             std::end(kNamesOnly)) {
    text = exception.what();
  } else {
    text = MaskQuoted(exception.what(), '\'');
  }
  text = Truncate(SanitizeForDisplay(text), 1024);
  // The driver's own complaints carry no number.
  if (number == 0) return Error(code, reason, absl::StrCat("database driver: ", text));
  return Error(code, reason, absl::StrCat("error ", number, " (", state, "): ", text));
}

}  // namespace dbfleet::agent
