#pragma once

namespace dbfleet::agent {

// Finds this process's TCP socket with these ports and has the kernel probe the other side when it
// is silent. True if there is one; behind a translation of addresses there may be none.
bool KeepAliveByPorts(int local_port, int peer_port);

}  // namespace dbfleet::agent
