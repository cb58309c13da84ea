#include <openssl/pem.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/hash.h"
#include "common/crypto/certificate.h"
#include "common/crypto/ecdsa.h"
#include "common/crypto/pem.h"
#include "common/rpc/x509.h"

namespace dbfleet::crypto {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class CryptoTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    authority_ = new rpc::CaMaterial(*rpc::MakeCa("one CA", kNow, absl::Hours(24)));
    key_ = new rpc::KeyAndRequest(*rpc::MakeKeyAndRequest("agent"));
  }
  static void TearDownTestSuite() {
    delete authority_;
    delete key_;
  }
  // What one reader left there would be blamed on the next caller.
  void TearDown() override { EXPECT_EQ(ERR_peek_error(), 0u); }

  static std::string Leaf(const std::vector<std::string>& uris) {
    rpc::IssueRequest request;
    request.csr_pem = key_->csr_pem;
    request.common_name = "db1";
    request.uris = uris;
    request.dns_names = {"db1.example.com"};
    request.not_before = kNow;
    request.not_after = kNow + absl::Seconds(2);
    return *rpc::Issue(*authority_, request);
  }

  static rpc::CaMaterial* authority_;
  static rpc::KeyAndRequest* key_;
};

rpc::CaMaterial* CryptoTest::authority_ = nullptr;
rpc::KeyAndRequest* CryptoTest::key_ = nullptr;

std::string WriteKey(EVP_PKEY* key, const char* passphrase) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  const EVP_CIPHER* cipher = passphrase == nullptr ? nullptr : EVP_aes_128_cbc();
  PEM_write_bio_PrivateKey(bio.get(), key, cipher, nullptr, 0, nullptr,
                           const_cast<char*>(passphrase));
  return TakeText(bio.get());
}

TEST_F(CryptoTest, ACertificateNamesItsSubjectItsUrisAndItsTimesOnly) {
  const CertPtr leaf = ReadCertificate(Leaf({"spiffe://a/agent/db1", "spiffe://a/agent/db2"}));
  ASSERT_NE(leaf, nullptr);
  EXPECT_EQ(CommonNameOf(leaf.get()), "db1");
  EXPECT_THAT(UrisOf(leaf.get()), ElementsAre("spiffe://a/agent/db1", "spiffe://a/agent/db2"));
  const std::optional<Validity> validity = ValidityOf(leaf.get());
  ASSERT_TRUE(validity.has_value());
  EXPECT_EQ(validity->not_before, kNow);
  EXPECT_EQ(validity->not_after, kNow + absl::Seconds(2));
}

TEST_F(CryptoTest, ACertificateWithoutNamesHasNone) {
  const CertPtr bare(X509_new());
  EXPECT_EQ(CommonNameOf(bare.get()), "");
  EXPECT_THAT(UrisOf(bare.get()), IsEmpty());
  EXPECT_FALSE(ValidityOf(bare.get()).has_value());
}

TEST_F(CryptoTest, ANameWithAZeroByteKeepsItsWholeLength) {
  const CertPtr odd(X509_new());
  const std::string name("db1\0.example", 12);
  ASSERT_EQ(
      X509_NAME_add_entry_by_NID(X509_get_subject_name(odd.get()), NID_commonName, MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.data()),
                                 static_cast<int>(name.size()), -1, 0),
      1);
  EXPECT_EQ(CommonNameOf(odd.get()), name);
}

TEST_F(CryptoTest, OnlyAnAuthorityThatSignedItIssuedACertificate) {
  const CertPtr authority = ReadCertificate(authority_->certificate_pem);
  const CertPtr other =
      ReadCertificate(rpc::MakeCa("one CA", kNow, absl::Hours(24))->certificate_pem);
  const CertPtr leaf = ReadCertificate(Leaf({}));
  EXPECT_TRUE(IsIssuedBy(leaf.get(), authority.get()));
  EXPECT_FALSE(IsIssuedBy(leaf.get(), other.get()));
  EXPECT_FALSE(IsIssuedBy(authority.get(), leaf.get()));
  EXPECT_FALSE(IsIssuedBy(leaf.get(), leaf.get()));
}

TEST_F(CryptoTest, HashesAreThoseOfTheEncodedBytes) {
  const CertPtr leaf = ReadCertificate(Leaf({}));
  unsigned char* der = nullptr;
  const int size = i2d_X509(leaf.get(), &der);
  EXPECT_EQ(DerSha256(leaf.get()),
            Sha256(absl::string_view(reinterpret_cast<char*>(der), static_cast<size_t>(size))));
  OPENSSL_free(der);
  const KeyPtr key = ReadPrivateKey(key_->key_pem);
  EXPECT_EQ(SpkiSha256(X509_get0_pubkey(leaf.get())), SpkiSha256(key.get()));
  EXPECT_EQ(SpkiSha256(key.get()).size(), 64u);
}

TEST_F(CryptoTest, OnlyKeysOnP256AreP256) {
  EXPECT_TRUE(IsP256(ReadPrivateKey(key_->key_pem).get()));
  EXPECT_FALSE(IsP256(nullptr));
  EXPECT_FALSE(IsP256(KeyPtr(EVP_EC_gen("P-384")).get()));
  EXPECT_FALSE(IsP256(KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")).get()));
}

TEST_F(CryptoTest, AReaderTakesItsOwnKindOfObjectOnly) {
  const std::string leaf = Leaf({});
  EXPECT_NE(ReadPrivateKey(key_->key_pem), nullptr);
  EXPECT_NE(ReadRequest(key_->csr_pem), nullptr);
  EXPECT_EQ(ReadCertificate(key_->csr_pem), nullptr);
  EXPECT_EQ(ReadRequest(leaf), nullptr);
  EXPECT_EQ(ReadPrivateKey(leaf), nullptr);
  EXPECT_EQ(ReadPublicKey(leaf), nullptr);
  for (const std::string& text : {std::string(), std::string("nonsense"), leaf.substr(0, 100)}) {
    EXPECT_EQ(ReadCertificate(text), nullptr);
    EXPECT_EQ(ReadRequest(text), nullptr);
    EXPECT_EQ(ReadPrivateKey(text), nullptr);
    EXPECT_EQ(ReadPublicKey(text), nullptr);
  }
}

TEST_F(CryptoTest, TextBeyondTheLimitIsNotRead) {
  const std::string leaf = Leaf({});
  EXPECT_NE(ReadCertificate(leaf + std::string((64 << 10) - leaf.size(), '\n')), nullptr);
  EXPECT_EQ(ReadCertificate(leaf + std::string((64 << 10) - leaf.size() + 1, '\n')), nullptr);
}

TEST_F(CryptoTest, AnEncryptedKeyIsRefusedWithoutAQuestion) {
  const KeyPtr key = ReadPrivateKey(key_->key_pem);
  EXPECT_NE(ReadPrivateKey(WriteKey(key.get(), nullptr)), nullptr);
  EXPECT_EQ(ReadPrivateKey(WriteKey(key.get(), "secret")), nullptr);
  // With an empty passphrase it would open, if it were asked for.
  EXPECT_EQ(ReadPrivateKey(WriteKey(key.get(), "")), nullptr);
}

TEST_F(CryptoTest, ACertificateThatWasWrittenReadsTheSame) {
  const std::string pem = Leaf({});
  EXPECT_EQ(WriteCertificate(ReadCertificate(pem).get()), pem);
}

TEST_F(CryptoTest, ASignatureHoldsForItsKeyAndDataOnly) {
  const KeyPtr key = ReadPrivateKey(key_->key_pem);
  const KeyPtr other(EVP_EC_gen("P-256"));
  const std::string signature = SignSha256(key.get(), "data");
  EXPECT_TRUE(VerifySha256(key.get(), "data", signature));
  EXPECT_FALSE(VerifySha256(key.get(), "Data", signature));
  EXPECT_FALSE(VerifySha256(other.get(), "data", signature));
  EXPECT_FALSE(VerifySha256(key.get(), "data", ""));
  EXPECT_FALSE(VerifySha256(key.get(), "data", signature + "x"));
  EXPECT_FALSE(VerifySha256(nullptr, "data", signature));
  EXPECT_EQ(SignSha256(nullptr, "data"), "");
}

}  // namespace
}  // namespace dbfleet::crypto
