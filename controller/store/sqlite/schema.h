#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"

#include "controller/store/sqlite/connection.h"

namespace dbfleet::controller::sqlite {

// "DBFC", in the file's header: tells a store from any other SQLite file.
inline constexpr int64_t kApplicationId = 0x44424643;

// What brings a store from `version` - 1 to `version`. A released step never changes; a change of
// the schema is a new one.
struct SchemaStep {
  int version;
  const char* sql;
  // What SQL alone cannot do; after it, in the same transaction. May be null.
  absl::Status (*then)(Connection&) = nullptr;
};

// The steps of this program, ascending from 1 without gaps.
absl::Span<const SchemaStep> SchemaSteps();

// FAILED_PRECONDITION (NOT_A_STORE) unless the file is empty or a store of ours. Changes nothing,
// so that another program's file stays as it was.
absl::Status CheckIsStore(Connection& connection);

// Brings the store to the last step's version, in one transaction: after a crash it has the old
// schema or the new. FAILED_PRECONDITION (SCHEMA_TOO_NEW) if a newer program made the store.
absl::Status UpgradeSchema(Connection& connection, absl::Span<const SchemaStep> steps);

}  // namespace dbfleet::controller::sqlite
