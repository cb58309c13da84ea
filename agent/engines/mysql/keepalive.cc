#include "agent/engines/mysql/keepalive.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <memory>
#include <vector>

#include "absl/strings/numbers.h"

namespace dbfleet::agent {
namespace {

constexpr int kIdleSeconds = 30;
constexpr int kIntervalSeconds = 10;
constexpr int kProbes = 6;
constexpr int kUserTimeoutMillis = 60'000;

std::vector<int> OpenDescriptors() {
  std::vector<int> result;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  if (folder == nullptr) return result;
  while (const dirent* entry = readdir(folder.get())) {
    int fd = 0;
    if (absl::SimpleAtoi(entry->d_name, &fd)) result.push_back(fd);
  }
  return result;
}

int PortOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return 0;
}

bool HasPorts(int fd, int local_port, int peer_port) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  if (PortOf(address) != local_port) return false;
  size = sizeof(address);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  return PortOf(address) == peer_port;
}

bool Set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

}  // namespace

bool KeepAliveByPorts(int local_port, int peer_port) {
  for (const int fd : OpenDescriptors()) {
    if (!HasPorts(fd, local_port, peer_port)) continue;
    return Set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
           Set(fd, IPPROTO_TCP, TCP_KEEPIDLE, kIdleSeconds) &&
           Set(fd, IPPROTO_TCP, TCP_KEEPINTVL, kIntervalSeconds) &&
           Set(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes) &&
           Set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMillis);
  }
  return false;
}

}  // namespace dbfleet::agent
