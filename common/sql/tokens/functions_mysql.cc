#include <algorithm>
#include <iterator>

#include "common/sql/tokens/functions.h"

namespace dbfleet::sql {
namespace {

// Native in MySQL 8 and MariaDB 10.6 alike, so that no stored function can have the name.
// clang-format off
constexpr std::string_view kCommon[] = {
    "ABS", "ACOS", "ADDDATE", "ADDTIME", "AES_DECRYPT", "AES_ENCRYPT", "ASCII", "ASIN", "ATAN",
    "ATAN2", "AVG", "BIN", "BIT_AND", "BIT_COUNT", "BIT_LENGTH", "BIT_OR", "BIT_XOR", "CAST",
    "CEIL", "CEILING", "CHAR", "CHARACTER_LENGTH", "CHARSET", "CHAR_LENGTH", "COALESCE",
    "COERCIBILITY", "COLLATION", "COMPRESS", "CONCAT", "CONCAT_WS", "CONNECTION_ID", "CONV",
    "CONVERT", "CONVERT_TZ", "COS", "COT", "COUNT", "CRC32", "CUME_DIST", "CURDATE",
    "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_USER", "CURTIME", "DATABASE",
    "DATE", "DATEDIFF", "DATE_ADD", "DATE_FORMAT", "DATE_SUB", "DAY", "DAYNAME", "DAYOFMONTH",
    "DAYOFWEEK", "DAYOFYEAR", "DEGREES", "DENSE_RANK", "ELT", "EXP", "EXPORT_SET", "EXTRACT",
    "FIELD", "FIND_IN_SET", "FIRST_VALUE", "FLOOR", "FORMAT", "FOUND_ROWS", "FROM_BASE64",
    "FROM_DAYS", "FROM_UNIXTIME", "GET_FORMAT", "GREATEST", "GROUP_CONCAT", "HEX", "HOUR", "IF",
    "IFNULL", "INET6_ATON", "INET6_NTOA", "INET_ATON", "INET_NTOA", "INSERT", "INSTR", "ISNULL",
    "IS_IPV4", "IS_IPV6", "JSON_ARRAY", "JSON_ARRAYAGG", "JSON_CONTAINS", "JSON_CONTAINS_PATH",
    "JSON_DEPTH", "JSON_EXTRACT", "JSON_KEYS", "JSON_LENGTH", "JSON_OBJECT", "JSON_OBJECTAGG",
    "JSON_QUOTE", "JSON_SEARCH", "JSON_TYPE", "JSON_UNQUOTE", "JSON_VALID", "LAG", "LAST_DAY",
    "LAST_VALUE", "LCASE", "LEAD", "LEAST", "LEFT", "LENGTH", "LN", "LOCALTIME", "LOCALTIMESTAMP",
    "LOCATE", "LOG", "LOG10", "LOG2", "LOWER", "LPAD", "LTRIM", "MAKEDATE", "MAKETIME",
    "MAKE_SET", "MATCH", "MAX", "MD5", "MICROSECOND", "MID", "MIN", "MINUTE", "MOD", "MONTH",
    "MONTHNAME", "NOW", "NTH_VALUE", "NTILE", "NULLIF", "OCT", "OCTET_LENGTH", "ORD",
    "PERCENT_RANK", "PERIOD_ADD", "PERIOD_DIFF", "PI", "POSITION", "POW", "POWER", "QUARTER",
    "QUOTE", "RADIANS", "RAND", "RANK", "REGEXP_INSTR", "REGEXP_REPLACE", "REGEXP_SUBSTR",
    "REPEAT", "REPLACE", "REVERSE", "RIGHT", "ROUND", "ROW_COUNT", "ROW_NUMBER", "RPAD", "RTRIM",
    "SCHEMA", "SECOND", "SEC_TO_TIME", "SESSION_USER", "SHA", "SHA1", "SHA2", "SIGN", "SIN",
    "SOUNDEX", "SPACE", "SQRT", "STD", "STDDEV", "STDDEV_POP", "STDDEV_SAMP", "STRCMP",
    "STR_TO_DATE", "SUBDATE", "SUBSTR", "SUBSTRING", "SUBSTRING_INDEX", "SUBTIME", "SUM",
    "SYSDATE", "SYSTEM_USER", "TAN", "TIME", "TIMEDIFF", "TIMESTAMP", "TIMESTAMPADD",
    "TIMESTAMPDIFF", "TIME_FORMAT", "TIME_TO_SEC", "TO_BASE64", "TO_DAYS", "TO_SECONDS", "TRIM",
    "TRUNCATE", "UCASE", "UNCOMPRESS", "UNHEX", "UNIX_TIMESTAMP", "UPPER", "USER", "UTC_DATE",
    "UTC_TIME", "UTC_TIMESTAMP", "UUID", "VARIANCE", "VAR_POP", "VAR_SAMP", "VERSION", "WEEK",
    "WEEKDAY", "WEEKOFYEAR", "WEIGHT_STRING", "YEAR", "YEARWEEK"};
// clang-format on
static_assert(std::is_sorted(std::begin(kCommon), std::end(kCommon)));

// Native in MySQL 8 only.
// clang-format off
constexpr std::string_view kMySqlOnly[] = {
    "ANY_VALUE", "BIN_TO_UUID", "GROUPING", "IS_UUID", "JSON_OVERLAPS", "JSON_PRETTY",
    "JSON_STORAGE_SIZE", "JSON_VALUE", "REGEXP_LIKE", "UUID_TO_BIN"};
// clang-format on
static_assert(std::is_sorted(std::begin(kMySqlOnly), std::end(kMySqlOnly)));

// Native in MariaDB only.
// clang-format off
constexpr std::string_view kMariaDbOnly[] = {
    "CHR", "JSON_COMPACT", "JSON_DETAILED", "JSON_EXISTS", "JSON_LOOSE", "JSON_QUERY",
    "JSON_VALUE", "MEDIAN", "NATURAL_SORT_KEY", "NVL", "NVL2", "TO_CHAR"};
// clang-format on
static_assert(std::is_sorted(std::begin(kMariaDbOnly), std::end(kMariaDbOnly)));

// Words reserved in both, behind which an opening parenthesis calls nothing.
// clang-format off
constexpr std::string_view kBeforeParen[] = {
    "ALL", "AND", "AS", "BETWEEN", "BINARY", "BY", "CASE", "DISTINCT", "DIV", "ELSE", "EXISTS",
    "FROM", "HAVING", "IN", "INDEX", "INTERVAL", "IS", "JOIN", "KEY", "LIKE", "LIMIT", "NOT",
    "ON", "OR", "OVER", "REGEXP", "RLIKE", "SELECT", "STRAIGHT_JOIN", "THEN", "UNION", "USING",
    "VALUES", "WHEN", "WHERE", "XOR"};
// clang-format on
static_assert(std::is_sorted(std::begin(kBeforeParen), std::end(kBeforeParen)));

// What SHOW may show. Not here: grants and users (password hashes), binary log events (large).
// clang-format off
constexpr std::string_view kShow[] = {
    "ALL", "BINARY", "CHARACTER", "CHARSET", "COLLATION", "COLUMNS", "CREATE", "DATABASES",
    "ENGINE", "ENGINES", "ERRORS", "EVENTS", "FIELDS", "FUNCTION", "INDEX", "INDEXES", "KEYS",
    "MASTER", "OPEN", "PLUGINS", "PRIVILEGES", "PROCEDURE", "PROCESSLIST", "REPLICA", "REPLICAS",
    "SCHEMAS", "SLAVE", "SLAVES", "STATUS", "TABLE", "TABLES", "TRIGGERS", "VARIABLES",
    "WARNINGS"};
// clang-format on
static_assert(std::is_sorted(std::begin(kShow), std::end(kShow)));

}  // namespace

bool IsPureMySqlFunction(Dialect dialect, const Token& name) {
  return IsIn(kCommon, name) || IsIn(dialect == Dialect::kMySql ? absl::MakeConstSpan(kMySqlOnly)
                                                                : absl::MakeConstSpan(kMariaDbOnly),
                                     name);
}

bool IsMySqlWordBeforeParen(const Token& word) { return IsIn(kBeforeParen, word); }

bool IsSafeMySqlShow(const Token& what) { return IsIn(kShow, what); }

}  // namespace dbfleet::sql
