#include "controller/identity/ca.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"

namespace dbfleet::controller {
namespace {

class CaTest : public testing::Test {
 protected:
  CaTest() : dir_(testing::TempDir() + "/ca-test-" + RandomHex(6)) {
    std::filesystem::create_directories(dir_);
  }
  ~CaTest() override { std::filesystem::remove_all(dir_); }

  absl::StatusOr<std::unique_ptr<CertificateAuthority>> Open() {
    CertificateAuthority::Options options;
    options.data_dir = dir_;
    return CertificateAuthority::Open(options, &store_, &clock_);
  }
  std::string OpenReason() { return ReasonOf(Open().status()); }
  std::string Path(const std::string& name) { return dir_ + "/ca/" + name; }

  FakeClock clock_;
  MemoryStore store_{&clock_};
  const std::string dir_;
};

TEST_F(CaTest, TheFirstStartMakesItAndLaterOnesKeepIt) {
  const auto first = Open();
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Open();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ((*first)->certificate_pem(), (*second)->certificate_pem());
  EXPECT_EQ((*first)->spki_sha256().size(), 64u);
  struct stat info;
  ASSERT_EQ(stat((dir_ + "/ca").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_EQ(stat(Path("ca.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(store_.Audit().size(), 1u);
  EXPECT_EQ(store_.Audit()[0].entry.action, "ca.create");
  const auto certificate = rpc::ParseCertificate((*first)->certificate_pem());
  EXPECT_GT(certificate->not_after, clock_.Now() + absl::Hours(24 * 365 * 9));
}

TEST_F(CaTest, ACertificateTellsWhenItWasIssuedHoweverLongItLives) {
  const auto ca = *Open();
  const auto key = *rpc::MakeKeyAndRequest("db1");
  for (const absl::Duration lifetime :
       {absl::Seconds(2), absl::Seconds(15), absl::Minutes(9), absl::Minutes(10), absl::Minutes(11),
        absl::Hours(24), absl::Hours(24 * 365)}) {
    clock_.Advance(absl::Milliseconds(1300));
    const auto issued = ca->IssueAgent(key.csr_pem, "db1", lifetime);
    ASSERT_TRUE(issued.ok()) << issued.status();
    const auto name = ca->NameOf(issued->pem);
    ASSERT_TRUE(name.ok()) << name.status();
    EXPECT_GT(name->issued, clock_.Now() - absl::Seconds(1)) << lifetime;
    EXPECT_LT(name->issued, clock_.Now() + absl::Milliseconds(200)) << lifetime;
  }
}

TEST_F(CaTest, AFirstStartThatCrashedBeforeTheRenameBeginsAgain) {
  ASSERT_TRUE(MakeDirectories(dir_ + "/ca.unfinished", 0700).ok());
  ASSERT_TRUE(WriteFileAtomically(dir_ + "/ca.unfinished/ca.key", "half", 0600).ok());
  EXPECT_TRUE(Open().ok());
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/ca.unfinished"));
}

TEST_F(CaTest, AFirstStartThatCrashedBeforeTheStoreKnewKeepsTheFolder) {
  store_.FailCommits(1, absl::UnavailableError("crash"));
  EXPECT_FALSE(Open().ok());
  const std::string made = *ReadFile(Path("ca.crt"));
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->certificate_pem(), made);
}

TEST_F(CaTest, ADamagedFolderIsRefusedAndLeftAsItIs) {
  ASSERT_TRUE(Open().ok());
  const std::string key = *ReadFile(Path("ca.key"));
  const std::string certificate = *ReadFile(Path("ca.crt"));

  unlink(Path("ca.key").c_str());
  EXPECT_EQ(OpenReason(), "CA_DAMAGED");
  EXPECT_FALSE(std::filesystem::exists(Path("ca.key")));

  ASSERT_TRUE(WriteFileAtomically(Path("ca.key"), key.substr(0, key.size() / 2), 0600).ok());
  EXPECT_EQ(OpenReason(), "CA_DAMAGED");
  ASSERT_TRUE(WriteFileAtomically(Path("ca.key"), key, 0644).ok());
  EXPECT_EQ(OpenReason(), "CA_DAMAGED") << "a key that others can read is no secret";
  const rpc::KeyAndRequest other = *rpc::MakeKeyAndRequest("x");
  ASSERT_TRUE(WriteFileAtomically(Path("ca.key"), other.key_pem, 0600).ok());
  EXPECT_EQ(OpenReason(), "CA_DAMAGED") << "key and certificate have to be a pair";

  ASSERT_TRUE(WriteFileAtomically(Path("ca.key"), key, 0600).ok());
  ASSERT_TRUE(WriteFileAtomically(Path("ca.crt"), "", 0644).ok());
  EXPECT_EQ(OpenReason(), "CA_DAMAGED");
  ASSERT_TRUE(WriteFileAtomically(Path("ca.crt"), certificate, 0644).ok());
  EXPECT_TRUE(Open().ok());
}

TEST_F(CaTest, AMissingFolderIsNotReplacedWhileAgentsTrustIt) {
  ASSERT_TRUE(Open().ok());
  std::filesystem::remove_all(dir_ + "/ca");
  EXPECT_EQ(OpenReason(), "CA_MISSING");
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/ca"));
  ASSERT_TRUE(MakeDirectories(dir_ + "/ca", 0700).ok());
  EXPECT_EQ(OpenReason(), "CA_DAMAGED") << "an emptied folder is not a first start";
}

TEST_F(CaTest, AnotherAuthorityInTheFolderIsRefused) {
  ASSERT_TRUE(Open().ok());
  std::filesystem::remove_all(dir_ + "/ca");
  MemoryStore fresh(&clock_);
  CertificateAuthority::Options options;
  options.data_dir = dir_;
  ASSERT_TRUE(CertificateAuthority::Open(options, &fresh, &clock_).ok());
  EXPECT_EQ(OpenReason(), "CA_REPLACED");
}

TEST_F(CaTest, TheServersChainEndsWithTheAuthority) {
  const auto ca = *Open();
  const auto server = ca->IssueServer({"db.example.org:7443", "[fe80::1]:7443", "10.0.0.7"});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_TRUE(absl::EndsWith(server->chain_pem, ca->certificate_pem()));
  EXPECT_TRUE(rpc::VerifySignedBy(server->chain_pem, ca->certificate_pem()).ok());
  EXPECT_EQ(ReasonOf(ca->IssueServer({"bad name"}).status()), "BAD_HOST_NAME");
  EXPECT_EQ(ReasonOf(ca->IssueServer({""}).status()), "BAD_HOST_NAME");
}

TEST_F(CaTest, AnAgentsCertificateNamesItAndLivesAtLeastAsLongAsAsked) {
  const auto ca = *Open();
  const rpc::KeyAndRequest key = *rpc::MakeKeyAndRequest("ignored");
  const auto issued = ca->IssueAgent(key.csr_pem, "db1", absl::Seconds(2));
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_GE(issued->not_after, clock_.Now() + absl::Seconds(2));
  EXPECT_LE(issued->not_after, clock_.Now() + absl::Seconds(3));
  const auto name = ca->NameOf(issued->pem);
  ASSERT_TRUE(name.ok()) << name.status();
  EXPECT_EQ(name->agent_id, "db1");
  EXPECT_EQ(name->certificate.serial, issued->serial);
  EXPECT_EQ(ReasonOf(ca->IssueAgent(key.csr_pem, "../x", absl::Hours(1)).status()), "INVALID_NAME");
}

TEST_F(CaTest, CertificatesThatNameNoAgentOfOursAreForeign) {
  const auto ca = *Open();
  EXPECT_EQ(ReasonOf(ca->NameOf("").status()), "CERTIFICATE_FOREIGN");
  EXPECT_EQ(ReasonOf(ca->NameOf(ca->certificate_pem()).status()), "CERTIFICATE_FOREIGN");
  const auto server = *ca->IssueServer({});
  EXPECT_EQ(ReasonOf(ca->NameOf(server.chain_pem).status()), "CERTIFICATE_FOREIGN");
  // The same names under an authority that merely calls itself the same.
  const rpc::CaMaterial other = *rpc::MakeCa("dbfleet CA dbfleet", clock_.Now(), absl::Hours(1));
  rpc::IssueRequest request;
  request.csr_pem = rpc::MakeKeyAndRequest("db1")->csr_pem;
  request.common_name = "db1";
  request.uris = {"spiffe://dbfleet/agent/db1"};
  request.not_before = clock_.Now();
  request.not_after = clock_.Now() + absl::Hours(1);
  EXPECT_EQ(ReasonOf(ca->NameOf(*rpc::Issue(other, request)).status()), "CERTIFICATE_FOREIGN");
}

}  // namespace
}  // namespace dbfleet::controller
