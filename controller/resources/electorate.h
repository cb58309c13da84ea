#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "controller/identity/role_book.h"
#include "controller/policy/tightening.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Who approves where, as one transaction sees it: the users and their roles are read once, for
// questions about many environments. What alters roles makes it old. A value.
class Electorate {
 public:
  // DATA_LOSS (STORE_CORRUPT) for a stored RoleBinding that cannot be read.
  static absl::StatusOr<Electorate> Read(ReadTx& tx);

  // Enabled users that are approvers in the environment.
  std::vector<Voter> ApproversIn(const std::string& environment) const;

  // What each requirement of the environment's that is open waits for.
  struct Opening {
    std::string policy;
    std::string requirement;
    // "users/bob, users/cy", or "nobody: users/bob is disabled; an admin can enable the account:
    // dbfleet user enable bob".
    std::string who_can;
  };
  // `others`: whose approval would count and is not there.
  std::vector<Opening> WhoCan(const OpenQuorum& open, absl::Span<const Voter> others,
                              const std::string& environment) const;

  // Are there enough approvers, without this one? "": with everybody.
  bool CouldForm(const Quorum& quorum, const std::string& without) const;

 private:
  // Of the user "users/ID" whom a requirement names.
  std::string WhyNot(const std::string& principal, const std::string& environment) const;

  Electorate(std::vector<User> users, std::shared_ptr<const RoleBook> book)
      : users_(std::move(users)), book_(std::move(book)) {}

  std::vector<User> users_;
  std::shared_ptr<const RoleBook> book_;
};

}  // namespace dbfleet::controller
