#include <exception>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

#include "agent/engine/statement_text.h"
#include "agent/engines/postgres/postgres_connection.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

using absl::StatusCode;

struct Meaning {
  const char* state;  // A SQLSTATE, or its first characters.
  StatusCode code;
  const char* reason;
};

// The first match counts.
const Meaning kMeanings[] = {
    {"08", StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {"25006", StatusCode::kPermissionDenied, "READ_ONLY_SESSION"},
    {"28", StatusCode::kUnauthenticated, "DATABASE_AUTH"},
    {"3D000", StatusCode::kNotFound, "DATABASE_NOT_FOUND"},
    {"40P01", StatusCode::kAborted, "DEADLOCK"},
    {"40", StatusCode::kAborted, "SERIALIZATION"},
    {"42501", StatusCode::kPermissionDenied, "DATABASE_PERMISSION"},
    {"42601", StatusCode::kInvalidArgument, "BAD_SQL"},
    {"53100", StatusCode::kResourceExhausted, "DISK_FULL"},
    {"53300", StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},
    {"55P03", StatusCode::kAborted, "LOCK_TIMEOUT"},
    {"57P", StatusCode::kUnavailable, "DATABASE_UNREACHABLE"},  // Shutdown, crash, starting up.
};

// The server's message proper: one line, without the DETAIL, CONTEXT and STATEMENT that repeat
// rows.
std::string FirstLine(absl::string_view text) {
  text = text.substr(0, text.find('\n'));
  for (absl::string_view level : {"ERROR:", "FATAL:", "PANIC:"}) absl::ConsumePrefix(&text, level);
  return std::string(absl::StripAsciiWhitespace(text));
}

std::string Printable(absl::string_view text) { return Truncate(SanitizeForDisplay(text), 1024); }

// libpqxx drops the SQLSTATE of some of the exceptions that it has a type for.
std::string StateOf(const pqxx::sql_error& error) {
  if (!error.sqlstate().empty()) return error.sqlstate();
  if (dynamic_cast<const pqxx::insufficient_privilege*>(&error) != nullptr) return "42501";
  if (dynamic_cast<const pqxx::data_exception*>(&error) != nullptr) return "22000";
  if (dynamic_cast<const pqxx::integrity_constraint_violation*>(&error) != nullptr) return "23000";
  if (dynamic_cast<const pqxx::disk_full*>(&error) != nullptr) return "53100";
  if (dynamic_cast<const pqxx::plpgsql_error*>(&error) != nullptr) return "P0001";
  if (dynamic_cast<const pqxx::syntax_error*>(&error) != nullptr) return "42601";
  return "";
}

absl::Status FromSqlState(const pqxx::sql_error& error) {
  const std::string state = StateOf(error);
  std::string text = FirstLine(error.what());
  if (state == "P0001") {  // RAISE: free text from inside the database.
    text = "raised by a stored program; its text is not shown here because it may hold row data";
  } else if (state.empty() || absl::StartsWith(state, "22") || state == "42601" ||
             absl::StartsWith(state, "P")) {
    text = MaskQuoted(text, '"');
  }
  if (state == "57014") {
    // The code is the same for the time limit and for a cancellation.
    const bool timeout = absl::StrContains(text, "statement timeout");
    return Error(timeout ? StatusCode::kDeadlineExceeded : StatusCode::kCancelled,
                 timeout ? "DATABASE_TIMEOUT" : "INTERRUPTED", Printable(text));
  }
  StatusCode code = StatusCode::kFailedPrecondition;
  const char* reason = "DATABASE_ERROR";
  for (const Meaning& meaning : kMeanings) {
    if (!absl::StartsWith(state, meaning.state)) continue;
    code = meaning.code;
    reason = meaning.reason;
    break;
  }
  return Error(code, reason,
               absl::StrCat("error ", state, state.empty() ? "" : ": ", Printable(text)));
}

// libpq gives no SQLSTATE when connecting fails, only text.
absl::Status FromBroken(absl::string_view what) {
  std::string text;
  for (const char c : what) text += c == '\n' ? ' ' : c;
  const std::string shown = Printable(absl::StripAsciiWhitespace(text));
  for (absl::string_view sign : {"authentication failed", "no password supplied", "no pg_hba.conf",
                                 "is not permitted to log in", "pg_hba.conf rejects"}) {
    if (absl::StrContains(text, sign)) {
      return Error(StatusCode::kUnauthenticated, "DATABASE_AUTH", shown);
    }
  }
  if (absl::StrContains(text, "role \"") && absl::StrContains(text, "does not exist")) {
    return Error(StatusCode::kUnauthenticated, "DATABASE_AUTH", shown);
  }
  if (absl::StrContains(text, "database \"") && absl::StrContains(text, "does not exist")) {
    return Error(StatusCode::kNotFound, "DATABASE_NOT_FOUND", shown);
  }
  if (absl::StrContains(text, "timeout expired")) {
    return Error(StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT", shown);
  }
  if (absl::StrContains(text, "permission denied for database")) {
    return Error(StatusCode::kPermissionDenied, "DATABASE_PERMISSION", shown);
  }
  return Error(StatusCode::kUnavailable, "DATABASE_UNREACHABLE", shown);
}

}  // namespace

absl::Status GuardPostgres(const std::function<absl::Status()>& fn) {
  try {
    return fn();
  } catch (const pqxx::sql_error& error) {
    return FromSqlState(error);
  } catch (const pqxx::deadlock_detected& error) {
    return Error(StatusCode::kAborted, "DEADLOCK", FirstLine(error.what()));
  } catch (const pqxx::statement_completion_unknown& error) {
    return Error(StatusCode::kUnavailable, "DATABASE_UNREACHABLE", FirstLine(error.what()));
  } catch (const pqxx::transaction_rollback& error) {
    return Error(StatusCode::kAborted, "SERIALIZATION", FirstLine(error.what()));
  } catch (const pqxx::in_doubt_error& error) {
    return Error(StatusCode::kUnavailable, "DATABASE_UNREACHABLE", FirstLine(error.what()));
  } catch (const pqxx::broken_connection& error) {
    return FromBroken(error.what());
  } catch (const std::exception& error) {
    // libpqxx's complaints about its own use; the message is one line and holds no data.
    return Error(StatusCode::kInternal, "DATABASE_ERROR",
                 absl::StrCat("database driver: ", Printable(FirstLine(error.what()))));
  }
}

}  // namespace dbfleet::agent
