#include "agent/engines/mysql/keepalive.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace dbfleet::agent {
namespace {

int PortOf(int fd) {
  sockaddr_in address = {};
  socklen_t size = sizeof(address);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

int OptionOf(int fd, int level, int option) {
  int value = -1;
  socklen_t size = sizeof(value);
  EXPECT_EQ(getsockopt(fd, level, option, &value, &size), 0);
  return value;
}

TEST(KeepAliveTest, TheSocketWithThesePortsIsProbedAndNoOther) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(listener, 2), 0);
  address.sin_port = htons(static_cast<uint16_t>(PortOf(listener)));
  const int ours = socket(AF_INET, SOCK_STREAM, 0);
  const int other = socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(connect(ours, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(connect(other, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);

  EXPECT_TRUE(KeepAliveByPorts(PortOf(ours), PortOf(listener)));
  EXPECT_EQ(OptionOf(ours, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(OptionOf(ours, IPPROTO_TCP, TCP_USER_TIMEOUT), 60'000);
  EXPECT_EQ(OptionOf(other, SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_FALSE(KeepAliveByPorts(PortOf(ours), 1));
  close(ours);
  close(other);
  close(listener);
}

}  // namespace
}  // namespace dbfleet::agent
