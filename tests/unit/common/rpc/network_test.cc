#include "common/rpc/network.h"

#include "gtest/gtest.h"

#include "common/base/status.h"

namespace dbfleet::rpc {
namespace {

bool Holds(const char* network, const char* peer) {
  const auto parsed = Network::Parse(network);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  const auto address = Network::OfPeer(peer);
  EXPECT_TRUE(address.has_value()) << peer;
  return parsed->Contains(*address);
}

TEST(NetworkTest, AnAddressIsInTheNetworkOfItsPrefix) {
  EXPECT_TRUE(Holds("10.0.0.0/8", "ipv4:10.200.3.4:40312"));
  EXPECT_FALSE(Holds("10.0.0.0/8", "ipv4:11.0.0.1:40312"));
  EXPECT_TRUE(Holds("192.168.17.64/27", "ipv4:192.168.17.95:1"));
  EXPECT_FALSE(Holds("192.168.17.64/27", "ipv4:192.168.17.96:1"));
  EXPECT_TRUE(Holds("127.0.0.1", "ipv4:127.0.0.1:1"));
  EXPECT_FALSE(Holds("127.0.0.1", "ipv4:127.0.0.2:1"));
  EXPECT_TRUE(Holds("2001:db8::/33", "ipv6:[2001:db8:7fff::1]:443"));
  EXPECT_FALSE(Holds("2001:db8::/33", "ipv6:[2001:db8:8000::1]:443"));
}

TEST(NetworkTest, IPv4InIPv6sClothesIsIPv4) {
  EXPECT_TRUE(Holds("10.0.0.0/8", "ipv6:[::ffff:10.1.2.3]:40312"));
  EXPECT_FALSE(Holds("10.0.0.0/8", "ipv6:[::ffff:11.1.2.3]:40312"));
  EXPECT_TRUE(Holds("::ffff:10.0.0.0/104", "ipv4:10.1.2.3:1"));
}

TEST(NetworkTest, AllOfOneFamilyIsNothingOfTheOther) {
  EXPECT_TRUE(Holds("0.0.0.0/0", "ipv4:203.0.113.9:1"));
  EXPECT_FALSE(Holds("0.0.0.0/0", "ipv6:[2001:db8::1]:1"));
  EXPECT_TRUE(Holds("::/0", "ipv6:[2001:db8::1]:1"));
  EXPECT_FALSE(Holds("::/0", "ipv4:203.0.113.9:1"));
  EXPECT_FALSE(Holds("::/0", "ipv6:[::ffff:203.0.113.9]:1"));
}

TEST(NetworkTest, GrpcEscapesBracketsAndNamesTheInterface) {
  EXPECT_TRUE(Holds("::1/128", "ipv6:%5B::1%5D:40312"));
  EXPECT_TRUE(Holds("fe80::/10", "ipv6:%5Bfe80::1%25eth0%5D:40312"));
  EXPECT_TRUE(Holds("fe80::/10", "ipv6:[fe80::1%eth0]:40312"));
}

TEST(NetworkTest, WhatIsNoIpConnectionHasNoAddress) {
  for (const char* peer : {"", "unix:/run/x.sock", "inproc", "ipv4:", "ipv4:10.0.0:1", "ipv6:[::1",
                           "ipv6:::1", "ipv6:[]:1", "ipv4:evil:1"}) {
    EXPECT_FALSE(Network::OfPeer(peer).has_value()) << peer;
  }
}

TEST(NetworkTest, WhatCannotBeMeantIsRefused) {
  for (const char* text : {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/-1", "10.0.0/8",
                           "10.0.0.0/8 ", "::1/129", "2001:db8::1/32", "office", "10.0.0.0/+8",
                           "10.0.0.0/8/8", "::ffff:10.0.0.0/8"}) {
    EXPECT_EQ(ReasonOf(Network::Parse(text).status()), "BAD_NETWORK") << text;
  }
}

TEST(NetworkTest, ANetworkContainsSmallerOnesAndItself) {
  const Network wide = Network::Parse("10.0.0.0/8").value();
  const Network narrow = Network::Parse("10.1.0.0/16").value();
  EXPECT_TRUE(wide.Contains(narrow));
  EXPECT_TRUE(wide.Contains(wide));
  EXPECT_FALSE(narrow.Contains(wide));
}

TEST(NetworkTest, IsWrittenInOneWay) {
  EXPECT_EQ(Network::Parse("10.0.0.0/8")->ToString(), "10.0.0.0/8");
  EXPECT_EQ(Network::Parse("10.0.0.7")->ToString(), "10.0.0.7/32");
  EXPECT_EQ(Network::Parse("::ffff:10.0.0.0/104")->ToString(), "10.0.0.0/8");
  EXPECT_EQ(Network::Parse("2001:DB8:0:0::/32")->ToString(), "2001:db8::/32");
}

}  // namespace
}  // namespace dbfleet::rpc
