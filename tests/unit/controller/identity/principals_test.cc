#include "controller/identity/principals.h"

#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "controller/identity/user_rows.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"
#include "tests/fakes/read_from.h"

namespace dbfleet::controller {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PrincipalsTest : public testing::Test {
 protected:
  PrincipalsTest() : dir_(testing::TempDir() + "/principals-test-" + RandomHex(6)) {
    std::filesystem::create_directories(dir_);
  }
  ~PrincipalsTest() override { std::filesystem::remove_all(dir_); }

  void Make(const std::string& id, const std::vector<Role>& roles,
            const std::string& by = "users/root") {
    const auto user = principals_.CreateUser(by, id, roles);
    ASSERT_TRUE(user.ok()) << user.status();
  }
  Principals::CreatedToken Token(const std::string& user, const std::string& by = "users/root",
                                 absl::Duration ttl = absl::ZeroDuration()) {
    auto token = principals_.CreateToken(by, user, "", ttl);
    EXPECT_TRUE(token.ok()) << token.status();
    return *std::move(token);
  }
  std::string Reason(const Secret& token) {
    return ReasonOf(principals_.Authenticate(token).status());
  }
  std::vector<std::string> Dependent(const std::string& requester) {
    std::vector<std::string> found;
    EXPECT_TRUE(store_
                    .Read([&](ReadTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(found, DependentPrincipals(tx, requester));
                      return absl::OkStatus();
                    })
                    .ok());
    return found;
  }
  std::vector<std::string> Actions() {
    std::vector<std::string> actions;
    for (const AuditRow& row : store_.Audit()) actions.push_back(row.entry.action);
    return actions;
  }
  Secret AdminToken() {
    const auto secret = ReadSecretFile(dir_ + "/admin-token");
    EXPECT_TRUE(secret.ok()) << secret.status();
    return secret.ok() ? *secret : Secret();
  }

  FakeClock clock_;
  MemoryStore store_{&clock_};
  Principals principals_{&store_, &clock_};
  const std::string dir_;
};

TEST_F(PrincipalsTest, ATokenTellsWhoCallsUntilItExpires) {
  Make("ada", {Role::kOperator, Role::kViewer, Role::kOperator});
  const auto token = Token("ada");
  EXPECT_TRUE(absl::StartsWith(token.secret.Reveal(), "dbft_"));
  EXPECT_EQ(token.secret.Reveal().size(), 69u);
  const auto caller = principals_.Authenticate(token.secret);
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_EQ(caller->principal, "users/ada");
  EXPECT_EQ(caller->token_id, token.token.id);
  EXPECT_THAT(caller->roles, ElementsAre(Role::kViewer, Role::kOperator));
  clock_.Advance(absl::Hours(24 * 90));
  EXPECT_EQ(Reason(token.secret), "TOKEN_EXPIRED") << "also when it was remembered";
}

TEST_F(PrincipalsTest, UnknownTokensAreRefused) {
  EXPECT_EQ(Reason(Secret("dbft_" + RandomHex(32))), "TOKEN_UNKNOWN");
  EXPECT_EQ(Reason(Secret("")), "TOKEN_UNKNOWN");
}

TEST_F(PrincipalsTest, TheStoreHoldsNoTokenInTheClear) {
  Make("ada", {Role::kViewer});
  const auto token = Token("ada");
  EXPECT_EQ(token.token.hash, Sha256Hex(token.secret.Reveal()));
  for (const AuditRow& row : store_.Audit()) {
    EXPECT_FALSE(absl::StrContains(row.canonical, token.secret.Reveal().substr(5)));
    EXPECT_FALSE(absl::StrContains(row.canonical, token.token.hash));
  }
}

TEST_F(PrincipalsTest, RevocationDisablingAndNewRolesWorkAtOnceOnRememberedTokens) {
  Make("root", {Role::kAdmin});
  Make("ada", {Role::kOperator});
  const auto first = Token("ada");
  const auto second = Token("ada");
  ASSERT_TRUE(principals_.Authenticate(first.secret).ok());
  ASSERT_TRUE(principals_.Authenticate(second.secret).ok());
  ASSERT_TRUE(principals_.RevokeToken("users/root", first.token.id).ok());
  EXPECT_EQ(Reason(first.secret), "TOKEN_REVOKED");
  ASSERT_TRUE(principals_.UpdateRoles("users/root", "ada", {Role::kViewer}).ok());
  EXPECT_THAT(principals_.Authenticate(second.secret)->roles, ElementsAre(Role::kViewer));
  ASSERT_TRUE(principals_.Disable("users/root", "ada", "left").ok());
  EXPECT_EQ(Reason(second.secret), "USER_DISABLED");
  EXPECT_EQ(ReasonOf(principals_.CreateToken("users/root", "ada", "", absl::Hours(1)).status()),
            "USER_DISABLED");
  EXPECT_EQ(store_.Audit().back().entry.details.at("revoked_tokens"), "1");
}

TEST_F(PrincipalsTest, EnablingGivesTheRolesBackAndNoToken) {
  Make("root", {Role::kAdmin});
  Make("ada", {Role::kOperator});
  const auto token = Token("ada");
  ASSERT_TRUE(principals_.Disable("users/root", "ada", "left").ok());
  const auto enabled = principals_.Enable("users/root", "ada", "came back");
  ASSERT_TRUE(enabled.ok()) << enabled.status();
  EXPECT_FALSE(enabled->disabled);
  EXPECT_EQ(store_.Audit().back().entry.action, "user.enable");
  EXPECT_EQ(store_.Audit().back().entry.details.at("reason"), "came back");
  EXPECT_EQ(Reason(token.secret), "TOKEN_REVOKED");
  EXPECT_THAT(principals_.Authenticate(Token("ada").secret)->roles, ElementsAre(Role::kOperator));
  const size_t records = store_.Audit().size();
  ASSERT_TRUE(principals_.Enable("users/root", "ada", "again").ok());
  EXPECT_EQ(store_.Audit().size(), records);
  EXPECT_FALSE(principals_.Enable("users/root", "nobody", "").ok());
}

// Else an admin who asks for a change could bring back an approver who left.
TEST_F(PrincipalsTest, WhoEnablesAnAccountAnswersForIt) {
  Make("root", {Role::kAdmin});
  Make("eve", {Role::kAdmin});
  Make("bob", {Role::kApprover});
  const auto dependents = [&] {
    return ReadFrom(store_, [](ReadTx& tx) { return DependentPrincipals(tx, "users/eve"); })
        .value();
  };
  ASSERT_TRUE(principals_.Disable("users/root", "bob", "left").ok());
  EXPECT_THAT(dependents(), testing::IsEmpty());
  ASSERT_TRUE(principals_.Enable("users/eve", "bob", "").ok());
  EXPECT_THAT(dependents(), ElementsAre("users/bob"));
}

TEST_F(PrincipalsTest, WhoGaveARoleAnswersForItUntilItIsTakenAway) {
  Make("root", {Role::kAdmin});
  Make("eve", {Role::kAdmin});
  Make("bob", {Role::kViewer});
  const auto dependents = [&] {
    return ReadFrom(store_, [](ReadTx& tx) { return DependentPrincipals(tx, "users/eve"); })
        .value();
  };
  const auto set = [&](const char* editor, const std::vector<Role>& roles) {
    ASSERT_TRUE(principals_.UpdateRoles(editor, "bob", roles).ok());
  };
  set("users/eve", {Role::kApprover});
  EXPECT_THAT(dependents(), ElementsAre("users/bob"));
  set("users/root", {Role::kApprover, Role::kViewer});
  EXPECT_THAT(dependents(), ElementsAre("users/bob")) << "another admin's edit hides nothing";
  ASSERT_TRUE(principals_.Disable("users/root", "bob", "leave").ok());
  ASSERT_TRUE(principals_.Enable("users/root", "bob", "").ok());
  EXPECT_THAT(dependents(), ElementsAre("users/bob"));
  set("users/root", {Role::kViewer});
  EXPECT_THAT(dependents(), testing::IsEmpty());
  set("users/root", {Role::kApprover});
  EXPECT_THAT(dependents(), testing::IsEmpty()) << "root gave it anew";
}

// As an earlier version stored it.
TEST_F(PrincipalsTest, AGiverWhomNobodyNotedIsWhoeverSetTheRolesLast) {
  Make("root", {Role::kAdmin});
  Make("eve", {Role::kAdmin});
  Make("bob", {Role::kViewer});
  ASSERT_TRUE(principals_.UpdateRoles("users/eve", "bob", {Role::kApprover}).ok());
  const auto forget = [](WriteTx& tx) { return tx.PutSetting("user.bob.role_makers", ""); };
  ASSERT_TRUE(store_.MutateAndWait(forget).ok());
  ASSERT_TRUE(principals_.UpdateRoles("users/root", "bob", {Role::kApprover, Role::kViewer}).ok());
  EXPECT_THAT(
      ReadFrom(store_, [](ReadTx& tx) { return DependentPrincipals(tx, "users/eve"); }).value(),
      ElementsAre("users/bob"));
}

// Of tokens that have ended, too; those that an earlier version made are looked up.
TEST_F(PrincipalsTest, WhoeverMadeATokenForAnAccountAnswersForIt) {
  Make("root", {Role::kAdmin});
  Make("eve", {Role::kAdmin});
  Make("bob", {Role::kApprover});
  const auto dependents = [&] {
    return ReadFrom(store_, [](ReadTx& tx) { return DependentPrincipals(tx, "users/eve"); })
        .value();
  };
  const auto token = principals_.CreateToken("users/eve", "bob", "", absl::Hours(1));
  ASSERT_TRUE(token.ok()) << token.status();
  ASSERT_TRUE(principals_.RevokeToken("users/root", token->token.id).ok());
  EXPECT_THAT(dependents(), ElementsAre("users/bob"));
  const auto forget = [](WriteTx& tx) { return tx.PutSetting("user.bob.token_makers", ""); };
  ASSERT_TRUE(store_.MutateAndWait(forget).ok());
  EXPECT_THAT(dependents(), ElementsAre("users/bob")) << "by an earlier version";
  ASSERT_TRUE(principals_.CreateToken("users/root", "bob", "", absl::Hours(1)).ok());
  EXPECT_THAT(dependents(), ElementsAre("users/bob")) << "the list begins with those before it";
}

TEST_F(PrincipalsTest, BadUsersAndTokensAreRefused) {
  for (const char* id : {"", "Ada", "a/b", "..", "a b", "ada\n"}) {
    EXPECT_EQ(ReasonOf(principals_.CreateUser("users/root", id, {Role::kViewer}).status()),
              "INVALID_NAME")
        << id;
  }
  EXPECT_EQ(
      ReasonOf(principals_.CreateUser("users/root", "x", {Role::kApprover}, "", true).status()),
      "ROLE_CONFLICT");
  EXPECT_EQ(
      ReasonOf(principals_.CreateUser("users/root", "x", {Role::kAdmin, Role::kApprover}).status()),
      "ROLE_CONFLICT");
  Make("ada.b-c_1", {Role::kViewer});
  EXPECT_EQ(ReasonOf(principals_.CreateUser("users/root", "ada.b-c_1", {Role::kViewer}).status()),
            "USER_EXISTS");
  EXPECT_EQ(
      ReasonOf(
          principals_.CreateToken("users/root", "ada.b-c_1", "", absl::Hours(24 * 367)).status()),
      "BAD_TTL");
  EXPECT_EQ(ReasonOf(principals_.CreateToken("users/root", "nobody", "", absl::Hours(1)).status()),
            "USER_NOT_FOUND");
}

TEST_F(PrincipalsTest, AUserMayHaveNoRoleOfItsOwnAndBeAServiceAccount) {
  Make("ada", {});
  Make("root", {Role::kAdmin});
  ASSERT_TRUE(principals_.CreateUser("users/root", "ci", {Role::kOperator}, "", true).ok());
  EXPECT_EQ(store_.Audit().back().entry.details.at("kind"), "service");
  const auto caller = principals_.Authenticate(Token("ci").secret);
  ASSERT_TRUE(caller.ok());
  EXPECT_TRUE(caller->service);
  EXPECT_EQ(ReasonOf(principals_.UpdateRoles("users/root", "ci", {Role::kApprover}).status()),
            "ROLE_CONFLICT");
  EXPECT_TRUE(principals_.UpdateRoles("users/root", "ci", {}).ok());
  EXPECT_FALSE(principals_.Authenticate(Token("ci").secret)->rights.Anywhere(Verb::kRead));
}

TEST_F(PrincipalsTest, ATokensLimitsAreStoredShownAndAudited) {
  Make("ada", {Role::kOperator});
  const TokenScope scope = {{"qa"}, {Verb::kRead}, {"10.0.0.0/8"}};
  EXPECT_EQ(
      ReasonOf(
          principals_.CreateToken({"users/ada", "ada", "", absl::Hours(1), "", scope}).status()),
      "UNKNOWN_ENVIRONMENT");
  ASSERT_TRUE(store_
                  .MutateAndWait([](WriteTx& tx) {
                    Environment qa;
                    qa.name = "qa";
                    return tx.InsertEnvironment(&qa);
                  })
                  .ok());
  const auto made = principals_.CreateToken({"users/ada", "ada", "", absl::Hours(1), "", scope});
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(store_.Audit().back().entry.details.at("scope"),
            "environments qa; verbs read; sources 10.0.0.0/8");
  const auto caller = principals_.Authenticate(made->secret);
  ASSERT_TRUE(caller.ok());
  EXPECT_EQ(caller->scope, scope);
  EXPECT_EQ(
      ReasonOf(principals_.CreateToken({"users/ada", "ada", "", absl::Hours(1), "", {}, &*caller})
                   .status()),
      "TOKEN_SCOPE");
}

TEST_F(PrincipalsTest, ChangesAreToldToThoseWhoseWorkGoesOn) {
  int told = 0;
  auto subscription = principals_.changes().Subscribe([&told] { ++told; });
  const uint64_t before = principals_.changes().generation();
  Make("ada", {Role::kViewer});
  const auto token = Token("ada");
  EXPECT_EQ(told, 2);
  ASSERT_TRUE(principals_.RevokeToken("users/ada", token.token.id).ok());
  EXPECT_EQ(told, 3);
  EXPECT_EQ(principals_.changes().generation(), before + 3);
  subscription.reset();
  Make("bob", {Role::kViewer});
  EXPECT_EQ(told, 3);
}

TEST_F(PrincipalsTest, ARepeatedRequestReturnsTheUserThatItMade) {
  const auto create = [&](const std::string& by, const std::string& id, Role role,
                          const std::string& request) {
    return principals_.CreateUser(by, id, {role}, request);
  };
  ASSERT_TRUE(create("users/root", "ada", Role::kOperator, "r1").ok());
  const auto again = create("users/root", "ada", Role::kOperator, "r1");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->id, "ada");
  EXPECT_THAT(Actions(), ElementsAre("user.create"));
  // The same id for something else, of somebody else, and no id at all.
  EXPECT_EQ(ReasonOf(create("users/root", "bob", Role::kOperator, "r1").status()),
            "REQUEST_ID_REUSED");
  EXPECT_EQ(ReasonOf(create("users/root", "ada", Role::kViewer, "r1").status()),
            "REQUEST_ID_REUSED");
  EXPECT_EQ(ReasonOf(create("users/eve", "ada", Role::kOperator, "r1").status()), "USER_EXISTS");
  EXPECT_EQ(ReasonOf(create("users/root", "ada", Role::kOperator, "").status()), "USER_EXISTS");
}

TEST_F(PrincipalsTest, ARequestThatFailedIsNotRemembered) {
  Make("ada", {Role::kOperator});
  EXPECT_FALSE(principals_.CreateUser("users/root", "ada", {Role::kOperator}, "r1").ok());
  EXPECT_TRUE(principals_.CreateUser("users/root", "bob", {Role::kOperator}, "r1").ok());
}

TEST_F(PrincipalsTest, ARepeatedRequestReplacesTheSecretThatNobodyReceived) {
  Make("ada", {Role::kOperator});
  const auto create = [&](const std::string& request, const std::string& description = "ci") {
    return principals_.CreateToken("users/root", "ada", description, absl::Hours(1), request);
  };
  const auto first = create("r1");
  ASSERT_TRUE(first.ok()) << first.status();
  clock_.Advance(absl::Minutes(1));
  const auto second = create("r1");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->token.id, first->token.id);
  EXPECT_EQ(second->token.expire_time, first->token.expire_time);
  EXPECT_EQ(Reason(first->secret), "TOKEN_UNKNOWN") << "two secrets would be good at once";
  EXPECT_EQ(ReasonOf(create("r1", "other").status()), "REQUEST_ID_REUSED");
  EXPECT_EQ(Reason(second->secret), "");
  EXPECT_THAT(Actions(), ElementsAre("user.create", "token.create", "token.replace_secret"));
}

TEST_F(PrincipalsTest, OnceATokenWasUsedARepetitionNeitherShowsNorVoidsIt) {
  Make("ada", {Role::kOperator});
  const auto create = [&](Principals& principals) {
    return principals.CreateToken("users/root", "ada", "", absl::Hours(1), "r1");
  };
  const auto token = create(principals_);
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(Reason(token->secret), "");
  Principals restarted(&store_, &clock_);
  for (Principals* principals : {&principals_, &restarted}) {
    const absl::Status status = create(*principals).status();
    EXPECT_EQ(ReasonOf(status), "SECRET_DELIVERED");
    EXPECT_TRUE(absl::StrContains(status.message(), token->token.id)) << status;
  }
  EXPECT_EQ(Reason(token->secret), "");
}

TEST_F(PrincipalsTest, ARevokedOrExpiredTokenIsNotBroughtBackByARepetition) {
  Make("ada", {Role::kOperator});
  const auto create = [&](const std::string& request) {
    return principals_.CreateToken("users/root", "ada", "", absl::Hours(1), request);
  };
  const auto revoked = create("r1");
  ASSERT_TRUE(create("r2").ok());
  ASSERT_TRUE(principals_.RevokeToken("users/root", revoked->token.id).ok());
  EXPECT_EQ(ReasonOf(create("r1").status()), "SECRET_DELIVERED");
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(ReasonOf(create("r2").status()), "SECRET_DELIVERED");
}

TEST_F(PrincipalsTest, TheLastAdminCannotBeTakenAway) {
  Make("root", {Role::kAdmin});
  EXPECT_EQ(ReasonOf(principals_.Disable("users/root", "root", "").status()), "LAST_ADMIN");
  EXPECT_EQ(ReasonOf(principals_.UpdateRoles("users/root", "root", {Role::kViewer}).status()),
            "LAST_ADMIN");
  Make("eve", {Role::kAdmin});
  EXPECT_TRUE(principals_.Disable("users/eve", "root", "").ok());
  EXPECT_EQ(ReasonOf(principals_.Disable("users/eve", "eve", "").status()), "LAST_ADMIN");
}

TEST_F(PrincipalsTest, ApproversInTheRequestersHandAreDependent) {
  Make("made", {Role::kApprover}, "users/ada");
  Make("edited", {Role::kApprover});
  Make("keyed", {Role::kApprover});
  Make("free", {Role::kApprover});
  Make("root", {Role::kAdmin});
  Make("ada", {Role::kOperator});
  EXPECT_THAT(Dependent("users/ada"), ElementsAre("users/made"));
  ASSERT_TRUE(
      principals_.UpdateRoles("users/ada", "edited", {Role::kApprover, Role::kViewer}).ok());
  const auto key = Token("keyed", "users/ada");
  Token("free", "users/free");
  Token("ada", "users/ada");
  EXPECT_THAT(Dependent("users/ada"), ElementsAre("users/edited", "users/keyed", "users/made"));
  EXPECT_THAT(Dependent("users/free"), IsEmpty());
  ASSERT_TRUE(principals_.RevokeToken("users/ada", key.token.id).ok());
  EXPECT_THAT(Dependent("users/ada"), ElementsAre("users/edited", "users/keyed", "users/made"))
      << "approve first, revoke the token then, does not help";
}

TEST_F(PrincipalsTest, DependenceGoesThroughAccountsInBetween) {
  Make("middle", {Role::kAdmin}, "users/ada");
  Make("leaf", {Role::kApprover}, "users/middle");
  Make("free", {Role::kApprover}, "users/root");
  EXPECT_THAT(Dependent("users/ada"), ElementsAre("users/leaf", "users/middle"));
  EXPECT_THAT(Dependent("users/middle"), ElementsAre("users/leaf"));
  EXPECT_THAT(Dependent("system/scheduler"), IsEmpty());
}

// What is kept of users between the looks is never older than the store, whatever was done to them,
// and whether it was done or failed half-way.
TEST_F(PrincipalsTest, EachChangeToUsersAndTokensIsSeenByTheNextLook) {
  std::mt19937 random(11);
  std::vector<std::string> ids = {"root"};
  Make("root", {Role::kAdmin}, "system/controller");
  const auto any = [&] { return ids[random() % ids.size()]; };
  std::set<std::vector<std::string>> seen;
  for (int i = 0; i < 300; ++i) {
    const std::string by = "users/" + any();
    const std::string of = any();
    switch (random() % 6) {
      case 0:
        ids.push_back(absl::StrCat("user-", i));
        Make(ids.back(), {Role::kOperator}, by);
        break;
      case 1:
        (void)principals_.CreateToken(by, of, "", absl::ZeroDuration());
        break;
      case 2:
        (void)principals_.UpdateRoles(by, of, {Role::kViewer});  // Not the last admin's.
        break;
      case 3:
        (void)principals_.UpdateRoles(by, of, {Role::kAuditor, Role::kOperator});
        break;
      case 4:
        (void)principals_.Disable(by, of, "");
        break;
      default:
        (void)principals_.Enable(by, of, "");
    }
    const std::string requester = "users/" + any();
    const std::vector<std::string> kept = Dependent(requester);
    std::vector<std::string> afresh;
    const absl::Status undone = store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
      RETURN_IF_ERROR(tx.PutSetting("users.generation", ""));  // Nothing is kept without.
      ASSIGN_OR_RETURN(afresh, DependentPrincipals(tx, requester));
      return absl::AbortedError("only to look");
    });
    ASSERT_TRUE(absl::IsAborted(undone)) << undone;
    ASSERT_EQ(kept, afresh) << "after " << i;
    seen.insert(kept);
  }
  EXPECT_GT(seen.size(), 20u);
}

// Of a store that an older version has written.
TEST_F(PrincipalsTest, AStartLetsWhatIsReadOfUsersBeKept) {
  ASSERT_TRUE(principals_.EnsureAdmin(dir_).ok());
  const auto name = [&](WriteTx& tx) { return tx.PutSetting("users.generation", ""); };
  ASSERT_TRUE(store_.MutateAndWait(name).ok());
  ASSERT_TRUE(principals_.EnsureAdmin(dir_).ok());
  const auto generation = [&] { return ReadFrom(store_, UsersGeneration).value(); };
  const std::string first = generation();
  EXPECT_NE(first, "");
  ASSERT_TRUE(principals_.EnsureAdmin(dir_).ok());
  EXPECT_EQ(generation(), first) << "a start changes nothing";
  Make("ada", {});
  EXPECT_NE(generation(), first);
}

TEST_F(PrincipalsTest, TheFirstStartWritesAnAdminsTokenOnce) {
  ASSERT_TRUE(principals_.EnsureAdmin(dir_).ok());
  struct stat info;
  ASSERT_EQ(stat((dir_ + "/admin-token").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const Secret token = AdminToken();
  const auto caller = principals_.Authenticate(token);
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_EQ(caller->principal, "users/admin");
  EXPECT_THAT(caller->roles, ElementsAre(Role::kAdmin));
  const int records = static_cast<int>(store_.Audit().size());

  ASSERT_TRUE(principals_.EnsureAdmin(dir_).ok());
  EXPECT_EQ(AdminToken().Reveal(), token.Reveal());
  std::filesystem::remove(dir_ + "/admin-token");  // As one should, once it is stored elsewhere.
  ASSERT_TRUE(principals_.EnsureAdmin(dir_).ok());
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/admin-token"));
  EXPECT_EQ(static_cast<int>(store_.Audit().size()), records);
  EXPECT_THAT(Actions(), ElementsAre("user.create", "token.create"));
}

TEST_F(PrincipalsTest, ACrashBeforeTheFileMakesANewTokenAndRevokesTheUnseenOne) {
  // A folder in the file's place: the store has committed when writing fails.
  std::filesystem::create_directories(dir_ + "/admin-token/x");
  ASSERT_FALSE(principals_.EnsureAdmin(dir_).ok());
  std::filesystem::remove_all(dir_ + "/admin-token");
  ASSERT_TRUE(principals_.EnsureAdmin(dir_).ok());
  EXPECT_TRUE(principals_.Authenticate(AdminToken()).ok());
  EXPECT_THAT(Actions(),
              ElementsAre("user.create", "token.create", "token.revoke", "token.create"));
  int live = 0;
  ASSERT_TRUE(store_
                  .Read([&](ReadTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(const auto page, tx.ListTokens("admin", {}));
                    for (const ApiToken& token : page.items) live += token.revoked ? 0 : 1;
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(live, 1);
}

TEST_F(PrincipalsTest, ACrashAfterTheFileKeepsItsToken) {
  // The last mutation of the first start fails: the file is there, the store says pending.
  class FailingStore : public MemoryStore {
   public:
    using MemoryStore::MemoryStore;
    void Mutate(Mutation mutation, Done done) override {
      if (++calls == 2) FailCommits(1, absl::UnavailableError("crash"));
      MemoryStore::Mutate(std::move(mutation), std::move(done));
    }
    int calls = 0;
  };
  FailingStore store(&clock_);
  Principals principals(&store, &clock_);
  ASSERT_FALSE(principals.EnsureAdmin(dir_).ok());
  const Secret token = AdminToken();
  ASSERT_TRUE(principals.EnsureAdmin(dir_).ok());
  EXPECT_EQ(AdminToken().Reveal(), token.Reveal());
  EXPECT_TRUE(principals.Authenticate(token).ok());
}

TEST_F(PrincipalsTest, TokenNamesAreParsedStrictly) {
  std::string user;
  std::string token;
  ASSERT_TRUE(ParseTokenName("users/ada/tokens/01J", &user, &token).ok());
  EXPECT_EQ(user, "ada");
  EXPECT_EQ(token, "01J");
  for (const char* bad : {"", "users/ada", "users/ada/tokens/", "users//tokens/x",
                          "users/ada/tokens/x/y", "user/ada/tokens/x"}) {
    EXPECT_EQ(ReasonOf(ParseTokenName(bad, &user, &token)), "INVALID_RESOURCE_NAME") << bad;
  }
}

}  // namespace
}  // namespace dbfleet::controller
