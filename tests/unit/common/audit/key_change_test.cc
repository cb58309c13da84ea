#include "common/audit/key_change.h"

#include "gtest/gtest.h"

namespace dbfleet::audit {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

struct Keys {
  SigningKey first = SigningKey::Generate("x/audit").value();
  SigningKey second = SigningKey::Generate("x/audit").value();
  SigningKey third = SigningKey::Generate("x/audit").value();

  static TrustedKey From(const SigningKey& key, absl::Time from, absl::Time to) {
    return {key.verifying_key(), from, to};
  }
  std::string one = TrustedKeys({From(first, kStart, kStart + absl::Hours(1000))}).Text();
  std::string two = TrustedKeys({From(first, kStart, kStart + absl::Hours(10)),
                                 From(second, kStart + absl::Hours(9), kStart + absl::Hours(1000))})
                        .Text();
  std::string three = TrustedKeys({From(second, kStart, kStart + absl::Hours(20)),
                                   From(third, kStart, kStart + absl::Hours(1000))})
                          .Text();
};

TEST(KeyChangeTest, EachChangeIsFollowedFromTheOneBefore) {
  const Keys keys;
  const std::string to_two = SignKeyChange(keys.two, keys.first).value();
  const std::string to_three = SignKeyChange(keys.three, keys.second).value();
  const absl::Time now = kStart + absl::Hours(11);
  EXPECT_EQ(KeysOfChange(to_two).value(), keys.two);
  EXPECT_EQ(FollowKeyChanges(keys.one, {to_two}, now), keys.two);
  EXPECT_EQ(FollowKeyChanges(keys.one, {to_two, to_three}, now), keys.three);
  EXPECT_EQ(FollowKeyChanges(keys.two, {to_two, to_three}, now), keys.three);
  EXPECT_EQ(FollowKeyChanges(keys.three, {to_two, to_three}, now), keys.three);
}

TEST(KeyChangeTest, AStrangersChangeIsNotFollowed) {
  const Keys keys;
  EXPECT_EQ(FollowKeyChanges(keys.one, {SignKeyChange(keys.three, keys.third).value()},
                             kStart + absl::Hours(1)),
            keys.one);
}

TEST(KeyChangeTest, AKeyThatHasEndedVouchesForNothing) {
  const Keys keys;
  const std::string forged = SignKeyChange(keys.one, keys.first).value();
  EXPECT_EQ(FollowKeyChanges(keys.two, {forged}, kStart + absl::Hours(11)), keys.two);
  EXPECT_EQ(FollowKeyChanges(keys.two, {forged}, kStart + absl::Hours(9)), keys.one);
}

TEST(KeyChangeTest, AnyAlteredByteMakesItNothing) {
  const Keys keys;
  const std::string good = SignKeyChange(keys.two, keys.first).value();
  for (size_t i = 0; i + 2 < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_EQ(FollowKeyChanges(keys.one, {bad}, kStart + absl::Hours(1)), keys.one) << i;
  }
}

// The signature's last character but the padding has two bits that say nothing.
TEST(KeyChangeTest, OfEveryChangeThereIsOneSpelling) {
  const Keys keys;
  const std::string good = SignKeyChange(keys.two, keys.first).value();
  ASSERT_EQ(good.substr(good.size() - 2), "=\n");
  ASSERT_EQ(FollowKeyChanges(keys.one, {good}, kStart + absl::Hours(1)), keys.two);
  for (const char c :
       std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")) {
    std::string other = good;
    other[other.size() - 3] = c;
    if (other == good) continue;
    EXPECT_EQ(FollowKeyChanges(keys.one, {other}, kStart + absl::Hours(1)), keys.one) << c;
  }
}

}  // namespace
}  // namespace dbfleet::audit
