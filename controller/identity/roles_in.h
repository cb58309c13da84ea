#pragma once

#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/identity/rights.h"
#include "controller/identity/role_book.h"
#include "controller/store/store.h"

// Which roles a transaction sees. RoleBindings are compiled once for each change to them, which a
// setting counts; looking is one read of that setting. The book is kept for the whole process: the
// setting is never the same twice, whatever the store. Thread-safe.
namespace dbfleet::controller {

// The roles of "users/ada" in this environment: her own and those that RoleBindings give. None for
// somebody who is disabled, not there, or no user ("system/..."). Whoever is admin anywhere, and
// every service account, is approver nowhere. DATA_LOSS (STORE_CORRUPT) for a stored binding that
// cannot be read.
absl::StatusOr<std::set<Role>> RolesIn(ReadTx& tx, const std::string& principal,
                                       const std::string& environment);

absl::StatusOr<std::shared_ptr<const RoleBook>> ReadRoleBook(ReadTx& tx);

// What "users/ada" may do now, whatever token she had: for what she asked for earlier. Nothing for
// whom RolesIn gives no role. While a stored binding cannot be read, her own roles count, but for
// approving.
absl::StatusOr<Rights> RightsOf(ReadTx& tx, const std::string& principal);

// A stored RoleBinding. DATA_LOSS (STORE_CORRUPT).
absl::StatusOr<RoleBinding> RoleBindingOf(ReadTx& tx, const Resource& resource);

// Part of every transaction that writes or deletes the binding `id`: the book is compiled anew, and
// `principal` counts as one of the binding's makers for as long as it is there.
absl::Status NoteRoleChange(WriteTx& tx, const std::string& id, const std::string& principal,
                            absl::Time now);
absl::Status NoteRoleRemoval(WriteTx& tx, const std::string& id, absl::Time now);
// Another one after each of these; "" before the first.
absl::StatusOr<std::string> RoleGeneration(ReadTx& tx);

// INVALID_ARGUMENT (ROLE_CONFLICT) if by own roles and this book the user would be admin and
// approver, each wherever it may be, or an approver without being a person.
absl::Status CheckSeparateHands(const User& user, const RoleBook& book);

inline constexpr absl::string_view kRoleBindingKind = "RoleBinding";

}  // namespace dbfleet::controller
