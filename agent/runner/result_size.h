#pragma once

#include <cstdint>

#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::agent {

// Below the stream's message limit of 4 MiB, with room for the rest of the event.
inline constexpr int64_t kMaxResultBytes = 3 << 20;

// Makes an outcome fit into one message: an inspection's rows are cut (`truncated`), a plan that is
// too large becomes FAILED (PLAN_TOO_LARGE), a backup's file list stays in its manifest. Error
// messages are made printable and at most 8 KiB.
void FitIntoMessage(v1::Finished* finished, int64_t max_bytes = kMaxResultBytes);

}  // namespace dbfleet::agent
