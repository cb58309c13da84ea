#include "tests/truth/postgres_session.h"

#include <libpq-fe.h>

#include "absl/strings/str_cat.h"

namespace dbfleet::truth {

absl::StatusOr<std::unique_ptr<PostgresSession>> PostgresSession::Open(
    const std::string& socket_folder, int port, const std::string& database) {
  const std::string options =
      absl::StrCat("host=", socket_folder, " port=", port, " user=postgres dbname=", database,
                   " client_encoding=UTF8 connect_timeout=10");
  std::unique_ptr<PostgresSession> session(new PostgresSession(PQconnectdb(options.c_str())));
  if (PQstatus(session->connection_) != CONNECTION_OK) return session->LastError();
  PQsetNoticeProcessor(
      session->connection_, [](void*, const char*) {}, nullptr);
  return session;
}

PostgresSession::~PostgresSession() { PQfinish(connection_); }

bool PostgresSession::idle() const { return PQtransactionStatus(connection_) == PQTRANS_IDLE; }
int PostgresSession::pid() const { return PQbackendPID(connection_); }

absl::Status PostgresSession::LastError() const {
  const std::string text = PQerrorMessage(connection_);
  return PQstatus(connection_) == CONNECTION_OK ? absl::FailedPreconditionError(text)
                                                : absl::UnavailableError(text);
}

absl::Status PostgresSession::Run(absl::string_view statement, std::vector<std::string>* rows) {
  const std::string text(statement);
  absl::Status status;
  if (PQsendQueryParams(connection_, text.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 0) {
    return LastError();
  }
  while (PGresult* result = PQgetResult(connection_)) {
    const ExecStatusType kind = PQresultStatus(result);
    if (kind == PGRES_COPY_OUT) {
      char* row = nullptr;
      while (PQgetCopyData(connection_, &row, 0) > 0) PQfreemem(row);
    } else if (kind == PGRES_COPY_IN) {
      PQputCopyEnd(connection_, nullptr);
    } else if (kind == PGRES_FATAL_ERROR || kind == PGRES_BAD_RESPONSE) {
      status = LastError();
    }
    for (int i = 0; rows != nullptr && i < PQntuples(result); ++i) {
      std::string line;
      for (int c = 0; c < PQnfields(result); ++c) {
        absl::StrAppend(&line, c == 0 ? "" : "\t",
                        PQgetisnull(result, i, c) != 0 ? "NULL" : PQgetvalue(result, i, c));
      }
      rows->push_back(std::move(line));
    }
    PQclear(result);
    if (PQstatus(connection_) != CONNECTION_OK) return LastError();
  }
  return status;
}

absl::Status PostgresSession::Execute(absl::string_view statement) {
  return Run(statement, nullptr);
}

absl::StatusOr<std::vector<std::string>> PostgresSession::Query(absl::string_view statement) {
  std::vector<std::string> rows;
  if (absl::Status status = Run(statement, &rows); !status.ok()) return status;
  return rows;
}

}  // namespace dbfleet::truth
