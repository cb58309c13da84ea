#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace dbfleet::sql {

enum class Severity { kInfo, kWarning, kError };

struct Finding {
  std::string rule_id;  // "dbf-...".
  Severity severity = Severity::kWarning;
  std::string message;  // What is wrong, with the statement's own names.
  std::string advice;   // The safe form, written with the statement's own names.
  int statement = 0;    // Index into the input.
  // Silenced by "-- dbfleet:ignore RULE REASON" or by the configuration's allow-list: it is shown
  // and recorded, and never reaches a threshold. The reason as written.
  bool ignored = false;
  bool ignored_in_source = false;  // By a comment; otherwise by the configuration.
  std::string ignore_reason;
};

absl::string_view NameOf(Severity severity);  // "info", "warning", "error".

}  // namespace dbfleet::sql
