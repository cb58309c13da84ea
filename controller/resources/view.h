#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/domain/types.h"
#include "controller/resources/kinds.h"
#include "controller/store/queries.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// A declared resource as people see it.
struct ResourceView {
  std::string id;    // "maintenancewindows/weekend".
  std::string kind;  // "MaintenanceWindow".
  std::string yaml;
  std::string creator;  // "" for environments, of which that is not kept.
  std::string editor;   // "" for an environment that the audit trail does not know.
  absl::Time create_time = absl::InfinitePast();
  absl::Time update_time = absl::InfinitePast();
  uint64_t version = 0;
  // Of what was deleted: the changes whose waivers end with it.
  std::vector<std::string> voided_waivers;
  // Of a deleted window: the jobs that are queued for it.
  std::vector<std::string> queued_jobs;
};

// DATA_LOSS (STORE_CORRUPT) for one that this version cannot read.
absl::StatusOr<ResourceView> ViewOf(const Resource& resource);
ResourceView ViewOf(const Environment& environment);
// The same with who changed it last, and when, as the audit trail has it.
absl::StatusOr<ResourceView> ViewOf(ReadTx& tx, const Environment& environment);

// Which environments it is about; all of them for one that this version cannot read.
EnvironmentFilter StoredReach(const ResourceKind& kind, const Resource& resource);

// DATA_LOSS (STORE_CORRUPT) if `blob` is no message of this kind.
absl::StatusOr<std::string> YamlOf(const ResourceKind& kind, const std::string& blob,
                                   absl::string_view id);

}  // namespace dbfleet::controller
