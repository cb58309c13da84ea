// Tokens that were made with tokens: how long they live, and how they end.
#include "controller/identity/token_descent.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "controller/identity/principals.h"
#include "controller/identity/user_rows.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"

namespace dbfleet::controller {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr absl::Duration kDay = absl::Hours(24);

class TokenDescentTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string id : {"root", "ada"}) {
      ASSERT_TRUE(principals_.CreateUser("users/root", id, {Role::kAdmin}).ok());
    }
  }

  absl::StatusOr<Principals::CreatedToken> Make(const std::string& user,
                                                const Principals::CreatedToken* with,
                                                absl::Duration ttl,
                                                const std::string& request_id = "") {
    Principals::TokenRequest request{"users/root", user, "", ttl, request_id, {}, nullptr};
    if (with == nullptr) return principals_.CreateToken(request);
    ASSIGN_OR_RETURN(const Caller caller, principals_.Authenticate(with->secret));
    request.limits = &caller;
    return principals_.CreateToken(request);
  }
  Principals::CreatedToken Made(const Principals::CreatedToken* with,
                                absl::Duration ttl = absl::ZeroDuration(),
                                const std::string& user = "root") {
    auto made = Make(user, with, ttl);
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }
  std::string Reason(const Principals::CreatedToken& token) {
    return ReasonOf(principals_.Authenticate(token.secret).status());
  }
  Principals::Revoked Revoke(const Principals::CreatedToken& token, bool too) {
    auto revoked = principals_.RevokeToken("users/root", token.token.id,
                                           [too](const ApiToken&) { return too; });
    EXPECT_TRUE(revoked.ok()) << revoked.status();
    return *std::move(revoked);
  }
  static std::vector<std::string> Ids(const std::vector<ApiToken>& tokens) {
    std::vector<std::string> ids;
    for (const ApiToken& token : tokens) ids.push_back(token.id);
    return ids;
  }
  AuditEntry Last() { return store_.Audit().back().entry; }

  FakeClock clock_;
  MemoryStore store_{&clock_};
  Principals principals_{&store_, &clock_};
};

TEST_F(TokenDescentTest, AShortLivedTokenMakesNoneThatOutlivesIt) {
  const auto brief = Made(nullptr, kDay);
  EXPECT_EQ(ReasonOf(Make("root", &brief, absl::ZeroDuration()).status()), "TOKEN_SCOPE");
  EXPECT_EQ(ReasonOf(Make("ada", &brief, 366 * kDay).status()), "TOKEN_SCOPE");
  EXPECT_EQ(ReasonOf(Make("root", &brief, kDay + absl::Seconds(1)).status()), "TOKEN_SCOPE");
  const auto made = Made(&brief, kDay);
  EXPECT_EQ(ReasonOf(Make("root", &made, 2 * kDay).status()), "TOKEN_SCOPE");
  const auto almost = Made(nullptr, 90 * kDay - absl::Seconds(1));
  EXPECT_EQ(ReasonOf(Make("root", &almost, absl::ZeroDuration()).status()), "TOKEN_SCOPE");
}

// Else nobody could make the next token before the last one expires.
TEST_F(TokenDescentTest, ATokenOfOrdinaryLifeMakesItsSuccessor) {
  const auto ordinary = Made(nullptr);
  clock_.Advance(80 * kDay);
  EXPECT_TRUE(Make("root", &ordinary, absl::ZeroDuration()).ok());
  EXPECT_TRUE(Make("root", &ordinary, 366 * kDay).ok());
}

TEST_F(TokenDescentTest, TheTrailNamesTheTokenThatMadeIt) {
  const auto first = Made(nullptr);
  EXPECT_FALSE(Last().details.contains("token"));
  const auto second = Made(&first);
  EXPECT_EQ(Last().action, "token.create");
  EXPECT_EQ(Last().resource, TokenName(second.token));
  EXPECT_EQ(Last().details.at("token"), first.token.id);
}

TEST_F(TokenDescentTest, RevokingNamesWhatWasMadeWithItAndStillCounts) {
  const auto first = Made(nullptr);
  const auto child = Made(&first, 366 * kDay, "ada");
  const auto brief = Made(&first, kDay);
  const auto grandchild = Made(&brief, kDay);
  const auto dead = Made(&first);
  const auto of_dead = Made(&dead, 366 * kDay);
  const auto other = Made(nullptr);
  EXPECT_THAT(Ids(Revoke(dead, false).left), ElementsAre(of_dead.token.id));
  auto revoked = Revoke(first, false);
  EXPECT_TRUE(revoked.token.revoked);
  EXPECT_THAT(revoked.with_it, IsEmpty());
  EXPECT_THAT(Ids(revoked.left), UnorderedElementsAre(child.token.id, brief.token.id,
                                                      grandchild.token.id, of_dead.token.id));
  EXPECT_EQ(Reason(child), "");
  clock_.Advance(2 * kDay);
  EXPECT_THAT(Ids(Revoke(first, false).left),
              UnorderedElementsAre(child.token.id, of_dead.token.id));
  EXPECT_EQ(Reason(other), "");
}

TEST_F(TokenDescentTest, WhatWasMadeWithItIsRevokedWithItAndAudited) {
  const auto first = Made(nullptr);
  const auto child = Made(&first);
  const auto grandchild = Made(&child);
  const auto other = Made(nullptr);
  Revoke(first, false);
  const size_t before = store_.Audit().size();
  const auto revoked = Revoke(first, true);  // Afterwards as well.
  EXPECT_THAT(Ids(revoked.with_it), UnorderedElementsAre(child.token.id, grandchild.token.id));
  EXPECT_THAT(revoked.left, IsEmpty());
  EXPECT_EQ(Reason(child), "TOKEN_REVOKED");
  EXPECT_EQ(Reason(grandchild), "TOKEN_REVOKED");
  EXPECT_EQ(Reason(other), "");
  ASSERT_EQ(store_.Audit().size(), before + 2);
  EXPECT_EQ(Last().action, "token.revoke");
  EXPECT_EQ(Last().details.at("made_with"), first.token.id);
}

// Who makes each token with the one before has long chains.
TEST_F(TokenDescentTest, AWholeChainEndsAndIsNamedAgain) {
  const auto first = Made(nullptr);
  auto last = Made(&first);
  for (int i = 0; i < 300; ++i) last = Made(&last);
  EXPECT_EQ(Revoke(first, false).left.size(), 301U);
  EXPECT_THAT(Revoke(first, false).descendants, IsEmpty());
  const auto revoked = Revoke(first, true);
  EXPECT_EQ(revoked.with_it.size(), 301U);
  EXPECT_EQ(revoked.descendants.size(), 301U);
  EXPECT_EQ(Reason(last), "TOKEN_REVOKED");
  // To whom the answer was lost.
  EXPECT_EQ(Revoke(first, true).descendants.size(), 301U);
}

// By whoever has a copy, between the look and the revocation.
TEST_F(TokenDescentTest, WhatIsMadeWhileItIsRevokedEndsToo) {
  const auto first = Made(nullptr);
  const auto child = Made(&first);
  std::string late;
  const auto revoked =
      principals_.RevokeToken("users/root", first.token.id, [&](const ApiToken& token) {
        if (token.id == child.token.id) late = Made(&child).token.id;
        return true;
      });
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_THAT(Ids(revoked->with_it), ElementsAre(child.token.id, late));
}

// It would escape the revocation that was before it.
TEST_F(TokenDescentTest, ATokenThatIsRevokedWhileItMakesAnotherMakesNone) {
  const auto first = Made(nullptr);
  const auto caller = principals_.Authenticate(first.secret);
  ASSERT_TRUE(caller.ok());
  Revoke(first, true);
  EXPECT_EQ(
      ReasonOf(principals_
                   .CreateToken({"users/root", "root", "", absl::ZeroDuration(), "", {}, &*caller})
                   .status()),
      "TOKEN_REVOKED");
}

TEST_F(TokenDescentTest, ARepeatedRequestIsOfTheTokenThatReceivesTheSecret) {
  const auto first = Made(nullptr);
  const auto second = Made(nullptr);
  const auto made = Make("root", &first, kDay, "r1");
  ASSERT_TRUE(made.ok()) << made.status();
  const auto again = Make("root", &second, kDay, "r1");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(Last().details.at("token"), second.token.id);
  EXPECT_THAT(Revoke(first, true).with_it, IsEmpty());
  EXPECT_THAT(Ids(Revoke(second, true).with_it), ElementsAre(made->token.id));
}

TEST_F(TokenDescentTest, WhoseTokenWasRefusedIsToldIfItIsKnown) {
  const auto revoked = Made(nullptr);
  const auto brief = Made(nullptr, kDay);
  const auto disabled = Made(nullptr, absl::ZeroDuration(), "ada");
  Revoke(revoked, false);
  clock_.Advance(2 * kDay);
  ASSERT_TRUE(principals_.Disable("users/root", "ada", "").ok());
  EXPECT_EQ(Reason(disabled), "USER_DISABLED");
  for (const auto* token : {&revoked, &brief, &disabled}) {
    Caller refused;
    EXPECT_FALSE(principals_.Authenticate(token->secret, &refused).ok());
    EXPECT_EQ(refused.token_id, token->token.id);
    EXPECT_EQ(refused.principal, "users/" + token->token.user_id);
  }
  Caller refused;
  EXPECT_FALSE(principals_.Authenticate(Secret("dbft_none"), &refused).ok());
  EXPECT_EQ(refused.token_id, "");
}

}  // namespace
}  // namespace dbfleet::controller
