#include "agent/engines/mysql/socket_search.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

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

absl::string_view BaseName(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

// Without symbolic links; "" if the path leads nowhere.
std::string RealPath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), free);
  return real == nullptr ? "" : real.get();
}

// Whether the server's own name for its socket can be that of the configured one. Two servers'
// sockets often have the same name in different folders, so whole paths are compared where that
// can be done. It cannot with a relative path, of which only the server knows the start, nor with
// one that leads nowhere here, as that of a server in a container.
bool IsSameSocket(const std::string& theirs, const std::string& ours) {
  const bool absolute = theirs[0] == '/' && ours[0] == '/';
  const std::string their_path = absolute ? RealPath(theirs) : "";
  const std::string our_path = absolute ? RealPath(ours) : "";
  if (!their_path.empty() && !our_path.empty()) return their_path == our_path;
  return BaseName(theirs) == BaseName(ours);
}

bool LeadsTo(int fd, const Endpoint& endpoint) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  if (endpoint.socket.empty()) return PortOf(address) == endpoint.port;
  if (address.ss_family != AF_UNIX || size <= offsetof(sockaddr_un, sun_path)) return false;
  const auto& local = reinterpret_cast<const sockaddr_un&>(address);
  return IsSameSocket(local.sun_path, endpoint.socket);
}

// Inode, which no other socket has, -> descriptor.
std::map<ino_t, int> SocketsTo(const Endpoint& endpoint) {
  std::map<ino_t, int> result;
  for (const int fd : OpenDescriptors()) {
    struct stat facts = {};
    if (fstat(fd, &facts) != 0 || !S_ISSOCK(facts.st_mode) || !LeadsTo(fd, endpoint)) continue;
    result.emplace(facts.st_ino, fd);
  }
  return result;
}

std::set<ino_t> InodesTo(const Endpoint& endpoint) {
  std::set<ino_t> result;
  for (const auto& [inode, fd] : SocketsTo(endpoint)) result.insert(inode);
  return result;
}

bool Set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

}  // namespace

SocketSearch::SocketSearch(const Endpoint& endpoint)
    : endpoint_(endpoint), before_(InodesTo(endpoint)) {}

SocketHandle SocketSearch::Found() const {
  int found = -1;
  for (const auto& [inode, fd] : SocketsTo(endpoint_)) {
    if (before_.count(inode) > 0) continue;
    if (found >= 0) return SocketHandle();
    found = fd;
  }
  return SocketHandle::Duplicate(found);
}

bool KeepAlive(int fd) {
  return Set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) && Set(fd, IPPROTO_TCP, TCP_KEEPIDLE, kIdleSeconds) &&
         Set(fd, IPPROTO_TCP, TCP_KEEPINTVL, kIntervalSeconds) &&
         Set(fd, IPPROTO_TCP, TCP_KEEPCNT, kProbes) &&
         Set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMillis);
}

}  // namespace dbfleet::agent
