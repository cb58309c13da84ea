#pragma once

namespace dbfleet::agent {

// A descriptor of our own for the socket of a connection that a client library owns. The library
// may close its descriptor at any moment, and the number may then be anything else's; ours stays
// valid, so that another thread can cut the connection with it. Movable while no other thread uses
// it; Cut is thread-safe.
class SocketHandle {
 public:
  SocketHandle() = default;
  static SocketHandle Duplicate(int fd);  // Not ok() if that failed.
  SocketHandle(SocketHandle&& other) noexcept;
  SocketHandle& operator=(SocketHandle&& other) noexcept;
  ~SocketHandle();

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // Ends the connection in both directions; who reads from it is told so at once.
  void Cut() const;

 private:
  explicit SocketHandle(int fd) : fd_(fd) {}

  int fd_ = -1;
};

}  // namespace dbfleet::agent
