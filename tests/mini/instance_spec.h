#pragma once

#include <string>

#include "agent/engine/engine.h"
#include "tests/mini/mini_server.h"

namespace dbfleet::mini {

// The agent's view of a mini server, over its unix socket, with all three accounts
// ("dbfleet_inspect", "dbfleet_backup", "dbfleet_migrate"). They exist once
// `server.ApplyGrants(engine->Grants())` has run. `database` becomes the default database; the
// migration account gets its rights there, so create it first.
inline agent::InstanceSpec SpecFor(MiniServer& server, work::v1::Engine engine,
                                   const std::string& database = "") {
  agent::InstanceSpec spec;
  spec.name = "mini";
  spec.engine = engine;
  spec.endpoint.socket = server.socket();
  if (engine == work::v1::ENGINE_POSTGRESQL) spec.endpoint.port = server.port();
  spec.default_database = database;
  const auto account = [&server](const char* purpose) {
    const MiniServer::Account& a = server.account(purpose);
    return agent::AccountConfig{a.user, a.password_file};
  };
  spec.inspect = account("inspect");
  spec.backup = account("backup");
  if (engine != work::v1::ENGINE_REDIS) spec.migrate = account("migrate");
  return spec;
}

// The same over loopback TCP.
inline agent::InstanceSpec TcpSpecFor(MiniServer& server, work::v1::Engine engine,
                                      const std::string& database = "") {
  agent::InstanceSpec spec = SpecFor(server, engine, database);
  spec.endpoint.socket.clear();
  spec.endpoint.host = "127.0.0.1";
  spec.endpoint.port = server.port();
  return spec;
}

}  // namespace dbfleet::mini
