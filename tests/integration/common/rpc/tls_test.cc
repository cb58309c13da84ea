#include "common/rpc/tls.h"

#include <chrono>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "common/rpc/channel.h"
#include "common/rpc/peer.h"
#include "common/rpc/x509.h"
#include "common/time/clock.h"
#include "dbfleet/api/v1/meta_service.grpc.pb.h"

namespace dbfleet::rpc {
namespace {

using api::v1::GetVersionRequest;
using api::v1::Version;

struct Leaf {
  std::string chain_pem;
  std::string key_pem;
};

Leaf IssueLeaf(const CaMaterial& ca, bool server, absl::Time not_before, absl::Time not_after) {
  const KeyAndRequest key = *MakeKeyAndRequest("leaf");
  IssueRequest request;
  request.csr_pem = key.csr_pem;
  request.common_name = "leaf";
  if (server) {
    request.dns_names = {"localhost"};
    request.ip_addresses = {"127.0.0.1"};
  } else {
    request.uris = {"spiffe://dbfleet/agent/db1"};
  }
  request.not_before = not_before;
  request.not_after = not_after;
  request.server = server;
  return Leaf{*Issue(ca, request) + ca.certificate_pem, key.key_pem};
}

// Answers with the common name of the client's certificate, "nobody" without one.
class WhoService : public api::v1::MetaService::CallbackService {
 public:
  grpc::ServerUnaryReactor* GetVersion(grpc::CallbackServerContext* context,
                                       const GetVersionRequest*, Version* response) override {
    const std::string pem = PeerCertificatePem(*context);
    response->set_version(pem.empty() ? "nobody" : ParseCertificate(pem)->uris.at(0));
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

class TlsTest : public testing::Test {
 protected:
  TlsTest()
      : now_(MakeSystemClock()->Now()),
        ca_(*MakeCa("test CA", now_, absl::Hours(24))),
        other_ca_(*MakeCa("test CA", now_, absl::Hours(24))) {
    Serve(IssueLeaf(ca_, true, now_ - absl::Hours(1), now_ + absl::Hours(1)));
  }
  ~TlsTest() override { server_->Shutdown(std::chrono::system_clock::now()); }

  void Serve(const Leaf& leaf) { Serve(leaf, ca_); }
  void Serve(const Leaf& leaf, const CaMaterial& client_ca) {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(
        "127.0.0.1:0", ServerTls(leaf.chain_pem, leaf.key_pem, client_ca.certificate_pem), &port);
    ApplyServerArguments(&builder, kMaxAgentMessageBytes);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    address_ = absl::StrCat("127.0.0.1:", port);
  }

  // The name that the server saw, or "error CODE".
  std::string Call(const std::string& ca_pem, const Leaf& leaf) {
    grpc::ChannelArguments arguments;
    ApplyClientArguments(&arguments, kMaxAgentMessageBytes);
    auto channel = grpc::CreateCustomChannel(
        address_, ClientTls(ca_pem, leaf.chain_pem, leaf.key_pem), arguments);
    auto stub = api::v1::MetaService::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    Version version;
    const grpc::Status status = stub->GetVersion(&context, GetVersionRequest(), &version);
    return status.ok() ? version.version() : absl::StrCat("error ", status.error_code());
  }

  std::string Pin(const CaMaterial& ca) {
    return ParseCertificate(ca.certificate_pem)->spki_sha256;
  }

  const absl::Time now_;
  const CaMaterial ca_;
  const CaMaterial other_ca_;
  WhoService service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

constexpr char kUnavailable[] = "error 14";

TEST_F(TlsTest, AClientWithoutACertificateGetsThrough) {
  EXPECT_EQ(Call(ca_.certificate_pem, Leaf()), "nobody");
}

TEST_F(TlsTest, AClientsCertificateReachesTheHandler) {
  const Leaf leaf = IssueLeaf(ca_, false, now_ - absl::Minutes(1), now_ + absl::Hours(1));
  EXPECT_EQ(Call(ca_.certificate_pem, leaf), "spiffe://dbfleet/agent/db1");
}

TEST_F(TlsTest, AnExpiredClientCertificateFailsTheHandshake) {
  const Leaf leaf = IssueLeaf(ca_, false, now_ - absl::Hours(2), now_ - absl::Seconds(2));
  EXPECT_EQ(Call(ca_.certificate_pem, leaf), kUnavailable);
}

TEST_F(TlsTest, AClientCertificateOfAnotherAuthorityFailsTheHandshake) {
  const Leaf leaf = IssueLeaf(other_ca_, false, now_ - absl::Minutes(1), now_ + absl::Hours(1));
  EXPECT_EQ(Call(ca_.certificate_pem, leaf), kUnavailable);
}

TEST_F(TlsTest, AnAgentsCertificateCannotServe) {
  const Leaf agent = IssueLeaf(ca_, false, now_ - absl::Minutes(1), now_ + absl::Hours(1));
  Serve(agent);
  EXPECT_EQ(Call(ca_.certificate_pem, Leaf()), kUnavailable);
  EXPECT_EQ(ReasonOf(FetchPinnedCa(address_, Pin(ca_), absl::Seconds(10)).status()), "CA_MISMATCH");
}

TEST_F(TlsTest, AClientTrustsNoOtherAuthority) {
  EXPECT_EQ(Call(other_ca_.certificate_pem, Leaf()), kUnavailable);
}

TEST_F(TlsTest, ThePinnedAuthorityIsFetchedAndWorks) {
  const auto fetched = FetchPinnedCa(address_, Pin(ca_), absl::Seconds(10));
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(*fetched, ca_.certificate_pem);
  EXPECT_EQ(Call(*fetched, Leaf()), "nobody");
  EXPECT_TRUE(FetchPinnedCa(address_, absl::AsciiStrToUpper(Pin(ca_)), absl::Seconds(10)).ok());
}

TEST_F(TlsTest, AWrongPinIsRefused) {
  EXPECT_EQ(ReasonOf(FetchPinnedCa(address_, Pin(other_ca_), absl::Seconds(10)).status()),
            "CA_MISMATCH");
  EXPECT_EQ(ReasonOf(FetchPinnedCa(address_, "", absl::Seconds(10)).status()), "CA_MISMATCH");
}

TEST_F(TlsTest, AServerThatOnlyShowsThePinnedAuthorityButIsNotItsIsRefused) {
  // A man in the middle: his own leaf, with the genuine authority's certificate behind it.
  Leaf forged = IssueLeaf(other_ca_, true, now_ - absl::Hours(1), now_ + absl::Hours(1));
  forged.chain_pem =
      forged.chain_pem.substr(0, forged.chain_pem.size() - other_ca_.certificate_pem.size()) +
      ca_.certificate_pem;
  Serve(forged);
  EXPECT_EQ(ReasonOf(FetchPinnedCa(address_, Pin(ca_), absl::Seconds(10)).status()), "CA_MISMATCH");
}

TEST_F(TlsTest, AServerThatDoesNotSendItsAuthorityIsRefused) {
  Leaf bare = IssueLeaf(ca_, true, now_ - absl::Hours(1), now_ + absl::Hours(1));
  bare.chain_pem.resize(bare.chain_pem.size() - ca_.certificate_pem.size());
  // OpenSSL completes the chain from the authorities that the server trusts, hence another one.
  Serve(bare, other_ca_);
  EXPECT_EQ(ReasonOf(FetchPinnedCa(address_, Pin(ca_), absl::Seconds(10)).status()), "CA_MISMATCH");
}

TEST_F(TlsTest, NobodyThereAndBadAddressesAreSaidSo) {
  server_->Shutdown(std::chrono::system_clock::now());
  EXPECT_EQ(ReasonOf(FetchPinnedCa(address_, Pin(ca_), absl::Seconds(10)).status()),
            "CONTROLLER_UNREACHABLE");
  for (const char* bad : {"", "localhost", ":1", "localhost:"}) {
    EXPECT_EQ(ReasonOf(FetchPinnedCa(bad, Pin(ca_), absl::Seconds(1)).status()), "BAD_ADDRESS");
  }
}

}  // namespace
}  // namespace dbfleet::rpc
