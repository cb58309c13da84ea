#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/domain/approval_policy.h"
#include "controller/identity/rights.h"
#include "controller/jobs/job_manager.h"
#include "controller/resources/manifest.h"
#include "controller/resources/view.h"
#include "controller/store/store.h"
#include "controller/windows/book.h"

namespace dbfleet::controller {

struct ResourceChange {
  enum class Action { kCreated, kUpdated, kUnchanged };
  Action action = Action::kUnchanged;
  ResourceView resource;
  // Of an environment: it was the configuration's, and is a declared one from now on.
  bool takes_over = false;
  std::vector<std::string> diff;      // Lines with "+", "-" or " " before them.
  std::vector<std::string> warnings;  // See LookAhead (advice.h).
};

// One `apply` inside of its transaction.
struct ApplyContext {
  ReadTx& read;
  WriteTx* write;  // Null: only look at what would change.
  const RequestMeta& meta;
  const std::string& reason;
  absl::Time now;
  const Rights& rights;
  std::map<std::string, std::string> more = {};  // For the audit records.
};

// May these rights change what the manifest declares, as it is to be and as it is now? Before
// anything else of it is looked at. PERMISSION_DENIED (ROLE_MISSING).
absl::Status AuthoriseManifest(const ApplyContext& context, const Manifest& manifest);

// The window of a manifest, which passed the check of its kind.
DeclaredWindow WindowOf(const Manifest& manifest);

// The same for an approval policy.
ApprovalPolicy ApprovalPolicyOf(const Manifest& manifest);

// Part of every transaction that changes a resource of this kind.
absl::Status CountChange(WriteTx& tx, absl::string_view kind, absl::Time now);

// What only the clock can tell to be wrong: INVALID_ARGUMENT (BAD_WINDOW). Up to milliseconds for
// each window, so not for a transaction.
absl::Status CheckTimes(absl::Span<const Manifest> manifests, absl::Time now);

// What only the store can tell to be wrong: INVALID_ARGUMENT (UNKNOWN_ENVIRONMENT; PROMOTION_CIRCLE
// if environments would wait for each other; UNKNOWN_USER, or ROLE_CONFLICT if RoleBindings would
// put together what is for separate hands).
absl::Status CheckReferences(ReadTx& tx, absl::Span<const Manifest> manifests);

// ABORTED (STALE): somebody else changed or deleted it since its etag was given out.
absl::Status Stale(absl::string_view id);

// Deletes it, with its audit record, and gives what it was; `version` as ResourceManager::Delete.
absl::StatusOr<ResourceView> DeleteDeclared(const ApplyContext& context, const std::string& id,
                                            uint64_t version);

// Writes the resource, if it is not there as declared, with its audit record. ABORTED (STALE);
// ALREADY_EXISTS (RESOURCE_EXISTS): it was to be made.
absl::StatusOr<ResourceChange> ApplyManifest(const ApplyContext& context, const Manifest& manifest);

}  // namespace dbfleet::controller
