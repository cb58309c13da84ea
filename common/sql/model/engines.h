#pragma once

#include "absl/strings/string_view.h"

// Storage engines of MySQL and MariaDB, in lower case, as far as it matters whose rows a table of
// theirs has. An engine that is not known may be any. Two questions, of which MERGE is answered
// differently.
namespace dbfleet::sql {

// Whether reading such a table reads this server's rows and nothing else. Not FEDERATED, CONNECT
// and SPIDER, which ask another server or read a file. MERGE reads other tables, but by its
// definition, as a view does: that runs no code.
bool ReadsItsOwnRows(absl::string_view engine);

// Whether what is done to such a table is done to its own rows: only then nobody else's are lost
// when a new one is emptied. Not MERGE (MRG_MyISAM): TRUNCATE and DELETE empty the tables below it.
bool KeepsItsOwnRows(absl::string_view engine);

// Whether a table that is altered to it has all the rows that it had, also after a restart. False
// of engines that are not known.
bool KeepsAllRows(absl::string_view engine);

// Whether such an ALTER loses all rows at once: BLACKHOLE has none, MERGE those of other tables.
bool LosesAllRows(absl::string_view engine);

}  // namespace dbfleet::sql
