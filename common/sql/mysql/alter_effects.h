#pragma once

#include "common/sql/mysql/draft.h"

namespace dbfleet::sql::mysql {

// What the alterations in the facts do to others and to the table, by the servers' tables of online
// DDL, for InnoDB. Where the version is not known, the worst of them.
void ApplyAlterEffects(Draft* draft);

}  // namespace dbfleet::sql::mysql
