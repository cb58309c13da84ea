// `token revoke` by the id alone.
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/controller/cli/cli_fixture.h"

namespace dbfleet::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TokenController : public FakeController {
 public:
  std::map<std::string, std::vector<std::string>> tokens;  // By user.
  bool may_list_others = true;
  std::vector<std::string> revoked;
  std::vector<std::string> voided, waived;  // Approvals that were given with it.
  std::vector<std::string> made;            // With it.

  grpc::Status WhoAmI(Context* context, const api::v1::WhoAmIRequest*,
                      api::v1::User* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    out->set_name("users/ada");
    return grpc::Status::OK;
  }
  grpc::Status ListTokens(Context* context, const api::v1::ListTokensRequest* in,
                          api::v1::ListTokensResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    if (in->user() != "users/ada" && !may_list_others) return Denied();
    std::vector<std::string> names;
    for (const std::string& id : tokens[in->user()]) names.push_back(in->user() + "/tokens/" + id);
    return Page(names, in->page_token(), &api::v1::ListTokensResponse::add_tokens, out);
  }
  grpc::Status ListUsers(Context* context, const api::v1::ListUsersRequest* in,
                         api::v1::ListUsersResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    if (!may_list_others) return Denied();
    std::vector<std::string> names;
    for (const auto& [user, theirs] : tokens) names.push_back(user);
    return Page(names, in->page_token(), &api::v1::ListUsersResponse::add_users, out);
  }
  grpc::Status RevokeToken(Context* context, const api::v1::RevokeTokenRequest* in,
                           api::v1::Token* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    revoked.push_back(in->name());
    out->set_name(in->name());
    out->set_revoked(true);
    for (const std::string& name : voided) out->add_voided_approvals(name);
    for (const std::string& name : waived) out->add_voided_waivers(name);
    for (const std::string& name : made) {
      in->with_made_tokens() ? out->add_revoked_tokens(name) : out->add_made_tokens(name);
    }
    return grpc::Status::OK;
  }

 private:
  static grpc::Status Denied() {
    return rpc::ToGrpc(Error(absl::StatusCode::kPermissionDenied, "ROLE_MISSING", "you may not"));
  }
};

class TokenTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    server_->Shutdown();
    tokens_.tokens = {{"users/ada", {"01A", "01B", "01C"}},
                      {"users/bob", {"02A"}},
                      {"users/cy", {}},
                      {"users/dee", {"04A", "04B", "04C"}}};
    grpc::ServerBuilder builder;
    builder.RegisterService(static_cast<api::v1::UserService::Service*>(&tokens_));
    server_ = builder.BuildAndStart();
  }

  TokenController tokens_;
};

TEST_F(TokenTest, AnIdOfOnesOwnIsFoundOnWhateverPage) {
  tokens_.may_list_others = false;
  ASSERT_EQ(RunCli({"token", "revoke", "01C"}), 0) << err_;
  EXPECT_THAT(tokens_.revoked, ElementsAre("users/ada/tokens/01C"));
  EXPECT_THAT(out_, HasSubstr("users/ada/tokens/01C"));
  EXPECT_THAT(out_, HasSubstr("yes"));
}

TEST_F(TokenTest, AnIdIsWrittenInEitherCase) {
  ASSERT_EQ(RunCli({"token", "revoke", "01b"}), 0) << err_;
  EXPECT_THAT(tokens_.revoked, ElementsAre("users/ada/tokens/01B"));
}

TEST_F(TokenTest, AnIdOfSomebodyElseIsFoundByWhoMayLookThere) {
  ASSERT_EQ(RunCli({"token", "revoke", "04C"}), 0) << err_;
  EXPECT_THAT(tokens_.revoked, ElementsAre("users/dee/tokens/04C"));
}

TEST_F(TokenTest, AnIdThatMayNotBeSeenIsNotFoundAndNothingIsRevoked) {
  tokens_.may_list_others = false;
  EXPECT_NE(RunCli({"token", "revoke", "04C"}), 0);
  EXPECT_THAT(err_, HasSubstr("there is no token \"04C\" that you may see"));
  EXPECT_THAT(tokens_.revoked, IsEmpty());
}

TEST_F(TokenTest, APartOfAnIdIsNoId) {
  for (const char* id : {"01", "1A", "A"}) {
    EXPECT_NE(RunCli({"token", "revoke", id}), 0) << id;
  }
  EXPECT_THAT(tokens_.revoked, IsEmpty());
}

TEST_F(TokenTest, WhatWasApprovedWithItIsTold) {
  ASSERT_EQ(RunCli({"token", "revoke", "01A"}), 0);
  EXPECT_EQ(err_, "") << "nothing was";
  tokens_.voided = {"jobs/01J", "proposals/01P"};
  ASSERT_EQ(RunCli({"token", "revoke", "01A"}), 0);
  EXPECT_THAT(err_, HasSubstr("count no more: jobs/01J, proposals/01P; "));
  tokens_.voided = {};
  tokens_.waived = {"jobs/01W"};
  ASSERT_EQ(RunCli({"token", "revoke", "01A"}), 0);
  EXPECT_THAT(err_, HasSubstr("nothing is waived any more, for jobs/01W; somebody has to review"));
}

TEST_F(TokenTest, WhatWasMadeWithItIsToldAndEndedIfThatIsWanted) {
  tokens_.made = {"users/ada/tokens/01B", "users/bob/tokens/02A"};
  ASSERT_EQ(RunCli({"token", "revoke", "01A"}), 0);
  EXPECT_THAT(err_, HasSubstr("still count: users/ada/tokens/01B, users/bob/tokens/02A; end them "
                              "as well: dbfleet token revoke 01A --with-made"));
  ASSERT_EQ(RunCli({"token", "revoke", "01A", "--with-made"}), 0);
  EXPECT_THAT(err_, HasSubstr("revoked with it, as they were made with it: users/ada/tokens/01B, "
                              "users/bob/tokens/02A"));
  EXPECT_EQ(err_.find("still count"), std::string::npos);
  ASSERT_EQ(RunCli({"token", "revoke", "01A", "-o", "json"}), 0);
  EXPECT_THAT(out_, HasSubstr("users/bob/tokens/02A"));
}

TEST_F(TokenTest, AFullNameIsTakenAsItIs) {
  ASSERT_EQ(RunCli({"token", "revoke", "users/bob/tokens/02A"}), 0) << err_;
  EXPECT_THAT(tokens_.revoked, ElementsAre("users/bob/tokens/02A"));
  EXPECT_EQ(tokens_.lists, 0);
}

}  // namespace
}  // namespace dbfleet::cli
