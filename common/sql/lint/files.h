#pragma once

#include <string>

#include "common/sql/lint/look.h"

namespace dbfleet::sql {

// What a migration's file says by its name and its place, for rules about files.
struct MigrationFile {
  std::string version;    // "" if it is no migration's file.
  bool has_down = false;  // A file of its own holds the way back.
  std::string down;       // How that is called, or would be; "" if not known.
};

// `has_way_back`: a section or a line of the file says how, or that there is none.
void CheckFile(const MigrationFile& file, bool has_way_back, const WholeLook& look);

}  // namespace dbfleet::sql
