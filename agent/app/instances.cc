#include "agent/app/instances.h"

#include <utility>

#include "agent/config/agent_config.h"
#include "agent/engines/mysql/mysql_engine.h"
#include "agent/engines/postgres/postgres_engine.h"
#include "agent/engines/redis/redis_engine.h"

namespace dbfleet::agent {
namespace {

AccountConfig AccountOf(const config::v1::Account& account) {
  return AccountConfig{account.user(), account.password_file()};
}

InstanceSpec SpecOf(const config::v1::InstanceConfig& instance) {
  InstanceSpec spec;
  spec.name = instance.name();
  spec.engine = EngineFromName(instance.engine());
  spec.endpoint.socket = instance.socket();
  spec.endpoint.host = instance.host();
  spec.endpoint.port = instance.port();
  const config::v1::Accounts& accounts = instance.accounts();
  if (accounts.has_inspect()) spec.inspect = AccountOf(accounts.inspect());
  if (accounts.has_backup()) spec.backup = AccountOf(accounts.backup());
  if (accounts.has_migrate()) spec.migrate = AccountOf(accounts.migrate());
  spec.default_database = instance.default_database();
  return spec;
}

}  // namespace

std::vector<InstanceSpec> SpecsOf(const config::v1::AgentConfig& config) {
  std::vector<InstanceSpec> specs;
  for (const auto& instance : config.instances()) specs.push_back(SpecOf(instance));
  return specs;
}

std::unique_ptr<Engine> MakeEngine(InstanceSpec spec) {
  switch (spec.engine) {
    case work::v1::ENGINE_MYSQL:
      return MakeMysqlEngine(std::move(spec));
    case work::v1::ENGINE_POSTGRESQL:
      return MakePostgresEngine(std::move(spec));
    case work::v1::ENGINE_REDIS:
      return MakeRedisEngine(std::move(spec));
    default:
      return nullptr;
  }
}

}  // namespace dbfleet::agent
