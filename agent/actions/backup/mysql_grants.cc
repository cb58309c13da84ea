#include "agent/actions/backup/mysql_grants.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

constexpr size_t kMaxMissing = 10;

// Reads "*" or a name in backquotes at the beginning of `text` and removes it.
bool ConsumeName(absl::string_view* text, std::string* name) {
  if (absl::ConsumePrefix(text, "*")) {
    *name = "*";
    return true;
  }
  if (!absl::ConsumePrefix(text, "`")) return false;
  name->clear();
  for (size_t i = 0; i < text->size(); ++i) {
    if ((*text)[i] != '`') {
      name->push_back((*text)[i]);
    } else if (i + 1 < text->size() && (*text)[i + 1] == '`') {
      name->push_back('`');
      ++i;
    } else {
      text->remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

}  // namespace

bool MatchesLike(absl::string_view pattern, absl::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') {
    for (size_t i = 0; i <= text.size(); ++i) {
      if (MatchesLike(pattern.substr(1), text.substr(i))) return true;
    }
    return false;
  }
  if (text.empty()) return false;
  if (pattern[0] == '_') return MatchesLike(pattern.substr(1), text.substr(1));
  const size_t escape = pattern[0] == '\\' && pattern.size() > 1 ? 1 : 0;
  return pattern[escape] == text[0] && MatchesLike(pattern.substr(escape + 1), text.substr(1));
}

bool MysqlGrants::ParseLine(absl::string_view line, Grant* grant) {
  if (!absl::ConsumePrefix(&line, "GRANT ")) return false;
  // A column list, "SELECT (`a`, `b`)", covers a part of a table only and counts for nothing; it
  // also contains the commas that would mislead the split.
  const size_t on = line.find(" ON ");
  if (on == absl::string_view::npos || line.substr(0, on).find('(') != absl::string_view::npos) {
    return false;
  }
  for (const absl::string_view privilege : absl::StrSplit(line.substr(0, on), ',')) {
    grant->privileges.insert(absl::AsciiStrToUpper(absl::StripAsciiWhitespace(privilege)));
  }
  line.remove_prefix(on + 4);
  absl::ConsumePrefix(&line, "TABLE ");
  return ConsumeName(&line, &grant->database) && absl::ConsumePrefix(&line, ".") &&
         ConsumeName(&line, &grant->table) && absl::StartsWith(line, " TO ");
}

MysqlGrants MysqlGrants::Parse(absl::string_view show_grants) {
  MysqlGrants grants;
  for (const absl::string_view line : absl::StrSplit(show_grants, '\n')) {
    Grant grant;
    if (ParseLine(line, &grant)) grants.grants_.push_back(std::move(grant));
  }
  return grants;
}

MysqlGrants MysqlGrants::ParseBatch(const std::vector<std::string>& lines) {
  return Parse(absl::StrReplaceAll(absl::StrJoin(lines, "\n"), {{"\\\\", "\\"}}));
}

bool MysqlGrants::Allows(const Grant& grant, absl::string_view privilege) const {
  return grant.privileges.contains(std::string(privilege)) ||
         grant.privileges.contains("ALL PRIVILEGES") || grant.privileges.contains("ALL");
}

bool MysqlGrants::HasGlobal(absl::string_view privilege) const {
  for (const Grant& grant : grants_) {
    if (grant.database == "*" && grant.table == "*" && Allows(grant, privilege)) return true;
  }
  return false;
}

bool MysqlGrants::HasOnDatabase(absl::string_view privilege, absl::string_view database) const {
  if (HasGlobal(privilege)) return true;
  for (const Grant& grant : grants_) {
    if (grant.database != "*" && grant.table == "*" && Allows(grant, privilege) &&
        MatchesLike(grant.database, database)) {
      return true;
    }
  }
  return false;
}

bool MysqlGrants::HasOnTable(absl::string_view privilege, absl::string_view database,
                             absl::string_view table) const {
  if (HasOnDatabase(privilege, database)) return true;
  for (const Grant& grant : grants_) {
    if (grant.database == database && grant.table == table && Allows(grant, privilege)) return true;
  }
  return false;
}

absl::Status MysqlGrants::CheckForDump(const std::vector<std::string>& databases,
                                       bool all_databases, bool mariadb) const {
  std::vector<std::string> missing;
  if (all_databases && !HasGlobal("SELECT") && !HasGlobal("SHOW DATABASES")) {
    missing.push_back("SHOW DATABASES ON *.* (without it, databases may exist unseen)");
  }
  for (const std::string& database : databases) {
    for (const char* privilege : {"SELECT", "SHOW VIEW", "TRIGGER", "EVENT"}) {
      if (HasOnDatabase(privilege, database)) continue;
      missing.push_back(absl::StrCat(privilege, " ON `", SanitizeForDisplay(database), "`.*"));
    }
    const bool routines = HasGlobal("SHOW_ROUTINE") || HasGlobal("SELECT") ||
                          HasOnDatabase("SHOW CREATE ROUTINE", database) ||
                          (mariadb && HasOnTable("SELECT", "mysql", "proc"));
    if (!routines && missing.size() <= kMaxMissing) {
      missing.push_back(mariadb ? "SELECT ON `mysql`.`proc` (for routines)"
                                : "SHOW_ROUTINE ON *.* (for routines)");
    }
  }
  if (missing.empty()) return absl::OkStatus();
  const size_t more = missing.size() > kMaxMissing ? missing.size() - kMaxMissing : 0;
  missing.resize(missing.size() - more);
  return Error(absl::StatusCode::kPermissionDenied, "BACKUP_PRIVILEGE",
               absl::StrCat("the account for backups lacks rights, and the dump would miss things "
                            "without an error: ",
                            absl::StrJoin(missing, ", "),
                            more > 0 ? absl::StrCat(" and ", more, " more") : "",
                            "; `dbfleet-agent grants` prints what it needs"));
}

}  // namespace dbfleet::agent
