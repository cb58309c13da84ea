#include "common/rpc/join_token.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "common/base/status.h"

namespace dbfleet::rpc {
namespace {

const std::string kPin(64, 'a');

TEST(JoinTokenTest, AMadeTokenParsesBackWithItsPin) {
  const JoinToken made = MakeJoinToken(kPin);
  const auto parsed = ParseJoinToken(absl::StrCat("  ", made.secret_text.Reveal(), "\n"));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->secret_text.Reveal(), made.secret_text.Reveal());
  EXPECT_EQ(parsed->ca_spki_sha256, kPin);
  EXPECT_EQ(JoinTokenHash(*parsed), JoinTokenHash(made));
}

TEST(JoinTokenTest, TwoTokensDifferAndSoDoTheirHashes) {
  const JoinToken a = MakeJoinToken(kPin);
  const JoinToken b = MakeJoinToken(kPin);
  EXPECT_NE(a.secret_text.Reveal(), b.secret_text.Reveal());
  EXPECT_NE(JoinTokenHash(a), JoinTokenHash(b));
}

TEST(JoinTokenTest, AnythingElseIsRefusedWithoutQuotingIt) {
  const std::string good = MakeJoinToken(kPin).secret_text.Reveal();
  std::string upper = good;
  upper[10] = 'F';
  std::string joined = good;
  joined[5 + 64] = '-';
  for (const std::string& bad :
       {std::string(), std::string("dbfj_"), good.substr(1), good + "a", good.substr(0, 100),
        "dbft_" + good.substr(5), upper, joined, good + "\n" + good}) {
    const auto parsed = ParseJoinToken(bad);
    EXPECT_EQ(ReasonOf(parsed.status()), "JOIN_TOKEN_MALFORMED");
    EXPECT_FALSE(absl::StrContains(parsed.status().message(), good.substr(5, 20)));
  }
}

}  // namespace
}  // namespace dbfleet::rpc
