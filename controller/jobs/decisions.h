#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "controller/domain/types.h"

// For this folder alone: what people's decisions on jobs have in common.
namespace dbfleet::controller {

// INVALID_ARGUMENT (REASON_REQUIRED).
absl::Status RequireReason(absl::string_view reason);

// Of one that may be left out: INVALID_ARGUMENT (TEXT_TOO_LONG).
absl::Status CheckReason(absl::string_view reason);

// FAILED_PRECONDITION (BAD_STATE): "is rolling and cannot be rejected".
absl::Status WrongState(const Job& job, absl::string_view verb);

// Takes away why it was paused, and returns that. One from a window's queue has left its place
// there, and goes on when it has one again, which may be at once.
std::string LetGoOn(Job* job);

}  // namespace dbfleet::controller
