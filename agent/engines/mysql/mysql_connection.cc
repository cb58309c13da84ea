#include "agent/engines/mysql/mysql_connection.h"

#include <cppconn/connection.h>
#include <cppconn/driver.h>
#include <cppconn/exception.h>
#include <cppconn/resultset.h>
#include <cppconn/resultset_metadata.h>
#include <cppconn/statement.h>
#include <mysql_driver.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "agent/engine/account.h"
#include "agent/engines/mysql/socket_search.h"
#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::agent {
namespace {

// A row that the client library would have to hold whole; larger ones are refused by it.
constexpr int kMaxRowBytes = 16 << 20;

constexpr int kDefaultPort = 3306;
// Connections made to find one whose socket can be told.
constexpr int kSocketTries = 5;

constexpr char kSqlMode[] = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

::sql::SQLString S(absl::string_view text) { return {text.data(), text.size()}; }

// The client library keeps state per thread that must be set up before its first call there and
// freed when the thread ends.
void PrepareThread(::sql::Driver* driver) {
  struct ThreadState {
    explicit ThreadState(::sql::Driver* d) : driver(d) { driver->threadInit(); }
    ~ThreadState() { driver->threadEnd(); }
    ::sql::Driver* const driver;
  };
  thread_local ThreadState state(driver);
}

::sql::Driver* GetDriver() {
  // The driver's own first call is not thread-safe; a static's initialisation is.
  static ::sql::Driver* const driver = ::sql::mysql::get_driver_instance();
  return driver;
}

Endpoint WithPort(Endpoint endpoint) {
  if (endpoint.socket.empty() && endpoint.port == 0) endpoint.port = kDefaultPort;
  return endpoint;
}

std::string Url(const Endpoint& endpoint) {
  if (!endpoint.socket.empty()) return absl::StrCat("unix://", endpoint.socket);
  return absl::StrCat("tcp://", WithPort(endpoint).Describe());
}

int WholeSeconds(absl::Duration d) {
  return static_cast<int>(
      std::max<int64_t>(1, absl::ToInt64Seconds(absl::Ceil(d, absl::Seconds(1)))));
}

bool IsBinaryType(const std::string& type) {
  return absl::StrContains(type, "BINARY") || absl::StrContains(type, "BLOB") || type == "BIT" ||
         type == "GEOMETRY";
}

std::optional<std::string> TextAt(::sql::ResultSet& rows, int column) {
  ::sql::SQLString text = rows.getString(column);
  if (rows.wasNull()) return std::nullopt;
  return std::move(*text.operator->());
}

}  // namespace

MysqlConnection::MysqlConnection(InstanceSpec spec, Options options)
    : spec_(std::move(spec)), options_(std::move(options)), clock_(MakeSystemClock()) {}

MysqlConnection::~MysqlConnection() {
  Guard([this] {
    connection_.reset();
    return absl::OkStatus();
  }).IgnoreError();
}

absl::StatusOr<std::unique_ptr<MysqlConnection>> MysqlConnection::Open(const InstanceSpec& spec,
                                                                       const Options& options) {
  std::unique_ptr<MysqlConnection> connection(new MysqlConnection(spec, options));
  if (absl::Status status = connection->Connect(); !status.ok()) {
    return Annotate(status, absl::StrCat("connecting to ", spec.endpoint.Describe(), " for ",
                                         NameOf(options.account)));
  }
  return connection;
}

absl::Status MysqlConnection::Connect() {
  if (!options_.keepalive) {
    RETURN_IF_ERROR(ConnectDriver());
    return SetUp();
  }
  // Somebody else's connection at the same moment makes ours indistinguishable.
  for (int n = 1; !socket_.ok() && n <= kSocketTries; ++n) {
    const SocketSearch search(WithPort(spec_.endpoint));
    RETURN_IF_ERROR(ConnectDriver());
    socket_ = search.Found();
  }
  if (!socket_.ok()) {
    log::Warn("cannot tell a connection's socket: should the server hang, it is waited for",
              {{"instance", spec_.name}});
  } else if (spec_.endpoint.socket.empty()) {
    KeepAlive(socket_.get());
  }
  const auto limit = BreakAfter(options_.connect_timeout);
  return SetUp();
}

absl::Status MysqlConnection::ConnectDriver() {
  ASSIGN_OR_RETURN(const AccountConfig account, AccountFor(spec_, options_.account));
  ASSIGN_OR_RETURN(const Secret password, ReadPassword(account));
  return Guard(
      [&] {
        ::sql::ConnectOptionsMap map;
        map["hostName"] = S(Url(spec_.endpoint));
        map["userName"] = S(account.user);
        map["password"] = S(password.Reveal());
        const std::string& database =
            options_.database.empty() ? spec_.default_database : options_.database;
        if (!database.empty()) map["schema"] = S(database);
        map["OPT_CONNECT_TIMEOUT"] = WholeSeconds(options_.connect_timeout);
        if (options_.io_timeout > absl::ZeroDuration()) {
          map["OPT_READ_TIMEOUT"] = WholeSeconds(options_.io_timeout);
          map["OPT_WRITE_TIMEOUT"] = WholeSeconds(options_.io_timeout);
        }
        // A server could otherwise ask for any file that this process can read.
        map["OPT_LOCAL_INFILE"] = 0;
        map["OPT_MAX_ALLOWED_PACKET"] = kMaxRowBytes;
        map["OPT_RECONNECT"] = false;
        connection_.reset(GetDriver()->connect(map));
        return absl::OkStatus();
      },
      /*connecting=*/true);
}

absl::Status MysqlConnection::SetUp() {
  RETURN_IF_ERROR(Execute(absl::StrCat("SET SESSION sql_mode = '", kSqlMode,
                                       "', SESSION autocommit = 1, NAMES utf8mb4"))
                      .status());
  opened_ = clock_->Monotonic();
  ASSIGN_OR_RETURN(const auto rows,
                   Query("SELECT CONNECTION_ID(), VERSION(), @@hostname, @@port, @@server_id"));
  if (rows.size() != 1 || rows[0].size() != 5 ||
      !absl::SimpleAtoi(rows[0][0].value_or(""), &connection_id_)) {
    return Error(absl::StatusCode::kInternal, "DATABASE_ERROR",
                 "the server does not tell its version");
  }
  version_ = rows[0][1].value_or("");
  server_ = {rows[0][2].value_or(""), rows[0][3].value_or(""), rows[0][4].value_or("")};
  return absl::OkStatus();
}

absl::Status MysqlConnection::Guard(const std::function<absl::Status()>& fn, bool connecting) {
  const absl::Duration start = clock_->Monotonic();
  try {
    PrepareThread(GetDriver());
    return fn();
  } catch (const ::sql::SQLException& exception) {
    const absl::Status status = MysqlStatus(exception);
    if (!connecting && exception.getErrorCode() == 1045) {
      // Within a session this number means a missing global privilege.
      return Error(absl::StatusCode::kPermissionDenied, "DATABASE_PERMISSION", status.message());
    }
    if (status.code() != absl::StatusCode::kUnavailable) return status;
    // The library reports its time-outs as a lost connection.
    const absl::Duration limit = connecting ? options_.connect_timeout : options_.io_timeout;
    const bool lost = exception.getErrorCode() == 2013 || exception.getErrorCode() == 2002;
    if (lost && limit > absl::ZeroDuration() &&
        clock_->Monotonic() - start >= 0.95 * absl::Seconds(WholeSeconds(limit))) {
      return Error(absl::StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT",
                   absl::StrCat("the server did not answer within ",
                                absl::FormatDuration(absl::Seconds(WholeSeconds(limit)))));
    }
    return status;
  } catch (const std::exception& exception) {
    // The driver's complaints about arguments; they hold no data from the server.
    return Error(absl::StatusCode::kInternal, "DATABASE_ERROR",
                 absl::StrCat("database driver: ", exception.what()));
  }
}

absl::StatusOr<int64_t> MysqlConnection::Execute(absl::string_view statement) {
  int64_t affected = -1;
  RETURN_IF_ERROR(Guard([&] {
    std::unique_ptr<::sql::Statement> handle(connection_->createStatement());
    bool rows = handle->execute(S(statement));
    if (!rows) affected = static_cast<int64_t>(handle->getUpdateCount());
    // A CALL gives a result for each SELECT of the procedure and one of its own, and only behind
    // all of them tells whether it failed.
    while (rows) {
      std::unique_ptr<::sql::ResultSet>(handle->getResultSet()).reset();
      rows = handle->getMoreResults();
    }
    return absl::OkStatus();
  }));
  return affected;
}

absl::StatusOr<std::vector<MysqlConnection::NamedRow>> MysqlConnection::QueryNamed(
    absl::string_view statement) {
  std::vector<NamedRow> result;
  RETURN_IF_ERROR(Guard([&] {
    std::unique_ptr<::sql::Statement> handle(connection_->createStatement());
    if (!handle->execute(S(statement))) return absl::OkStatus();
    std::unique_ptr<::sql::ResultSet> rows(handle->getResultSet());
    ::sql::ResultSetMetaData* meta = rows->getMetaData();
    const int columns = static_cast<int>(meta->getColumnCount());
    while (rows->next()) {
      NamedRow& row = result.emplace_back();
      for (int i = 1; i <= columns; ++i) {
        row.emplace_back(std::string(meta->getColumnLabel(i)), TextAt(*rows, i));
      }
    }
    return absl::OkStatus();
  }));
  return result;
}

absl::StatusOr<std::vector<MysqlConnection::TextRow>> MysqlConnection::Query(
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

absl::Status MysqlConnection::Stream(absl::string_view statement, ResultBuilder* builder) {
  RETURN_IF_ERROR(ReadRows(statement, builder));
  return builder->full() ? absl::OkStatus() : LastError();
}

absl::Status MysqlConnection::LastError() {
  // The list of conditions keeps the first 64 only, often warnings; the count knows of all.
  ASSIGN_OR_RETURN(const auto count, Query("SHOW COUNT(*) ERRORS"));
  if (count.size() == 1 && count[0].size() == 1 && count[0][0] == "0") return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto errors, Query("SHOW ERRORS LIMIT 1"));
  int number = 0;
  if (errors.empty() || errors[0].size() < 3 ||
      !absl::SimpleAtoi(errors[0][1].value_or(""), &number)) {
    return Error(absl::StatusCode::kFailedPrecondition, "RESULT_INCOMPLETE",
                 "the server ended the result with an error that it does not keep");
  }
  return Guard([&]() -> absl::Status {
    throw ::sql::SQLException(errors[0][2].value_or(""), "HY000", number);
  });
}

absl::Status MysqlConnection::ReadRows(absl::string_view statement, ResultBuilder* builder) {
  return Guard([&]() -> absl::Status {
    std::unique_ptr<::sql::Statement> handle(connection_->createStatement());
    // Rows come as they are read; the default would buffer the whole result first.
    handle->setResultSetType(::sql::ResultSet::TYPE_FORWARD_ONLY);
    if (!handle->execute(S(statement))) return absl::OkStatus();
    std::unique_ptr<::sql::ResultSet> rows(handle->getResultSet());
    ::sql::ResultSetMetaData* meta = rows->getMetaData();
    const int columns = static_cast<int>(meta->getColumnCount());
    std::vector<bool> binary;
    for (int i = 1; i <= columns; ++i) {
      const std::string type = meta->getColumnTypeName(i);
      binary.push_back(IsBinaryType(type));
      builder->AddColumn(std::string(meta->getColumnLabel(i)), type);
    }
    while (rows->next()) {
      std::vector<std::optional<std::string>> values;
      for (int i = 1; i <= columns; ++i) values.push_back(TextAt(*rows, i));
      std::vector<ResultBuilder::Cell> cells;
      for (int i = 0; i < columns; ++i) {
        cells.push_back(
            {values[i].has_value() ? std::optional<absl::string_view>(*values[i]) : std::nullopt,
             binary[i]});
      }
      if (builder->AddRow(cells)) continue;
      // Closing the result reads what is left, which may be gigabytes: end it at its source.
      // If that fails, the statement's time limit ends it.
      Interrupt();
      return absl::OkStatus();
    }
    return absl::OkStatus();
  });
}

std::string MysqlConnection::Quote(absl::string_view value) const {
  std::string literal = "'";
  for (const char c : value) {
    switch (c) {
      case '\0':
        literal += "\\0";
        break;
      case '\n':
        literal += "\\n";
        break;
      case '\r':
        literal += "\\r";
        break;
      case '\x1a':
        literal += "\\Z";
        break;
      case '\'':
      case '"':
      case '\\':
        literal += '\\';
        literal += c;
        break;
      default:
        literal += c;
    }
  }
  return literal + "'";
}

void MysqlConnection::Interrupt() {
  Options options;
  options.account = options_.account;
  options.io_timeout = absl::Seconds(5);
  // Best effort: the statement's own end says whether it was stopped.
  const auto second = Open(spec_, options);
  if (!second.ok()) return;
  const auto status = (*second)->Query("SHOW GLOBAL STATUS LIKE 'Uptime'");
  int64_t uptime = 0;
  if (!status.ok() || status->size() != 1 || (*status)[0].size() != 2 ||
      !absl::SimpleAtoi((*status)[0][1].value_or(""), &uptime) ||
      !IsSameRun(server_, (*second)->server_, absl::Seconds(uptime),
                 clock_->Monotonic() - opened_)) {
    log::Warn("cannot ask for a statement's end: a second connection does not lead to its server",
              {{"instance", spec_.name}});
    return;
  }
  (*second)->Execute(absl::StrCat("KILL QUERY ", connection_id_)).status().IgnoreError();
}

bool IsSameRun(const MysqlServer& mine, const MysqlServer& other, absl::Duration other_uptime,
               absl::Duration open_for) {
  // The server tells whole seconds.
  return mine.host_name == other.host_name && mine.port == other.port &&
         mine.server_id == other.server_id && other_uptime + absl::Seconds(1) >= open_for;
}

dbfleet::sql::SqlModes MysqlConnection::SessionModes() {
  // Words of ours, which are known.
  return dbfleet::sql::ParseSqlModes(kSqlMode).value_or(dbfleet::sql::SqlModes());
}

bool MysqlConnection::is_mariadb() const { return absl::StrContains(version_, "MariaDB"); }

}  // namespace dbfleet::agent
