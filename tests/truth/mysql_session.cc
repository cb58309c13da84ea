#include "tests/truth/mysql_session.h"

#include <mysql.h>

#include "absl/strings/str_cat.h"

namespace dbfleet::truth {

absl::StatusOr<std::unique_ptr<MysqlSession>> MysqlSession::Open(const std::string& socket,
                                                                 const std::string& database) {
  std::unique_ptr<MysqlSession> session(new MysqlSession(mysql_init(nullptr)));
  // The server's own default, as the agent's sessions have it.
  mysql_options(session->connection_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  if (mysql_real_connect(session->connection_, nullptr, "root", nullptr,
                         database.empty() ? nullptr : database.c_str(), 0, socket.c_str(),
                         0) == nullptr) {
    return session->LastError();
  }
  return session;
}

MysqlSession::~MysqlSession() { mysql_close(connection_); }

unsigned long MysqlSession::id() const { return mysql_thread_id(connection_); }

absl::Status MysqlSession::LastError() {
  const unsigned number = mysql_errno(connection_);
  const std::string text = absl::StrCat(number, ": ", mysql_error(connection_));
  return number >= 2000 && number < 3000 ? absl::UnavailableError(text)
                                         : absl::FailedPreconditionError(text);
}

absl::Status MysqlSession::Run(absl::string_view statement, std::vector<std::string>* rows) {
  if (mysql_real_query(connection_, statement.data(), statement.size()) != 0) return LastError();
  for (;;) {
    MYSQL_RES* result = mysql_store_result(connection_);
    if (result == nullptr && mysql_field_count(connection_) > 0) return LastError();
    if (result != nullptr) {
      const unsigned columns = mysql_num_fields(result);
      for (MYSQL_ROW row; rows != nullptr && (row = mysql_fetch_row(result)) != nullptr;) {
        const auto* lengths = mysql_fetch_lengths(result);
        std::string line;
        for (unsigned i = 0; i < columns; ++i) {
          const absl::string_view value =
              row[i] == nullptr ? "NULL" : absl::string_view(row[i], lengths[i]);
          absl::StrAppend(&line, i == 0 ? "" : "\t", value);
        }
        rows->push_back(std::move(line));
      }
      mysql_free_result(result);
      rows = nullptr;
    }
    const int more = mysql_next_result(connection_);
    if (more > 0) return LastError();
    if (more < 0) return absl::OkStatus();
  }
}

absl::Status MysqlSession::Execute(absl::string_view statement) { return Run(statement, nullptr); }

absl::StatusOr<std::vector<std::string>> MysqlSession::Query(absl::string_view statement) {
  std::vector<std::string> rows;
  if (absl::Status status = Run(statement, &rows); !status.ok()) return status;
  return rows;
}

}  // namespace dbfleet::truth
