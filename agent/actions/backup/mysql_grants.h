#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace dbfleet::agent {

// The rights of a MySQL or MariaDB account as SHOW GRANTS tells them, those of its enabled roles
// included. A value.
//
// It exists because mariadb-dump succeeds without the rights to triggers and routines and leaves
// them out of the dump without a word.
class MysqlGrants {
 public:
  // One statement per line, as SHOW GRANTS prints them. What it cannot read grants nothing.
  static MysqlGrants Parse(absl::string_view show_grants);

  // The same of the lines that `mariadb --batch` prints, where every backslash is doubled. A line
  // break in a name stays escaped, so that a name cannot look like a statement.
  static MysqlGrants ParseBatch(const std::vector<std::string>& lines);

  bool HasGlobal(absl::string_view privilege) const;
  // On *.* or on the whole database, whose name a grant may give as a LIKE pattern.
  bool HasOnDatabase(absl::string_view privilege, absl::string_view database) const;
  bool HasOnTable(absl::string_view privilege, absl::string_view database,
                  absl::string_view table) const;

  // PERMISSION_DENIED (BACKUP_PRIVILEGE) that names every missing right, or OK.
  // `all_databases`: the dump claims to hold all there are.
  absl::Status CheckForDump(const std::vector<std::string>& databases, bool all_databases,
                            bool mariadb) const;

 private:
  struct Grant {
    std::set<std::string> privileges;  // Upper case.
    std::string database;              // "*" for all.
    std::string table;                 // "*" for all.
  };
  static bool ParseLine(absl::string_view line, Grant* grant);
  bool Allows(const Grant& grant, absl::string_view privilege) const;

  std::vector<Grant> grants_;
};

// Whether `text` matches a LIKE pattern with "%", "_" and "\" as in a grant's database name.
bool MatchesLike(absl::string_view pattern, absl::string_view text);

}  // namespace dbfleet::agent
