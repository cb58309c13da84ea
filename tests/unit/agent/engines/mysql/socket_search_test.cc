#include "agent/engines/mysql/socket_search.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace dbfleet::agent {
namespace {

int OptionOf(int fd, int level, int option) {
  int value = -1;
  socklen_t size = sizeof(value);
  EXPECT_EQ(getsockopt(fd, level, option, &value, &size), 0);
  return value;
}

// A listener whose clients the test makes.
class SocketSearchTest : public testing::Test {
 protected:
  ~SocketSearchTest() override {
    for (const int fd : open_) close(fd);
    if (!folder_.empty()) {
      unlink((folder_ + "/s").c_str());
      rmdir(folder_.c_str());
    }
  }
  Endpoint ListenOnTcp() {
    auto* address = reinterpret_cast<sockaddr_in*>(&address_);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    size_ = sizeof(sockaddr_in);
    Listen();
    EXPECT_EQ(getsockname(open_[0], reinterpret_cast<sockaddr*>(&address_), &size_), 0);
    Endpoint endpoint;
    endpoint.host = "127.0.0.1";
    endpoint.port = ntohs(address->sin_port);
    return endpoint;
  }
  Endpoint ListenOnUnix() {
    std::string pattern = "/tmp/dbfleet-search-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    Endpoint endpoint;
    endpoint.socket = folder_ + "/s";
    auto* address = reinterpret_cast<sockaddr_un*>(&address_);
    address->sun_family = AF_UNIX;
    std::strcpy(address->sun_path, endpoint.socket.c_str());
    size_ = sizeof(sockaddr_un);
    Listen();
    return endpoint;
  }
  int Connect() {
    const int fd = socket(address_.ss_family, SOCK_STREAM, 0);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address_), size_), 0);
    open_.push_back(fd);
    return fd;
  }
  void Close(int fd) {
    std::erase(open_, fd);
    close(fd);
  }
  // Cutting what was found ends this connection.
  static void ExpectIs(const SocketHandle& found, int fd) {
    ASSERT_TRUE(found.ok());
    char byte = 0;
    EXPECT_EQ(recv(fd, &byte, 1, MSG_DONTWAIT), -1) << "still open";
    found.Cut();
    EXPECT_EQ(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
  }

 private:
  void Listen() {
    open_.push_back(socket(address_.ss_family, SOCK_STREAM, 0));
    ASSERT_EQ(bind(open_[0], reinterpret_cast<sockaddr*>(&address_), size_), 0);
    ASSERT_EQ(listen(open_[0], 8), 0);
  }
  std::vector<int> open_;
  std::string folder_;
  sockaddr_storage address_ = {};
  socklen_t size_ = 0;
};

TEST_F(SocketSearchTest, TheNewConnectionIsFoundAmongOlderOnesOverTcp) {
  const Endpoint endpoint = ListenOnTcp();
  Connect();
  const SocketSearch search(endpoint);
  const int ours = Connect();
  ExpectIs(search.Found(), ours);
}

TEST_F(SocketSearchTest, TheNewConnectionIsFoundAmongOlderOnesOverAUnixSocket) {
  const Endpoint endpoint = ListenOnUnix();
  Connect();
  const SocketSearch search(endpoint);
  const int ours = Connect();
  ExpectIs(search.Found(), ours);
}

TEST_F(SocketSearchTest, ANewConnectionToASocketOfTheSameNameElsewhereIsAnotherServers) {
  const Endpoint endpoint = ListenOnUnix();
  std::string pattern = "/tmp/dbfleet-search-XXXXXX";
  const std::string folder = mkdtemp(pattern.data());
  Endpoint elsewhere;
  elsewhere.socket = folder + "/s";
  ASSERT_EQ(symlink("/dev/null", elsewhere.socket.c_str()), 0);
  const SocketSearch other(elsewhere);
  const SocketSearch search(endpoint);
  const int ours = Connect();
  EXPECT_FALSE(other.Found().ok());
  ExpectIs(search.Found(), ours);
  unlink(elsewhere.socket.c_str());
  rmdir(folder.c_str());
}

TEST_F(SocketSearchTest, AnotherWayToTheSameFolderIsTheSameSocket) {
  Endpoint endpoint = ListenOnUnix();
  const std::string link = endpoint.socket.substr(0, endpoint.socket.rfind('/')) + "-link";
  ASSERT_EQ(symlink(endpoint.socket.substr(0, endpoint.socket.rfind('/')).c_str(), link.c_str()),
            0);
  endpoint.socket = link + "/s";
  const SocketSearch search(endpoint);
  const int ours = Connect();
  ExpectIs(search.Found(), ours);
  unlink(link.c_str());
}

TEST_F(SocketSearchTest, AReusedNumberIsANewConnection) {
  const Endpoint endpoint = ListenOnUnix();
  const int old = Connect();
  const SocketSearch search(endpoint);
  Close(old);
  const int ours = Connect();
  ASSERT_EQ(ours, old);
  ExpectIs(search.Found(), ours);
}

TEST_F(SocketSearchTest, OfTwoNewConnectionsNoneIsTaken) {
  const SocketSearch search(ListenOnUnix());
  Connect();
  Connect();
  EXPECT_FALSE(search.Found().ok());
}

TEST_F(SocketSearchTest, WhereNothingIsNewNothingIsFound) {
  const SocketSearch search(ListenOnTcp());
  EXPECT_FALSE(search.Found().ok());
}

TEST_F(SocketSearchTest, AConnectionIsProbedAfterKeepAlive) {
  ListenOnTcp();
  const int ours = Connect();
  const int other = Connect();
  EXPECT_TRUE(KeepAlive(ours));
  EXPECT_EQ(OptionOf(ours, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(OptionOf(ours, IPPROTO_TCP, TCP_USER_TIMEOUT), 60'000);
  EXPECT_EQ(OptionOf(other, SOL_SOCKET, SO_KEEPALIVE), 0);
}

}  // namespace
}  // namespace dbfleet::agent
