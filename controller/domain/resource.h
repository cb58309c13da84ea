#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

// Part of the domain's types: see types.h.
namespace dbfleet::controller {

// What `dbfleet apply` declared, besides environments, which have a table of their own. Ids begin
// with the collection of the kind.
struct Resource {
  std::string id;    // "maintenancewindows/weekend".
  std::string kind;  // "MaintenanceWindow".
  std::string blob;  // dbfleet.resource.v1, the message of this kind.
  std::string creator;
  std::string editor;  // Who changed it last.
  absl::Time create_time;
  absl::Time update_time;
  uint64_t version = 0;

  bool operator==(const Resource&) const = default;
};

}  // namespace dbfleet::controller
