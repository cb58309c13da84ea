#include "agent/engines/postgres/postgres_connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "agent/engine/account.h"
#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::agent {
namespace {

// A value of libpq's connection string.
std::string Value(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

std::string SessionOptions(const PostgresConnection::Options& options) {
  std::string text =
      "-c standard_conforming_strings=on -c search_path=\"$user\",public -c bytea_output=hex "
      "-c DateStyle=ISO";
  if (options.read_only) absl::StrAppend(&text, " -c default_transaction_read_only=on");
  absl::StrAppend(&text,
                  " -c statement_timeout=", absl::ToInt64Milliseconds(options.statement_timeout),
                  " -c lock_timeout=", absl::ToInt64Milliseconds(options.lock_timeout));
  return text;
}

std::string ConnectionString(const InstanceSpec& spec, const AccountConfig& account,
                             const Secret& password, const PostgresConnection::Options& options) {
  const Endpoint& endpoint = spec.endpoint;
  std::string database = options.database.empty() ? spec.default_database : options.database;
  if (database.empty()) database = "postgres";
  const absl::Duration wait = std::min(options.connect_timeout, options.deadline);
  std::string text = absl::StrCat(
      "host=", Value(endpoint.socket.empty() ? endpoint.host : endpoint.socket),
      " port=", endpoint.port > 0 ? endpoint.port : 5432, " user=", Value(account.user),
      " dbname=", Value(database), " connect_timeout=",
      std::max<int64_t>(2, absl::ToInt64Seconds(absl::Ceil(wait, absl::Seconds(1)))),
      // A ticket cache would be asked otherwise, which may hang on a network of its own.
      " gssencmode=disable client_encoding=UTF8 application_name=dbfleet-agent options=",
      Value(SessionOptions(options)));
  if (options.keepalive) {
    absl::StrAppend(&text,
                    " keepalives=1 keepalives_idle=30 keepalives_interval=10 keepalives_count=6"
                    " tcp_user_timeout=60000");
  }
  if (!password.empty()) absl::StrAppend(&text, " password=", Value(password.Reveal()));
  return text;
}

void NeverReconnect(pqxx::connection& connection) {
  // A new session would silently lack the lock, the settings and the open transaction.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection.inhibit_reactivation(true);
#pragma GCC diagnostic pop
}

// The same text on every connection, whatever its DateStyle and time zone are.
constexpr char kBackendStart[] = "pg_catalog.date_part('epoch', backend_start)::pg_catalog.text";

std::string TypeName(pqxx::oid type) {
  static const std::pair<pqxx::oid, const char*> kNames[] = {
      {16, "bool"},      {17, "bytea"},       {18, "char"},          {19, "name"},
      {20, "int8"},      {21, "int2"},        {23, "int4"},          {25, "text"},
      {26, "oid"},       {114, "json"},       {700, "float4"},       {701, "float8"},
      {869, "inet"},     {1042, "bpchar"},    {1043, "varchar"},     {1082, "date"},
      {1083, "time"},    {1114, "timestamp"}, {1184, "timestamptz"}, {1186, "interval"},
      {1700, "numeric"}, {2950, "uuid"},      {3802, "jsonb"}};
  for (const auto& [oid, name] : kNames) {
    if (oid == type) return name;
  }
  return absl::StrCat("oid ", type);
}

}  // namespace

PostgresConnection::PostgresConnection(InstanceSpec spec, Options options)
    : spec_(std::move(spec)), options_(std::move(options)), clock_(MakeSystemClock()) {}

PostgresConnection::~PostgresConnection() {
  guillotine_.reset();
  GuardPostgres([this] {
    quiet_.reset();
    connection_.reset();
    return absl::OkStatus();
  }).IgnoreError();
}

absl::StatusOr<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(
    const InstanceSpec& spec, const Options& options) {
  std::unique_ptr<PostgresConnection> connection(new PostgresConnection(spec, options));
  if (absl::Status status = connection->Connect(); !status.ok()) {
    return Annotate(status, absl::StrCat("connecting to ", spec.endpoint.Describe(), " for ",
                                         NameOf(options.account)));
  }
  return connection;
}

absl::Status PostgresConnection::Connect() {
  ASSIGN_OR_RETURN(const AccountConfig account, AccountFor(spec_, options_.account));
  ASSIGN_OR_RETURN(const Secret password, ReadPassword(account));
  opened_ = clock_->Monotonic();
  RETURN_IF_ERROR(GuardPostgres([&] {
    const Secret text(ConnectionString(spec_, account, password, options_));
    connection_ = std::make_unique<pqxx::connection>(text.Reveal());
    socket_ = SocketHandle::Duplicate(connection_->sock());
    NeverReconnect(*connection_);
    quiet_ = std::make_unique<pqxx::quiet_errorhandler>(*connection_);
    server_version_ = connection_->server_version();
    backend_pid_ = connection_->backendpid();
    if (options_.deadline < absl::InfiniteDuration()) {
      const absl::Duration left = options_.deadline - (clock_->Monotonic() - opened_);
      guillotine_ = BreakAfter(std::max(left, absl::ZeroDuration()));
    }
    return absl::OkStatus();
  }));
  if (!options_.interruptible) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      const auto rows,
      Query(absl::StrCat("SELECT ", kBackendStart,
                         " FROM pg_catalog.pg_stat_activity WHERE pid = ", backend_pid_)));
  if (rows.size() == 1 && rows[0].size() == 1) backend_start_ = rows[0][0].value_or("");
  return absl::OkStatus();
}

absl::Status PostgresConnection::Run(absl::string_view statement,
                                     const std::function<void(const pqxx::result&)>& use) {
  const absl::Status status = GuardPostgres([&] {
    pqxx::nontransaction session(*connection_);
    // The extended protocol takes exactly one statement, whatever the text says.
    use(session.exec_params(std::string(statement)));
    return absl::OkStatus();
  });
  if (status.code() == absl::StatusCode::kUnavailable &&
      clock_->Monotonic() - opened_ >= options_.deadline) {
    return Error(
        absl::StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT",
        absl::StrCat("the server did not answer within ", absl::FormatDuration(options_.deadline)));
  }
  return status;
}

absl::StatusOr<int64_t> PostgresConnection::Execute(absl::string_view statement) {
  int64_t affected = -1;
  RETURN_IF_ERROR(Run(statement, [&](const pqxx::result& result) {
    // DDL and the like have no number of rows, and say so with zero columns and zero rows.
    affected = result.columns() > 0 ? -1 : static_cast<int64_t>(result.affected_rows());
  }));
  return affected;
}

absl::StatusOr<std::vector<PostgresConnection::NamedRow>> PostgresConnection::QueryNamed(
    absl::string_view statement) {
  std::vector<NamedRow> rows;
  RETURN_IF_ERROR(Run(statement, [&](const pqxx::result& result) {
    for (const pqxx::row& row : result) {
      NamedRow& values = rows.emplace_back();
      for (const pqxx::field& field : row) {
        values.emplace_back(field.name(), field.is_null() ? std::nullopt
                                                          : std::optional(std::string(
                                                                field.c_str(), field.size())));
      }
    }
  }));
  return rows;
}

absl::StatusOr<std::vector<PostgresConnection::TextRow>> PostgresConnection::Query(
    absl::string_view statement) {
  ASSIGN_OR_RETURN(std::vector<NamedRow> rows, QueryNamed(statement));
  std::vector<TextRow> result;
  result.reserve(rows.size());
  for (NamedRow& row : rows) {
    TextRow& values = result.emplace_back();
    for (auto& [name, value] : row) values.push_back(std::move(value));
  }
  return result;
}

absl::StatusOr<int> PostgresConnection::Append(absl::string_view statement, bool columns,
                                               ResultBuilder* builder) {
  int rows = 0;
  RETURN_IF_ERROR(Run(statement, [&](const pqxx::result& result) {
    if (columns) {
      for (pqxx::row::size_type i = 0; i < result.columns(); ++i) {
        builder->AddColumn(result.column_name(i), TypeName(result.column_type(i)));
      }
    }
    rows = static_cast<int>(result.size());
    for (const pqxx::row& row : result) {
      std::vector<ResultBuilder::Cell> cells;
      for (const pqxx::field& field : row) {
        // bytea arrives as "\x..." already.
        cells.push_back({field.is_null() ? std::nullopt
                                         : std::optional<absl::string_view>(
                                               absl::string_view(field.c_str(), field.size())),
                         /*binary=*/false});
      }
      if (!builder->AddRow(cells)) break;
    }
  }));
  return rows;
}

std::string PostgresConnection::Quote(absl::string_view value) const {
  return absl::StrCat("'", absl::StrReplaceAll(value, {{"'", "''"}}), "'");
}

void PostgresConnection::Interrupt() {
  Options options;
  options.account = options_.account;
  options.database = options_.database;
  // Not libpq's own cancel request: it waits for a hung server without limit.
  options.deadline = absl::Seconds(5);
  const auto second = Open(spec_, options);
  if (!second.ok()) return;
  const auto asked = (*second)->Query(absl::StrCat(
      "SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid = ",
      backend_pid_, " AND ", kBackendStart, " = ", Quote(backend_start_)));
  if (asked.ok() && asked->empty()) {
    log::Warn("cannot ask for a statement's end: a second connection does not find its session",
              {{"instance", spec_.name}});
  }
}

}  // namespace dbfleet::agent
