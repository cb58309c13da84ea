#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "controller/identity/principals.h"
#include "controller/identity/roles_in.h"
#include "controller/policy/policy.h"
#include "controller/resources/resource_manager.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"
#include "tests/fakes/read_from.h"
#include "tests/unit/controller/policy/plain_policy.h"

namespace dbfleet::controller {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string BindingYaml(const std::string& name, const std::string& spec) {
  return absl::StrCat("apiVersion: dbfleet/v1\nkind: RoleBinding\nmetadata: {name: ", name,
                      "}\nspec: {", spec, "}\n---\n");
}
std::string WindowYaml(const std::string& name, const std::string& environments) {
  return absl::StrCat(
      "apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: ", name, "}\nspec: {",
      environments.empty() ? "" : absl::StrCat("selector: {environments: [", environments, "]}, "),
      "recurring: {cron: \"0 2 * * *\", duration: 1h}}\n---\n");
}

class RoleBindingTest : public testing::Test {
 protected:
  RoleBindingTest() {
    for (const char* name : {"development", "qa", "preprod", "production"}) {
      Environment environment;
      environment.name = name;
      environment.policy = PlainPolicy(name);
      EXPECT_TRUE(
          store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertEnvironment(&environment); })
              .ok());
    }
    for (const char* id : {"ada", "bob"}) {
      EXPECT_TRUE(principals_.CreateUser("users/root", id, {}).ok());
    }
    EXPECT_TRUE(principals_.CreateUser("users/root", "boss", {Role::kAdmin}).ok());
    EXPECT_TRUE(principals_.CreateUser("users/root", "ci", {}, "", true).ok());
  }

  absl::StatusOr<std::vector<ResourceChange>> Apply(const std::string& yaml,
                                                    const Rights& rights = Rights::All(),
                                                    const std::string& who = "users/root",
                                                    bool dry_run = false) {
    return manager_.Apply({who, ""}, {{{"f.yaml", yaml}}}, dry_run, "", rights);
  }
  std::string Reason(const std::string& yaml, const Rights& rights = Rights::All(),
                     bool dry_run = false) {
    return ReasonOf(Apply(yaml, rights, "users/eve", dry_run).status());
  }
  std::set<Role> In(const std::string& who, const std::string& environment) {
    return ReadFrom(store_, [&](ReadTx& tx) { return RolesIn(tx, "users/" + who, environment); })
        .value();
  }
  // What one role gives, in these environments.
  static Rights In(Role role, std::vector<std::string> environments) {
    User user;
    user.id = "eve";
    return Rights::Of(
        user, std::vector<RoleGrant>{
                  {role, EnvironmentFilter::Only(std::move(environments)), "rolebindings/b"}});
  }
  std::vector<std::string> Listed(const Rights& rights, int page_size = 50) {
    std::vector<std::string> ids;
    PageRequest page{page_size, ""};
    do {
      const auto found = manager_.List("", page, rights);
      EXPECT_TRUE(found.ok()) << found.status();
      for (const ResourceView& view : found->items) ids.push_back(view.id);
      page.token = found->next_token;
    } while (!page.token.empty());
    return ids;
  }

  FakeClock clock_;
  MemoryStore store_{&clock_, 1'800'000'000};
  Principals principals_{&store_, &clock_};
  int told_ = 0;
  ResourceManager manager_{store_, clock_, [this] { ++told_; }};
};

TEST_F(RoleBindingTest, GivesARoleWhereItSaysUntilItIsDeleted) {
  ASSERT_TRUE(
      Apply(BindingYaml("b", "subjects: [users/ada], role: operator, environments: [qa]")).ok());
  EXPECT_EQ(told_, 1);
  EXPECT_THAT(In("ada", "qa"), ElementsAre(Role::kOperator));
  EXPECT_THAT(In("ada", "production"), IsEmpty());
  EXPECT_THAT(In("bob", "qa"), IsEmpty());
  EXPECT_THAT(manager_.Get("rolebinding/b")->yaml, HasSubstr("- ada"));
  ASSERT_TRUE(Apply(BindingYaml("b", "subjects: [ada], role: operator, environments: [qa]")).ok());
  EXPECT_EQ(told_, 1) << "nothing was changed";
  ASSERT_TRUE(Apply(BindingYaml("b", "subjects: [bob], role: viewer")).ok());
  EXPECT_THAT(In("ada", "qa"), IsEmpty());
  EXPECT_THAT(In("bob", "production"), ElementsAre(Role::kViewer));
  ASSERT_TRUE(manager_.Delete({"users/root", ""}, "rolebinding/b", 0, "").ok());
  EXPECT_EQ(told_, 3);
  EXPECT_THAT(In("bob", "production"), IsEmpty());
}

TEST_F(RoleBindingTest, WhatCannotBeMeantIsRefused) {
  for (const char* spec :
       {"role: viewer", "subjects: [], role: viewer", "subjects: [ada], role: king",
        "subjects: [ada]", "subjects: [ada, ada], role: viewer", "subjects: [A B], role: viewer",
        "subjects: [users/ada, ada], role: viewer"}) {
    EXPECT_EQ(Reason(BindingYaml("b", spec)), "BAD_MANIFEST") << spec;
  }
  EXPECT_EQ(Reason(BindingYaml("b", "subjects: [nobody], role: viewer")), "UNKNOWN_USER");
  EXPECT_EQ(Reason(BindingYaml("b", "subjects: [ada], role: viewer, environments: [moon]")),
            "UNKNOWN_ENVIRONMENT");
}

TEST_F(RoleBindingTest, AdminAndApproverStaySeparateHandsAcrossBindings) {
  const std::string approver = BindingYaml("a",
                                           "subjects: [ada], role: approver, "
                                           "environments: [production]");
  const std::string admin = BindingYaml("b", "subjects: [ada], role: admin, environments: [qa]");
  // In one apply, in two, and in a dry run.
  EXPECT_EQ(Reason(approver + admin), "ROLE_CONFLICT");
  EXPECT_EQ(Reason(approver + admin, Rights::All(), true), "ROLE_CONFLICT");
  ASSERT_TRUE(Apply(approver).ok());
  EXPECT_EQ(Reason(admin), "ROLE_CONFLICT");
  EXPECT_EQ(Reason(BindingYaml("c", "subjects: [boss], role: approver")), "ROLE_CONFLICT");
  EXPECT_EQ(Reason(BindingYaml("d", "subjects: [ci], role: approver")), "ROLE_CONFLICT");
  EXPECT_EQ(ReasonOf(principals_.UpdateRoles("users/root", "ada", {Role::kAdmin}).status()),
            "ROLE_CONFLICT");
  // Taking the one away in the same apply makes room for the other.
  EXPECT_EQ(Reason(BindingYaml("a", "subjects: [bob], role: approver") + admin), "");
}

TEST_F(RoleBindingTest, WhoeverGaveTheRoleIsNoIndependentRequester) {
  ASSERT_TRUE(Apply(BindingYaml("b", "subjects: [ada], role: approver, environments: [qa]"),
                    Rights::All(), "users/mallory")
                  .ok());
  ASSERT_TRUE(Apply(BindingYaml("b", "subjects: [ada, bob], role: approver, environments: [qa]"),
                    Rights::All(), "users/boss")
                  .ok());
  const auto dependent = [&](const std::string& requester) {
    return ReadFrom(store_, [&](ReadTx& tx) { return DependentPrincipals(tx, requester); }).value();
  };
  EXPECT_THAT(dependent("users/mallory"), ElementsAre("users/ada", "users/bob"));
  EXPECT_THAT(dependent("users/boss"), ElementsAre("users/ada", "users/bob"));
  EXPECT_THAT(dependent("users/eve"), IsEmpty());
  // Reading is no judgement.
  ASSERT_TRUE(
      Apply(BindingYaml("v", "subjects: [ci], role: viewer"), Rights::All(), "users/eve").ok());
  EXPECT_THAT(dependent("users/eve"), IsEmpty());
  // But where a policy chooses approvers by that very role, it is.
  ASSERT_TRUE(Apply("apiVersion: dbfleet/v1\nkind: ApprovalPolicy\nmetadata: {name: p}\nspec: "
                    "{requirements: [{name: any, roles: [viewer]}]}\n")
                  .ok());
  EXPECT_THAT(dependent("users/eve"), ElementsAre("users/ci"));
  // And whoever could review what somebody did in an emergency is not in that one's hand.
  ASSERT_TRUE(
      Apply(BindingYaml("r", "subjects: [bob], role: auditor"), Rights::All(), "users/ed").ok());
  EXPECT_THAT(dependent("users/ed"), ElementsAre("users/bob"));
}

// What is kept of who depends on whom is as new as the bindings, the policies and the users,
// whoever changed which of them, and whether it was changed or refused.
TEST_F(RoleBindingTest, WhatIsKeptOfDependencesFollowsEachChangeToBindingsAndPolicies) {
  std::mt19937 random(7);
  const std::vector<std::string> users = {"ada", "bob", "boss", "ci", "root", "eve"};
  const std::vector<std::string> roles = {"viewer", "operator", "approver", "auditor", "admin"};
  const auto any = [&](const std::vector<std::string>& list) {
    return list[random() % list.size()];
  };
  const auto compute = [&](bool afresh, const std::string& requester) {
    std::vector<std::string> found;
    const absl::Status undone = store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
      // Nothing is kept without their names.
      for (const char* name : {"users.generation", "roles.generation", "named_roles.generation"}) {
        if (afresh) RETURN_IF_ERROR(tx.PutSetting(name, ""));
      }
      ASSIGN_OR_RETURN(found, DependentPrincipals(tx, requester));
      return absl::AbortedError("only to look");
    });
    EXPECT_TRUE(absl::IsAborted(undone)) << undone;
    return found;
  };
  std::set<std::vector<std::string>> seen;
  int applied = 0;
  for (int i = 0; i < 400; ++i) {
    const std::string by = "users/" + any(users);
    const std::string name = absl::StrCat("b", random() % 4);
    const std::string where = random() % 2 == 0 ? "" : ", environments: [qa]";
    absl::Status status;
    switch (random() % 6) {
      case 0:
      case 1:
        status = Apply(BindingYaml(name, absl::StrCat("subjects: [", any(users),
                                                      "], role: ", any(roles), where)),
                       Rights::All(), by)
                     .status();
        break;
      case 2:
        status = Apply(absl::StrCat("apiVersion: dbfleet/v1\nkind: ApprovalPolicy\n"
                                    "metadata: {name: p",
                                    random() % 2, "}\nspec: {",
                                    where.empty() ? "" : "selector: {environments: [qa]}, ",
                                    "requirements: [{name: any, roles: [", any(roles), "]}]}\n"),
                       Rights::All(), by)
                     .status();
        break;
      case 3:
        status = manager_.Delete({by, ""}, "rolebinding/" + name, 0, "").status();
        break;
      case 4:
        status = manager_.Delete({by, ""}, absl::StrCat("approvalpolicy/p", random() % 2), 0, "")
                     .status();
        break;
      default:
        status = principals_.UpdateRoles(by, any({"ada", "bob", "ci"}), {Role::kOperator}).status();
    }
    applied += status.ok() ? 1 : 0;
    const std::string requester = "users/" + any(users);
    const std::vector<std::string> kept = compute(false, requester);
    ASSERT_EQ(kept, compute(true, requester)) << "after " << i << ": " << status;
    seen.insert(kept);
  }
  EXPECT_GT(applied, 100);
  EXPECT_GT(seen.size(), 8u);
}

// Whoever hands out what decides about approvals could approve by a friend.
TEST_F(RoleBindingTest, WhatDecidesAboutApprovalsIsTheQuorumsToChange) {
  const std::string first = "subjects: [ada], role: approver, environments: [production]";
  ASSERT_TRUE(Apply(BindingYaml("first", first)).ok());  // Nobody was there to ask.
  EXPECT_THAT(In("ada", "production"), ElementsAre(Role::kApprover));
  const int told = told_;
  for (const char* role : {"approver", "policy_admin", "admin"}) {
    const std::string spec = absl::StrCat("subjects: [bob], role: ", role);
    ASSERT_TRUE(Apply(BindingYaml("b", spec + ", environments: [production]")).ok());
    EXPECT_THAT(In("bob", "production"), IsEmpty()) << role;
    ASSERT_TRUE(Apply(BindingYaml("b", spec)).ok());
    EXPECT_THAT(In("bob", "production"), IsEmpty()) << role << " everywhere";
  }
  const auto remove = [&](std::optional<resource::v1::Proposal>* proposal) {
    return manager_.Delete({"users/root", ""}, "rolebinding/first", 0, "", Rights::All(), proposal)
        .status();
  };
  std::optional<resource::v1::Proposal> proposal;
  EXPECT_EQ(ReasonOf(remove(&proposal)), "QUORUM_UNFILLABLE") << "nobody else could ever approve";
  EXPECT_FALSE(proposal.has_value());
  ASSERT_TRUE(principals_.CreateUser("users/root", "spare", {Role::kApprover}).ok());
  EXPECT_TRUE(remove(&proposal).ok());
  EXPECT_TRUE(proposal.has_value());
  EXPECT_THAT(In("ada", "production"), ElementsAre(Role::kApprover));
  EXPECT_EQ(told_, told) << "nothing was changed";
  // Other roles, and environments that ask nobody.
  ASSERT_TRUE(
      Apply(BindingYaml("b", "subjects: [bob], role: operator, environments: [production]")).ok());
  EXPECT_THAT(In("bob", "production"), ElementsAre(Role::kOperator));
  ASSERT_TRUE(Apply(BindingYaml("c", "subjects: [bob], role: approver, environments: [qa]")).ok());
  EXPECT_THAT(In("bob", "qa"), ElementsAre(Role::kApprover));
}

// What has no bearing on who could approve looks at nobody: a freeze has to come through also
// while it is not known who has which role.
TEST_F(RoleBindingTest, AFreezeAsksForNobodysRoles) {
  ASSERT_TRUE(Apply(BindingYaml("b", "subjects: [ada], role: viewer")).ok());
  EXPECT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Resource binding, tx.GetResource("rolebindings/b"));
                    binding.blob = "\xff";
                    RETURN_IF_ERROR(tx.UpdateResource(&binding));
                    return NoteRoleChange(tx, binding.id, "users/root", clock_.Now());
                  })
                  .ok());
  const auto frozen = Apply(
      "apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: incident}\nspec: {effect: "
      "deny, once: {begin: \"2020-01-01T00:00:00Z\", end: \"2040-01-01T00:00:00Z\"}}\n");
  EXPECT_TRUE(frozen.ok()) << frozen.status();
  EXPECT_EQ(Reason("apiVersion: dbfleet/v1\nkind: Environment\nmetadata: {name: production}\nspec: "
                   "{policy: {destructive_approvals: 2}}\n"),
            "STORE_CORRUPT")
      << "a quorum is another matter";
}

TEST_F(RoleBindingTest, ItTakesAnAdminOfEachEnvironment) {
  const std::string both =
      BindingYaml("b", "subjects: [ada], role: viewer, environments: [qa, preprod]");
  EXPECT_EQ(Reason(both, In(Role::kPolicyAdmin, {"qa", "preprod"})), "ROLE_MISSING");
  EXPECT_EQ(Reason(both, In(Role::kAdmin, {"qa"})), "ROLE_MISSING");
  EXPECT_EQ(Reason(both, In(Role::kAdmin, {"qa"}), true), "ROLE_MISSING");
  EXPECT_EQ(Reason(BindingYaml("e", "subjects: [ada], role: viewer"),
                   In(Role::kAdmin, {"qa", "preprod", "production"})),
            "ROLE_MISSING");
  EXPECT_EQ(Reason(both, In(Role::kAdmin, {"qa", "preprod"})), "");
  // Where it was counts as well: an admin of qa does not take it away from preprod.
  const std::string qa = BindingYaml("b", "subjects: [ada], role: viewer, environments: [qa]");
  EXPECT_EQ(Reason(qa, In(Role::kAdmin, {"qa"})), "ROLE_MISSING");
  EXPECT_EQ(
      ReasonOf(manager_.Delete({"users/eve", ""}, "rolebinding/b", 0, "", In(Role::kAdmin, {"qa"}))
                   .status()),
      "ROLE_MISSING");
  EXPECT_EQ(Reason(qa, In(Role::kAdmin, {"qa", "preprod"})), "");
}

TEST_F(RoleBindingTest, PoliciesAndWindowsAreTheirEnvironmentsPolicyAdmins) {
  EXPECT_EQ(Reason(WindowYaml("w", "qa"), In(Role::kPolicyAdmin, {"qa"})), "");
  EXPECT_EQ(Reason(WindowYaml("w", "qa, preprod"), In(Role::kPolicyAdmin, {"qa"})), "ROLE_MISSING");
  EXPECT_EQ(Reason(WindowYaml("x", ""), In(Role::kPolicyAdmin, {"qa", "preprod", "production"})),
            "ROLE_MISSING");
  const auto environment = [](const std::string& name) {
    return absl::StrCat("apiVersion: dbfleet/v1\nkind: Environment\nmetadata: {name: ", name,
                        "}\nspec: {policy: {destructive_approvals: 3}}\n");
  };
  EXPECT_EQ(Reason(environment("qa"), In(Role::kPolicyAdmin, {"qa"})), "");
  EXPECT_EQ(Reason(environment("production"), In(Role::kPolicyAdmin, {"qa"})), "ROLE_MISSING");
  EXPECT_EQ(Reason(environment("moon"), In(Role::kPolicyAdmin, {"qa"})), "ROLE_MISSING");
}

TEST_F(RoleBindingTest, WhatIsRefusedIsSaidBeforeAnythingElse) {
  // Neither the window's times nor whether there is such an environment or user is told.
  const std::string never =
      "apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: w}\n"
      "spec: {selector: {environments: [moon]}, once: {begin: "
      "\"2020-01-01T00:00:00Z\", end: \"2020-01-02T00:00:00Z\"}}\n";
  EXPECT_EQ(Reason(never, In(Role::kPolicyAdmin, {"qa"})), "ROLE_MISSING");
  EXPECT_EQ(Reason(BindingYaml("b", "subjects: [nobody], role: viewer, environments: [moon]"),
                   In(Role::kAdmin, {"qa"})),
            "ROLE_MISSING");
}

TEST_F(RoleBindingTest, AListShowsWhatTheCallerMaySeeInFullPages) {
  for (int i = 0; i < 9; ++i) {
    ASSERT_TRUE(Apply(WindowYaml(absl::StrCat("w", i), i % 3 == 0 ? "qa" : "production")).ok());
  }
  ASSERT_TRUE(Apply(WindowYaml("w9", "")).ok());
  ASSERT_TRUE(Apply(BindingYaml("b", "subjects: [ada], role: viewer, environments: [qa]")).ok());
  const Rights viewer = In(Role::kViewer, {"qa"});
  const std::vector<std::string> expected = {"environments/qa", "maintenancewindows/w0",
                                             "maintenancewindows/w3", "maintenancewindows/w6",
                                             "maintenancewindows/w9"};
  for (const int size : {1, 2, 3, 50}) EXPECT_EQ(Listed(viewer, size), expected) << size;
  EXPECT_THAT(Listed(In(Role::kAuditor, {"qa"})), SizeIs(expected.size() + 1));
  EXPECT_THAT(Listed(In(Role::kViewer, {"moon"})), ElementsAre("maintenancewindows/w9"));
  // Each page but the last is full.
  const auto page = manager_.List("MaintenanceWindow", {3, ""}, viewer);
  EXPECT_THAT(page->items, SizeIs(3));
}

TEST_F(RoleBindingTest, WhatIsHiddenIsAsIfItWereNotThere) {
  ASSERT_TRUE(Apply(WindowYaml("hidden", "production")).ok());
  const Rights viewer = In(Role::kViewer, {"qa"});
  const auto plain = [](absl::Status status, const std::string& name) {
    return absl::StrJoin(
        std::vector<std::string>{
            std::string(status.message().substr(0, status.message().find(name))), ReasonOf(status)},
        "|");
  };
  EXPECT_EQ(plain(manager_.Get("maintenancewindow/hidden", viewer).status(), "hidden"),
            plain(manager_.Get("maintenancewindow/nothing", viewer).status(), "nothing"));
  const Rights declarer = In(Role::kPolicyAdmin, {"qa"});
  const auto deleted = [&](const std::string& name) {
    return plain(
        manager_.Delete({"users/eve", ""}, "maintenancewindow/" + name, 0, "", declarer).status(),
        name);
  };
  EXPECT_EQ(
      ReasonOf(
          manager_.Delete({"users/eve", ""}, "environment/production", 0, "", declarer).status()),
      "ROLE_MISSING");
  EXPECT_EQ(deleted("hidden"), deleted("nothing"));
  EXPECT_EQ(manager_.Get("maintenancewindow/nothing").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace dbfleet::controller
