#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "agent/exec/child.h"

namespace dbfleet::agent {

// What lies in a record folder. The agent writes the specification and makes the lock; the
// supervisor writes its process id into the lock and, last and atomically, the record.
inline constexpr char kSpecFile[] = "spec.json";
inline constexpr char kLockFile[] = "lock";
inline constexpr char kRecordFile[] = "record.json";
// Space that is given back just before the record is written, so that a full disk can be recorded.
inline constexpr char kReserveFile[] = "record.reserve";

// The descriptor on which the supervisor inherits the lock.
inline constexpr int kLockDescriptor = 3;

// The environment variable that every process of a pipeline carries, with the pipeline's id.
inline constexpr char kMarkerVariable[] = "DBFLEET_PIPELINE";

struct StoredSpec {
  std::string id;  // Random; the marker's value.
  PipelineSpec pipeline;
};

// INVALID_ARGUMENT if a text is not UTF-8, contains NUL, or the pipeline is empty.
absl::StatusOr<std::string> SpecToJson(const StoredSpec& spec);
absl::StatusOr<StoredSpec> SpecFromJson(absl::string_view json);

std::string StatusToJson(const PipelineStatus& status);
absl::StatusOr<PipelineStatus> StatusFromJson(absl::string_view json);

}  // namespace dbfleet::agent
