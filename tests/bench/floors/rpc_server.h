#pragma once

#include <string>

namespace dbfleet::bench {

struct Certificates {
  std::string ca_pem;
  std::string server_pem;
  std::string server_key_pem;
  std::string client_pem;
  std::string client_key_pem;
};

// Serves AgentLink.Control over mutual TLS on a free port of the loopback, and answers every Ping
// with a Pong; nothing else. Writes the port to `port_fd` and then serves until the process is
// killed.
[[noreturn]] void ServePings(const Certificates& certificates, int port_fd);

}  // namespace dbfleet::bench
