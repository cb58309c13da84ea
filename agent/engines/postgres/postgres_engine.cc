#include "agent/engines/postgres/postgres_engine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/engine/health.h"
#include "agent/engine/result_builder.h"
#include "agent/engine/statement_text.h"
#include "agent/engines/postgres/postgres_connection.h"
#include "agent/engines/postgres/postgres_migrations.h"
#include "agent/engines/postgres/postgres_probe.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "common/sql/sql.h"
#include "common/time/clock.h"

namespace dbfleet::agent {
namespace {

// How long the client waits beyond the server's own limit before it takes it for hung.
constexpr absl::Duration kGrace = absl::Seconds(2);
constexpr absl::string_view kQueries[] = {"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN"};

// A row above this, as text, is refused by the server itself, before it gets here. Together with
// kPortion it bounds the memory of an inspection: libpq buffers a whole answer.
constexpr int kMaxRowBytes = 8 << 20;
constexpr int kPortion = 8;
// Made by the server for such a row: invalid_argument_for_width_bucket_function, which hardly any
// statement of a person's runs into.
constexpr absl::string_view kRowTooLarge = "error 2201G";

// The statement as a subquery whose rows are all measured. OFFSET 0 keeps the planner from
// evaluating the columns a second time for that. The first size is found fast, but is that of the
// compressed values.
absl::StatusOr<std::string> Measured(absl::string_view statement) {
  ASSIGN_OR_RETURN(const std::vector<sql::Statement> statements,
                   sql::Split(sql::Dialect::kPostgres, statement));
  if (statements.size() != 1) {
    return Error(absl::StatusCode::kInvalidArgument, "INSPECTION_NOT_SAFE",
                 absl::StrCat("an inspection is one statement, not ", statements.size()));
  }
  // The line break ends a comment at the statement's end.
  return absl::StrCat("SELECT dbfleet_row.* FROM (SELECT * FROM (", statements[0].text,
                      "\n) AS dbfleet_statement OFFSET 0) AS dbfleet_row WHERE "
                      "pg_catalog.width_bucket(0, 0, 1, CASE WHEN "
                      "pg_catalog.pg_column_size(dbfleet_row) > ",
                      kMaxRowBytes, " OR pg_catalog.octet_length(dbfleet_row::pg_catalog.text) > ",
                      kMaxRowBytes, " THEN 0 ELSE 1 END) > 0");
}

absl::Status ExplainTooLarge(const absl::Status& status) {
  if (!absl::StrContains(status.message(), kRowTooLarge)) return status;
  return Error(absl::StatusCode::kResourceExhausted, "ROW_TOO_LARGE",
               absl::StrCat("a row of the result is larger than ", kMaxRowBytes,
                            " bytes; select fewer columns, or cut their values with left()"));
}

// Through a cursor the server makes only the rows that are asked for.
absl::Status ReadThroughCursor(PostgresConnection& connection, absl::string_view statement,
                               int max_rows, ResultBuilder* builder) {
  ASSIGN_OR_RETURN(const std::string query, Measured(statement));
  RETURN_IF_ERROR(
      connection.Execute(absl::StrCat("DECLARE dbfleet_inspection NO SCROLL CURSOR FOR ", query))
          .status());
  int64_t wanted = static_cast<int64_t>(max_rows) + 1;
  for (bool first = true; wanted > 0; first = false) {
    const int count = static_cast<int>(std::min<int64_t>(wanted, kPortion));
    const absl::StatusOr<int> rows = connection.Append(
        absl::StrCat("FETCH FORWARD ", count, " FROM dbfleet_inspection"), first, builder);
    if (!rows.ok()) return ExplainTooLarge(rows.status());
    if (*rows < count || builder->full()) break;
    wanted -= count;
  }
  return absl::OkStatus();
}

// Thread-safe: every call has a connection of its own.
class PostgresEngine : public Engine {
 public:
  explicit PostgresEngine(InstanceSpec spec)
      : spec_(std::move(spec)),
        clock_(MakeSystemClock()),
        migrations_(MakePostgresMigrations(spec_)) {}

  const InstanceSpec& spec() const override { return spec_; }

  work::v1::InstanceHealth Check(absl::Duration deadline) override {
    work::v1::InstanceHealth health = CheckPostgres(spec_, deadline, *clock_, deltas_);
    *health.mutable_observe_time() = ToProto(clock_->Now());
    return health;
  }

  // Its version would take a connection of its own, and no statement becomes safe by it that is
  // worth one.
  absl::StatusOr<sql::Target> ProbeTarget() override { return sql::Dialect::kPostgres; }

  absl::StatusOr<work::v1::InspectResult> Inspect(absl::string_view statement,
                                                  absl::string_view database,
                                                  const QueryOptions& options) override {
    RETURN_IF_ERROR(CheckBeginsAsQuery(statement, kQueries));
    PostgresConnection::Options how;
    how.database = std::string(database);
    how.connect_timeout = std::min(how.connect_timeout, options.timeout);
    how.deadline = options.timeout + kGrace;
    how.read_only = true;
    how.statement_timeout = options.timeout;
    how.interruptible = options.stop != nullptr;
    ASSIGN_OR_RETURN(const auto connection, PostgresConnection::Open(spec_, how));
    RETURN_IF_ERROR(connection->Execute("BEGIN TRANSACTION READ ONLY").status());
    ResultBuilder builder(options.max_rows);
    const absl::Duration start = clock_->Monotonic();
    RETURN_IF_ERROR(Read(*connection, statement, options, &builder));
    return builder.Finish(clock_->Monotonic() - start);
  }

  std::vector<Sample> CollectMetrics(absl::Duration deadline) override {
    return CollectPostgresMetrics(spec_, deadline, *clock_);
  }

  std::string Grants() const override { return PostgresGrants(spec_); }
  SqlMigrations* migrations() override { return migrations_.get(); }

 private:
  static absl::Status Read(PostgresConnection& connection, absl::string_view statement,
                           const QueryOptions& options, ResultBuilder* builder) {
    const QueryStop::Scope scope(options.stop, [&connection] { connection.Interrupt(); });
    RETURN_IF_ERROR(scope.MayBegin());
    const std::string word = FirstKeyword(statement);
    // No cursor for these; their results are small.
    if (word == "SHOW" || word == "EXPLAIN") {
      return scope.Outcome(connection.Append(statement, /*columns=*/true, builder).status());
    }
    return scope.Outcome(ReadThroughCursor(connection, statement, options.max_rows, builder));
  }

  const InstanceSpec spec_;
  const std::unique_ptr<Clock> clock_;
  const std::unique_ptr<SqlMigrations> migrations_;
  CounterDeltas deltas_;
};

}  // namespace

std::unique_ptr<Engine> MakePostgresEngine(InstanceSpec spec) {
  return std::make_unique<PostgresEngine>(std::move(spec));
}

}  // namespace dbfleet::agent
