#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/engines/postgres/postgres_connection.h"
#include "agent/engines/postgres/postgres_probe.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

absl::Status SqlError(const std::string& text, const char* state) {
  return GuardPostgres([&]() -> absl::Status { throw pqxx::sql_error(text, "query", state); });
}

absl::Status Broken(const std::string& text) {
  return GuardPostgres([&]() -> absl::Status { throw pqxx::broken_connection(text); });
}

TEST(GuardPostgresTest, MapsToTheDocumentedCodes) {
  const struct {
    const char* state;
    absl::StatusCode code;
    const char* reason;
  } kCases[] = {
      {"25006", absl::StatusCode::kPermissionDenied, "READ_ONLY_SESSION"},
      {"42501", absl::StatusCode::kPermissionDenied, "DATABASE_PERMISSION"},
      {"42601", absl::StatusCode::kInvalidArgument, "BAD_SQL"},
      {"42P01", absl::StatusCode::kFailedPrecondition, "DATABASE_ERROR"},
      {"55P03", absl::StatusCode::kAborted, "LOCK_TIMEOUT"},
      {"40P01", absl::StatusCode::kAborted, "DEADLOCK"},
      {"40001", absl::StatusCode::kAborted, "SERIALIZATION"},
      {"57P01", absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
      {"53100", absl::StatusCode::kResourceExhausted, "DISK_FULL"},
      {"28P01", absl::StatusCode::kUnauthenticated, "DATABASE_AUTH"},
  };
  for (const auto& c : kCases) {
    const absl::Status status = SqlError("ERROR:  text", c.state);
    EXPECT_EQ(status.code(), c.code) << c.state;
    EXPECT_EQ(ReasonOf(status), c.reason) << c.state;
  }
}

TEST(GuardPostgresTest, KnowsTheCodesThatLibpqxxDrops) {
  const absl::Status status = GuardPostgres([&]() -> absl::Status {
    throw pqxx::insufficient_privilege("ERROR:  permission denied for table t");
  });
  EXPECT_EQ(ReasonOf(status), "DATABASE_PERMISSION");
}

TEST(GuardPostgresTest, TellsATimeLimitFromACancellation) {
  EXPECT_EQ(SqlError("ERROR:  canceling statement due to statement timeout", "57014").code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(SqlError("ERROR:  canceling statement due to user request", "57014").code(),
            absl::StatusCode::kCancelled);
}

TEST(GuardPostgresTest, ConnectionErrorsAreReadFromTheirText) {
  EXPECT_EQ(Broken("FATAL:  password authentication failed for user \"x\"").code(),
            absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Broken("FATAL:  database \"x\" does not exist").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Broken("timeout expired").code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(Broken("could not connect").code(), absl::StatusCode::kUnavailable);
}

TEST(GuardPostgresTest, RowDataStaysOutOfMessages) {
  const std::string duplicate(
      SqlError("ERROR:  duplicate key value violates unique constraint \"email_key\"\n"
               "DETAIL:  Key (email)=(ann@example.org) already exists.",
               "23505")
          .message());
  EXPECT_THAT(duplicate, HasSubstr("email_key"));
  EXPECT_THAT(duplicate, Not(HasSubstr("ann@")));
  EXPECT_THAT(
      std::string(
          SqlError("ERROR:  invalid input syntax for type integer: \"s3cret\"", "22P02").message()),
      Not(HasSubstr("s3cret")));
  EXPECT_THAT(std::string(SqlError("ERROR:  customer 4711 is blocked", "P0001").message()),
              Not(HasSubstr("4711")));
}

TEST(GuardPostgresTest, ARaiseWithAnErrorCodeOfTheServersIsNotShown) {
  for (const char* state : {"23514", "22023", "08006", "40P01", "57014", "42P01", "P0002", ""}) {
    const absl::Status status = SqlError("ERROR:  customer 4711 is blocked", state);
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("4711"))) << state;
    EXPECT_THAT(std::string(status.message()), HasSubstr("not shown")) << state;
  }
  EXPECT_THAT(std::string(Broken("ERROR:  customer 4711 is blocked").message()),
              Not(HasSubstr("4711")))
      << "libpqxx takes every 08... for a broken connection";
  const absl::Status deadlock = GuardPostgres(
      []() -> absl::Status { throw pqxx::deadlock_detected("ERROR:  customer 4711 is blocked"); });
  EXPECT_THAT(std::string(deadlock.message()), Not(HasSubstr("4711")));
}

TEST(GuardPostgresTest, TheServersOwnTextsAreShown) {
  for (const char* text :
       {"relation \"a\" does not exist", "permission denied for table a", "division by zero",
        "insert or update on table \"a\" violates foreign key constraint \"b\"",
        "column \"a\" of relation \"b\" already exists",
        "cannot execute INSERT in a read-only transaction",
        "CREATE INDEX CONCURRENTLY cannot run inside a transaction block",
        "cannot drop table a because other objects depend on it",
        "function f(integer) does not exist"}) {
    EXPECT_THAT(std::string(SqlError(std::string("ERROR:  ") + text, "42000").message()),
                HasSubstr(text));
  }
}

TEST(NormaliseSettingTest, SpeaksTheExportersUnits) {
  const auto shared = NormaliseSetting("2048", "8kB", "integer");
  EXPECT_EQ(shared->suffix, "_bytes");
  EXPECT_EQ(shared->value, 16.0 * 1024 * 1024);
  EXPECT_EQ(NormaliseSetting("5", "min", "integer")->value, 300);
  EXPECT_EQ(NormaliseSetting("5", "min", "integer")->suffix, "_seconds");
  EXPECT_EQ(NormaliseSetting("-1", "kB", "integer")->value, -1);
  EXPECT_EQ(NormaliseSetting("on", "", "bool")->value, 1);
  EXPECT_EQ(NormaliseSetting("1.1", "", "real")->value, 1.1);
  EXPECT_FALSE(NormaliseSetting("replica", "", "enum").has_value());
}

TEST(PostgresGrantsTest, HoldsPlaceholdersAndTheConfiguredNames) {
  InstanceSpec spec;
  spec.inspect = AccountConfig{"in\"spect", ""};
  const std::string grants = PostgresGrants(spec);
  EXPECT_THAT(grants, HasSubstr("CREATE ROLE \"in\"\"spect\" LOGIN"));
  EXPECT_THAT(grants, HasSubstr("PASSWORD '<password of migrate>'"));
}

}  // namespace
}  // namespace dbfleet::agent
