#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

// Part of the domain's types: see types.h.
namespace dbfleet::controller {

// Which changes may start inside of a maintenance window only.
enum class WindowFor { kNone, kSchemaChanges, kDestructive, kAll };

// What happens to a change that has begun when its window closes.
enum class Overrun { kFinish, kPause, kCancel };

// What configurations and manifests say where they demand no promotion.
inline constexpr char kNoPromotion[] = "none";

// A change has to have succeeded in another environment first: the same one, by its contents.
struct PromotionPolicy {
  std::string from;  // The earlier environment; "": no demand.
  absl::Duration within = absl::Hours(24 * 30);
  bool rehearsal = false;  // There it also has to have been taken back and applied again.

  bool operator==(const PromotionPolicy&) const = default;
};

struct EnvironmentPolicy {
  int destructive_approvals = 0;
  absl::Duration verified_backup_max_age = absl::ZeroDuration();  // Zero: no backup demanded.
  absl::Duration approval_ttl = absl::Hours(24);
  bool destructive_consent = true;
  WindowFor window_for = WindowFor::kNone;
  PromotionPolicy promotion;

  bool operator==(const EnvironmentPolicy&) const = default;
};

struct Environment {
  std::string name;
  std::string display_name;
  EnvironmentPolicy policy;
  bool declared = false;  // Applied as a resource: the configuration's entry counts no more.
  uint64_t version = 0;

  bool operator==(const Environment&) const = default;
};

}  // namespace dbfleet::controller
