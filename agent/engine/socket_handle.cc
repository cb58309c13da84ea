#include "agent/engine/socket_handle.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace dbfleet::agent {

SocketHandle SocketHandle::Duplicate(int fd) { return SocketHandle(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

SocketHandle::SocketHandle(SocketHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

SocketHandle& SocketHandle::operator=(SocketHandle&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

SocketHandle::~SocketHandle() {
  if (fd_ >= 0) close(fd_);
}

void SocketHandle::Cut() const {
  if (fd_ >= 0) shutdown(fd_, SHUT_RDWR);
}

}  // namespace dbfleet::agent
