#pragma once

#include "common/sql/report/pieces.h"

// Of which statements literals are shown, and where their values stand.
namespace dbfleet::sql {

// Whether the statement is of a kind whose literals are ordinarily data: see Redact.
bool ShowsLiterals(const PiecedText& statement);

// Whether the piece is a word that statements begin with. Behind any other word stands nothing that
// is known to be shown.
bool IsStatement(const PiecedText& statement, size_t first);

// Whether it begins with a word that begins a statement.
bool BeginsStatement(const PiecedText& statement);

Hiding HidingOf(const PiecedText& statement, bool postgres);

}  // namespace dbfleet::sql
