#include "controller/store/sqlite/codec.h"

#include <random>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace dbfleet::controller::sqlite {
namespace {

TEST(CodecTest, AMapIsTheSameJsonWhetherItsTextsNeedEscapesOrNot) {
  std::minstd_rand random(7);
  const std::string letters = "abz09 ~/._{}:,[]";
  const std::string others("\"\\\n\t\x01\x7F\0", 7);
  for (int round = 0; round < 2000; ++round) {
    std::map<std::string, std::string> map;
    for (size_t n = random() % 4; n > 0; --n) {
      std::string text[2];
      for (std::string& t : text) {
        for (size_t i = random() % 6; i > 0; --i) t += letters[random() % letters.size()];
        if (random() % 8 == 0) t += others.substr(random() % 7, 1);
        if (random() % 16 == 0) t += "\xC3\xA9";
      }
      map[text[0]] = text[1];
    }
    const std::string expected =
        nlohmann::json(map).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    const std::string json = Encode(map);
    EXPECT_EQ(json, map.empty() ? "{}" : expected);
  }
}

TEST(CodecTest, AMapOfAnyUtf8TextsComesBack) {
  const std::map<std::string, std::string> map = {
      {"", ""}, {"a\"b", "c\\d"}, {"\xC3\xA9", std::string("\0\n", 2)}, {"plain", "text"}};
  std::map<std::string, std::string> read;
  ASSERT_TRUE(Decode(Encode(map), &read));
  EXPECT_EQ(read, map);
}

TEST(CodecTest, AnApprovalThatAFormerVersionStoredHasNoToken) {
  std::vector<Approval> approvals;
  ASSERT_TRUE(Decode(R"([{"principal":"users/bob","approved":true,"digest":"d","reason":"",)"
                     R"("decide_time":1,"expire_time":2,"rows":{}}])",
                     &approvals));
  ASSERT_EQ(approvals.size(), 1u);
  EXPECT_EQ(approvals[0].token, "");
  EXPECT_FALSE(Decode(R"([{"principal":"users/bob","approved":true,"digest":"d","reason":"",)"
                      R"("decide_time":1,"expire_time":2,"rows":{},"token":7}])",
                      &approvals));
}

}  // namespace
}  // namespace dbfleet::controller::sqlite
