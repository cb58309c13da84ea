#pragma once

#include <vector>

#include "absl/status/statusor.h"

#include "controller/domain/types.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/store.h"

// How audit records are read, for the files of this folder that select them.
namespace dbfleet::controller::sqlite {

inline constexpr char kSelectAudit[] =
    "SELECT seq, time_us, actor, action, resource, environment, details, previous_hash, hash "
    "FROM audit ";

// All that a statement with kSelectAudit gives. DATA_LOSS (AUDIT_CORRUPT).
absl::StatusOr<std::vector<AuditRow>> ReadAuditRows(Statement* statement);

}  // namespace dbfleet::controller::sqlite
