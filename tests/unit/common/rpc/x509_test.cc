#include "common/rpc/x509.h"

#include <set>
#include <string>

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

#include "common/base/status.h"

namespace dbfleet::rpc {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class X509Test : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ca_ = new CaMaterial(*MakeCa("test CA", kNow, absl::Hours(24)));
    key_ = new KeyAndRequest(*MakeKeyAndRequest("agent"));
  }
  static void TearDownTestSuite() {
    delete ca_;
    delete key_;
  }

  static IssueRequest Request() {
    IssueRequest request;
    request.csr_pem = key_->csr_pem;
    request.common_name = "db1";
    request.uris = {"spiffe://dbfleet/agent/db1"};
    request.not_before = kNow;
    request.not_after = kNow + absl::Seconds(2);
    return request;
  }

  static CaMaterial* ca_;
  static KeyAndRequest* key_;
};

CaMaterial* X509Test::ca_ = nullptr;
KeyAndRequest* X509Test::key_ = nullptr;

TEST_F(X509Test, TheAuthorityIsMarkedAsOne) {
  const auto info = ParseCertificate(ca_->certificate_pem);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_TRUE(info->is_ca);
  EXPECT_EQ(info->common_name, "test CA");
  EXPECT_EQ(info->not_after, kNow + absl::Hours(24));
  EXPECT_TRUE(VerifySignedBy(ca_->certificate_pem, ca_->certificate_pem).ok());
}

TEST_F(X509Test, AnIssuedCertificateSaysWhatWasAskedForAndHoldsTheRequestsKey) {
  const auto pem = Issue(*ca_, Request());
  ASSERT_TRUE(pem.ok()) << pem.status();
  const auto info = ParseCertificate(*pem);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_FALSE(info->is_ca);
  EXPECT_EQ(info->common_name, "db1");
  EXPECT_EQ(info->uris, std::vector<std::string>{"spiffe://dbfleet/agent/db1"});
  EXPECT_EQ(info->not_before, kNow);
  EXPECT_EQ(info->not_after, kNow + absl::Seconds(2));
  EXPECT_EQ(info->spki_sha256, *RequestKeySha256(key_->csr_pem));
  EXPECT_TRUE(VerifySignedBy(*pem, ca_->certificate_pem).ok());
}

TEST_F(X509Test, SerialsAre128BitsAndDiffer) {
  std::set<std::string> serials;
  for (int i = 0; i < 20; ++i) {
    const std::string serial = ParseCertificate(*Issue(*ca_, Request()))->serial;
    EXPECT_EQ(serial.size(), 32u);
    EXPECT_EQ(serial.find_first_not_of("0123456789ABCDEF"), std::string::npos);
    serials.insert(serial);
  }
  EXPECT_EQ(serials.size(), 20u);
}

TEST_F(X509Test, ACertificateOfAnotherAuthorityDoesNotVerify) {
  const CaMaterial other = *MakeCa("test CA", kNow, absl::Hours(24));
  const std::string pem = *Issue(other, Request());
  EXPECT_EQ(ReasonOf(VerifySignedBy(pem, ca_->certificate_pem)), "BAD_CERTIFICATE");
}

TEST_F(X509Test, AnAgentsCertificateIsNoAuthority) {
  const std::string agent = *Issue(*ca_, Request());
  const CaMaterial pretender{agent, key_->key_pem};
  const auto forged = Issue(pretender, Request());
  ASSERT_TRUE(forged.ok());
  EXPECT_FALSE(VerifySignedBy(*forged, agent).ok());
}

TEST_F(X509Test, ARequestIsRefusedUnlessItsOwnKeySignedIt) {
  EXPECT_EQ(ReasonOf(RequestKeySha256("nonsense").status()), "BAD_CSR");
  EXPECT_EQ(ReasonOf(RequestKeySha256("").status()), "BAD_CSR");
  EXPECT_EQ(ReasonOf(RequestKeySha256(std::string(1 << 20, 'A')).status()), "BAD_CSR");
  // Flipping any character leaves a request that is broken, signed wrongly, or not read at all.
  const size_t begin = key_->csr_pem.find('\n') + 1;
  for (size_t i = begin; i < begin + 150; i += 7) {
    std::string broken = key_->csr_pem;
    broken[i] = broken[i] == 'A' ? 'B' : 'A';
    if (broken == key_->csr_pem) continue;
    EXPECT_FALSE(RequestKeySha256(broken).ok()) << i;
    IssueRequest request = Request();
    request.csr_pem = broken;
    EXPECT_FALSE(Issue(*ca_, request).ok()) << i;
  }
}

TEST_F(X509Test, ARequestForAnExistingKeyHoldsThatKey) {
  const auto again = MakeRequest(key_->key_pem, "agent");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*RequestKeySha256(*again), *RequestKeySha256(key_->csr_pem));
}

TEST_F(X509Test, TheAuthoritysKeyHasToBelongToItsCertificate) {
  const CaMaterial mixed{ca_->certificate_pem, key_->key_pem};
  EXPECT_EQ(ReasonOf(Issue(mixed, Request()).status()), "BAD_CERTIFICATE");
}

TEST_F(X509Test, NamesWithCommasAndDirectivesStayOneName) {
  IssueRequest request = Request();
  request.uris = {"spiffe://dbfleet/agent/x,URI:spiffe://dbfleet/agent/y"};
  const auto info = ParseCertificate(*Issue(*ca_, request));
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->uris, request.uris);
}

TEST_F(X509Test, AnAddressThatIsNoneIsRefused) {
  IssueRequest request = Request();
  request.ip_addresses = {"not-an-address"};
  EXPECT_EQ(ReasonOf(Issue(*ca_, request).status()), "BAD_ADDRESS");
}

TEST_F(X509Test, ASignatureHoldsForItsKeyAndDataOnly) {
  const std::string pem = *Issue(*ca_, Request());
  const auto signature = Sign(key_->key_pem, "data");
  ASSERT_TRUE(signature.ok()) << signature.status();
  EXPECT_TRUE(VerifySignature(pem, "data", *signature).ok());
  EXPECT_EQ(ReasonOf(VerifySignature(pem, "Data", *signature)), "BAD_SIGNATURE");
  EXPECT_EQ(ReasonOf(VerifySignature(ca_->certificate_pem, "data", *signature)), "BAD_SIGNATURE");
  EXPECT_FALSE(VerifySignature(pem, "data", "").ok());
  EXPECT_FALSE(VerifySignature(pem, "data", std::string(5000, 'x')).ok());
}

TEST_F(X509Test, ForeignTextIsNoCertificateAndNoKey) {
  EXPECT_EQ(ReasonOf(ParseCertificate("").status()), "BAD_CERTIFICATE");
  EXPECT_EQ(ReasonOf(ParseCertificate(key_->csr_pem).status()), "BAD_CERTIFICATE");
  const std::string cut = ca_->certificate_pem.substr(0, ca_->certificate_pem.size() / 2);
  EXPECT_EQ(ReasonOf(ParseCertificate(cut).status()), "BAD_CERTIFICATE");
  EXPECT_EQ(ReasonOf(Sign("nonsense", "data").status()), "BAD_KEY");
}

}  // namespace
}  // namespace dbfleet::rpc
