#pragma once

#include <sys/types.h>

#include <set>
#include <string>

#include "agent/engine/engine.h"
#include "agent/engine/socket_handle.h"

namespace dbfleet::agent {

// Finds the socket of a connection that the driver opens, which does not tell it: it is the one
// that was not there before. Make it before the connect, call Found after. Not thread-safe.
class SocketSearch {
 public:
  // `endpoint` with its port, unless it is a unix socket.
  explicit SocketSearch(const Endpoint& endpoint);

  // Not ok() unless exactly one socket to the endpoint is new. Another thread that connects to it
  // at the same time makes it two; connect once more then.
  SocketHandle Found() const;

 private:
  const Endpoint endpoint_;
  const std::set<ino_t> before_;
};

// Has the kernel probe the other side of a TCP connection when it is silent. False if the socket is
// not one of TCP.
bool KeepAlive(int fd);

}  // namespace dbfleet::agent
