#pragma once

#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/identity/roles_in.h"
#include "controller/proposer/job_proposals.h"
#include "controller/proposer/proposer.h"
#include "controller/resources/resource_manager.h"
#include "controller/resources/schedule_source.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {

// A controller with a proposer, without network, disk and threads.
class ProposerFixture : public FleetFixture {
 protected:
  ProposerFixture() {
    SetRoles("polly", {Role::kPolicyAdmin, Role::kOperator});
    SetRoles("olga", {Role::kOperator});
    agent_.Connect();
    Boot();
  }
  ~ProposerFixture() override { proposer_.reset(); }

  void SetRoles(const std::string& id, std::vector<Role> roles) {
    EXPECT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      absl::StatusOr<User> user = tx.GetUser(id);
                      User next = user.ok() ? *user : User();
                      next.id = id;
                      next.roles = roles;
                      return user.ok() ? tx.UpdateUser(&next) : tx.InsertUser(&next);
                    })
                    .ok());
  }

  void Boot() {
    proposer_ = std::make_unique<Proposer>(options_, store_, jobs_, hub_, source_, clock_,
                                           executor_, metrics_);
    proposer_->Start();
    executor_.RunAll();
  }
  // As after a crash: nothing is left but the store.
  void Crash() { proposer_.reset(); }
  void Reboot() {
    Crash();
    Boot();
  }
  void Look() {
    proposer_->Wake();
    executor_.RunAll();
  }

  // For production; `more` are further fields of the spec.
  static std::string Yaml(const std::string& name, const std::string& more = "",
                          const std::string& propose = "job: {check: {}}",
                          const std::string& on = "triggers: [health-change]") {
    return absl::StrCat("apiVersion: dbfleet/v1\nkind: EventRule\nmetadata: {name: ", name,
                        "}\nspec: {on: {", on, "}, selector: {environments: [production]}, ",
                        more.empty() ? "" : more + ", ", "propose: {", propose, "}}\n");
  }
  absl::Status Apply(const std::string& yaml, const std::string& who = "users/polly") {
    Rights rights;
    EXPECT_TRUE(store_
                    .Read([&](ReadTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(rights, RightsOf(tx, who));
                      return absl::OkStatus();
                    })
                    .ok());
    const absl::Status status =
        resources_.Apply({who, "", ""}, {{{"f.yaml", yaml}}}, false, "", rights).status();
    Look();
    return status;
  }
  void Declare(const std::string& name, const std::string& more = "",
               const std::string& propose = "job: {check: {}}",
               const std::string& on = "triggers: [health-change]") {
    const absl::Status status = Apply(Yaml(name, more, propose, on));
    EXPECT_TRUE(status.ok()) << status;
  }
  void Delete(const std::string& name) {
    const auto deleted = resources_.Delete({"users/polly", "", ""}, "eventrules/" + name, 0, "");
    EXPECT_TRUE(deleted.ok()) << deleted.status();
    Look();
  }

  void Append(const AuditEntry& entry) {
    EXPECT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.AppendAudit(entry); }).ok());
  }
  // An event, and a look at it.
  void Trouble(const std::string& instance = "orders-db", const std::string& what = "unreachable") {
    AppendTrouble(instance, what);
    Look();
  }
  void AppendTrouble(const std::string& instance = "orders-db",
                     const std::string& what = "unreachable") {
    Append({"agents/db1",
            "instance.health",
            "instances/" + instance,
            "production",
            {{"status", "critical"}, {"reasons", "does not answer"}, {"observations", what}}});
  }
  void AddInstance(const std::string& id, const std::string& engine = "postgresql",
                   std::map<std::string, std::string> labels = {}) {
    Instance instance;
    instance.id = id;
    instance.agent_id = "db1";
    instance.environment = "production";
    instance.engine = engine;
    instance.server_version = "15.4";
    instance.labels = std::move(labels);
    EXPECT_TRUE(
        store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertInstance(&instance); }).ok());
  }

  std::vector<JobProposalView> History(const std::string& rule = "") {  // Newest first.
    const auto page = proposals_.List({rule, {}, {}}, {1000, ""});
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? page->items : std::vector<JobProposalView>();
  }
  // "orders-db pending", in the order of the events.
  std::vector<std::string> Told(const std::string& rule = "") {
    std::map<std::pair<uint64_t, std::string>, std::string> told;
    for (const JobProposalView& view : History(rule)) {
      const JobProposal& proposal = view.proposal;
      told[{proposal.seq, proposal.instance}] =
          absl::StrCat(proposal.instance, " ", NameOf(proposal.state),
                       proposal.reason.empty() ? "" : " ", proposal.reason);
    }
    std::vector<std::string> words;
    for (const auto& [key, text] : told) words.push_back(text);
    return words;
  }
  JobProposal Newest() {
    const auto history = History();
    EXPECT_FALSE(history.empty());
    return history.empty() ? JobProposal() : history[0].proposal;
  }
  std::vector<AuditRow> Records(const std::string& action) {
    std::vector<AuditRow> found;
    for (const AuditRow& row : store_.Audit()) {
      if (row.entry.action == action) found.push_back(row);
    }
    return found;
  }
  std::vector<Job> JobsOf(const std::string& rule) {
    return ReadFrom(store_,
                    [&](ReadTx& tx) {
                      return tx.JobsByKey(absl::StrCat("eventrules/", rule, " "), "", 1000);
                    })
        .value();
  }
  // The agent does the check that it was offered last, and finds this.
  void FinishCheck(work::v1::HealthStatus status, bool reachable = true) {
    const agent::v1::Offer offer = agent_.Offers().back();
    agent_.Accept(offer);
    agent_.Start(offer);
    work::v1::TaskResult result;
    work::v1::InstanceHealth& health = *result.mutable_check()->mutable_health();
    health.set_instance(offer.spec().has_check() ? "orders-db" : "");
    health.set_status(status);
    health.set_reachable(reachable);
    health.add_reasons("as found");
    work::v1::HealthObservation& lag = *health.add_observations();
    lag.set_name("replication_lag_seconds");
    lag.set_status(status);
    agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED, result);
  }

  ProposerOptions options_;
  EventRuleSource source_;
  ResourceManager resources_{store_, clock_};
  JobProposals proposals_{store_, jobs_, hub_, clock_};
  std::unique_ptr<Proposer> proposer_;
};

}  // namespace dbfleet::controller
