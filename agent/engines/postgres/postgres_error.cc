#include <exception>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

#include "agent/engines/postgres/postgres_connection.h"
#include "agent/engines/postgres/postgres_error_text.h"
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

// RAISE ... USING ERRCODE gives any error free text from inside the database.
constexpr absl::string_view kNotShown =
    "its text is not shown, because it is not one of the server's own and may hold row data";

absl::Status FromSqlState(const pqxx::sql_error& error) {
  const std::string state = StateOf(error);
  const std::string text = state == "P0001" ? "" : ShowablePostgresText(FirstLine(error.what()));
  const std::string shown =
      text.empty() ? absl::StrCat(state.empty() ? "" : "; ", kNotShown) : absl::StrCat(": ", text);
  if (state == "57014") {
    // The code is the same for the time limit and for a cancellation.
    const bool timeout = absl::StrContains(text, "statement timeout");
    return Error(timeout ? StatusCode::kDeadlineExceeded : StatusCode::kCancelled,
                 timeout ? "DATABASE_TIMEOUT" : "INTERRUPTED", text.empty() ? kNotShown : text);
  }
  StatusCode code = StatusCode::kFailedPrecondition;
  const char* reason = "DATABASE_ERROR";
  for (const Meaning& meaning : kMeanings) {
    if (!absl::StartsWith(state, meaning.state)) continue;
    code = meaning.code;
    reason = meaning.reason;
    break;
  }
  return Error(code, reason, absl::StrCat("error ", state, shown));
}

// The text of an error that libpqxx has a type for but no SQLSTATE. "ERROR:" comes out of a
// statement, so it may be a stored program's; all else is libpq's, libpqxx's or the server's own.
std::string ServerText(absl::string_view what) {
  const std::string text = ShowablePostgresText(FirstLine(what));
  return text.empty() ? std::string(kNotShown) : text;
}

std::string TextOf(absl::string_view what) {
  return absl::StartsWith(what, "ERROR:") ? ServerText(what) : Printable(FirstLine(what));
}

// libpq gives no SQLSTATE when connecting fails, only text.
absl::Status FromBroken(absl::string_view what) {
  if (absl::StartsWith(what, "ERROR:")) {
    return Error(StatusCode::kUnavailable, "DATABASE_UNREACHABLE", TextOf(what));
  }
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
    return Error(StatusCode::kAborted, "DEADLOCK", ServerText(error.what()));
  } catch (const pqxx::statement_completion_unknown& error) {
    return Error(StatusCode::kUnavailable, "DATABASE_UNREACHABLE", TextOf(error.what()));
  } catch (const pqxx::transaction_rollback& error) {
    return Error(StatusCode::kAborted, "SERIALIZATION", ServerText(error.what()));
  } catch (const pqxx::in_doubt_error& error) {
    return Error(StatusCode::kUnavailable, "DATABASE_UNREACHABLE", TextOf(error.what()));
  } catch (const pqxx::broken_connection& error) {
    return FromBroken(error.what());
  } catch (const std::exception& error) {
    // libpqxx's complaints about its own use; the message is one line and holds no data.
    return Error(StatusCode::kInternal, "DATABASE_ERROR",
                 absl::StrCat("database driver: ", TextOf(error.what())));
  }
}

}  // namespace dbfleet::agent
