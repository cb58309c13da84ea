#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/time/clock.h"
#include "controller/jobs/job_manager.h"
#include "controller/resources/apply.h"
#include "controller/resources/manifest.h"
#include "controller/resources/view.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// One window's or freeze's stretch of time.
struct WindowOccurrence {
  const DeclaredWindow* declared = nullptr;
  Span span;
};

struct WindowOccurrences {
  std::shared_ptr<const WindowBook> book;  // Holds what `items` point to.
  std::vector<WindowOccurrence> items;
  bool more = false;  // The limit cut it short.
};

// Keeps what `dbfleet apply` declares. Every change is one transaction with its audit records.
// Thread-safe; not to be called from the store's writer thread.
class ResourceManager {
 public:
  ResourceManager(Store& store, Clock& clock) : store_(store), clock_(clock) {}

  // All of them or none. INVALID_ARGUMENT: see ParseManifests; BAD_WINDOW; UNKNOWN_ENVIRONMENT.
  // Applying the same again changes nothing, so a retry is harmless. With `dry_run` nothing is
  // changed.
  absl::StatusOr<std::vector<ResourceChange>> Apply(const RequestMeta& meta,
                                                    absl::Span<const ManifestText> texts,
                                                    bool dry_run, const std::string& reason);

  absl::StatusOr<ResourceView> Get(absl::string_view id);
  // Of a kind, or of all: "". Environments come first, all of them on the first page.
  absl::StatusOr<Page<ResourceView>> List(absl::string_view kind, const PageRequest& page);

  // `version` 0: whatever it is now. ABORTED (STALE); FAILED_PRECONDITION (ENVIRONMENT_STAYS). A
  // repeated request with the same id gives the same answer.
  absl::StatusOr<ResourceView> Delete(const RequestMeta& meta, absl::string_view id,
                                      uint64_t version, const std::string& reason);

  // Those that overlap [from, until), in the order of their begins; at most `limit`.
  absl::StatusOr<WindowOccurrences> Occurrences(const std::string& environment, absl::Time from,
                                                absl::Time until, size_t limit);

 private:
  Store& store_;
  Clock& clock_;
};

}  // namespace dbfleet::controller
