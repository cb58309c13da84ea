#pragma once

#include <compare>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// What statements are read for: a language, and the server that would execute them.
namespace dbfleet::sql {

// The last two are host languages whose calls to an ActiveRecord library become statements.
enum class Dialect {
  kMySql,
  kMariaDb,
  kPostgres,
  kRedis,
  kActiveRecordPhp,
  kActiveRecordRuby,
};

// 0 where it is not known. A rule that depends on an unknown version assumes the worst version.
struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;

  bool known() const { return major > 0; }
  auto operator<=>(const Version&) const = default;
};

// What the server's settings change about reading a statement. `known` is false where nobody has
// asked the server: then what depends on a mode counts as not understood.
struct SqlModes {
  bool known = false;
  bool ansi_quotes = false;           // MySQL/MariaDB: "x" is a name.
  bool no_backslash_escapes = false;  // MySQL/MariaDB; PostgreSQL's standard strings always.
  bool oracle = false;                // MariaDB's sql_mode=ORACLE.
};

// What of a text depends on the client's character set, where one is used whose longer characters
// hold bytes that look like ASCII: 0xE5 0x5C is one character of GBK, and no backslash.
enum class CharsetRisk {
  kNone,       // UTF-8 and all sets in which such bytes stand for themselves alone.
  kHighBytes,  // Texts with bytes from 0x80 on; what is ASCII is read as it is written.
  kAllBytes,   // All texts: it is not known which set, or is one without a backslash.
};

struct Target {
  // Implicit: most callers know no more than the dialect.
  Target(Dialect d) : dialect(d) {}  // NOLINT(google-explicit-constructor)
  Target(Dialect d, Version v) : dialect(d), version(v) {}

  Dialect dialect;
  Version version;
  int version_parts = 0;  // How many of its numbers were given: "8.0" has 2.
  SqlModes modes;
  // Of the character set with which the client connects, before the script changes it: without
  // another word UTF-8.
  CharsetRisk charset = CharsetRisk::kNone;
  // Where the statement would run, if known; MySQL resolves unqualified names by it.
  std::string database;
  // The dialect of the SQL inside the host languages' raw calls. Only for those two.
  Dialect embedded = Dialect::kMySql;

  bool mysql_family() const { return dialect == Dialect::kMySql || dialect == Dialect::kMariaDb; }
  bool postgres() const { return dialect == Dialect::kPostgres; }
  bool active_record() const {
    return dialect == Dialect::kActiveRecordPhp || dialect == Dialect::kActiveRecordRuby;
  }
};

// "mariadb-10.11", "mysql-8.0", "postgresql-15", "redis-7", "activerecord-php",
// "activerecord-ruby", in any case; a name without a version too. INVALID_ARGUMENT (BAD_DIALECT)
// names what is known, for unknown names and for versions that this build has no rules for
// (mysql 5.7 to 9, mariadb 10 to 12, postgresql 13 to 17, redis 6 to 7).
absl::StatusOr<Target> ParseTarget(absl::string_view name);

// "10.11.6-MariaDB-0+deb12u1", "8.0.36", "150004" (PostgreSQL's server_version_num) or "15.4".
// INVALID_ARGUMENT (BAD_VERSION) for what holds no number at its head.
absl::StatusOr<Version> ParseVersion(absl::string_view text);

// For a server that calls its version so. What cannot be read, or is of a series that there are no
// rules for, stays unknown.
Target ServerTarget(Dialect dialect, absl::string_view version);

// How many numbers a version's text gives, as far as they are kept: 1 to 3.
int CountVersionParts(absl::string_view text);

struct Statement;
// By which modes the server reads a statement of a script.
SqlModes ModesFor(const Target& target, const Statement& statement);

// What SELECT @@sql_mode shows: words with commas between them, in any case. INVALID_ARGUMENT
// (BAD_SQL_MODE) for a word that is no mode: a misspelt one would make statements look safe that
// are not.
absl::StatusOr<SqlModes> ParseSqlModes(absl::string_view text);

absl::string_view NameOf(Dialect dialect);  // "mariadb", "postgresql", ...
std::string NameOf(const Target& target);   // "mariadb-10.11", or the dialect's name alone.
// "10.11.6", "15"; "" if it is not known. Zeros at the end are shown up to `parts` numbers.
std::string NameOf(const Version& version, int parts = 1);

}  // namespace dbfleet::sql
