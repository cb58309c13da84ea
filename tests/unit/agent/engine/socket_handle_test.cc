#include "agent/engine/socket_handle.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "gtest/gtest.h"

namespace dbfleet::agent {
namespace {

TEST(SocketHandleTest, ACutEndsTheConnectionAlsoAfterTheOwnerClosedItsDescriptor) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const SocketHandle handle = SocketHandle::Duplicate(ends[0]);
  ASSERT_TRUE(handle.ok());
  close(ends[0]);
  // The number may be anybody's now; theirs must stay as it is.
  int others[2] = {-1, -1};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, others), 0);
  handle.Cut();
  char byte = 0;
  EXPECT_EQ(recv(ends[1], &byte, 1, MSG_DONTWAIT), 0) << "the connection is over";
  EXPECT_EQ(send(others[0], "x", 1, MSG_NOSIGNAL), 1);
  EXPECT_EQ(recv(others[1], &byte, 1, MSG_DONTWAIT), 1);
  for (const int fd : {ends[1], others[0], others[1]}) close(fd);
}

TEST(SocketHandleTest, NothingIsCutWithoutASocket) {
  SocketHandle none = SocketHandle::Duplicate(-1);
  EXPECT_FALSE(none.ok());
  none.Cut();
}

TEST(SocketHandleTest, TheHandleClosesItsOwnDescriptorOnly) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  {
    SocketHandle first = SocketHandle::Duplicate(ends[0]);
    SocketHandle second = std::move(first);
    EXPECT_TRUE(second.ok());
    EXPECT_FALSE(first.ok());
  }
  EXPECT_EQ(send(ends[0], "x", 1, MSG_NOSIGNAL), 1);
  for (const int fd : ends) close(fd);
}

}  // namespace
}  // namespace dbfleet::agent
