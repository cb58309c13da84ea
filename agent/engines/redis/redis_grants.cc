#include "absl/strings/str_cat.h"

#include "agent/engines/redis/redis_probe.h"

namespace dbfleet::agent {
namespace {

std::string UserOf(const std::optional<AccountConfig>& account, absl::string_view fallback) {
  return account.has_value() && !account->user.empty() ? account->user : std::string(fallback);
}

std::string SetUser(absl::string_view user, absl::string_view purpose, absl::string_view rules) {
  return absl::StrCat("ACL SETUSER ", user, " reset on '><password of ", purpose, ">' ", rules,
                      "\n");
}

}  // namespace

std::string RedisGrants(const InstanceSpec& spec) {
  return absl::StrCat(
      "# Accounts of dbfleet for instance ", spec.name,
      ". Put in the passwords and give these lines to redis-cli\n"
      "# (version 6 or newer), then make them last with ACL SAVE or CONFIG REWRITE.\n"
      "# Checks, metrics and inspection: reads only, none of them dangerous (KEYS is).\n",
      // CONFIG GET is for maxclients and dir; the agent lets inspections use it for settings that
      // hold no secret alone, since it also tells requirepass and masterauth.
      SetUser(UserOf(spec.inspect, "dbfleet_inspect"), "inspect",
              "~* &* -@all +@read -@dangerous +info +ping +echo +select +time +lastsave +role "
              "+command +config|get +slowlog|get +slowlog|len +latency|latest +latency|history "
              "+latency|histogram +memory|usage +memory|stats +dbsize +object +xinfo"),
      "# Backups: a replica's rights, which are to be sent the data set, and to ask for a "
      "snapshot.\n",
      SetUser(UserOf(spec.backup, "dbfleet_backup"), "backup",
              "-@all +sync +psync +replconf +bgsave +lastsave +ping +info +select +dbsize "
              "+config|get +role +time"),
      "# There is no account for migrations: Redis has none.\n");
}

}  // namespace dbfleet::agent
