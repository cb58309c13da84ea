#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/policy/tightening.h"
#include "controller/resources/electorate.h"
#include "controller/resources/manifest.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// What is about to be applied, or deleted.
struct Alteration {
  const ResourceKind* kind = nullptr;
  std::string name;
  const Manifest* manifest = nullptr;  // Null: it is deleted.
};

// Is a RoleBinding among them?
bool TouchesRoles(absl::Span<const Alteration> alterations);

// The quorums of the environments whose present policy demands approvals and would be loosened; by
// environment. An environment that is not there yet has no policy that could be. While an approval
// policy cannot be read, any of them may demand more than is known (Quorum::unreadable), unless
// nothing but such policies is altered.
absl::StatusOr<std::vector<Quorum>> LoosenedBy(ReadTx& tx, absl::Span<const Alteration> alterations,
                                               absl::Time now);

// Those of these environments that demand approvals.
absl::StatusOr<std::vector<Quorum>> QuorumsOf(ReadTx& tx, const EnvironmentFilter& where);

// Where the alterations bear on who is asked, and on who could fill a quorum: what environments,
// approval policies and RoleBindings are about, now and afterwards. Nowhere for other kinds.
absl::StatusOr<EnvironmentFilter> TouchedBy(ReadTx& tx, absl::Span<const Alteration> alterations);

// Was there ever a time at which the quorum could be formed? From then on it is asked for, also if
// it cannot be formed any more: otherwise whoever takes roles away could lower a policy alone.
absl::StatusOr<bool> IsFormed(ReadTx& tx, const Quorum& quorum);
// Notes it where there are enough approvers now. Part of each transaction that takes the role from
// somebody, before it does, and of those that alter policies.
absl::Status NoteFormed(WriteTx& tx, const Electorate& electorate, const Quorum& quorum,
                        const std::string& without, absl::Time now);
// Of these environments.
absl::Status NoteAllFormed(WriteTx& tx, const std::string& without, absl::Time now,
                           const EnvironmentFilter& where = {});

}  // namespace dbfleet::controller
