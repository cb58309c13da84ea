// What tokens may, whole controllers and real services: their limits, and their end.
#include "tests/integration/controller/app/authorisation_fixture.h"

namespace dbfleet::controller {
namespace {

class TokenLimitsTest : public AuthorisationFixture {
 protected:
  // That account's token.
  absl::Status Revoke(const std::string& account, const std::string& with) {
    api::v1::RevokeTokenRequest request;
    request.set_name(token_names_.at(account));
    api::v1::Token token;
    return Ask<api::v1::UserService>(&api::v1::UserService::Stub::RevokeToken, request, &token,
                                     with);
  }
};

TEST_F(TokenLimitsTest, ALimitedTokenIsMeasuredAtTheGate) {
  api::v1::CreateTokenRequest make;
  make.set_user("users/operator");
  make.mutable_scope()->add_environments("qa");
  make.add_roles(api::v1::ROLE_VIEWER);
  api::v1::CreateTokenResponse made;
  ASSERT_TRUE(Ask<api::v1::UserService>(&api::v1::UserService::Stub::CreateToken, make, &made,
                                        tokens_.at("operator"))
                  .ok());
  EXPECT_EQ(made.token().scope().environments_size(), 1);
  EXPECT_EQ(made.token().scope().verbs(0), api::v1::VERB_READ);
  const auto get = [&](const std::string& name, const std::string& secret) {
    api::v1::GetInstanceRequest request;
    request.set_name(name);
    api::v1::Instance instance;
    return ReasonOf(Ask<api::v1::InstanceService>(&api::v1::InstanceService::Stub::GetInstance,
                                                  request, &instance, secret));
  };
  EXPECT_EQ(get("instances/qa-db", made.secret()), "");
  EXPECT_EQ(get("instances/production-db", made.secret()), "TOKEN_SCOPE");
  EXPECT_EQ(get("instances/none", made.secret()), "TOKEN_SCOPE");
  EXPECT_EQ(get("instances/production-db", tokens_.at("operator")), "");

  // It makes no wider one, and ends no other.
  api::v1::CreateTokenRequest wider = make;
  wider.clear_scope();
  api::v1::CreateTokenResponse none;
  const auto reason = [&](const api::v1::CreateTokenRequest& request) {
    return ReasonOf(Ask<api::v1::UserService>(&api::v1::UserService::Stub::CreateToken, request,
                                              &none, made.secret()));
  };
  EXPECT_EQ(reason(wider), "TOKEN_SCOPE");
  wider = make;
  wider.add_roles(api::v1::ROLE_OPERATOR);
  EXPECT_EQ(reason(wider), "TOKEN_SCOPE");
  EXPECT_EQ(reason(make), "TOKEN_SCOPE") << "90 days from now are later than its own end";
  make.mutable_ttl()->set_seconds(60);
  EXPECT_EQ(reason(make), "");
  EXPECT_EQ(ReasonOf(Revoke("operator", made.secret())), "TOKEN_SCOPE");
}

// Who stole a token of eight hours has nothing after them, and what he made can be ended with it.
TEST_F(TokenLimitsTest, AShortLivedTokenMakesNoneThatLastsAndWhatItMadeEndsWithIt) {
  const auto make = [&](int64_t seconds, const std::string& with) {
    api::v1::CreateTokenRequest request;
    request.set_user("users/operator");
    if (seconds > 0) request.mutable_ttl()->set_seconds(seconds);
    api::v1::CreateTokenResponse made;
    const absl::Status status =
        Ask<api::v1::UserService>(&api::v1::UserService::Stub::CreateToken, request, &made, with);
    return std::make_pair(made, ReasonOf(status));
  };
  const auto [brief, made] = make(8 * 3600, tokens_.at("operator"));
  ASSERT_EQ(made, "");
  EXPECT_EQ(make(366 * 24 * 3600, brief.secret()).second, "TOKEN_SCOPE");
  EXPECT_EQ(make(0, brief.secret()).second, "TOKEN_SCOPE");
  const auto child = make(3600, brief.secret()).first;
  api::v1::RevokeTokenRequest revoke;
  revoke.set_name(brief.token().name());
  api::v1::Token token;
  const auto revoke_now = [&] {
    token.Clear();
    return ReasonOf(Ask<api::v1::UserService>(&api::v1::UserService::Stub::RevokeToken, revoke,
                                              &token, tokens_.at("operator")));
  };
  ASSERT_EQ(revoke_now(), "");
  ASSERT_EQ(token.made_tokens_size(), 1);
  EXPECT_EQ(token.made_tokens(0), child.token().name());
  api::v1::User user;
  const auto who = [&](const std::string& secret) {
    return ReasonOf(Ask<api::v1::UserService>(&api::v1::UserService::Stub::WhoAmI,
                                              api::v1::WhoAmIRequest(), &user, secret));
  };
  EXPECT_EQ(who(child.secret()), "");
  revoke.set_with_made_tokens(true);
  ASSERT_EQ(revoke_now(), "");
  ASSERT_EQ(token.revoked_tokens_size(), 1);
  EXPECT_EQ(token.made_tokens_size(), 0);
  EXPECT_EQ(who(child.secret()), "TOKEN_REVOKED");
}

// A token that counts no more and is used all the same is what a reader of the trail looks for.
TEST_F(TokenLimitsTest, TheUseOfARevokedTokenIsAudited) {
  ASSERT_TRUE(Revoke("viewer", tokens_.at("root")).ok());
  api::v1::User user;
  for (const std::string& secret : {tokens_.at("viewer"), std::string("dbft_none")}) {
    EXPECT_NE(ReasonOf(Ask<api::v1::UserService>(&api::v1::UserService::Stub::WhoAmI,
                                                 api::v1::WhoAmIRequest(), &user, secret)),
              "");
  }
  // Behind which the record is committed, too.
  ASSERT_TRUE(Revoke("viewer", tokens_.at("root")).ok());
  api::v1::ListAuditRecordsRequest request;
  request.set_action("access.denied");
  api::v1::ListAuditRecordsResponse records;
  ASSERT_TRUE(Ask<api::v1::AuditService>(&api::v1::AuditService::Stub::ListAuditRecords, request,
                                         &records, tokens_.at("root"))
                  .ok());
  ASSERT_EQ(records.records_size(), 1) << "of what nobody knows there is nothing to tell";
  EXPECT_EQ(records.records(0).actor(), "users/viewer");
  EXPECT_EQ(records.records(0).details().at("reason"), "TOKEN_REVOKED");
}

// A vote counts wherever its voter is approver; a token that ends at an environment would give one
// to others.
TEST_F(TokenLimitsTest, ATokenOfOneEnvironmentHasNoVoteOnProposals) {
  const auto limited = [&](const std::function<void(api::v1::TokenScope*)>& limit) {
    api::v1::CreateTokenRequest make;
    make.set_user("users/approver");
    limit(make.mutable_scope());
    api::v1::CreateTokenResponse made;
    EXPECT_TRUE(Ask<api::v1::UserService>(&api::v1::UserService::Stub::CreateToken, make, &made,
                                          tokens_.at("approver"))
                    .ok());
    return made.secret();
  };
  const std::string narrow = limited([](auto* scope) { scope->add_environments("qa"); });
  resource::v1::Proposal proposal;
  api::v1::ApproveProposalRequest approve;
  approve.set_name("proposals/qa-proposal");
  approve.set_digest("other");
  const auto stub = &api::v1::ProposalService::Stub::ApproveProposal;
  EXPECT_EQ(ReasonOf(Ask<api::v1::ProposalService>(stub, approve, &proposal, narrow)),
            "TOKEN_SCOPE");
  api::v1::RejectProposalRequest reject;
  reject.set_name("proposals/qa-proposal");
  reject.set_reason("no");
  EXPECT_EQ(ReasonOf(Ask<api::v1::ProposalService>(&api::v1::ProposalService::Stub::RejectProposal,
                                                   reject, &proposal, narrow)),
            "TOKEN_SCOPE");
  EXPECT_NE(
      ReasonOf(Ask<api::v1::ProposalService>(stub, approve, &proposal, limited([](auto* scope) {
                                               scope->add_verbs(api::v1::VERB_READ);
                                               scope->add_verbs(api::v1::VERB_APPROVE);
                                             }))),
      "TOKEN_SCOPE")
      << "what it may do is another matter";
}

TEST_F(TokenLimitsTest, ATokenCountsFromItsNetworkOnly) {
  const auto from = [&](const std::string& network) {
    api::v1::CreateTokenRequest make;
    make.set_user("users/viewer");
    make.mutable_scope()->add_sources(network);
    api::v1::CreateTokenResponse made;
    EXPECT_TRUE(Ask<api::v1::UserService>(&api::v1::UserService::Stub::CreateToken, make, &made,
                                          tokens_.at("viewer"))
                    .ok());
    api::v1::User user;
    return ReasonOf(Ask<api::v1::UserService>(&api::v1::UserService::Stub::WhoAmI,
                                              api::v1::WhoAmIRequest(), &user, made.secret()));
  };
  EXPECT_EQ(from("127.0.0.0/8"), "");
  EXPECT_EQ(from("10.0.0.0/8"), "TOKEN_SOURCE");
  EXPECT_EQ(from("::1/128"), "TOKEN_SOURCE");
}

// A stream that waits for what comes next ends as soon as its caller may not listen any more.
TEST_F(TokenLimitsTest, AnOpenStreamEndsWithItsToken) {
  const auto stub = api::v1::JobService::NewStub(channel_);
  const auto watch = [&](const std::string& user, grpc::ClientContext* context) {
    context->AddMetadata("authorization", absl::StrCat("Bearer ", tokens_.at(user)));
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    api::v1::WatchJobRequest request;
    request.set_name("jobs/01J0000000000000000000000A");
    auto reader = stub->WatchJob(context, request);
    api::v1::Job job;
    EXPECT_TRUE(reader->Read(&job)) << "the job as it is comes first";
    return reader;
  };
  const auto end = [&](grpc::ClientReader<api::v1::Job>& reader) {
    api::v1::Job job;
    while (reader.Read(&job)) {
    }
    return ReasonOf(rpc::FromGrpc(reader.Finish()));
  };
  grpc::ClientContext revoked_context;
  auto revoked = watch("viewer", &revoked_context);
  grpc::ClientContext bound_context;
  auto bound = watch("qa-viewer", &bound_context);
  grpc::ClientContext other_context;
  auto other = watch("operator", &other_context);

  ASSERT_TRUE(Revoke("viewer", tokens_.at("root")).ok());
  EXPECT_EQ(end(*revoked), "TOKEN_REVOKED");

  api::v1::DeleteResourceRequest unbind;
  unbind.set_name("rolebindings/qa-viewer.viewer");
  api::v1::Resource resource;
  ASSERT_TRUE(Ask<api::v1::ResourceService>(&api::v1::ResourceService::Stub::DeleteResource, unbind,
                                            &resource, tokens_.at("root"))
                  .ok());
  EXPECT_EQ(end(*bound), "ROLE_MISSING");

  // Nothing happens when time passes, and still it ends.
  api::v1::CreateTokenRequest make;
  make.set_user("users/operator");
  make.mutable_ttl()->set_seconds(2);
  api::v1::CreateTokenResponse made;
  ASSERT_TRUE(Ask<api::v1::UserService>(&api::v1::UserService::Stub::CreateToken, make, &made,
                                        tokens_.at("operator"))
                  .ok());
  tokens_["short"] = made.secret();
  grpc::ClientContext short_context;
  auto short_lived = watch("short", &short_context);
  EXPECT_EQ(end(*short_lived), "TOKEN_EXPIRED");

  other_context.TryCancel();
  EXPECT_EQ(end(*other), "") << "nothing ended this one but its reader";
}

}  // namespace
}  // namespace dbfleet::controller
