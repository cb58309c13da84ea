#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "controller/identity/named_roles.h"
#include "controller/identity/principals.h"
#include "controller/identity/roles_in.h"
#include "controller/policy/policy.h"
#include "controller/resources/approval_source.h"
#include "controller/resources/impact.h"
#include "controller/resources/proposal_manager.h"
#include "controller/resources/resource_manager.h"
#include "controller/resources/retention.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"
#include "tests/fakes/read_from.h"
#include "tests/unit/controller/policy/plain_policy.h"

namespace dbfleet::controller {

using resource::v1::Proposal;

// Environments, an admin and a policy admin; what is loosened is proposed.
class ProposalsFixture : public ::testing::Test {
 protected:
  static std::string EnvironmentYaml(const std::string& policy,
                                     const std::string& name = "production") {
    return absl::StrCat("apiVersion: dbfleet/v1\nkind: Environment\nmetadata: {name: ", name,
                        "}\nspec: {policy: {", policy, "}}\n---\n");
  }
  static std::string Freeze(const std::string& name, const std::string& end) {
    return absl::StrCat("apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: ", name,
                        "}\nspec: {effect: deny, once: {begin: \"2020-01-01T00:00:00Z\", end: \"",
                        end, "\"}}\n---\n");
  }
  static std::string Policy(const std::string& name, const std::string& requirement) {
    return absl::StrCat("apiVersion: dbfleet/v1\nkind: ApprovalPolicy\nmetadata: {name: ", name,
                        "}\nspec: {requirements: [{", requirement, "}]}\n---\n");
  }

  ProposalsFixture() {
    principals_.SetBeforeChange(
        [this](WriteTx& tx, const std::string&) { return NoteAllFormed(tx, "", clock_.Now()); });
    for (const char* name : {"development", "qa", "production"}) {
      Environment environment;
      environment.name = name;
      environment.policy = PlainPolicy(name);
      Mutate([&](WriteTx& tx) { return tx.InsertEnvironment(&environment); });
    }
    AddUser("admin", {Role::kAdmin}, "system/controller");
    AddUser("polly", {Role::kPolicyAdmin});
  }
  void Mutate(const Store::Mutation& mutation) { EXPECT_TRUE(store_.MutateAndWait(mutation).ok()); }
  void AddUser(const std::string& id, std::vector<Role> roles,
               const std::string& creator = "users/admin") {
    EXPECT_TRUE(principals_.CreateUser(creator, id, std::move(roles)).ok());
  }
  void AddApprovers() {
    for (const char* id : {"bob", "cy", "dan"}) AddUser(id, {Role::kApprover});
  }
  // A proposal, or nothing if it was applied at once.
  std::optional<Proposal> Apply(const std::string& yaml, const std::string& by = "polly",
                                bool dry_run = false) {
    std::optional<Proposal> proposal;
    const auto changes = resources_.Apply({absl::StrCat("users/", by), ""}, {{{"f.yaml", yaml}}},
                                          dry_run, "because", Rights::All(), &proposal);
    EXPECT_TRUE(changes.ok()) << changes.status();
    return proposal;
  }
  Proposal Proposed(const std::string& yaml) {
    const auto proposal = Apply(yaml);
    EXPECT_TRUE(proposal.has_value()) << "it was applied at once";
    return proposal.value_or(Proposal());
  }
  absl::StatusOr<Proposal> Approve(const Proposal& proposal, const std::string& by) {
    return proposals_.Approve({absl::StrCat("users/", by), ""}, proposal.name(), proposal.digest(),
                              "fine");
  }
  std::string ReasonOfApproval(const Proposal& proposal, const std::string& by) {
    return ReasonOf(Approve(proposal, by).status());
  }
  int ApprovalsOf(const std::string& environment = "production") {
    return ReadFrom(store_, [&](ReadTx& tx) { return tx.GetEnvironment(environment); })
        .value()
        .policy.destructive_approvals;
  }
  bool Exists(const std::string& id) {
    return ReadFrom(store_, [&](ReadTx& tx) { return tx.GetResource(id); }).ok();
  }
  std::vector<AuditEntry> Audited(const std::string& action) {
    std::vector<AuditEntry> found;
    for (const AuditRow& row : store_.Audit()) {
      if (row.entry.action == action) found.push_back(row.entry);
    }
    return found;
  }

  FakeClock clock_;
  MemoryStore store_{&clock_};
  Principals principals_{&store_, &clock_};
  ResourceManager resources_{store_, clock_};
  ProposalManager proposals_{store_, clock_};
};

}  // namespace dbfleet::controller
