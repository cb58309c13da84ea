#include "agent/engines/mysql/mysql_error_text.h"

#include "absl/types/span.h"

#include "agent/engine/statement_text.h"
#include "common/base/text.h"
#include "common/sql/server_text/server_text.h"

namespace dbfleet::agent {
namespace {

// A text of the server's or client library's own; the wording of MySQL and MariaDB differs now and
// then. Those beginning with 2 are the client library's.
struct Wording {
  int number;
  const char* pattern;
};

// What stands in quotes is names of schema objects, accounts or settings only.
const Wording kWithNames[] = {
    {1005, "Can't create table ~"},
    {1006, "Can't create database ~"},
    {1007, "Can't create database '%'; database exists"},
    {1008, "Can't drop database '%'; database doesn't exist"},
    {1021, "Disk full (~"},
    {1038, "Out of sort memory~"},
    {1040, "Too many connections"},
    {1041, "Out of memory~"},
    {1044, "Access denied for user '%'@'%' to database '%'"},
    {1045, "Access denied for user '%'@'%' (using password: %)"},
    {1046, "No database selected"},
    {1048, "Column '%' cannot be null"},
    {1049, "Unknown database '%'"},
    {1050, "Table '%' already exists"},
    {1051, "Unknown table '%'"},
    {1052, "Column '%' in % is ambiguous"},
    {1053, "Server shutdown in progress"},
    {1054, "Unknown column '%' in '%'"},
    {1055, "'%' isn't in GROUP BY"},
    {1059, "Identifier name '%' is too long"},
    {1060, "Duplicate column name '%'"},
    {1061, "Duplicate key name '%'"},
    {1065, "Query was empty"},
    {1066, "Not unique table/alias: '%'"},
    {1068, "Multiple primary key defined"},
    {1069, "Too many keys specified; max % keys allowed"},
    {1071, "Specified key was too long; max key length is % bytes"},
    {1072, "Key column '%' doesn't exist in table"},
    {1075,
     "Incorrect table definition; there can be only one auto column and it must be defined as a "
     "key"},
    {1091, "Can't DROP ~"},
    {1095, "You are not owner of thread %"},
    {1099, "Table '%' was locked with a READ lock and can't be updated"},
    {1100, "Table '%' was not locked with LOCK TABLES"},
    {1101, "BLOB, TEXT, GEOMETRY or JSON column '%' can't have a default value"},
    {1109, "Unknown table '%' in %"},
    {1113, "A table must have at least 1 column"},
    {1114, "The table '%' is full"},
    {1115, "Unknown character set: '%'"},
    {1118, "Row size too large~"},
    {1129, "Host '%' is blocked ~"},
    {1130, "Host '%' is not allowed to connect to this %"},
    {1133, "Can't find any matching row in the user table"},
    {1136, "Column count doesn't match value count at row %"},
    {1141, "There is no such grant defined for user '%' on host '%'"},
    {1142, "% command denied to user ~"},
    {1143, "% command denied to user ~"},
    {1146, "Table '%' doesn't exist"},
    {1147, "There is no such grant defined for user '%' on host '%' on table '%'"},
    {1153, "Got a packet bigger than 'max_allowed_packet' bytes"},
    {1158, "Got an error reading communication packets"},
    {1159, "Got timeout reading communication packets"},
    {1160, "Got an error writing communication packets"},
    {1161, "Got timeout writing communication packets"},
    {1166, "Incorrect column name '%'"},
    {1170, "BLOB/TEXT column '%' used in key specification without a key length"},
    {1171, "All parts of a PRIMARY KEY must be NOT NULL; ~"},
    {1175, "You are using safe update mode ~"},
    {1176, "Key '%' doesn't exist in table '%'"},
    {1193, "Unknown system variable '%'"},
    {1203, "User % already has more than 'max_user_connections' active connections"},
    {1205, "Lock wait timeout exceeded; try restarting transaction"},
    {1206, "The total number of locks exceeds the lock table size"},
    {1213, "Deadlock found when trying to get lock; try restarting transaction"},
    {1215, "Cannot add foreign key constraint~"},
    {1217, "Cannot delete or update a parent row: a foreign key constraint fails"},
    {1222, "The used SELECT statements have a different number of columns"},
    {1226, "User '%' has exceeded the '%' resource (current value: %)"},
    {1227, "Access denied; you need (at least one of) the % privilege(s) for this operation"},
    {1238, "Variable '%' is a % variable"},
    {1241, "Operand should contain % column(s)"},
    {1242, "Subquery returns more than 1 row"},
    {1248, "Every derived table must have its own alias"},
    {1264, "Out of range value for column '%' at row %"},
    {1265, "Data truncated for column '%' at row %"},
    {1273, "Unknown collation: '%'"},
    {1286, "Unknown storage engine '%'"},
    {1290, "The % server is running with the % option so it cannot execute this statement"},
    {1304, "FUNCTION % already exists"},
    {1304, "PROCEDURE % already exists"},
    {1305, "FUNCTION % does not exist"},
    {1305, "PROCEDURE % does not exist"},
    {1317, "Query execution was interrupted"},
    {1318, "Incorrect number of arguments for % %; expected %, got %"},
    {1327, "Undeclared variable: %"},
    {1347, "'%' is not of type '%'"},
    {1347, "'%' is not %"},
    {1356, "View '%' references invalid table(s) or column(s) or function(s) ~"},
    {1359, "Trigger '%' already exists"},
    {1359, "Trigger already exists"},
    {1360, "Trigger does not exist"},
    {1364, "Field '%' doesn't have a default value"},
    {1370, "% command denied to user ~"},
    {1396, "Operation % failed for ~"},
    {1406, "Data too long for column '%' at row %"},
    {1410, "You are not allowed to create a user with GRANT"},
    {1418, "This function has none of DETERMINISTIC, NO SQL, ~"},
    {1419, "You do not have the SUPER privilege and binary logging is enabled ~"},
    {1451, "Cannot delete or update a parent row: a foreign key constraint fails (`~"},
    {1452, "Cannot add or update a child row: a foreign key constraint fails (`~"},
    {1553, "Cannot drop index '%': needed in a foreign key constraint"},
    {1698, "Access denied for user '%'@'%'"},
    {1701, "Cannot truncate a table referenced in a foreign key constraint (~"},
    {1792, "Cannot execute statement in a READ ONLY transaction~"},
    {1813, "Tablespace ~"},
    {1820, "You must SET PASSWORD before executing this statement"},
    {1820, "You must reset your password using ALTER USER ~"},
    {1824, "Failed to open the referenced table '%'"},
    {1826, "Duplicate % constraint name '%'"},
    {1832, "Cannot change column '%': used in a foreign key constraint '%'"},
    {1833, "Cannot change column '%': used in a foreign key constraint '%' of table '%'"},
    {1834,
     "Cannot delete rows from table which is parent in a foreign key constraint '%' of table '%'"},
    {1845, "% is not supported for this operation. Try %"},
    {1846, "% is not supported. Reason: ~"},
    {1862, "Your password has expired. ~"},
    {1927, "Connection was killed"},
    {1969, "Query execution was interrupted (max_statement_time exceeded)"},
    {2001, "Can't create ~"},
    {2002, "Can't connect to ~"},
    {2003, "Can't connect to ~"},
    {2005, "Unknown % host ~"},
    {2006, "Server has gone away"},
    {2006, "MySQL server has gone away"},
    {2012, "Error in server handshake"},
    {2013, "Lost connection to ~"},
    {2014, "Commands out of sync; ~"},
    {2020, "Got packet bigger than 'max_allowed_packet' bytes"},
    {2026, "TLS/SSL error: ~"},
    {2026, "SSL connection error: ~"},
    {2055, "Lost connection to ~"},
    {3024, "Query execution was interrupted, maximum statement execution time exceeded"},
    {3118, "Access denied for user '%'@'%'. Account is locked."},
    {3819, "Check constraint '%' is violated."},
    {4025, "CONSTRAINT `%` failed for `%`.`%`"},
    {4031, "Referenced trigger '%' for the given action time and event type does not exist"},
    {4031, "The client was disconnected by the server because of inactivity. ~"},
    {4151, "Access denied, this account is locked"},
};

// What stands in quotes may be a value of a row or a part of the statement.
const Wording kWithValues[] = {
    {1022, "Can't write; duplicate key in table '~"},
    {1025, "Error on rename of ~"},
    {1030, "Got error % from storage engine~"},
    {1062, "Duplicate entry '~"},
    {1064, "You have an error in your SQL syntax; ~"},
    {1067, "Invalid default value for '~"},
    {1093, "Table '~"},
    {1110, "Column '~"},
    {1138, "Invalid use of NULL value"},
    {1231, "Variable '~"},
    {1235, "This version of % doesn't yet support '~"},
    {1292, "Truncated incorrect ~"},
    {1292, "Incorrect % value: '~"},
    {1366, "Incorrect % value: '~"},
    {1411, "Incorrect % value: '~"},
    {1503, "A % must include all columns in the table's partitioning function~"},
    {1690, "% value is out of range in '~"},
};

bool IsAmong(int number, absl::string_view message, absl::Span<const Wording> wordings) {
  for (const Wording& wording : wordings) {
    if (wording.number == number && sql::MatchesServerText(message, wording.pattern)) return true;
  }
  return false;
}

}  // namespace

std::string ShowableMysqlText(int number, absl::string_view message) {
  if (IsAmong(number, message, kWithNames)) return Truncate(SanitizeForDisplay(message), 1024);
  if (!IsAmong(number, message, kWithValues)) return "";
  return Truncate(SanitizeForDisplay(MaskQuoted(message, '\'')), 1024);
}

}  // namespace dbfleet::agent
