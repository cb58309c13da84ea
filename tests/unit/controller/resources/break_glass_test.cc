#include "controller/resources/break_glass.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/domain/names.h"
#include "controller/identity/principals.h"
#include "controller/identity/roles_in.h"
#include "controller/policy/policy.h"
#include "controller/resources/proposal_manager.h"
#include "controller/resources/resource_manager.h"
#include "controller/resources/retention.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"
#include "tests/fakes/read_from.h"
#include "tests/unit/controller/policy/plain_policy.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BreakGlassTest : public ::testing::Test {
 protected:
  BreakGlassTest() {
    principals_.SetBeforeChange(
        [this](WriteTx& tx, const std::string&) { return EndVoidWaivers(tx, clock_.Now()); });
    Environment environment;
    environment.name = "production";
    environment.policy = PlainPolicy("production");
    Mutate([&](WriteTx& tx) { return tx.InsertEnvironment(&environment); });
    AddUser("admin", {Role::kAdmin}, "system/controller");
    AddUser("root", {Role::kAdmin}, "system/controller");
    AddUser("ada", {Role::kOperator, Role::kAuditor});
    AddUser("bob", {Role::kApprover});
    AddUser("puppet", {Role::kAuditor}, "users/ada");
    Declare(
        "environments: [production], users: [ada], waives: [approvals, freeze], "
        "max_duration: 2h, review_within: 1d");
    AddJob("J1");
  }
  void Mutate(const Store::Mutation& mutation) {
    const absl::Status status = store_.MutateAndWait(mutation);
    EXPECT_TRUE(status.ok()) << status;
  }
  void AddUser(const std::string& id, std::vector<Role> roles,
               const std::string& creator = "users/admin") {
    EXPECT_TRUE(principals_.CreateUser(creator, id, std::move(roles)).ok());
  }
  void Declare(const std::string& spec) {
    const std::string yaml = absl::StrCat(
        "apiVersion: dbfleet/v1\nkind: BreakGlassPolicy\nmetadata: {name: p}\nspec: {", spec, "}");
    const auto changes = resources_.Apply({"users/bob", ""}, {{{"f.yaml", yaml}}}, false, "");
    EXPECT_TRUE(changes.ok()) << changes.status();
  }
  // Who is operator of production by RoleBindings of these names, beside her own roles.
  absl::Status Bind(const std::vector<std::pair<std::string, std::string>>& subjects) {
    std::string yaml;
    for (const auto& [name, user] : subjects) {
      absl::StrAppend(
          &yaml, "---\napiVersion: dbfleet/v1\nkind: RoleBinding\nmetadata: {name: ", name,
          "}\nspec: {role: operator, subjects: [", user, "], environments: [production]}\n");
    }
    std::optional<resource::v1::Proposal> proposal;
    RETURN_IF_ERROR(
        resources_
            .Apply({"users/root", ""}, {{{"f.yaml", yaml}}}, false, "", Rights::All(), &proposal)
            .status());
    return Approve(proposal);
  }
  absl::Status Unbind(const std::string& name) {
    std::optional<resource::v1::Proposal> proposal;
    RETURN_IF_ERROR(resources_
                        .Delete({"users/root", ""}, absl::StrCat("rolebindings/", name), 0, "",
                                Rights::All(), &proposal)
                        .status());
    return Approve(proposal);
  }
  // Who has a role that a policy names is a matter of the quorum.
  absl::Status Approve(const std::optional<resource::v1::Proposal>& proposal) {
    if (!proposal.has_value()) return absl::OkStatus();
    return proposals_.Approve({"users/bob", ""}, proposal->name(), proposal->digest(), "").status();
  }
  // How often the controller ended what was waived, by the audit trail.
  int EndedByItself() {
    int ended = 0;
    for (const AuditRow& row : store_.Audit()) {
      ended += row.entry.action == "change.end_break_glass" &&
               row.entry.actor == "system/controller" && row.entry.resource == "jobs/J1" &&
               row.entry.details.at("broken_by") != "";
    }
    return ended;
  }
  void AddJob(const std::string& id) {
    Job job;
    job.id = id;
    job.kind = JobKind::kMigrate;
    job.state = JobState::kAwaitingApproval;
    job.environment = "production";
    job.requester = "users/ada";
    job.safety = SafetyClass::kDestructive;
    job.approve_destructive = true;
    job.digest = "D1";
    job.create_time = job.update_time = clock_.Now();
    Mutate([&](WriteTx& tx) { return tx.InsertJob(&job); });
  }
  absl::Status Break(const std::string& who, std::vector<std::string> waives = {"approvals"},
                     absl::Duration duration = absl::Hours(1), const std::string& job = "J1",
                     const std::string& digest = "") {
    return glass_
        .Break({"users/" + who, ""}, {job, std::move(waives), duration, "incident 812", digest})
        .status();
  }
  void AddToken(const std::string& id, const std::string& user) {
    ApiToken token;
    token.id = id;
    token.user_id = user;
    token.hash = absl::StrCat("hash of ", id);
    Mutate([&](WriteTx& tx) { return tx.InsertToken(&token); });
  }
  absl::Status BreakWith(const std::string& token) {
    return glass_
        .Break({"users/ada", "", token}, {"J1", {"approvals"}, absl::Hours(1), "incident 812", ""})
        .status();
  }
  absl::Status End(const std::string& who, const std::string& reason = "a stolen laptop") {
    const Rights rights =
        ReadFrom(store_, [&](ReadTx& tx) { return RightsOf(tx, "users/" + who); }).value();
    return glass_.End({"users/" + who, ""}, "J1", reason, rights).status();
  }
  // As people see it.
  std::string VoidBecause() {
    return glass_.List(false, {})->items.at(0).episodes().rbegin()->void_because();
  }
  absl::Status Review(const std::string& who, const std::string& job = "J1") {
    return glass_.Review({"users/" + who, ""}, job, "it was right").status();
  }
  std::string StateOf(const std::string& job) {
    return std::string(
        NameOf(ReadFrom(store_, [&](ReadTx& tx) { return tx.GetJob(job); }).value().state));
  }
  void Tick() {
    Mutate([&](WriteTx& tx) {
      FlowContext context{tx, clock_.Now(), "system/test", {}};
      return flow_.Advance(context, "J1");
    });
  }

  FakeClock clock_;
  MemoryStore store_{&clock_};
  Principals principals_{&store_, &clock_};
  ResourceManager resources_{store_, clock_};
  ProposalManager proposals_{store_, clock_};
  JobFlow flow_{[](ReadTx& tx, absl::string_view requester) {
                  return DependentPrincipals(tx, std::string(requester));
                },
                nullptr, nullptr, ReadWaiver};
  JobHub hub_;
  int open_ = -1;
  BreakGlass glass_{store_, flow_, hub_, clock_, [this](int open) { open_ = open; }};
};

// Whoever deletes or changes a policy learns which changes go on without what it permitted.
TEST_F(BreakGlassTest, DeletingItsPolicyNamesTheChangesWhoseWaiversEnd) {
  ASSERT_TRUE(Break("ada").ok());
  const auto remove = [&](bool dry_run) {
    return resources_
        .Delete({"users/bob", ""}, "breakglasspolicies/p", 0, "", Rights::All(), nullptr, dry_run)
        .value()
        .voided_waivers;
  };
  const auto change = [&](const std::string& spec) {
    const std::string yaml = absl::StrCat(
        "apiVersion: dbfleet/v1\nkind: BreakGlassPolicy\nmetadata: {name: p}\nspec: {", spec, "}");
    return resources_.Apply({"users/bob", ""}, {{{"f.yaml", yaml}}}, true, "").value()[0].warnings;
  };
  EXPECT_THAT(remove(true), ElementsAre("jobs/J1"));
  EXPECT_EQ(VoidBecause(), "") << "nothing has changed";
  EXPECT_THAT(change("environments: [production], users: [ada], waives: [approvals], "
                     "max_duration: 2h, review_within: 1d"),
              ElementsAre(HasSubstr("for jobs/J1")));
  EXPECT_THAT(change("environments: [production], users: [ada], waives: [approvals, freeze], "
                     "max_duration: 2h, review_within: 1d"),
              ElementsAre())
      << "it is as it was";
  EXPECT_THAT(remove(false), ElementsAre("jobs/J1"));
  EXPECT_THAT(VoidBecause(), HasSubstr("not permitted any more"));
}

TEST_F(BreakGlassTest, AWaiverThatAnotherPolicyPermitsTooDoesNotEndWithOne) {
  const std::string yaml =
      "apiVersion: dbfleet/v1\nkind: BreakGlassPolicy\nmetadata: {name: q}\n"
      "spec: {users: [ada], waives: [approvals], max_duration: 2h, review_within: 1d}";
  ASSERT_TRUE(resources_.Apply({"users/bob", ""}, {{{"f.yaml", yaml}}}, false, "").ok());
  ASSERT_TRUE(Break("ada").ok());
  const auto deleted =
      resources_.Delete({"users/bob", ""}, "breakglasspolicies/p", 0, "", Rights::All(), nullptr);
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_THAT(deleted->voided_waivers, ElementsAre());
  EXPECT_EQ(VoidBecause(), "");
}

TEST_F(BreakGlassTest, PoliciesThatAreChangedTogetherEndWhatEachOfThemPermits) {
  const auto policy = [](const std::string& name, const std::string& duration) {
    return absl::StrCat("apiVersion: dbfleet/v1\nkind: BreakGlassPolicy\nmetadata: {name: ", name,
                        "}\nspec: {users: [ada], waives: [approvals], max_duration: ", duration,
                        ", review_within: 1d}\n");
  };
  const std::vector<ManifestText> before = {
      {"f.yaml", policy("q", "2h") + "---\n" + policy("r", "2h")}};
  ASSERT_TRUE(resources_.Apply({"users/bob", ""}, before, false, "").ok());
  ASSERT_TRUE(
      resources_.Delete({"users/bob", ""}, "breakglasspolicies/p", 0, "", Rights::All(), nullptr)
          .ok());
  ASSERT_TRUE(Break("ada").ok());
  clock_.Advance(absl::Minutes(1));
  const std::vector<ManifestText> after = {
      {"f.yaml", policy("q", "1h") + "---\n" + policy("r", "1h")}};
  const auto changes = resources_.Apply({"users/bob", ""}, after, false, "");
  ASSERT_TRUE(changes.ok()) << changes.status();
  EXPECT_THAT(changes->at(0).warnings, ElementsAre(HasSubstr("jobs/J1")));
  EXPECT_THAT(changes->at(1).warnings, ElementsAre()) << "once is enough";
  EXPECT_THAT(VoidBecause(), HasSubstr("not permitted any more"));
}

TEST_F(BreakGlassTest, WaivesWhatItNamesForThatPlanUntilItExpires) {
  EXPECT_TRUE(Break("ada").ok());
  EXPECT_EQ(StateOf("J1"), "ready");
  clock_.Advance(absl::Hours(1));
  Tick();
  EXPECT_EQ(StateOf("J1"), "awaiting_approval");
}

// Who permits it again permits what comes, not what was done under another rule.
TEST_F(BreakGlassTest, APolicyThatComesBackBringsNoWaiverBack) {
  ASSERT_TRUE(Break("ada").ok());
  ASSERT_EQ(StateOf("J1"), "ready");
  clock_.Advance(absl::Minutes(1));
  Declare("environments: [production], users: [bob], waives: [approvals], max_duration: 2h");
  Tick();
  EXPECT_EQ(StateOf("J1"), "awaiting_approval");
  clock_.Advance(absl::Minutes(1));
  Declare("environments: [production], users: [ada], waives: [approvals], max_duration: 2h");
  Tick();
  EXPECT_EQ(StateOf("J1"), "awaiting_approval");
  EXPECT_THAT(VoidBecause(), HasSubstr("declared or changed after that"));
}

TEST_F(BreakGlassTest, TheRecordStandsBeforeAnythingComesOfIt) {
  EXPECT_TRUE(Break("ada").ok());
  std::vector<std::string> actions;
  for (const AuditRow& row : store_.Audit()) {
    if (row.entry.resource == "jobs/J1") actions.push_back(row.entry.action);
  }
  ASSERT_GE(actions.size(), 2u);
  EXPECT_EQ(actions[0], "change.break_glass");
  for (const AuditRow& row : store_.Audit()) {
    if (row.entry.action != "change.break_glass") continue;
    EXPECT_EQ(row.entry.actor, "users/ada");
    EXPECT_EQ(row.entry.details.at("waives"), "approvals");
    EXPECT_EQ(row.entry.details.at("reason"), "incident 812");
    EXPECT_EQ(row.entry.details.at("digest"), "D1");
  }
}

TEST_F(BreakGlassTest, OnlyWhoIsNamedAndOnlyWhatAndHowLong) {
  EXPECT_EQ(ReasonOf(Break("bob")), "NO_BREAK_GLASS");
  EXPECT_EQ(ReasonOf(Break("ada", {"approvals", "window"})), "NO_BREAK_GLASS");
  EXPECT_EQ(ReasonOf(Break("ada", {"approvals"}, absl::Hours(3))), "NO_BREAK_GLASS");
  EXPECT_EQ(ReasonOf(Break("ada", {"verified-backup"})), "NOT_WAIVABLE");
  EXPECT_EQ(ReasonOf(Break("ada", {})), "BAD_WAIVER");
  EXPECT_EQ(ReasonOf(Break("ada", {"approvals"}, absl::Hours(1), "J1", "D0")), "DIGEST_CHANGED");
  EXPECT_EQ(StateOf("J1"), "awaiting_approval");
  int refused = 0;
  for (const AuditRow& row : store_.Audit())
    refused += row.entry.action == "change.break_glass_refused";
  EXPECT_EQ(refused, 3);
  EXPECT_TRUE(principals_.Disable("users/admin", "ada", "gone").ok());
  EXPECT_EQ(ReasonOf(Break("ada")), "NO_BREAK_GLASS");
}

TEST_F(BreakGlassTest, OnlyPeopleBreakIt) {
  EXPECT_TRUE(store_
                  .MutateAndWait([](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(User ada, tx.GetUser("ada"));
                    ada.service = true;
                    return tx.UpdateUser(&ada);
                  })
                  .ok());
  EXPECT_EQ(ReasonOf(Break("ada")), "NO_BREAK_GLASS");
}

TEST_F(BreakGlassTest, WhoRequestedTheChangeDoesNotReviewIt) {
  EXPECT_TRUE(Break("ada").ok());
  EXPECT_TRUE(store_
                  .MutateAndWait([](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Job job, tx.GetJob("J1"));
                    job.requester = "users/bob";
                    return tx.UpdateJob(&job);
                  })
                  .ok());
  EXPECT_EQ(ReasonOf(Review("bob")), "SELF_REVIEW");
}

TEST_F(BreakGlassTest, SomebodyIndependentReviewsIt) {
  EXPECT_TRUE(Break("ada").ok());
  EXPECT_EQ(open_, 1);
  EXPECT_EQ(glass_.List(true, {})->items.size(), 1u);
  EXPECT_EQ(ReasonOf(Review("ada")), "SELF_REVIEW");
  EXPECT_EQ(ReasonOf(Review("puppet")), "SELF_REVIEW");
  EXPECT_TRUE(Review("bob").ok());
  EXPECT_EQ(open_, 0);
  EXPECT_EQ(glass_.List(true, {})->items.size(), 0u);
  ASSERT_EQ(glass_.List(false, {})->items.size(), 1u);
  EXPECT_EQ(glass_.List(false, {})->items[0].episodes(0).reviewer(), "users/bob");
  EXPECT_EQ(ReasonOf(Review("bob", "J2")), "NOTHING_TO_REVIEW");
}

TEST_F(BreakGlassTest, WithAnOverdueReviewItIsNotBrokenAgain) {
  AddJob("J2");
  EXPECT_TRUE(Break("ada").ok());
  EXPECT_TRUE(Break("ada", {"approvals"}, absl::Hours(1), "J2").ok()) << "it is not due yet";
  clock_.Advance(absl::Hours(24));
  Tick();
  EXPECT_EQ(ReasonOf(Break("ada")), "REVIEW_OVERDUE");
  EXPECT_TRUE(Review("bob").ok());
  EXPECT_EQ(ReasonOf(Break("ada")), "REVIEW_OVERDUE") << "J2's as well";
  EXPECT_TRUE(Review("bob", "J2").ok());
  EXPECT_TRUE(Break("ada").ok());
  EXPECT_EQ(open_, 1) << "the new one";
}

TEST_F(BreakGlassTest, NobodyRenewsWhatNobodyHasReviewed) {
  EXPECT_TRUE(Break("ada").ok());
  EXPECT_EQ(ReasonOf(Break("ada", {"approvals", "freeze"})), "GLASS_BROKEN");
  clock_.Advance(absl::Hours(2));
  Tick();
  EXPECT_EQ(ReasonOf(Break("ada")), "GLASS_BROKEN") << "also when it has expired";
  EXPECT_TRUE(Review("bob").ok());
  EXPECT_TRUE(Break("ada").ok());
  EXPECT_EQ(StateOf("J1"), "ready");
  // Another plan needs another look.
  Mutate([](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(Job job, tx.GetJob("J1"));
    job.digest = "D2";
    return tx.UpdateJob(&job);
  });
  EXPECT_TRUE(Break("ada").ok());
}

TEST_F(BreakGlassTest, OnlyWhatWasReviewedAndIsOverGoesWithTime) {
  const auto kept = [&] { return glass_.List(false, {})->items.size(); };
  EXPECT_TRUE(Break("ada").ok());
  clock_.Advance(2 * kKeptDecided);
  EXPECT_FALSE(*TidyDecisions(store_, clock_.Now()));
  EXPECT_EQ(kept(), 1u) << "nobody has reviewed it";
  EXPECT_TRUE(Review("bob").ok());
  clock_.Advance(kKeptDecided);
  EXPECT_FALSE(*TidyDecisions(store_, clock_.Now()));
  EXPECT_EQ(kept(), 1u) << "its job has not ended";
  Mutate([](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(Job job, tx.GetJob("J1"));
    job.state = JobState::kSucceeded;
    return tx.UpdateJob(&job);
  });
  EXPECT_FALSE(*TidyDecisions(store_, clock_.Now()));
  EXPECT_EQ(kept(), 0u);
}

TEST_F(BreakGlassTest, ItEndsWithTheTokenThatBrokeIt) {
  AddToken("T1", "ada");
  EXPECT_TRUE(BreakWith("T1").ok());
  EXPECT_EQ(StateOf("J1"), "ready");
  EXPECT_EQ(VoidBecause(), "");
  EXPECT_TRUE(principals_.RevokeToken("users/admin", "T1").ok());
  Tick();
  EXPECT_EQ(StateOf("J1"), "awaiting_approval");
  EXPECT_EQ(VoidBecause(), "users/ada broke it with a token that was revoked since");
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(VoidBecause(), "") << "it is over anyway";
}

TEST_F(BreakGlassTest, ItEndsWithTheAccountThatBrokeIt) {
  EXPECT_TRUE(Break("ada").ok()) << "by which token was not always written down";
  EXPECT_EQ(StateOf("J1"), "ready");
  EXPECT_TRUE(principals_.Disable("users/admin", "ada", "stolen").ok());
  Tick();
  EXPECT_EQ(StateOf("J1"), "awaiting_approval");
  EXPECT_EQ(VoidBecause(), "users/ada is disabled");
}

// Who has the role again may do what comes; what was done before is over, for a thief of the role
// as for everybody.
TEST_F(BreakGlassTest, ARoleThatIsBoundAgainBringsNoWaiverBack) {
  Declare("environments: [production], roles: [operator], waives: [approvals], max_duration: 2h");
  AddUser("cy", {Role::kViewer});
  ASSERT_TRUE(Bind({{"b", "cy"}}).ok());
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(Break("cy").ok());
  ASSERT_EQ(StateOf("J1"), "ready");
  ASSERT_TRUE(Unbind("b").ok());
  EXPECT_THAT(VoidBecause(), HasSubstr("does not name users/cy"));
  EXPECT_EQ(EndedByItself(), 0) << "it does not count, which anybody can see";
  ASSERT_TRUE(Bind({{"b", "cy"}}).ok());
  Tick();
  EXPECT_EQ(StateOf("J1"), "awaiting_approval");
  EXPECT_EQ(EndedByItself(), 1);
  const auto episode = glass_.List(true, {})->items.at(0).episodes(0);
  EXPECT_EQ(episode.ender(), "system/controller");
  EXPECT_THAT(episode.end_reason(), HasSubstr("does not name users/cy"));
  EXPECT_TRUE(Review("bob").ok()) << "it is reviewed all the same";
  EXPECT_TRUE(Break("cy").ok());
  EXPECT_EQ(StateOf("J1"), "ready");
}

TEST_F(BreakGlassTest, NorWhereTheBindingNeedsNobodysApproval) {
  Mutate([](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(Environment environment, tx.GetEnvironment("production"));
    environment.policy.destructive_approvals = 0;
    return tx.UpdateEnvironment(&environment);
  });
  Declare("environments: [production], roles: [operator], waives: [freeze], max_duration: 2h");
  AddUser("cy", {Role::kViewer});
  for (const bool deleted : {true, false}) {
    ASSERT_TRUE(Bind({{"b", "cy"}}).ok());
    ASSERT_TRUE(Break("cy", {"freeze"}).ok());
    ASSERT_TRUE((deleted ? Unbind("b") : Bind({{"b", "ada"}})).ok());
    EXPECT_NE(VoidBecause(), "");
    ASSERT_TRUE(Bind({{"b", "cy"}}).ok());
    EXPECT_EQ(EndedByItself(), deleted ? 1 : 2);
    ASSERT_TRUE(Review("bob").ok());
  }
}

TEST_F(BreakGlassTest, ARoleOfHerOwnThatComesBackBringsNoWaiverBack) {
  Declare("environments: [production], roles: [operator], waives: [approvals], max_duration: 2h");
  ASSERT_TRUE(Break("ada").ok());
  ASSERT_TRUE(principals_.UpdateRoles("users/admin", "ada", {Role::kAuditor}).ok());
  ASSERT_TRUE(
      principals_.UpdateRoles("users/admin", "ada", {Role::kOperator, Role::kAuditor}).ok());
  Tick();
  EXPECT_EQ(StateOf("J1"), "awaiting_approval");
  EXPECT_EQ(EndedByItself(), 1);
}

TEST_F(BreakGlassTest, AnAccountThatIsEnabledAgainBringsNoWaiverBack) {
  ASSERT_TRUE(Break("ada").ok()) << "by which token was not always written down";
  ASSERT_TRUE(principals_.Disable("users/admin", "ada", "stolen").ok());
  ASSERT_TRUE(principals_.Enable("users/admin", "ada", "found").ok());
  Tick();
  EXPECT_EQ(StateOf("J1"), "awaiting_approval");
  EXPECT_EQ(EndedByItself(), 1);
}

// Whoever tidies the bindings up in one apply takes nothing from anybody.
TEST_F(BreakGlassTest, ARoleThatMovesToAnotherBindingKeepsTheWaiver) {
  Declare("environments: [production], roles: [operator], waives: [approvals], max_duration: 2h");
  AddUser("cy", {Role::kViewer});
  AddUser("dan", {Role::kViewer});
  ASSERT_TRUE(Bind({{"b", "cy"}, {"c", "dan"}}).ok());
  ASSERT_TRUE(Break("cy").ok());
  ASSERT_TRUE(Bind({{"b", "dan"}, {"c", "cy"}}).ok());
  ASSERT_TRUE(Bind({{"d", "cy"}}).ok());
  Tick();
  EXPECT_EQ(VoidBecause(), "");
  EXPECT_EQ(StateOf("J1"), "ready");
  EXPECT_EQ(EndedByItself(), 0);
}

TEST_F(BreakGlassTest, ItEndsWithThePolicyThatPermitsIt) {
  EXPECT_TRUE(Break("ada").ok());
  Declare("environments: [production], users: [ada], waives: [approvals], max_duration: 1h");
  Tick();
  EXPECT_EQ(StateOf("J1"), "ready") << "it is permitted still";
  Declare("environments: [production], users: [ada], waives: [approvals], max_duration: 50m");
  Tick();
  EXPECT_EQ(StateOf("J1"), "awaiting_approval") << "by nobody for so long";
  EXPECT_THAT(VoidBecause(), HasSubstr("lets nobody do so for longer than 50m"));
  Declare("environments: [production], users: [bob], waives: [approvals], max_duration: 1h");
  Tick();
  EXPECT_EQ(StateOf("J1"), "awaiting_approval") << "not hers";
  Declare("environments: [production], users: [ada], waives: [approvals], max_duration: 1h");
  Tick();
  EXPECT_EQ(StateOf("J1"), "ready") << "it is permitted again, and its time is not over";
  EXPECT_TRUE(resources_.Delete({"users/bob", ""}, "breakglasspolicies/p", 0, "no more").ok());
  Tick();
  EXPECT_EQ(StateOf("J1"), "awaiting_approval");
  EXPECT_THAT(VoidBecause(), HasSubstr("no BreakGlassPolicy is there for it"));
}

TEST_F(BreakGlassTest, AnUnreadableRoleWaivesNothingAndHoldsNothingUp) {
  EXPECT_TRUE(Break("ada").ok());
  Mutate([&](WriteTx& tx) -> absl::Status {
    Resource binding;
    binding.id = "rolebindings/b";
    binding.kind = "RoleBinding";
    binding.blob = "\xff";
    RETURN_IF_ERROR(tx.InsertResource(&binding));
    return NoteRoleChange(tx, binding.id, "users/admin", clock_.Now());
  });
  Tick();
  EXPECT_EQ(StateOf("J1"), "awaiting_approval");
  // Once it is mended the waiver may count again, so that nothing ends it meanwhile.
  ASSERT_TRUE(principals_.Disable("users/admin", "puppet", "left").ok());
  EXPECT_EQ(EndedByItself(), 0);
}

TEST_F(BreakGlassTest, ItIsTakenAwayBeforeItsTimeAndStillReviewed) {
  AddUser("olga", {Role::kOperator});
  AddUser("vera", {Role::kViewer});
  EXPECT_EQ(ReasonOf(End("olga")), "NOTHING_TO_END");
  EXPECT_TRUE(Break("ada").ok());
  EXPECT_EQ(ReasonOf(End("vera")), "ROLE_MISSING");
  EXPECT_EQ(ReasonOf(End("olga", "")), "REASON_REQUIRED");
  EXPECT_EQ(StateOf("J1"), "ready");
  clock_.Advance(absl::Minutes(10));
  EXPECT_TRUE(End("olga").ok());
  EXPECT_EQ(StateOf("J1"), "awaiting_approval");
  EXPECT_TRUE(End("bob", "another").ok()) << "twice changes nothing";
  const auto episode = glass_.List(true, {})->items.at(0).episodes(0);
  EXPECT_EQ(episode.ender(), "users/olga");
  EXPECT_EQ(episode.end_reason(), "a stolen laptop");
  EXPECT_EQ(episode.expire_time().seconds(), absl::ToUnixSeconds(clock_.Now()))
      << "a version that does not know of ends waives nothing either";
  int ended = 0;
  for (const AuditRow& row : store_.Audit()) {
    if (row.entry.action != "change.end_break_glass") continue;
    ++ended;
    EXPECT_EQ(row.entry.actor, "users/olga");
    EXPECT_EQ(row.entry.resource, "jobs/J1");
    EXPECT_EQ(row.entry.environment, "production");
    EXPECT_EQ(row.entry.details.at("broken_by"), "users/ada");
    EXPECT_EQ(row.entry.details.at("reason"), "a stolen laptop");
  }
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(ReasonOf(Break("ada")), "GLASS_BROKEN") << "nobody has looked at it";
  EXPECT_TRUE(Review("bob").ok());
  EXPECT_TRUE(Break("ada").ok());
  EXPECT_EQ(StateOf("J1"), "ready");
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(ReasonOf(End("olga")), "NOTHING_TO_END") << "its time is over";
}

TEST_F(BreakGlassTest, ARepeatedRequestBreaksItOnce) {
  const auto ask = [&](const std::string& request_id, const std::string& reason) {
    return glass_.Break({"users/ada", request_id},
                        {"J1", {"approvals"}, absl::Hours(1), reason, ""});
  };
  ASSERT_TRUE(ask("r1", "incident").ok());
  const auto again = ask("r1", "incident");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->episodes_size(), 1);
  EXPECT_EQ(ReasonOf(ask("r1", "another").status()), "REQUEST_ID_REUSED");
  EXPECT_EQ(open_, 1);
}

TEST_F(BreakGlassTest, IsDeclaredByAManifestAndSaysWhatIsWrong) {
  const auto parse = [](const std::string& spec) {
    return std::string(
        ParseManifests({{{"f.yaml", absl::StrCat("apiVersion: dbfleet/v1\nkind: BreakGlassPolicy\n"
                                                 "metadata: {name: p}\nspec: {",
                                                 spec, "}")}}})
            .status()
            .message());
  };
  EXPECT_EQ(parse("roles: [operator], waives: [window]"), "");
  EXPECT_THAT(parse("waives: [window]"), HasSubstr("who may break the glass"));
  EXPECT_THAT(parse("users: [ada]"), HasSubstr("what may be waived"));
  EXPECT_THAT(parse("users: [ada], waives: [verified-backup]"), HasSubstr("can be waived, not"));
  EXPECT_THAT(parse("users: [ada], waives: [window], max_duration: 8d"), HasSubstr("1m to"));
  EXPECT_THAT(parse("roles: [dba], waives: [window]"), HasSubstr("there is no role"));
}

}  // namespace
}  // namespace dbfleet::controller
