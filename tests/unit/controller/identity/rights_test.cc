#include "controller/identity/rights.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "controller/identity/roles_in.h"
#include "controller/identity/scope.h"
#include "dbfleet/resource/v1/resource.pb.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"
#include "tests/fakes/read_from.h"

namespace dbfleet::controller {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr Verb kVerbs[] = {Verb::kRead,    Verb::kOperate,    Verb::kApprove,
                           Verb::kDeclare, Verb::kAdminister, Verb::kAudit};

User Person(std::vector<Role> roles = {}) {
  User user;
  user.id = "ada";
  user.roles = std::move(roles);
  return user;
}

RoleBinding Binding(Role role, std::vector<std::string> environments, std::string subject = "ada") {
  RoleBinding binding;
  binding.id = "rolebindings/b";
  binding.role = role;
  binding.subjects = {std::move(subject)};
  if (!environments.empty()) binding.where = EnvironmentFilter::Only(std::move(environments));
  return binding;
}

Rights RightsOf(const User& user, std::vector<RoleBinding> bindings) {
  return Rights::Of(user, RoleBook(std::move(bindings)).GrantsOf(user));
}

TEST(RolesInTest, AnOwnRoleCountsEverywhereAndABindingWhereItSays) {
  const RoleBook book({Binding(Role::kOperator, {"qa"}), Binding(Role::kAuditor, {})});
  EXPECT_THAT(RolesIn(Person({Role::kViewer}), book, "qa"),
              UnorderedElementsAre(Role::kViewer, Role::kOperator, Role::kAuditor));
  EXPECT_THAT(RolesIn(Person({Role::kViewer}), book, "production"),
              UnorderedElementsAre(Role::kViewer, Role::kAuditor));
  EXPECT_THAT(RolesIn(Person(), RoleBook({Binding(Role::kOperator, {"qa"}, "bob")}), "qa"),
              IsEmpty());
}

TEST(RolesInTest, SomebodyDisabledHasNone) {
  User user = Person({Role::kOperator});
  user.disabled = true;
  EXPECT_THAT(RolesIn(user, RoleBook({Binding(Role::kViewer, {})}), "qa"), IsEmpty());
  EXPECT_FALSE(RightsOf(user, {}).Anywhere(Verb::kRead));
}

TEST(RolesInTest, AnAdminAnywhereApprovesNowhere) {
  const RoleBook book({Binding(Role::kApprover, {"production"}), Binding(Role::kAdmin, {"qa"})});
  EXPECT_THAT(RolesIn(Person(), book, "production"), IsEmpty());
  EXPECT_FALSE(RightsOf(Person(), {book.bindings().begin(), book.bindings().end()})
                   .Anywhere(Verb::kApprove));
  EXPECT_EQ(ReasonOf(CheckSeparateHands(Person(), book)), "ROLE_CONFLICT");
  EXPECT_EQ(ReasonOf(CheckSeparateHands(Person({Role::kAdmin}),
                                        RoleBook({Binding(Role::kApprover, {"qa"})}))),
            "ROLE_CONFLICT");
  EXPECT_TRUE(
      CheckSeparateHands(Person({Role::kOperator}), RoleBook({Binding(Role::kApprover, {"qa"})}))
          .ok());
}

TEST(RolesInTest, AServiceAccountApprovesNowhere) {
  User robot = Person({Role::kApprover, Role::kOperator});
  robot.service = true;
  EXPECT_THAT(RolesIn(robot, RoleBook({}), "qa"), ElementsAre(Role::kOperator));
  EXPECT_FALSE(RightsOf(robot, {}).Anywhere(Verb::kApprove));
  EXPECT_EQ(ReasonOf(CheckSeparateHands(robot, RoleBook({}))), "ROLE_CONFLICT");
}

TEST(RightsTest, EachRoleMayReadAndNoneMayEverything) {
  for (const Verb verb : kVerbs) {
    EXPECT_FALSE(RolesWith(verb).empty());
    for (const Role role : RolesWith(verb)) {
      EXPECT_TRUE(RightsOf(Person({role}), {}).Everywhere(verb));
      EXPECT_TRUE(RightsOf(Person({role}), {}).Everywhere(Verb::kRead));
    }
  }
  EXPECT_EQ(RolesWith(Verb::kApprove), std::vector<Role>{Role::kApprover});
  EXPECT_EQ(RolesWith(Verb::kDeclare), std::vector<Role>{Role::kPolicyAdmin});
}

TEST(RightsTest, BindingsAddUpAndNothingIsTakenAway) {
  const Rights rights =
      RightsOf(Person(), {Binding(Role::kOperator, {"qa"}), Binding(Role::kOperator, {"staging"}),
                          Binding(Role::kViewer, {})});
  EXPECT_THAT(rights.Where(Verb::kOperate).names(), ElementsAre("qa", "staging"));
  EXPECT_TRUE(rights.Everywhere(Verb::kRead));
  EXPECT_FALSE(rights.In(Verb::kOperate, "production"));
  EXPECT_FALSE(rights.Anywhere(Verb::kAdminister));
}

TEST(RightsTest, AScopeOnlyNarrows) {
  const Rights rights = RightsOf(Person({Role::kViewer}), {Binding(Role::kOperator, {"qa"})});
  TokenScope scope;
  scope.environments = {"production", "qa"};
  scope.verbs = {Verb::kOperate, Verb::kAdminister};
  const Rights narrow = rights.NarrowedBy(scope);
  EXPECT_THAT(narrow.Where(Verb::kOperate).names(), ElementsAre("qa"));
  EXPECT_FALSE(narrow.Anywhere(Verb::kRead));
  EXPECT_FALSE(narrow.Anywhere(Verb::kAdminister));
  scope.verbs.clear();
  EXPECT_THAT(rights.NarrowedBy(scope).Where(Verb::kRead).names(), ElementsAre("production", "qa"));
  EXPECT_TRUE(rights.NarrowedBy(TokenScope()).Everywhere(Verb::kRead));
  scope.environments = {"elsewhere"};
  EXPECT_FALSE(rights.NarrowedBy(scope).Anywhere(Verb::kOperate));
}

class ScopeTest : public testing::Test {
 protected:
  Caller Limited() {
    Caller caller;
    caller.user_id = "ada";
    caller.token_id = "T";
    caller.scope = {{"qa", "staging"}, {Verb::kRead, Verb::kOperate}, {"10.0.0.0/8"}};
    caller.expire_time = absl::FromUnixSeconds(1000);
    return caller;
  }
  std::string Reason(const TokenScope& scope, int64_t end = 900) {
    return ReasonOf(CheckWithin(Limited(), scope, absl::FromUnixSeconds(end)));
  }
};

TEST_F(ScopeTest, AShortLifeAloneIsALimitToo) {
  Caller caller = Limited();
  caller.scope = {};
  EXPECT_TRUE(CheckWithin(caller, {}, absl::FromUnixSeconds(1001)).ok());
  caller.short_lived = true;
  EXPECT_TRUE(CheckWithin(caller, {}, absl::FromUnixSeconds(1000)).ok());
  const absl::Status status = CheckWithin(caller, {}, absl::FromUnixSeconds(1001));
  EXPECT_EQ(ReasonOf(status), "TOKEN_SCOPE");
  EXPECT_NE(status.message().find("is limited to a short life; "), std::string::npos) << status;
}

TEST_F(ScopeTest, ALimitedTokenMakesNoWiderOne) {
  const TokenScope narrower = {{"qa"}, {Verb::kRead}, {"10.1.0.0/16", "10.9.0.1/32"}};
  EXPECT_EQ(Reason(narrower), "");
  EXPECT_EQ(Reason(Limited().scope, 1000), "");
  EXPECT_EQ(Reason(Limited().scope, 1001), "TOKEN_SCOPE");
  EXPECT_EQ(Reason({{}, {Verb::kRead}, {"10.1.0.0/16"}}), "TOKEN_SCOPE");
  EXPECT_EQ(Reason({{"qa"}, {}, {"10.1.0.0/16"}}), "TOKEN_SCOPE");
  EXPECT_EQ(Reason({{"qa"}, {Verb::kRead}, {}}), "TOKEN_SCOPE");
  EXPECT_EQ(Reason({{"production", "qa"}, {Verb::kRead}, {"10.1.0.0/16"}}), "TOKEN_SCOPE");
  EXPECT_EQ(Reason({{"qa"}, {Verb::kRead, Verb::kApprove}, {"10.1.0.0/16"}}), "TOKEN_SCOPE");
  EXPECT_EQ(Reason({{"qa"}, {Verb::kRead}, {"10.1.0.0/16", "11.0.0.0/8"}}), "TOKEN_SCOPE");
  EXPECT_EQ(Reason({{"qa"}, {Verb::kRead}, {"0.0.0.0/0"}}), "TOKEN_SCOPE");
}

TEST_F(ScopeTest, ATokenCountsFromItsNetworksOnly) {
  EXPECT_TRUE(CheckSource(Limited(), "ipv4:10.2.3.4:5").ok());
  EXPECT_TRUE(CheckSource(Limited(), "ipv6:[::ffff:10.2.3.4]:5").ok());
  for (const char* peer : {"ipv4:127.0.0.1:5", "ipv6:[::1]:5", "unix:", "inproc"}) {
    EXPECT_EQ(ReasonOf(CheckSource(Limited(), peer)), "TOKEN_SOURCE") << peer;
  }
  EXPECT_TRUE(CheckSource(Caller(), "unix:").ok());
}

TEST_F(ScopeTest, AScopeIsPutInOrderAndBadOnesAreRefused) {
  const TokenScope scope =
      CheckScope({{"qa", "dev", "qa"}, {Verb::kAudit, Verb::kRead}, {"10.0.0.7"}}).value();
  EXPECT_EQ(ScopeText(scope), "environments dev,qa; verbs read,audit; sources 10.0.0.7/32");
  EXPECT_EQ(ReasonOf(CheckScope({{}, {}, {"10.0.0.1/8"}}).status()), "BAD_NETWORK");
  EXPECT_FALSE(CheckScope({{"no such/name"}, {}, {}}).ok());
  EXPECT_EQ(ReasonOf(CheckScope({std::vector<std::string>(101, "qa"), {}, {}}).status()),
            "SCOPE_TOO_LONG");
}

// What is stored, as transactions see it.
class StoredRolesTest : public testing::Test {
 protected:
  void Put(const std::string& name, const std::string& role, const std::string& editor,
           std::vector<std::string> environments = {}) {
    resource::v1::RoleBinding manifest;
    manifest.mutable_spec()->set_role(role);
    manifest.mutable_spec()->add_subjects("ada");
    for (const std::string& environment : environments) {
      manifest.mutable_spec()->add_environments(environment);
    }
    ASSERT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                      Resource resource;
                      resource.id = "rolebindings/" + name;
                      auto former = tx.GetResource(resource.id);
                      if (former.ok()) resource = *former;
                      resource.kind = "RoleBinding";
                      resource.blob = manifest.SerializeAsString();
                      if (!former.ok()) resource.creator = editor;
                      resource.editor = editor;
                      RETURN_IF_ERROR(former.ok() ? tx.UpdateResource(&resource)
                                                  : tx.InsertResource(&resource));
                      return NoteRoleChange(tx, resource.id, editor, clock_.Now());
                    })
                    .ok());
  }
  std::set<Role> In(const std::string& environment, const std::string& who = "users/ada") {
    return ReadFrom(store_, [&](ReadTx& tx) { return RolesIn(tx, who, environment); }).value();
  }

  FakeClock clock_;
  MemoryStore store_{&clock_, 1'800'000'000};
  User ada_ = Person();
  const bool inserted_ =
      store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertUser(&ada_); }).ok();
};

TEST_F(StoredRolesTest, EachChangeIsSeenByTheNextTransaction) {
  EXPECT_THAT(In("qa"), IsEmpty());
  Put("b", "operator", "users/root", {"qa"});
  EXPECT_THAT(In("qa"), ElementsAre(Role::kOperator));
  EXPECT_THAT(In("production"), IsEmpty());
  Put("b", "approver", "users/root");
  EXPECT_THAT(In("production"), ElementsAre(Role::kApprover));
  EXPECT_THAT(In("production", "users/nobody"), IsEmpty());
  EXPECT_THAT(In("production", "system/dispatch"), IsEmpty());
}

TEST_F(StoredRolesTest, TwoStoresAreNeverTakenForEachOther) {
  Put("b", "operator", "users/root");
  EXPECT_THAT(In("qa"), ElementsAre(Role::kOperator));
  MemoryStore other(&clock_, 1'800'000'000);
  User ada = Person();
  ASSERT_TRUE(other.MutateAndWait([&](WriteTx& tx) { return tx.InsertUser(&ada); }).ok());
  EXPECT_THAT(ReadFrom(other, [](ReadTx& tx) { return RolesIn(tx, "users/ada", "qa"); }).value(),
              IsEmpty());
  EXPECT_THAT(In("qa"), ElementsAre(Role::kOperator));
}

TEST_F(StoredRolesTest, WhoeverEverChangedABindingIsOneOfItsMakers) {
  Put("b", "approver", "users/eve");
  Put("b", "approver", "users/mallory");
  Put("b", "approver", "users/root");
  const auto book = ReadFrom(store_, [](ReadTx& tx) { return ReadRoleBook(tx); }).value();
  ASSERT_EQ(book->bindings().size(), 1u);
  EXPECT_THAT(book->bindings()[0].makers,
              UnorderedElementsAre("users/eve", "users/mallory", "users/root"));
  EXPECT_THAT(
      ReadFrom(store_, [](ReadTx& tx) { return DependentPrincipals(tx, "users/mallory"); }).value(),
      ElementsAre("users/ada"));
  EXPECT_THAT(
      ReadFrom(store_, [](ReadTx& tx) { return DependentPrincipals(tx, "users/bob"); }).value(),
      IsEmpty());
}

TEST_F(StoredRolesTest, ABindingThatCannotBeReadGivesNobodyAnything) {
  Put("b", "king", "users/root");
  EXPECT_EQ(
      ReasonOf(
          ReadFrom(store_, [](ReadTx& tx) { return RolesIn(tx, "users/ada", "qa"); }).status()),
      "STORE_CORRUPT");
}

TEST(Scope, ATokenThatIsNotToReadIsSaidToWantThatForItsWork) {
  EXPECT_THAT(WantsOf({{}, {Verb::kApprove}, {}}), ElementsAre(HasSubstr("verb read")));
  EXPECT_THAT(WantsOf({{}, {Verb::kOperate, Verb::kApprove}, {}}), SizeIs(2));
  EXPECT_THAT(WantsOf({{}, {Verb::kRead, Verb::kApprove}, {}}), IsEmpty());
  EXPECT_THAT(WantsOf({{}, {Verb::kDeclare}, {}}), IsEmpty());
  EXPECT_THAT(WantsOf({{"qa"}, {}, {}}), IsEmpty()) << "all verbs of its user";
}

}  // namespace
}  // namespace dbfleet::controller
