#include "common/sql/mysql/statement_table.h"

#include "common/sql/mysql/heads.h"

namespace dbfleet::sql {
namespace {

// To add a row: its words have to be in mysql/words.h, and a reader has to look for it (heads.h).
// Columns: head, kind, transactional, transaction control, may be safe, note.
constexpr MySqlStatement kStatements[] = {
    {"SELECT", Kind::kInspection, true, false, true,
     "with INTO, a lock or a function that is not known to only read it is destructive; with INTO "
     "or such a function a data-fix"},
    {"WITH", Kind::kInspection, true, false, true, "what follows the list decides"},
    {"VALUES", Kind::kInspection, true, false, true, ""},
    {"TABLE", Kind::kInspection, true, false, true, "MySQL 8.0.19"},
    {"SHOW", Kind::kInspection, true, false, true,
     "not GRANTS, CREATE USER and SLAVE HOSTS, which may show passwords or their hashes, nor what "
     "is "
     "not known to be safe: EVENTS of BINLOG and RELAYLOG, EXPLAIN and ANALYZE FOR, CODE of "
     "routines, "
     "PARSE_TREE, PLUGINS SONAME"},
    {"EXPLAIN", Kind::kInspection, true, false, true,
     "of a query, and of INSERT and REPLACE without a query inside: of other changes it may look "
     "rows up and lock them. EXPLAIN ANALYZE executes the statement, and counts in all as what it "
     "executes"},
    {"DESCRIBE", Kind::kInspection, true, false, true, "as EXPLAIN"},
    {"DESC", Kind::kInspection, true, false, true, "as EXPLAIN"},
    {"HELP", Kind::kInspection, true, false, true,
     "destructive in a script: clients take it for a command of their own"},
    {"INSERT", Kind::kDataFix, true, false, false,
     "only adds rows without ON DUPLICATE KEY UPDATE"},
    {"REPLACE", Kind::kDataFix, true, false, false, ""},
    {"UPDATE", Kind::kDataFix, true, false, false, ""},
    {"DELETE", Kind::kDataFix, true, false, false, ""},
    {"DELETE HISTORY", Kind::kDataFix, true, false, false, "MariaDB"},
    {"LOAD DATA", Kind::kDataFix, true, false, false, ""},
    {"LOAD XML", Kind::kDataFix, true, false, false, ""},
    {"DO", Kind::kDataFix, true, false, false, ""},
    {"CALL", Kind::kDataFix, false, false, false, "what the procedure does is not known"},
    {"CREATE TABLE", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE TEMPORARY TABLE", Kind::kSchemaMigration, true, false, false, ""},
    {"CREATE INDEX", Kind::kQueryOptimization, false, false, false, ""},
    {"CREATE FULLTEXT INDEX", Kind::kQueryOptimization, false, false, false, ""},
    {"CREATE SPATIAL INDEX", Kind::kQueryOptimization, false, false, false, ""},
    {"CREATE VECTOR INDEX", Kind::kQueryOptimization, false, false, false, "MariaDB 11.7"},
    {"CREATE UNIQUE INDEX", Kind::kSchemaMigration, false, false, false,
     "it refuses rows, so it is part of the schema"},
    {"CREATE VIEW", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE PROCEDURE", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE FUNCTION", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE TRIGGER", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE EVENT", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE SEQUENCE", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE PACKAGE", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE DATABASE", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE SCHEMA", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE TABLESPACE", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE LIBRARY", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE UNDO TABLESPACE", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE LOGFILE GROUP", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE SPATIAL REFERENCE", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE USER", Kind::kControl, false, false, false, ""},
    {"CREATE ROLE", Kind::kControl, false, false, false, ""},
    {"CREATE SERVER", Kind::kControl, false, false, false, ""},
    {"CREATE RESOURCE GROUP", Kind::kControl, false, false, false, ""},
    {"ALTER TABLE", Kind::kSchemaMigration, false, false, false,
     "ADD INDEX is part of it, so a migration"},
    {"ALTER VIEW", Kind::kSchemaMigration, false, false, false, ""},
    {"ALTER PROCEDURE", Kind::kSchemaMigration, false, false, false, ""},
    {"ALTER FUNCTION", Kind::kSchemaMigration, false, false, false, ""},
    {"ALTER EVENT", Kind::kSchemaMigration, false, false, false, ""},
    {"ALTER SEQUENCE", Kind::kSchemaMigration, false, false, false, ""},
    {"ALTER DATABASE", Kind::kSchemaMigration, false, false, false, ""},
    {"ALTER SCHEMA", Kind::kSchemaMigration, false, false, false, ""},
    {"ALTER TABLESPACE", Kind::kSchemaMigration, false, false, false, ""},
    {"ALTER UNDO TABLESPACE", Kind::kSchemaMigration, false, false, false, ""},
    {"ALTER LOGFILE GROUP", Kind::kSchemaMigration, false, false, false, ""},
    {"ALTER USER", Kind::kControl, false, false, false, ""},
    {"ALTER SERVER", Kind::kControl, false, false, false, ""},
    {"ALTER INSTANCE", Kind::kControl, false, false, false, ""},
    {"ALTER RESOURCE GROUP", Kind::kControl, false, false, false, ""},
    {"DROP TABLE", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP TEMPORARY TABLE", Kind::kSchemaMigration, true, false, false, ""},
    {"DROP INDEX", Kind::kQueryOptimization, false, false, false, "of a primary key a migration"},
    {"DROP VIEW", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP PROCEDURE", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP FUNCTION", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP TRIGGER", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP EVENT", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP SEQUENCE", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP PACKAGE", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP DATABASE", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP SCHEMA", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP TABLESPACE", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP LIBRARY", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP UNDO TABLESPACE", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP LOGFILE GROUP", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP SPATIAL REFERENCE", Kind::kSchemaMigration, false, false, false, ""},
    {"DROP PREPARE", Kind::kSchemaMigration, true, false, false, ""},
    {"DROP USER", Kind::kControl, false, false, false, ""},
    {"DROP ROLE", Kind::kControl, false, false, false, ""},
    {"DROP SERVER", Kind::kControl, false, false, false, ""},
    {"DROP RESOURCE GROUP", Kind::kControl, false, false, false, ""},
    {"RENAME TABLE", Kind::kSchemaMigration, false, false, false, ""},
    {"RENAME USER", Kind::kControl, false, false, false, ""},
    {"TRUNCATE", Kind::kSchemaMigration, false, false, false,
     "it commits by itself and only a backup brings the rows back, so what schema changes need is "
     "needed"},
    {"IMPORT TABLE", Kind::kSchemaMigration, false, false, false, ""},
    {"CREATE AGGREGATE FUNCTION", Kind::kSchemaMigration, false, false, false, ""},
    {"ANALYZE TABLE", Kind::kMaintenance, false, false, false, ""},
    {"OPTIMIZE TABLE", Kind::kMaintenance, false, false, false, ""},
    {"CHECK TABLE", Kind::kMaintenance, false, false, false, ""},
    {"CHECKSUM TABLE", Kind::kMaintenance, false, false, false, ""},
    {"REPAIR TABLE", Kind::kMaintenance, false, false, false, ""},
    {"CHECK VIEW", Kind::kMaintenance, false, false, false, ""},
    {"REPAIR VIEW", Kind::kMaintenance, false, false, false, ""},
    {"CACHE INDEX", Kind::kMaintenance, false, false, false, ""},
    {"LOAD INDEX", Kind::kMaintenance, false, false, false, ""},
    {"PURGE", Kind::kMaintenance, false, false, false, ""},
    {"ANALYZE", Kind::kInspection, true, false, true,
     "of a statement (MariaDB) executes it and counts as what it executes"},
    {"SET", Kind::kControl, true, false, false, "changes the session or the server"},
    {"SET STATEMENT", Kind::kControl, true, false, false,
     "MariaDB: it sets variables, so that it is never safe; the kind and the rest are those of "
     "what "
     "follows FOR"},
    {"SET TRANSACTION", Kind::kControl, false, true, false, ""},
    {"SET PASSWORD", Kind::kControl, false, false, false, ""},
    {"SET ROLE", Kind::kControl, true, false, false, ""},
    {"SET DEFAULT ROLE", Kind::kControl, false, false, false, ""},
    {"SET RESOURCE GROUP", Kind::kControl, true, false, false, ""},
    {"USE", Kind::kControl, true, false, false, "changes the session's database"},
    {"BEGIN", Kind::kControl, false, true, false, ""},
    {"START TRANSACTION", Kind::kControl, false, true, false, ""},
    {"COMMIT", Kind::kControl, false, true, false, ""},
    {"ROLLBACK", Kind::kControl, false, true, false, ""},
    {"SAVEPOINT", Kind::kControl, false, true, false, ""},
    {"RELEASE", Kind::kControl, false, true, false, ""},
    {"XA", Kind::kControl, false, true, false, ""},
    {"LOCK", Kind::kControl, false, true, false, ""},
    {"UNLOCK", Kind::kControl, false, true, false, ""},
    {"BEGIN NOT ATOMIC", Kind::kSchemaMigration, false, false, false,
     "code of which only the server knows what it does counts as the heaviest kind"},
    {"IF", Kind::kSchemaMigration, false, false, false,
     "code of which only the server knows what it does counts as the heaviest kind"},
    {"FOR", Kind::kSchemaMigration, false, false, false,
     "code of which only the server knows what it does counts as the heaviest kind"},
    {"WHILE", Kind::kSchemaMigration, false, false, false,
     "code of which only the server knows what it does counts as the heaviest kind"},
    {"LOOP", Kind::kSchemaMigration, false, false, false,
     "code of which only the server knows what it does counts as the heaviest kind"},
    {"REPEAT", Kind::kSchemaMigration, false, false, false,
     "code of which only the server knows what it does counts as the heaviest kind"},
    {"CASE", Kind::kSchemaMigration, false, false, false,
     "code of which only the server knows what it does counts as the heaviest kind"},
    {"DECLARE", Kind::kSchemaMigration, false, false, false,
     "code of which only the server knows what it does counts as the heaviest kind"},
    {"PREPARE", Kind::kSchemaMigration, false, false, false,
     "code of which only the server knows what it does counts as the heaviest kind"},
    {"EXECUTE", Kind::kSchemaMigration, false, false, false,
     "code of which only the server knows what it does counts as the heaviest kind"},
    {"EXECUTE IMMEDIATE", Kind::kSchemaMigration, false, false, false,
     "code of which only the server knows what it does counts as the heaviest kind"},
    {"DEALLOCATE", Kind::kControl, true, false, false, ""},
    {"HANDLER", Kind::kControl, false, false, false, ""},
    {"FLUSH", Kind::kControl, false, false, false, ""},
    {"RESET", Kind::kControl, false, false, false, ""},
    {"KILL", Kind::kControl, false, false, false, ""},
    {"SHUTDOWN", Kind::kControl, false, false, false, ""},
    {"RESTART", Kind::kControl, false, false, false, ""},
    {"CHANGE", Kind::kControl, false, false, false, ""},
    {"START", Kind::kControl, false, false, false, ""},
    {"STOP", Kind::kControl, false, false, false, ""},
    {"INSTALL", Kind::kControl, false, false, false, ""},
    {"UNINSTALL", Kind::kControl, false, false, false, ""},
    {"GRANT", Kind::kControl, false, false, false, ""},
    {"REVOKE", Kind::kControl, false, false, false, ""},
    {"BACKUP", Kind::kControl, false, false, false, ""},
    {"CLONE", Kind::kControl, false, false, false, ""},
    {"BINLOG", Kind::kControl, false, false, false, ""},
    {"SIGNAL", Kind::kControl, false, false, false, ""},
    {"RESIGNAL", Kind::kControl, false, false, false, ""},
    {"GET", Kind::kControl, false, false, false, ""},
};

// The heads as words, made by the compiler.
struct Head {
  mysql::Word words[3] = {0, 0, 0};
};
constexpr size_t kCount = std::size(kStatements);
constexpr std::array<Head, kCount> MakeHeads() {
  std::array<Head, kCount> heads{};
  for (size_t i = 0; i < kCount; ++i) {
    const std::string_view text(kStatements[i].head.data(), kStatements[i].head.size());
    size_t begin = 0;
    for (size_t word = 0; begin < text.size(); ++word) {
      const size_t end = std::min(text.find(' ', begin), text.size());
      heads[i].words[word] = mysql::FindWord(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return heads;
}
constexpr std::array<Head, kCount> kHeads = MakeHeads();
constexpr bool AllKnown() {
  for (const Head& head : kHeads) {
    if (head.words[0] == 0) return false;
  }
  return true;
}
static_assert(AllKnown());

}  // namespace

absl::Span<const MySqlStatement> MySqlStatements() { return kStatements; }

namespace mysql {

const MySqlStatement* FindStatement(std::initializer_list<Word> words) {
  Word wanted[3] = {0, 0, 0};
  std::copy(words.begin(), words.end(), wanted);
  for (size_t i = 0; i < kCount; ++i) {
    if (std::equal(wanted, wanted + 3, kHeads[i].words)) return &kStatements[i];
  }
  return nullptr;
}

}  // namespace mysql
}  // namespace dbfleet::sql
