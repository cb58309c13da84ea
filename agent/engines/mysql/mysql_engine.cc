#include "agent/engines/mysql/mysql_engine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "agent/engine/health.h"
#include "agent/engine/result_builder.h"
#include "agent/engine/statement_text.h"
#include "agent/engines/mysql/mysql_connection.h"
#include "agent/engines/mysql/mysql_migrations.h"
#include "agent/engines/mysql/mysql_probe.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"
#include "common/time/clock.h"

namespace dbfleet::agent {
namespace {

// How long the client waits beyond the server's own limit before it takes it for hung.
constexpr absl::Duration kGrace = absl::Seconds(2);

constexpr absl::string_view kQueries[] = {"SELECT", "WITH",  "SHOW",   "EXPLAIN",
                                          "DESC",   "TABLE", "VALUES", "DESCRIBE"};

// Thread-safe: every call has a connection of its own.
class MysqlEngine : public Engine {
 public:
  explicit MysqlEngine(InstanceSpec spec)
      : spec_(std::move(spec)),
        clock_(MakeSystemClock()),
        migrations_(MakeMysqlMigrations(spec_)) {}

  const InstanceSpec& spec() const override { return spec_; }

  work::v1::InstanceHealth Check(absl::Duration deadline) override {
    work::v1::InstanceHealth health = CheckMysql(spec_, deadline, *clock_, deltas_);
    *health.mutable_observe_time() = ToProto(clock_->Now());
    return health;
  }

  absl::StatusOr<sql::Target> ProbeTarget() override {
    MysqlConnection::Options options;
    options.io_timeout = absl::Seconds(5);
    ASSIGN_OR_RETURN(const auto connection, MysqlConnection::Open(spec_, options));
    return TargetOf(*connection);
  }

  absl::StatusOr<work::v1::InspectResult> Inspect(absl::string_view statement,
                                                  absl::string_view database,
                                                  const QueryOptions& options) override {
    RETURN_IF_ERROR(CheckBeginsAsQuery(statement, kQueries));
    MysqlConnection::Options how;
    how.database = std::string(database);
    how.connect_timeout = std::min(how.connect_timeout, options.timeout);
    how.io_timeout = options.timeout + kGrace;
    ASSIGN_OR_RETURN(const auto connection, MysqlConnection::Open(spec_, how));
    if (options.read_for.known() && TargetOf(*connection).version != options.read_for) {
      return Error(absl::StatusCode::kAborted, "SERVER_CHANGED",
                   absl::StrCat("the statement was read for version ", NameOf(options.read_for),
                                ", and the server is ", SanitizeForDisplay(connection->version()),
                                "; ask again"));
    }
    RETURN_IF_ERROR(EnterReadOnly(*connection, options));
    ResultBuilder builder(options.max_rows);
    const absl::Duration start = clock_->Monotonic();
    absl::Status status = Stream(*connection, statement, options.stop, &builder);
    const absl::Duration took = clock_->Monotonic() - start;
    if (ReasonOf(status) == "RESULT_INCOMPLETE" && took >= options.timeout) {
      status = Error(absl::StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT",
                     absl::StrCat("the statement ran for longer than ",
                                  absl::FormatDuration(options.timeout)));
    }
    // Not every statement heeds the server's limit; nobody waits for this one any longer.
    if (ReasonOf(status) == "DATABASE_TIMEOUT") connection->Interrupt();
    RETURN_IF_ERROR(status);
    return builder.Finish(took);
  }

  std::vector<Sample> CollectMetrics(absl::Duration deadline) override {
    return CollectMysqlMetrics(spec_, deadline, *clock_);
  }

  std::string Grants() const override { return MysqlGrants(spec_); }
  SqlMigrations* migrations() override { return migrations_.get(); }

 private:
  static absl::Status Stream(MysqlConnection& connection, absl::string_view statement,
                             QueryStop* stop, ResultBuilder* builder) {
    const QueryStop::Scope scope(stop, [&connection] { connection.Interrupt(); });
    RETURN_IF_ERROR(scope.MayBegin());
    return scope.Outcome(connection.Stream(statement, builder));
  }

  static sql::Target TargetOf(const MysqlConnection& connection) {
    sql::Target target =
        sql::ServerTarget(connection.is_mariadb() ? sql::Dialect::kMariaDb : sql::Dialect::kMySql,
                          connection.version());
    target.modes = MysqlConnection::SessionModes();
    return target;
  }

  static absl::Status EnterReadOnly(MysqlConnection& connection, const QueryOptions& options) {
    const double seconds = absl::ToDoubleSeconds(options.timeout);
    const int64_t wait =
        std::max<int64_t>(1, absl::ToInt64Seconds(absl::Ceil(options.timeout, absl::Seconds(1))));
    const std::string limit =
        connection.is_mariadb()
            ? absl::StrCat("max_statement_time = ", seconds)
            : absl::StrCat("max_execution_time = ", absl::ToInt64Milliseconds(options.timeout));
    RETURN_IF_ERROR(connection
                        .Execute(absl::StrCat("SET SESSION ", limit,
                                              ", SESSION sql_select_limit = ", options.max_rows + 1,
                                              ", SESSION lock_wait_timeout = ", wait,
                                              ", SESSION innodb_lock_wait_timeout = ", wait))
                        .status());
    RETURN_IF_ERROR(connection.Execute("SET SESSION TRANSACTION READ ONLY").status());
    return connection.Execute("START TRANSACTION READ ONLY").status();
  }

  const InstanceSpec spec_;
  const std::unique_ptr<Clock> clock_;
  const std::unique_ptr<SqlMigrations> migrations_;
  CounterDeltas deltas_;
};

}  // namespace

std::unique_ptr<Engine> MakeMysqlEngine(InstanceSpec spec) {
  return std::make_unique<MysqlEngine>(std::move(spec));
}

}  // namespace dbfleet::agent
