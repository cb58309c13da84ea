// A whole controller with its real services is asked by each of its methods, as the services'
// descriptors name them: nothing is let in without a role, nothing by a role elsewhere.
#include "tests/integration/controller/app/authorisation_fixture.h"

namespace dbfleet::controller {
namespace {

class AuthorisationTest : public AuthorisationFixture {};

bool Refused(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
}

TEST_F(AuthorisationTest, NoMethodAnswersWithoutATokenOrWithoutARole) {
  int methods = 0;
  std::set<std::pair<std::string, std::string>> expected;
  for (const MethodDescriptor* method : Methods()) {
    ++methods;
    const Permission& permission = PermissionOf(*method);
    const auto request = RequestFor(*method, "production");
    const Answer anonymous = Call(*method, *request, std::nullopt);
    EXPECT_EQ(absl::IsUnauthenticated(anonymous.status), permission.access != Access::kPublic)
        << PathOf(*method) << ": " << anonymous.status;
    if (permission.access == Access::kPublic) continue;
    const Answer nobody = Call(*method, *request, "nobody");
    const bool open = permission.access == Access::kAnyUser && method->name() == "WhoAmI";
    EXPECT_EQ(absl::IsPermissionDenied(nobody.status), !open)
        << PathOf(*method) << ": " << nobody.status;
    EXPECT_TRUE(open || nobody.bytes.empty()) << PathOf(*method);
    if (!open) expected.emplace("users/nobody", absl::StrCat("methods", PathOf(*method)));
  }
  EXPECT_GE(methods, 45);
  // A refusal does not wait for its record.
  std::set<std::pair<std::string, std::string>> denials;
  const auto all = [&] {
    denials = Denials();
    return std::includes(denials.begin(), denials.end(), expected.begin(), expected.end());
  };
  for (int i = 0; i < 300 && !all(); ++i) absl::SleepFor(absl::Milliseconds(100));
  for (const auto& denial : expected) EXPECT_EQ(denials.count(denial), 1u) << denial.second;
}

TEST_F(AuthorisationTest, NoMethodAnswersToARoleElsewhere) {
  for (const MethodDescriptor* method : Methods()) {
    const Permission& permission = PermissionOf(*method);
    if (permission.access != Access::kVerbs) continue;
    for (const Role role : kRoles) {
      const std::string user = absl::StrCat("qa-", absl::StrReplaceAll(NameOf(role), {{"_", "-"}}));
      const Answer answer = Call(*method, *RequestFor(*method, "production"), user);
      const bool lists = permission.where == Where::kListed && permission.fields.empty();
      if (lists && answer.status.ok()) {
        EXPECT_FALSE(absl::StrContains(answer.bytes, "production"))
            << PathOf(*method) << " shows " << user << " what is elsewhere";
        continue;
      }
      EXPECT_EQ(ReasonOf(answer.status), "ROLE_MISSING")
          << PathOf(*method) << " by " << user << ": " << answer.status;
      EXPECT_TRUE(answer.bytes.empty()) << PathOf(*method);
    }
  }
}

TEST_F(AuthorisationTest, WhatIsElsewhereIsAsIfItWereNotThere) {
  for (const MethodDescriptor* method : Methods()) {
    const Permission& permission = PermissionOf(*method);
    if (permission.access != Access::kVerbs || permission.where == Where::kEverywhere) continue;
    if (method->name() == "ApplyResources") continue;  // It makes what is not there.
    for (const Role role : kRoles) {
      const std::string user = absl::StrCat("qa-", absl::StrReplaceAll(NameOf(role), {{"_", "-"}}));
      const auto plain = [&](bool missing) {
        const Answer answer = Call(*method, *RequestFor(*method, "production", missing), user);
        return absl::StrCat(
            ReasonOf(answer.status), ": ",
            absl::StrReplaceAll(answer.status.message(), {{"-none", ""}, {"00000X", "00000P"}}));
      };
      EXPECT_EQ(plain(true), plain(false)) << PathOf(*method) << " by " << user;
    }
  }
}

TEST_F(AuthorisationTest, AListingWithoutAFilterShowsWhatTheCallerMaySee) {
  for (const MethodDescriptor* method : Methods()) {
    if (PermissionOf(*method).where != Where::kListed) continue;
    std::unique_ptr<Message> request = RequestFor(*method, "qa");
    request->Clear();
    const Answer some = Call(*method, *request, "qa-viewer");
    ASSERT_TRUE(some.status.ok()) << PathOf(*method) << ": " << some.status;
    EXPECT_TRUE(absl::StrContains(some.bytes, "qa")) << PathOf(*method);
    EXPECT_FALSE(absl::StrContains(some.bytes, "production")) << PathOf(*method);
    const Answer all = Call(*method, *request, "viewer");
    ASSERT_TRUE(all.status.ok()) << PathOf(*method) << ": " << all.status;
    EXPECT_TRUE(absl::StrContains(all.bytes, "production")) << PathOf(*method);
  }
}

TEST_F(AuthorisationTest, TheRoleThatIsNeededLetsIn) {
  for (const MethodDescriptor* method : Methods()) {
    const Permission& permission = PermissionOf(*method);
    if (permission.access != Access::kVerbs) continue;
    std::set<Role> may;
    for (const Verb verb : permission.verbs) {
      for (const Role role : RolesWith(verb)) may.insert(role);
    }
    for (const Role role : kRoles) {
      const std::string name = absl::StrReplaceAll(NameOf(role), {{"_", "-"}});
      // Everywhere, and, unless it is needed everywhere, where it acts.
      const Answer everywhere = Call(*method, *RequestFor(*method, "qa"), name);
      // What a manifest declares decides which of the roles it takes.
      if (permission.where == Where::kInside && role == Role::kAdmin) continue;
      EXPECT_EQ(Refused(everywhere.status), may.count(role) == 0)
          << PathOf(*method) << " by " << name << ": " << everywhere.status;
      if (permission.where == Where::kEverywhere) continue;
      const Answer there = Call(*method, *RequestFor(*method, "qa"), "qa-" + name);
      EXPECT_EQ(Refused(there.status), may.count(role) == 0)
          << PathOf(*method) << " by qa-" << name << ": " << there.status;
    }
  }
}

TEST_F(AuthorisationTest, AnotherUsersTokensAreAnAdmins) {
  for (const char* name : {"CreateToken", "ListTokens"}) {
    const auto* method = api::v1::User::descriptor()->file()->service(0)->FindMethodByName(name);
    const auto request = RequestFor(*method, "qa");
    for (const char* user : {"operator", "auditor", "qa-admin", "nobody"}) {
      EXPECT_EQ(ReasonOf(Call(*method, *request, user).status), "NOT_YOUR_TOKEN") << name;
    }
    EXPECT_TRUE(Call(*method, *request, "root").status.ok()) << name;
  }
}

}  // namespace
}  // namespace dbfleet::controller
