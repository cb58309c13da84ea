#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dbfleet {

// Errors travel as absl::Status. Beside the code and the message (what was wrong, where, what to
// do) a status carries a *reason*: an UPPER_SNAKE_CASE word that programs can act on. It survives
// gRPC as google.rpc.ErrorInfo (common/rpc/status.h).

// A status with a reason. `code` must not be OK.
absl::Status Error(absl::StatusCode code, absl::string_view reason, absl::string_view message);

// The reason of a status; "" if it has none.
std::string ReasonOf(const absl::Status& status);

// Puts `context` and ": " before the message; code, reason and other payloads stay. OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

}  // namespace dbfleet

#define DBFLEET_CONCAT_INNER_(a, b) a##b
#define DBFLEET_CONCAT_(a, b) DBFLEET_CONCAT_INNER_(a, b)

// Returns from the enclosing function if the expression's status is not OK.
#define RETURN_IF_ERROR(expr)                           \
  do {                                                  \
    if (absl::Status status_ = (expr); !status_.ok()) { \
      return status_;                                   \
    }                                                   \
  } while (false)

// ASSIGN_OR_RETURN(auto x, F()): x becomes the value of the StatusOr, or its error is returned.
#define ASSIGN_OR_RETURN(lhs, expr) \
  ASSIGN_OR_RETURN_IMPL_(DBFLEET_CONCAT_(status_or_, __LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                           \
  if (!tmp.ok()) {                             \
    return std::move(tmp).status();            \
  }                                            \
  lhs = *std::move(tmp)
