#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "controller/domain/types.h"

// What reads of the store (store.h) are narrowed by, and what they give beside rows.
namespace dbfleet::controller {

// Rows that cannot be read, by key, with the reason (DATA_LOSS, STORE_CORRUPT).
using Unreadable = std::map<std::string, absl::Status>;

// A page of a listing. `token` is opaque to clients: the store makes and checks it; a token that it
// did not make is INVALID_ARGUMENT. `size` 0 means 50; the most is 1,000.
struct PageRequest {
  int size = 0;
  std::string token;
};

template <typename T>
struct Page {
  std::vector<T> items;
  std::string next_token;  // "" on the last page.
};

// Of which environments a listing is: all of them, or these. Made of one name, "" is all of them.
class EnvironmentFilter {
 public:
  EnvironmentFilter() = default;
  template <typename Name,
            typename = std::enable_if_t<std::is_convertible_v<Name, absl::string_view>>>
  EnvironmentFilter(const Name& name) {  // NOLINT: so that a name is a filter.
    if (!absl::string_view(name).empty()) names_.emplace_back(absl::string_view(name));
    all_ = names_.empty();
  }
  // Without a name: nothing at all.
  static EnvironmentFilter Only(std::vector<std::string> names) {
    EnvironmentFilter filter;
    filter.all_ = false;
    filter.names_ = std::move(names);
    std::sort(filter.names_.begin(), filter.names_.end());
    filter.names_.erase(std::unique(filter.names_.begin(), filter.names_.end()),
                        filter.names_.end());
    return filter;
  }

  bool all() const { return all_; }
  const std::vector<std::string>& names() const { return names_; }  // Sorted.
  bool Has(absl::string_view name) const {
    return all_ || std::binary_search(names_.begin(), names_.end(), name);
  }

  bool operator==(const EnvironmentFilter&) const = default;

 private:
  bool all_ = true;
  std::vector<std::string> names_;
};

struct JobFilter {
  EnvironmentFilter environment;
  std::optional<JobKind> kind;
  std::optional<JobState> state;
};

// A job's tasks and attempts in figures. Stages are the lowest with such a task; nullopt: there is
// none.
struct JobProgress {
  std::optional<int> pending_stage;
  std::optional<int> active_stage;
  std::optional<int> waiting_stage;  // For a person.
  int failed = 0;                    // Tasks that failed or were rolled back.
  bool unplanned = false;            // A PENDING task has no plan.
  bool several = false;              // There are more tasks than one.
  int active = 0;                    // ACTIVE tasks.
  int open_attempts = 0;
};

// What the order of a window's queue goes by.
struct QueuedJob {
  std::string id;
  std::string environment;
  JobState state = JobState::kPlanning;
  std::string error_reason;
  absl::Time create_time;
  int priority = kDefaultPriority;
  absl::Duration estimate;
};
// All for one window that have not ended, in the order of the queue.
using QueuedJobs = std::vector<QueuedJob>;
// Those for which there are any, declared or not, sorted.
using WindowNames = std::vector<std::string>;

struct BackupFilter {
  std::string instance_id;  // "" matches all, here and below.
  EnvironmentFilter environment;
  std::optional<Backup::State> state = std::nullopt;
};

// "" matches all.
struct AuditFilter {
  std::string resource_prefix;
  std::string actor;
  bool exact = false;  // Of the resource alone that the prefix names.
  std::string action_prefix = "";
  std::vector<std::string> actions = {};  // These only; empty: all.
};

struct ContentFilter {
  std::string environment;
  std::string digest;            // Job.content_digest.
  std::string rollback_of = "";  // A job's id: its rollbacks alone.
};

}  // namespace dbfleet::controller
