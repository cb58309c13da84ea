#pragma once

#include <cstdint>

#include "common/sql/sql.h"

namespace dbfleet {

// What the first byte of an input chooses to read the rest for.
inline sql::Target FuzzTarget(uint8_t choice) {
  static constexpr sql::Dialect kDialects[] = {
      sql::Dialect::kMySql, sql::Dialect::kMariaDb,         sql::Dialect::kPostgres,
      sql::Dialect::kRedis, sql::Dialect::kActiveRecordPhp, sql::Dialect::kActiveRecordRuby};
  sql::Target target(kDialects[choice % 6]);
  choice /= 6;
  if (choice % 2 == 1) {
    target.version = target.dialect == sql::Dialect::kMySql     ? sql::Version{8, 0, 36}
                     : target.dialect == sql::Dialect::kMariaDb ? sql::Version{10, 11, 6}
                                                                : sql::Version{15, 4, 0};
  }
  choice /= 2;
  target.modes.known = choice % 2 == 1;
  if (choice / 2 % 2 == 1 && target.mysql_family()) target.modes.ansi_quotes = true;
  if (choice / 4 % 2 == 1) target.embedded = sql::Dialect::kPostgres;
  return target;
}

}  // namespace dbfleet
