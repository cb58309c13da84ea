#include "common/transfer/address_rules.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "gtest/gtest.h"

#include "common/base/status.h"

namespace dbfleet::transfer {
namespace {

TEST(AddressRules, OnlyThePublicInternetIsAllowed) {
  const AddressRules rules;
  for (const char* good :
       {"8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.1",
        "192.167.1.1", "169.253.1.1", "223.255.255.255", "2600::1", "2a00:1450::1"}) {
    EXPECT_TRUE(rules.Allows(good)) << good;
  }
  for (const char* bad : {"0.0.0.0",
                          "0.1.2.3",
                          "10.0.0.1",
                          "100.64.0.1",
                          "100.127.255.255",
                          "127.0.0.1",
                          "127.255.255.255",
                          "169.254.169.254",
                          "172.16.0.1",
                          "172.31.255.255",
                          "192.168.0.1",
                          "192.0.0.8",
                          "198.18.0.1",
                          "198.19.255.255",
                          "224.0.0.1",
                          "239.1.1.1",
                          "240.0.0.1",
                          "255.255.255.255",
                          "::",
                          "::1",
                          "::127.0.0.1",
                          "fc00::1",
                          "fd12::1",
                          "fe80::1",
                          "febf::1",
                          "fec0::1",
                          "ff02::1",
                          "2001:db8::1",
                          "2001::1",
                          "100::1"}) {
    EXPECT_FALSE(rules.Allows(bad)) << bad;
  }
}

TEST(AddressRules, WhatIPv6CarriesIsLookedAtAsIPv4) {
  const AddressRules rules;
  for (const char* bad :
       {"::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe",
        "64:ff9b::10.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "64:ff9b:1::1"}) {
    EXPECT_FALSE(rules.Allows(bad)) << bad;
  }
  EXPECT_TRUE(rules.Allows("::ffff:8.8.8.8"));
  EXPECT_TRUE(rules.Allows("64:ff9b::8.8.8.8"));
}

TEST(AddressRules, NetworksOfTheConfigurationAreAllowed) {
  const auto rules = AddressRules::Make({"10.1.0.0/16", "127.0.0.1", "fd12:3456::/32"});
  ASSERT_TRUE(rules.ok()) << rules.status();
  for (const char* good : {"10.1.2.3", "127.0.0.1", "fd12:3456::9", "::ffff:10.1.9.9"}) {
    EXPECT_TRUE(rules->Allows(good)) << good;
  }
  for (const char* bad : {"10.2.0.1", "127.0.0.2", "fd12:3457::9", "64:ff9b::10.1.2.3"}) {
    EXPECT_FALSE(rules->Allows(bad)) << bad;
  }
}

TEST(AddressRules, WhatIsNoNetworkIsRefused) {
  for (const char* bad :
       {"", "10.1.0.0/33", "10.1/16", "example.com", "::1/129", "10.0.0.0/-1", "10.0.0.0/x"}) {
    EXPECT_EQ(ReasonOf(AddressRules::Make({bad}).status()), "BAD_NETWORK") << bad;
  }
}

TEST(AddressRules, OtherFamiliesAreRefused) {
  sockaddr address{};
  address.sa_family = AF_UNIX;
  EXPECT_FALSE(AddressRules().Allows(&address));
}

}  // namespace
}  // namespace dbfleet::transfer
