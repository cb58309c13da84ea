#include "common/audit/receipt.h"

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "tests/unit/common/audit/keys_fixture.h"

namespace dbfleet::audit {
namespace {

Receipt Example() { return {"web-1", "01JABC", 12, Sha256("root"), Noon(5)}; }

class ReceiptTest : public ::testing::Test {
 protected:
  std::string Reason(const SignedReceipt& receipt, const ReceiptTrust& trust) {
    return ReasonOf(VerifyReceipt(receipt, trust).status());
  }

  const TestAgent agent_{"web-1"};
  const ReceiptTrust by_ca_{agent_.ca.certificate_pem, {}};
  const ReceiptTrust by_key_{"", {{"web-1", agent_.certificate_pem}}};
};

TEST_F(ReceiptTest, IsVerifiedByTheAuthorityOrByTheAgentsKey) {
  const SignedReceipt receipt = agent_.Sign(Example());
  EXPECT_EQ(VerifyReceipt(receipt, by_ca_).value(), Example());
  EXPECT_EQ(VerifyReceipt(receipt, by_key_).value(), Example());
  EXPECT_EQ(ParseReceipt(receipt.text).value(), Example());
}

TEST_F(ReceiptTest, NoByteOfItCanBeFlipped) {
  const SignedReceipt receipt = agent_.Sign(Example());
  for (auto part :
       {&SignedReceipt::text, &SignedReceipt::signature, &SignedReceipt::certificate_pem}) {
    for (size_t at = 0; at < (receipt.*part).size(); ++at) {
      SignedReceipt altered = receipt;
      (altered.*part)[at] = static_cast<char>((altered.*part)[at] ^ (1 << at % 8));
      EXPECT_FALSE(VerifyReceipt(altered, by_ca_).ok()) << at;
      EXPECT_FALSE(VerifyReceipt(altered, by_key_).ok()) << at;
    }
  }
}

TEST_F(ReceiptTest, ForeignKeysAuthoritiesAndAgentsAreRefused) {
  const TestAgent stranger("web-1");
  const SignedReceipt forged = stranger.Sign(Example());
  EXPECT_EQ(Reason(forged, by_ca_), "UNKNOWN_KEY");
  EXPECT_EQ(Reason(forged, by_key_), "UNKNOWN_KEY");
  EXPECT_EQ(Reason(forged, ReceiptTrust()), "UNKNOWN_KEY");
  Receipt other = Example();
  other.agent_id = "web-2";
  EXPECT_EQ(Reason(agent_.Sign(other), by_ca_), "UNKNOWN_KEY");
  const TestAgent odd("web-1", "web-2");
  EXPECT_EQ(Reason(odd.Sign(Example()), {odd.ca.certificate_pem, {}}), "UNKNOWN_KEY");
}

TEST_F(ReceiptTest, OutsideOfTheCertificatesLifeItIsRefused) {
  for (const absl::Time time : {Noon(1) - absl::Seconds(1), Noon(20) + absl::Seconds(1)}) {
    Receipt receipt = Example();
    receipt.time = time;
    EXPECT_EQ(Reason(agent_.Sign(receipt), by_ca_), "KEY_NOT_VALID");
  }
}

TEST_F(ReceiptTest, AKeyThatIsNotTheCertificatesIsNotUsed) {
  const TestAgent stranger("web-1");
  EXPECT_EQ(
      ReasonOf(SignReceipt(Example(), Secret(stranger.key_pem), agent_.certificate_pem).status()),
      "BAD_CERTIFICATE");
  EXPECT_EQ(ReasonOf(SignReceipt(Example(), Secret("x"), agent_.certificate_pem).status()),
            "BAD_KEY");
  Receipt bad = Example();
  bad.agent_id = "a\nb";
  EXPECT_EQ(ReasonOf(SignReceipt(bad, Secret(agent_.key_pem), agent_.certificate_pem).status()),
            "BAD_RECEIPT");
}

TEST_F(ReceiptTest, OtherSpellingsAreRefused) {
  const std::string text = agent_.Sign(Example()).text;
  for (const std::string& spelling :
       {absl::StrReplaceAll(text, {{"size 12", "size 012"}}), text + "\n", text + "x",
        absl::StrReplaceAll(text, {{" v1\n", " v2\n"}}), std::string(),
        absl::StrReplaceAll(text, {{"agent web-1\n", ""}})}) {
    EXPECT_EQ(ReasonOf(ParseReceipt(spelling).status()), "BAD_RECEIPT") << spelling;
  }
}

}  // namespace
}  // namespace dbfleet::audit
