#pragma once

#include <memory>

#include "agent/engine/engine.h"

namespace dbfleet::agent {

// Redis without TLS. The server has no read-only session: what holds an inspection is the account's
// ACL (see Grants), and before that the server's own word that a command is "readonly".
std::unique_ptr<Engine> MakeRedisEngine(InstanceSpec spec);

}  // namespace dbfleet::agent
