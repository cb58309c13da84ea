#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/strings/string_view.h"

// Words of MySQL and MariaDB as small numbers, so that looking at a token is comparing integers.
namespace dbfleet::sql::mysql {

using Word = uint16_t;  // 0: no word of the list.

// Every word that some rule of the readers names; a word that is missing does not compile. To add
// one: put it where it belongs, for the list is sorted. It says nothing about what is reserved.
// clang-format off
inline constexpr std::string_view kWords[] = {
    "ACTION", "ADD", "AFTER", "AGAINST", "AGGREGATE", "ALGORITHM", "ALL", "ALTER", "ALWAYS",
    "ANALYZE", "AND", "ANY", "AS", "ASC", "ASCII", "ATOMIC", "AUTHORS", "AUTO_INCREMENT",
    "AVG_ROW_LENGTH", "BACKUP", "BEFORE", "BEGIN", "BETWEEN", "BINARY", "BINLOG", "BIT", "BODY",
    "BTREE", "BY", "BYTE", "CACHE", "CALL", "CASCADE", "CASE", "CAST", "CHANGE", "CHANNEL", "CHAR",
    "CHARACTER", "CHARSET", "CHECK", "CHECKSUM", "CLIENT_STATISTICS", "CLONE", "CLUSTERING",
    "COALESCE", "COLLATE", "COLLATION", "COLUMN", "COLUMNS", "COLUMN_FORMAT", "COMMENT", "COMMIT",
    "COMPRESSED", "COMPRESSION", "CONCAT", "CONNECTION", "CONSTRAINT", "CONTRIBUTORS", "CONVERT",
    "COUNT", "CREATE", "CROSS", "CURDATE", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP",
    "CURRENT_USER", "CYCLE", "DATA", "DATABASE", "DATABASES", "DATETIME", "DAY", "DEALLOCATE",
    "DECIMAL", "DECLARE", "DEFAULT", "DEFINER", "DELAYED", "DELAY_KEY_WRITE", "DELETE", "DESC",
    "DESCRIBE", "DIRECTORY", "DISABLE", "DISCARD", "DISTANCE", "DISTINCT", "DIV", "DO", "DOUBLE",
    "DROP", "DUPLICATE", "ELSE", "ENABLE", "ENCRYPTED", "ENCRYPTION", "END", "ENFORCED", "ENGINE",
    "ENGINES", "ENGINE_ATTRIBUTE", "ERRORS", "ESCAPE", "EVENT", "EVENTS", "EXCEPT", "EXCEPTION",
    "EXCHANGE", "EXECUTE", "EXISTS", "EXPLAIN", "EXTENDED", "FALSE", "FETCH", "FIELDS", "FIRST",
    "FLOAT", "FLUSH", "FOR", "FORCE", "FOREIGN", "FORMAT", "FROM", "FULL", "FULLTEXT", "FUNCTION",
    "GENERATED", "GET", "GLOBAL", "GRANT", "GRANTS", "GROUP", "HANDLER", "HAVING", "HELP",
    "HIGH_PRIORITY", "HISTOGRAM", "HISTORY", "HOSTS", "HOUR", "IF", "IGNORE", "IGNORED",
    "IMMEDIATE", "IMPORT", "IN", "INDEX", "INDEXES", "INDEX_STATISTICS", "INNER", "INSERT",
    "INSERT_METHOD", "INSTALL", "INSTANCE", "INT", "INTERSECT", "INTERVAL", "INTO", "INVISIBLE",
    "IS", "JOIN", "JSON", "JSON_TABLE", "KEY", "KEYS", "KEY_BLOCK_SIZE", "KILL", "LAST_INSERT_ID",
    "LATERAL", "LEFT", "LIBRARY", "LIKE", "LIMIT", "LOAD", "LOCAL", "LOCALES", "LOCALTIME",
    "LOCALTIMESTAMP", "LOCK", "LOG", "LOGFILE", "LOGS", "LONG", "LOOP", "LOW_PRIORITY", "M",
    "MASTER", "MATCH", "MAX_ROWS", "MEMBER", "MICROSECOND", "MID", "MINUTE", "MIN_ROWS", "MOD",
    "MODIFY", "MONTH", "NATIONAL", "NATURAL", "NCHAR", "NEXT", "NEXTVAL", "NO", "NOT", "NOW",
    "NOWAIT", "NO_WRITE_TO_BINLOG", "NULL", "NUMERIC", "OF", "OFFLINE", "OFFSET", "ON", "ONLINE",
    "OPEN", "OPTIMIZE", "OR", "ORDER", "OUTER", "OUTFILE", "OVER", "OVERLAPS", "PACKAGE",
    "PACK_KEYS", "PAGE_COMPRESSED", "PARSER", "PARTITION", "PARTITIONING", "PARTITIONS", "PASSWORD",
    "PERIOD", "PERSIST", "PERSISTENT", "PERSIST_ONLY", "PLUGINS", "PRECISION", "PREPARE",
    "PREVIOUS", "PRIMARY", "PRIVILEGES", "PROCEDURE", "PROCESSLIST", "PROFILE", "PROFILES", "PURGE",
    "QUARTER", "QUERY", "QUICK", "RAND", "READ", "REBUILD", "RECURSIVE", "REFERENCE", "REFERENCES",
    "REF_SYSTEM_ID", "REGEXP", "RELEASE", "REMOVE", "RENAME", "REORGANIZE", "REPAIR", "REPEAT",
    "REPLACE", "REPLICA", "REPLICAS", "RESET", "RESIGNAL", "RESOURCE", "RESTART", "RESTRICT",
    "RETURNING", "REVOKE", "RIGHT", "RLIKE", "ROLE", "ROLLBACK", "ROLLUP", "ROW", "ROW_FORMAT",
    "SAVEPOINT", "SCHEMA", "SCHEMAS", "SECOND", "SECONDARY_ENGINE_ATTRIBUTE", "SECURITY", "SELECT",
    "SEQUENCE", "SERIAL", "SERVER", "SESSION", "SET", "SHARE", "SHOW", "SHUTDOWN", "SIGNAL",
    "SIGNED", "SLAVE", "SLAVES", "SOME", "SPATIAL", "SQL", "SQL_CALC_FOUND_ROWS", "SQL_NO_CACHE",
    "SRID", "START", "STATEMENT", "STATS_PERSISTENT", "STATUS", "STOP", "STORAGE", "STORED",
    "STRAIGHT_JOIN", "SUBSTR", "SUBSTRING", "SYSTEM", "SYSTEM_TIME", "TABLE", "TABLES",
    "TABLESPACE", "TABLE_STATISTICS", "TEMPORARY", "THEN", "TIES", "TIME", "TIMESTAMP", "TO",
    "TRANSACTION", "TRIGGER", "TRIGGERS", "TRUE", "TRUNCATE", "TYPE", "UNDO", "UNICODE",
    "UNINSTALL", "UNION", "UNIQUE", "UNLOCK", "UNSIGNED", "UPDATE", "USE", "USER",
    "USER_STATISTICS", "USING", "UTC_DATE", "UTC_TIME", "UTC_TIMESTAMP", "VALIDATION", "VALUE",
    "VALUES", "VARBINARY", "VARCHAR", "VARIABLES", "VARYING", "VECTOR", "VERSIONING", "VIEW",
    "VIRTUAL", "VISIBLE", "WAIT", "WARNINGS", "WEEK", "WHEN", "WHERE", "WHILE", "WINDOW", "WITH",
    "WITHIN", "WITHOUT", "WORK", "WRITE", "XA", "XML", "XOR", "YEAR", "ZEROFILL",
};
// clang-format on

constexpr Word FindWord(std::string_view upper) {
  size_t low = 0;
  size_t high = std::size(kWords);
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (kWords[middle] == upper) return static_cast<Word>(middle + 1);
    if (kWords[middle] < upper) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return 0;
}

// Not defined: to call it in a constant is what does not compile.
void AddTheWordToTheList();

// The number of a word that is written in the code, in upper case.
consteval Word K(std::string_view upper) {
  const Word word = FindWord(upper);
  if (word == 0) AddTheWordToTheList();
  return word;
}

// Of a word of a statement, in any case.
Word WordOf(absl::string_view text);

// Words that are reserved in both flavours' every version and no name of a column or alias.
bool EndsName(Word word);

// Of those words that begin a statement of their own the ones that are reserved in every version,
// and so are no names unless they are quoted.
bool BeginsStatement(Word word);

}  // namespace dbfleet::sql::mysql
