#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/domain/types.h"

// What reads of the store (store.h) are narrowed by, and what they give beside rows.
namespace dbfleet::controller {

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

struct JobFilter {
  std::string environment;  // "" matches all, here and below.
  std::optional<JobKind> kind;
  std::optional<JobState> state;
};

// A job's tasks and attempts in figures. Stages are the lowest with such a task; nullopt: there is
// none.
struct JobProgress {
  std::optional<int> pending_stage;
  std::optional<int> active_stage;
  std::optional<int> waiting_stage;  // For a person.
  bool failed = false;               // A task failed or was rolled back.
  bool unplanned = false;            // A PENDING task has no plan.
  bool several = false;              // There are more tasks than one.
  int active = 0;                    // ACTIVE tasks.
  int open_attempts = 0;
};

struct BackupFilter {
  std::string instance_id;
  std::string environment;
};

struct AuditFilter {
  std::string resource_prefix;
  std::string actor;
};

}  // namespace dbfleet::controller
