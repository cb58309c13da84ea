#include "agent/engines/redis/redis_engine.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "agent/engine/health.h"
#include "agent/engine/result_builder.h"
#include "agent/engines/redis/redis_connection.h"
#include "agent/engines/redis/redis_probe.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"
#include "common/sql/redis/redis.h"
#include "common/time/clock.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kGrace = absl::Seconds(2);

// Harmless commands that the server does not flag "readonly" because they touch no key.
constexpr std::array<absl::string_view, 16> kHarmless = {"INFO",
                                                         "PING",
                                                         "ECHO",
                                                         "TIME",
                                                         "LASTSAVE",
                                                         "ROLE",
                                                         "SLOWLOG|GET",
                                                         "SLOWLOG|LEN",
                                                         "MEMORY|STATS",
                                                         "LATENCY|LATEST",
                                                         "LATENCY|HISTORY",
                                                         "LATENCY|HISTOGRAM",
                                                         "COMMAND",
                                                         "COMMAND|COUNT",
                                                         "COMMAND|INFO",
                                                         "COMMAND|DOCS"};

bool IsHarmless(const std::string& command, const std::string& with_subcommand) {
  const auto known = [](const std::string& name) {
    return std::find(kHarmless.begin(), kHarmless.end(), name) != kHarmless.end();
  };
  // "SLOWLOG" is not on the list, so that "SLOWLOG RESET" does not pass; commands without
  // subcommands may have arguments.
  return known(with_subcommand) || (known(command) && command != "COMMAND");
}

bool HasFlag(const RedisReply& command_info, absl::string_view flag) {
  // name, arity, flags, ...
  if (command_info.elements.size() < 3) return false;
  const auto& flags = command_info.elements[2].elements;
  return std::any_of(flags.begin(), flags.end(),
                     [&](const RedisReply& f) { return f.text == flag; });
}

// Asks the server whether it takes the command for read-only.
absl::Status MustBeReadOnly(RedisConnection& connection, const std::vector<std::string>& words) {
  const std::string name = absl::AsciiStrToUpper(words[0]);
  const std::string with_subcommand =
      words.size() > 1 ? absl::StrCat(name, "|", absl::AsciiStrToUpper(words[1])) : name;
  if (IsHarmless(name, with_subcommand)) return absl::OkStatus();
  const absl::Status refusal =
      Error(absl::StatusCode::kInvalidArgument, "INSPECTION_NOT_SAFE",
            absl::StrCat("the server does not call ", Truncate(SanitizeForDisplay(name), 64),
                         " a read-only command"));
  // Read-only scripts count as such, but may run for ever and stop the whole server.
  if (name == "EVAL_RO" || name == "EVALSHA_RO" || name == "FCALL_RO") return refusal;
  ASSIGN_OR_RETURN(const RedisReply reply,
                   connection.Command({"COMMAND", "INFO", with_subcommand, name}));
  // Version 7 knows subcommands as commands of their own; before, the command speaks for all.
  for (const RedisReply& info : reply.elements) {
    if (info.type != RedisReply::Type::kArray) continue;
    if (HasFlag(info, "readonly") && !HasFlag(info, "write")) return absl::OkStatus();
    break;
  }
  return refusal;
}

// The words as the classification has read them, so that both speak of the same command.
absl::StatusOr<std::vector<std::string>> TakeCommand(absl::string_view statement) {
  ASSIGN_OR_RETURN(const std::vector<sql::Statement> lines, sql::SplitRedis(statement));
  if (lines.size() == 1) return sql::ParseRedisCommand(lines[0].text);
  return Error(absl::StatusCode::kInvalidArgument, "BAD_COMMAND",
               absl::StrCat("an inspection is one command on one line, not ", lines.size()));
}

absl::StatusOr<int> DatabaseNumber(absl::string_view database) {
  int number = 0;
  if (database.empty()) return 0;
  if (absl::SimpleAtoi(absl::StripPrefix(database, "db"), &number) && number >= 0) return number;
  return Error(absl::StatusCode::kInvalidArgument, "BAD_DATABASE",
               absl::StrCat("a Redis database is a number, not \"",
                            Truncate(SanitizeForDisplay(database), 64), "\""));
}

const char* TypeName(RedisReply::Type type) {
  switch (type) {
    case RedisReply::Type::kInteger:
      return "integer";
    case RedisReply::Type::kText:
      return "string";
    case RedisReply::Type::kError:
      return "error";
    default:
      return "nil";
  }
}

// Thread-safe: every call has a connection of its own.
class RedisEngine : public Engine {
 public:
  explicit RedisEngine(InstanceSpec spec) : spec_(std::move(spec)), clock_(MakeSystemClock()) {}

  const InstanceSpec& spec() const override { return spec_; }

  work::v1::InstanceHealth Check(absl::Duration deadline) override {
    work::v1::InstanceHealth health = CheckRedis(spec_, deadline, *clock_, deltas_);
    *health.mutable_observe_time() = ToProto(clock_->Now());
    return health;
  }

  absl::StatusOr<sql::Target> ProbeTarget() override { return sql::Dialect::kRedis; }

  // One row per value of the reply: its place, its type and itself.
  absl::StatusOr<work::v1::InspectResult> Inspect(absl::string_view statement,
                                                  absl::string_view database,
                                                  const QueryOptions& options) override {
    ASSIGN_OR_RETURN(const std::vector<std::string> words, TakeCommand(statement));
    RedisConnection::Options how;
    ASSIGN_OR_RETURN(how.database,
                     DatabaseNumber(database.empty() ? spec_.default_database : database));
    how.deadline = options.timeout + kGrace;
    ASSIGN_OR_RETURN(const auto connection, RedisConnection::Open(spec_, how));
    RETURN_IF_ERROR(MustBeReadOnly(*connection, words));
    ResultBuilder builder(options.max_rows);
    for (const char* column : {"path", "type", "value"}) builder.AddColumn(column, "string");
    const absl::Duration start = clock_->Monotonic();
    // Redis ends no reading command early; nobody waits for it any longer.
    const QueryStop::Scope scope(options.stop, [&connection] { connection->Break(); });
    RETURN_IF_ERROR(scope.MayBegin());
    RETURN_IF_ERROR(scope.Outcome(connection->Visit(
        words, [&](const std::string& path, RedisReply::Type type, absl::string_view value) {
          const bool nil = type == RedisReply::Type::kNil;
          return builder.AddRow({{absl::string_view(path)},
                                 {absl::string_view(TypeName(type))},
                                 {nil ? std::nullopt : std::optional<absl::string_view>(value)}});
        })));
    return builder.Finish(clock_->Monotonic() - start);
  }

  std::vector<Sample> CollectMetrics(absl::Duration deadline) override {
    return CollectRedisMetrics(spec_, deadline, *clock_);
  }

  std::string Grants() const override { return RedisGrants(spec_); }

 private:
  const InstanceSpec spec_;
  const std::unique_ptr<Clock> clock_;
  CounterDeltas deltas_;
};

}  // namespace

std::unique_ptr<Engine> MakeRedisEngine(InstanceSpec spec) {
  return std::make_unique<RedisEngine>(std::move(spec));
}

}  // namespace dbfleet::agent
