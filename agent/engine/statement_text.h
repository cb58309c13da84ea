#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dbfleet::agent {

// The statement's first word in upper case, after white space, comments and opening parentheses.
// "" if there is none, or if the first thing is a comment that MySQL or MariaDB executes ("/*!").
std::string FirstKeyword(absl::string_view statement);

// INVALID_ARGUMENT (INSPECTION_NOT_SAFE) unless the statement begins with one of `words`. A second
// line behind the classifier: a read-only transaction does not hold everything (MySQL: SET
// PASSWORD, KILL, LOCK TABLES), so what is no query never reaches the server.
absl::Status CheckBeginsAsQuery(absl::string_view statement,
                                absl::Span<const absl::string_view> words);

// A server's error message without what stood in quotes: there it repeats values of rows and parts
// of statements, secrets included. `quote` is ' for MySQL and " for PostgreSQL.
std::string MaskQuoted(absl::string_view message, char quote);

}  // namespace dbfleet::agent
