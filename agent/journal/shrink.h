#pragma once

#include <cstdint>

#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::agent {

// An outcome that fits into `max_bytes`, for a full disk: what can be read again from elsewhere
// goes (a backup's file list stands in its manifest), and read-only work whose rows are lost
// becomes FAILED (RESULT_DROPPED). What took effect is never dropped or changed.
v1::Finished ShrinkToFit(v1::Finished finished, int64_t max_bytes);

}  // namespace dbfleet::agent
