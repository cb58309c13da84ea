// Random proposals, votes, withdrawals and changes of people: however they follow one another, no
// policy of production is loosened without the quorum that it asked for right before, by a
// reference that counts by itself.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/identity/principals.h"
#include "controller/policy/policy.h"
#include "controller/resources/impact.h"
#include "controller/resources/proposal_manager.h"
#include "controller/resources/resource_manager.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"
#include "tests/fakes/read_from.h"
#include "tests/unit/controller/policy/plain_policy.h"

namespace dbfleet::controller {
namespace {

using resource::v1::Proposal;

constexpr absl::Duration kLife = absl::Hours(6);

class RandomProposalsTest : public ::testing::TestWithParam<int> {
 protected:
  // What protects production.
  struct Protection {
    int approvals = 0;
    bool policy = false;  // An auditor and somebody else.
    bool freeze = false;

    bool LooserThan(const Protection& other) const {
      return approvals < other.approvals || policy < other.policy || freeze < other.freeze;
    }
  };

  RandomProposalsTest() {
    principals_.SetBeforeChange(
        [this](WriteTx& tx, const std::string&) { return NoteAllFormed(tx, "", clock_.Now()); });
    Environment environment;
    environment.name = "production";
    environment.policy = PlainPolicy("production");
    environment.policy.approval_ttl = kLife;
    EXPECT_TRUE(
        store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertEnvironment(&environment); }).ok());
    AddUser("admin", {Role::kAdmin}, "system/controller");
    AddUser("polly", {Role::kPolicyAdmin});
    AddUser("both", {Role::kApprover, Role::kPolicyAdmin});
    for (const char* id : {"bob", "cy"}) AddUser(id, {Role::kApprover});
    AddUser("dora", {Role::kApprover, Role::kAuditor});
    AddUser("puppet", {Role::kApprover, Role::kAuditor}, "users/polly");
  }
  void AddUser(const std::string& id, std::vector<Role> roles,
               const std::string& creator = "users/admin") {
    EXPECT_TRUE(principals_.CreateUser(creator, id, std::move(roles)).ok());
  }
  int Roll(int n) { return static_cast<int>(random_() % n); }
  template <typename T>
  const T& One(const std::vector<T>& of) {
    return of[Roll(static_cast<int>(of.size()))];
  }

  Protection Present() {
    Protection present;
    present.approvals = ReadFrom(store_, [](ReadTx& tx) { return tx.GetEnvironment("production"); })
                            .value()
                            .policy.destructive_approvals;
    present.policy =
        ReadFrom(store_, [](ReadTx& tx) { return tx.GetResource("approvalpolicies/two"); }).ok();
    present.freeze =
        ReadFrom(store_, [](ReadTx& tx) { return tx.GetResource("maintenancewindows/stop"); }).ok();
    return present;
  }

  void Propose() {
    const RequestMeta meta{One<std::string>({"users/polly", "users/both"}), ""};
    std::optional<Proposal> proposal;
    const int what = Roll(6);
    if (what < 2) {
      const char* const id = what == 0 ? "approvalpolicy/two" : "maintenancewindow/stop";
      (void)resources_.Delete(meta, id, 0, "", Rights::All(), &proposal);
    } else {
      std::string yaml;
      if (what != 3) {
        yaml = absl::StrCat(
            "apiVersion: dbfleet/v1\nkind: Environment\nmetadata: {name: production}\nspec: "
            "{policy: {approval_ttl: 6h, destructive_approvals: ",
            Roll(4), "}}\n---\n");
      }
      if (what == 3 || what == 4) {
        yaml +=
            "apiVersion: dbfleet/v1\nkind: ApprovalPolicy\nmetadata: {name: two}\nspec: "
            "{requirements: [{name: any}, {name: auditor, roles: [auditor]}]}\n---\n";
      }
      if (what == 5 || what == 3) {
        yaml +=
            "apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: stop}\nspec: "
            "{effect: deny, once: {begin: \"2020-01-01T00:00:00Z\", end: "
            "\"2090-01-01T00:00:00Z\"}}\n---\n";
      }
      (void)resources_.Apply(meta, {{{"f.yaml", yaml}}}, false, "", Rights::All(), &proposal);
    }
    if (proposal.has_value()) requesters_[proposal->name()] = proposal->requester();
  }

  void Vote(const std::string& name) {
    const std::string person = One<std::string>({"polly", "both", "bob", "cy", "dora", "puppet"});
    const RequestMeta meta{"users/" + person, ""};
    const int what = Roll(10);
    if (what == 0) {
      if (proposals_.Withdraw(meta, name, "").ok()) votes_[name].erase(person);
    } else if (what == 1 && Roll(3) == 0) {
      (void)proposals_.Reject(meta, name, "no");
    } else {
      const std::string digest = proposals_.Get(name)->digest();
      // Counted before, as it may be the last one that is needed.
      const std::optional<absl::Time> former =
          votes_[name].count(person) ? std::optional(votes_[name][person]) : std::nullopt;
      votes_[name][person] = clock_.Now();
      if (!proposals_.Approve(meta, name, digest, "").ok()) {
        votes_[name].erase(person);
        if (former.has_value()) votes_[name][person] = *former;
      }
    }
  }

  void ChangePeople() {
    const std::string person = One<std::string>({"bob", "cy"});
    const bool out = Roll(2) == 0;
    std::vector<Role> roles = {out ? Role::kViewer : Role::kApprover};
    if (!principals_.UpdateRoles("users/admin", person, roles).ok()) return;
    (out ? lost_.insert(person).second : lost_.erase(person) != 0);
  }

  // Was this proposal's quorum there?
  bool Reference(const std::string& name, const Protection& before) {
    std::set<std::string> people;
    for (const auto& [person, time] : votes_[name]) {
      const bool eligible =
          person == "bob" || person == "cy" || person == "dora" || person == "both";
      // Puppets of polly's count for what somebody else proposes.
      const bool puppet = person == "puppet" && requesters_[name] != "users/polly";
      if ((!eligible && !puppet) || lost_.count(person) != 0) continue;
      if ("users/" + person == requesters_[name] || clock_.Now() >= time + kLife) continue;
      people.insert(person);
    }
    const bool auditor = people.count("dora") != 0 || people.count("puppet") != 0;
    return static_cast<int>(people.size()) >= before.approvals &&
           (!before.policy || (people.size() >= 2 && auditor));
  }

  FakeClock clock_;
  MemoryStore store_{&clock_};
  Principals principals_{&store_, &clock_};
  ResourceManager resources_{store_, clock_};
  ProposalManager proposals_{store_, clock_};
  std::mt19937 random_;
  std::map<std::string, std::string> requesters_;  // Of every proposal.
  std::map<std::string, std::map<std::string, absl::Time>> votes_;
  std::set<std::string> lost_;  // Who is no approver now.
};

TEST_P(RandomProposalsTest, NothingIsLoosenedWithoutTheQuorumThatItAskedFor) {
  random_.seed(GetParam());
  int loosened = 0;
  for (int step = 0; step < 400 && !HasFailure(); ++step) {
    const Protection before = Present();
    const bool demands = before.approvals > 0 || before.policy;
    std::string voted;
    const int what = Roll(12);
    if (what < 3) {
      Propose();
    } else if (what < 10 && !requesters_.empty()) {
      // Mostly one of the latest.
      auto it = requesters_.rbegin();
      for (int back = Roll(3); back > 0 && std::next(it) != requesters_.rend(); --back) ++it;
      voted = it->first;
      Vote(voted);
    } else if (what == 10) {
      clock_.Advance(absl::Hours(Roll(4)));
    } else {
      ChangePeople();
    }
    const Protection after = Present();
    if (!demands || !after.LooserThan(before)) continue;
    ++loosened;
    ASSERT_FALSE(voted.empty()) << "it was loosened without a vote";
    ASSERT_TRUE(Reference(voted, before)) << "step " << step;
  }
  EXPECT_GT(loosened, 0) << "the test has to reach what it is about";
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomProposalsTest, ::testing::Range(0, 50));

}  // namespace
}  // namespace dbfleet::controller
