#include "common/sql/mysql/functions.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "absl/strings/ascii.h"

namespace dbfleet::sql::mysql {
namespace {

constexpr int kNever = 0;
constexpr int kEver = 1;

// Versions as servers write them: 80021 is 8.0.21, 100203 is 10.2.3.
struct Function {
  std::string_view name;
  int mysql_since;
  int mariadb_since;
};

// From information_schema.SQL_FUNCTIONS of MariaDB 10.11 and the manuals' tables of functions with
// their "introduced in". To add one: it reads at most, does not wait, takes no lock, changes no
// session or server state, executes no SQL that it gets as text, and is built in since then, so
// that no stored function can have the name. Sorted by name.
// clang-format off
constexpr Function kFunctions[] = {
    {"ABS", kEver, kEver}, {"ACOS", kEver, kEver}, {"ADDDATE", kEver, kEver},
    {"ADDTIME", kEver, kEver}, {"ADD_MONTHS", kNever, 100601}, {"AES_DECRYPT", kEver, kEver},
    {"AES_ENCRYPT", kEver, kEver}, {"ANY_VALUE", kEver, kNever}, {"AREA", kNever, kEver},
    {"ASBINARY", kNever, kEver}, {"ASCII", kEver, kEver}, {"ASIN", kEver, kEver},
    {"ASTEXT", kNever, kEver}, {"ASWKB", kNever, kEver}, {"ASWKT", kNever, kEver},
    {"ATAN", kEver, kEver}, {"ATAN2", kEver, kEver}, {"AVG", kEver, kEver}, {"BIN", kEver, kEver},
    {"BINLOG_GTID_POS", kNever, kEver}, {"BIN_TO_UUID", 80004, kNever}, {"BIT_AND", kEver, kEver},
    {"BIT_COUNT", kEver, kEver}, {"BIT_LENGTH", kEver, kEver}, {"BIT_OR", kEver, kEver},
    {"BIT_XOR", kEver, kEver}, {"BUFFER", kNever, kEver}, {"CAST", kEver, kEver},
    {"CEIL", kEver, kEver}, {"CEILING", kEver, kEver}, {"CENTROID", kNever, kEver},
    {"CHAR", kEver, kEver}, {"CHARACTER_LENGTH", kEver, kEver}, {"CHARSET", kEver, kEver},
    {"CHAR_LENGTH", kEver, kEver}, {"CHR", kNever, 100301}, {"COALESCE", kEver, kEver},
    {"COERCIBILITY", kEver, kEver}, {"COLLATION", kEver, kEver}, {"COLUMN_ADD", kNever, kEver},
    {"COLUMN_CHECK", kNever, kEver}, {"COLUMN_CREATE", kNever, kEver},
    {"COLUMN_DELETE", kNever, kEver}, {"COLUMN_EXISTS", kNever, kEver},
    {"COLUMN_GET", kNever, kEver}, {"COLUMN_JSON", kNever, kEver}, {"COLUMN_LIST", kNever, kEver},
    {"COMPRESS", kEver, kEver}, {"CONCAT", kEver, kEver}, {"CONCAT_WS", kEver, kEver},
    {"CONNECTION_ID", kEver, kEver}, {"CONTAINS", kNever, kEver}, {"CONV", kEver, kEver},
    {"CONVERT", kEver, kEver}, {"CONVERT_TZ", kEver, kEver}, {"COS", kEver, kEver},
    {"COT", kEver, kEver}, {"COUNT", kEver, kEver}, {"CRC32", kEver, kEver},
    {"CRC32C", kNever, 100800}, {"CROSSES", kNever, kEver}, {"CUME_DIST", 80002, 100200},
    {"CURDATE", kEver, kEver}, {"CURRENT_DATE", kEver, kEver}, {"CURRENT_ROLE", 80000, 100005},
    {"CURRENT_TIME", kEver, kEver}, {"CURRENT_TIMESTAMP", kEver, kEver},
    {"CURRENT_USER", kEver, kEver}, {"CURTIME", kEver, kEver}, {"DATABASE", kEver, kEver},
    {"DATE", kEver, kEver}, {"DATEDIFF", kEver, kEver}, {"DATE_ADD", kEver, kEver},
    {"DATE_FORMAT", kEver, kEver}, {"DATE_SUB", kEver, kEver}, {"DAY", kEver, kEver},
    {"DAYNAME", kEver, kEver}, {"DAYOFMONTH", kEver, kEver}, {"DAYOFWEEK", kEver, kEver},
    {"DAYOFYEAR", kEver, kEver}, {"DECODE", kNever, kEver}, {"DECODE_HISTOGRAM", kNever, kEver},
    {"DEGREES", kEver, kEver}, {"DENSE_RANK", 80002, 100200}, {"DES_DECRYPT", kNever, kEver},
    {"DES_ENCRYPT", kNever, kEver}, {"DIMENSION", kNever, kEver}, {"DISJOINT", kNever, kEver},
    {"ELT", kEver, kEver}, {"ENCODE", kNever, kEver}, {"ENCRYPT", kNever, kEver},
    {"ENDPOINT", kNever, kEver}, {"ENVELOPE", kNever, kEver}, {"EQUALS", kNever, kEver},
    {"EXP", kEver, kEver}, {"EXPORT_SET", kEver, kEver}, {"EXTERIORRING", kNever, kEver},
    {"EXTRACT", kEver, kEver}, {"EXTRACTVALUE", kEver, kEver}, {"FIELD", kEver, kEver},
    {"FIND_IN_SET", kEver, kEver}, {"FIRST_VALUE", 80002, 100200}, {"FLOOR", kEver, kEver},
    {"FORMAT", kEver, kEver}, {"FORMAT_BYTES", 80016, kNever}, {"FORMAT_PICO_TIME", 80016, 110002},
    {"FOUND_ROWS", kEver, kEver}, {"FROM_BASE64", kEver, kEver}, {"FROM_DAYS", kEver, kEver},
    {"FROM_UNIXTIME", kEver, kEver}, {"GEOMCOLLFROMTEXT", kNever, kEver},
    {"GEOMETRYCOLLECTION", kEver, kEver}, {"GEOMETRYCOLLECTIONFROMTEXT", kNever, kEver},
    {"GEOMETRYFROMTEXT", kNever, kEver}, {"GEOMETRYFROMWKB", kNever, kEver},
    {"GEOMETRYN", kNever, kEver}, {"GEOMETRYTYPE", kNever, kEver}, {"GEOMFROMTEXT", kNever, kEver},
    {"GEOMFROMWKB", kNever, kEver}, {"GET_FORMAT", kEver, kEver}, {"GLENGTH", kNever, kEver},
    {"GREATEST", kEver, kEver}, {"GROUPING", 80004, kNever}, {"GROUP_CONCAT", kEver, kEver},
    {"GTID_SUBSET", kEver, kNever}, {"GTID_SUBTRACT", kEver, kNever}, {"HEX", kEver, kEver},
    {"HOUR", kEver, kEver}, {"ICU_VERSION", 80022, kNever}, {"IF", kEver, kEver},
    {"IFNULL", kEver, kEver}, {"INET6_ATON", kEver, kEver}, {"INET6_NTOA", kEver, kEver},
    {"INET_ATON", kEver, kEver}, {"INET_NTOA", kEver, kEver}, {"INSERT", kEver, kEver},
    {"INSTR", kEver, kEver}, {"INTERIORRINGN", kNever, kEver}, {"INTERSECTS", kNever, kEver},
    {"ISCLOSED", kNever, kEver}, {"ISEMPTY", kNever, kEver}, {"ISNULL", kEver, kEver},
    {"ISRING", kNever, kEver}, {"ISSIMPLE", kNever, kEver}, {"IS_FREE_LOCK", kEver, kEver},
    {"IS_IPV4", kEver, kEver}, {"IS_IPV4_COMPAT", kEver, kEver}, {"IS_IPV4_MAPPED", kEver, kEver},
    {"IS_IPV6", kEver, kEver}, {"IS_USED_LOCK", kEver, kEver}, {"IS_UUID", 80004, kNever},
    {"JSON_ARRAY", kEver, 100203}, {"JSON_ARRAYAGG", 50722, 100500},
    {"JSON_ARRAY_APPEND", kEver, 100203}, {"JSON_ARRAY_INSERT", kEver, 100203},
    {"JSON_ARRAY_INTERSECT", kNever, 110200}, {"JSON_COMPACT", kNever, 100203},
    {"JSON_CONTAINS", kEver, 100203}, {"JSON_CONTAINS_PATH", kEver, 100203},
    {"JSON_DEPTH", kEver, 100203}, {"JSON_DETAILED", kNever, 100203},
    {"JSON_EQUALS", kNever, 100700}, {"JSON_EXISTS", kNever, 100203},
    {"JSON_EXTRACT", kEver, 100203}, {"JSON_INSERT", kEver, 100203}, {"JSON_KEYS", kEver, 100203},
    {"JSON_KEY_VALUE", kNever, 110200}, {"JSON_LENGTH", kEver, 100203},
    {"JSON_LOOSE", kNever, 100203}, {"JSON_MERGE", kNever, 100203},
    {"JSON_MERGE_PATCH", 50722, 100204}, {"JSON_MERGE_PRESERVE", 50722, 100204},
    {"JSON_NORMALIZE", kNever, 100700}, {"JSON_OBJECT", kEver, 100203},
    {"JSON_OBJECTAGG", 50722, 100500}, {"JSON_OBJECT_FILTER_KEYS", kNever, 110200},
    {"JSON_OBJECT_TO_ARRAY", kNever, 110200}, {"JSON_OVERLAPS", 80017, 100900},
    {"JSON_PRETTY", 50722, 101001}, {"JSON_QUERY", kNever, 100203}, {"JSON_QUOTE", kEver, 100203},
    {"JSON_REMOVE", kEver, 100203}, {"JSON_REPLACE", kEver, 100203},
    {"JSON_SCHEMA_VALID", 80017, 110100}, {"JSON_SCHEMA_VALIDATION_REPORT", 80017, kNever},
    {"JSON_SEARCH", kEver, 100203}, {"JSON_SET", kEver, 100203},
    {"JSON_STORAGE_FREE", 80002, kNever}, {"JSON_STORAGE_SIZE", 50722, kNever},
    {"JSON_TABLE", 80004, 100600}, {"JSON_TYPE", kEver, 100203}, {"JSON_UNQUOTE", kEver, 100203},
    {"JSON_VALID", kEver, 100203}, {"JSON_VALUE", 80021, 100203}, {"LAG", 80002, 100200},
    {"LAST_DAY", kEver, kEver}, {"LAST_VALUE", 80002, 100200}, {"LCASE", kEver, kEver},
    {"LEAD", 80002, 100200}, {"LEAST", kEver, kEver}, {"LEFT", kEver, kEver},
    {"LENGTH", kEver, kEver}, {"LENGTHB", kNever, 100301}, {"LINEFROMTEXT", kNever, kEver},
    {"LINEFROMWKB", kNever, kEver}, {"LINESTRING", kEver, kEver},
    {"LINESTRINGFROMTEXT", kNever, kEver}, {"LN", kEver, kEver}, {"LOCALTIME", kEver, kEver},
    {"LOCALTIMESTAMP", kEver, kEver}, {"LOCATE", kEver, kEver}, {"LOG", kEver, kEver},
    {"LOG10", kEver, kEver}, {"LOG2", kEver, kEver}, {"LOWER", kEver, kEver},
    {"LPAD", kEver, kEver}, {"LTRIM", kEver, kEver}, {"MAKEDATE", kEver, kEver},
    {"MAKETIME", kEver, kEver}, {"MAKE_SET", kEver, kEver}, {"MATCH", kEver, kEver},
    {"MAX", kEver, kEver}, {"MBRCONTAINS", kEver, kEver}, {"MBRCOVEREDBY", kEver, kNever},
    {"MBRCOVERS", kEver, kNever}, {"MBRDISJOINT", kEver, kEver}, {"MBREQUAL", kNever, kEver},
    {"MBREQUALS", kEver, kNever}, {"MBRINTERSECTS", kEver, kEver}, {"MBROVERLAPS", kEver, kEver},
    {"MBRTOUCHES", kEver, kEver}, {"MBRWITHIN", kEver, kEver}, {"MD5", kEver, kEver},
    {"MEDIAN", kNever, 100303}, {"MICROSECOND", kEver, kEver}, {"MID", kEver, kEver},
    {"MIN", kEver, kEver}, {"MINUTE", kEver, kEver}, {"MLINEFROMTEXT", kNever, kEver},
    {"MOD", kEver, kEver}, {"MONTH", kEver, kEver}, {"MONTHNAME", kEver, kEver},
    {"MPOINTFROMTEXT", kNever, kEver}, {"MPOLYFROMTEXT", kNever, kEver},
    {"MULTILINESTRING", kEver, kEver}, {"MULTILINESTRINGFROMTEXT", kNever, kEver},
    {"MULTIPOINT", kEver, kEver}, {"MULTIPOINTFROMTEXT", kNever, kEver},
    {"MULTIPOLYGON", kEver, kEver}, {"MULTIPOLYGONFROMTEXT", kNever, kEver},
    {"NAME_CONST", kEver, kEver}, {"NATURAL_SORT_KEY", kNever, 100700}, {"NOW", kEver, kEver},
    {"NTH_VALUE", 80002, 100200}, {"NTILE", 80002, 100200}, {"NULLIF", kEver, kEver},
    {"NUMGEOMETRIES", kNever, kEver}, {"NUMINTERIORRINGS", kNever, kEver},
    {"NUMPOINTS", kNever, kEver}, {"NVL", kNever, 100300}, {"NVL2", kNever, 100300},
    {"OCT", kEver, kEver}, {"OCTET_LENGTH", kEver, kEver}, {"OLD_PASSWORD", kNever, kEver},
    {"ORD", kEver, kEver}, {"OVERLAPS", kNever, kEver}, {"PASSWORD", kNever, kEver},
    {"PERCENTILE_CONT", kNever, 100303}, {"PERCENTILE_DISC", kNever, 100303},
    {"PERCENT_RANK", 80002, 100200}, {"PERIOD_ADD", kEver, kEver}, {"PERIOD_DIFF", kEver, kEver},
    {"PI", kEver, kEver}, {"POINT", kEver, kEver}, {"POINTFROMTEXT", kNever, kEver},
    {"POINTFROMWKB", kNever, kEver}, {"POINTN", kNever, kEver}, {"POLYFROMTEXT", kNever, kEver},
    {"POLYFROMWKB", kNever, kEver}, {"POLYGON", kEver, kEver}, {"POLYGONFROMTEXT", kNever, kEver},
    {"POSITION", kEver, kEver}, {"POW", kEver, kEver}, {"POWER", kEver, kEver},
    {"PS_CURRENT_THREAD_ID", 80016, kNever}, {"PS_THREAD_ID", 80016, kNever},
    {"QUARTER", kEver, kEver}, {"QUOTE", kEver, kEver}, {"RADIANS", kEver, kEver},
    {"RAND", kEver, kEver}, {"RANDOM_BYTES", kEver, 101001}, {"RANK", 80002, 100200},
    {"REGEXP_INSTR", 80004, 100005}, {"REGEXP_LIKE", 80004, kNever},
    {"REGEXP_REPLACE", 80004, 100005}, {"REGEXP_SUBSTR", 80004, 100005}, {"REPEAT", kEver, kEver},
    {"REPLACE", kEver, kEver}, {"REVERSE", kEver, kEver}, {"RIGHT", kEver, kEver},
    {"ROLES_GRAPHML", 80022, kNever}, {"ROUND", kEver, kEver}, {"ROW", kEver, kEver},
    {"ROWNUM", kNever, 100601}, {"ROW_COUNT", kEver, kEver}, {"ROW_NUMBER", 80002, 100200},
    {"RPAD", kEver, kEver}, {"RTRIM", kEver, kEver}, {"SCHEMA", kEver, kEver},
    {"SECOND", kEver, kEver}, {"SEC_TO_TIME", kEver, kEver}, {"SESSION_USER", kEver, kEver},
    {"SFORMAT", kNever, 100700}, {"SHA", kEver, kEver}, {"SHA1", kEver, kEver},
    {"SHA2", kEver, kEver}, {"SIGN", kEver, kEver}, {"SIN", kEver, kEver},
    {"SOUNDEX", kEver, kEver}, {"SPACE", kEver, kEver}, {"SQRT", kEver, kEver},
    {"SRID", kNever, kEver}, {"STARTPOINT", kNever, kEver}, {"STATEMENT_DIGEST", 80022, kNever},
    {"STATEMENT_DIGEST_TEXT", 80022, kNever}, {"STD", kEver, kEver}, {"STDDEV", kEver, kEver},
    {"STDDEV_POP", kEver, kEver}, {"STDDEV_SAMP", kEver, kEver}, {"STRCMP", kEver, kEver},
    {"STR_TO_DATE", kEver, kEver}, {"ST_AREA", kEver, kEver}, {"ST_ASBINARY", kEver, kEver},
    {"ST_ASGEOJSON", kEver, 100204}, {"ST_ASTEXT", kEver, kEver}, {"ST_ASWKB", kEver, kEver},
    {"ST_ASWKT", kEver, kEver}, {"ST_BOUNDARY", kNever, kEver}, {"ST_BUFFER", kEver, kEver},
    {"ST_CENTROID", kEver, kEver}, {"ST_COLLECT", 80024, kNever}, {"ST_CONTAINS", kEver, kEver},
    {"ST_CONVEXHULL", kEver, 100102}, {"ST_CROSSES", kEver, kEver}, {"ST_DIFFERENCE", kEver, kEver},
    {"ST_DIMENSION", kEver, kEver}, {"ST_DISJOINT", kEver, kEver}, {"ST_DISTANCE", kEver, kEver},
    {"ST_DISTANCE_SPHERE", kEver, 100500}, {"ST_ENDPOINT", kEver, kEver},
    {"ST_ENVELOPE", kEver, kEver}, {"ST_EQUALS", kEver, kEver}, {"ST_EXTERIORRING", kEver, kEver},
    {"ST_GEOHASH", kEver, kNever}, {"ST_GEOMCOLLFROMTEXT", kEver, kEver},
    {"ST_GEOMETRYFROMTEXT", kEver, kEver}, {"ST_GEOMETRYFROMWKB", kEver, kEver},
    {"ST_GEOMETRYN", kEver, kEver}, {"ST_GEOMETRYTYPE", kEver, kEver},
    {"ST_GEOMFROMGEOJSON", kEver, 100204}, {"ST_GEOMFROMTEXT", kEver, kEver},
    {"ST_GEOMFROMWKB", kEver, kEver}, {"ST_INTERIORRINGN", kEver, kEver},
    {"ST_INTERSECTION", kEver, kEver}, {"ST_INTERSECTS", kEver, kEver},
    {"ST_ISCLOSED", kEver, kEver}, {"ST_ISEMPTY", kEver, kEver}, {"ST_ISRING", kNever, kEver},
    {"ST_ISSIMPLE", kEver, kEver}, {"ST_ISVALID", kEver, kNever},
    {"ST_LATFROMGEOHASH", kEver, kNever}, {"ST_LATITUDE", 80024, kNever},
    {"ST_LENGTH", kEver, kEver}, {"ST_LINEFROMTEXT", kEver, kEver},
    {"ST_LINEFROMWKB", kEver, kEver}, {"ST_LINESTRINGFROMTEXT", kEver, kEver},
    {"ST_LONGFROMGEOHASH", kEver, kNever}, {"ST_LONGITUDE", 80024, kNever},
    {"ST_MAKEENVELOPE", kEver, kNever}, {"ST_MLINEFROMTEXT", kEver, kEver},
    {"ST_MPOINTFROMTEXT", kEver, kEver}, {"ST_MPOLYFROMTEXT", kEver, kEver},
    {"ST_NUMGEOMETRIES", kEver, kEver}, {"ST_NUMINTERIORRINGS", kEver, kEver},
    {"ST_NUMPOINTS", kEver, kEver}, {"ST_OVERLAPS", kEver, kEver},
    {"ST_POINTFROMTEXT", kEver, kEver}, {"ST_POINTFROMWKB", kEver, kEver},
    {"ST_POINTN", kEver, kEver}, {"ST_POINTONSURFACE", kNever, kEver},
    {"ST_POLYFROMTEXT", kEver, kEver}, {"ST_POLYFROMWKB", kEver, kEver},
    {"ST_POLYGONFROMTEXT", kEver, kEver}, {"ST_RELATE", kNever, kEver},
    {"ST_SIMPLIFY", kEver, kNever}, {"ST_SRID", kEver, kEver}, {"ST_STARTPOINT", kEver, kEver},
    {"ST_SWAPXY", 80024, kNever}, {"ST_SYMDIFFERENCE", kEver, kEver}, {"ST_TOUCHES", kEver, kEver},
    {"ST_TRANSFORM", 80024, kNever}, {"ST_UNION", kEver, kEver}, {"ST_VALIDATE", kEver, kNever},
    {"ST_WITHIN", kEver, kEver}, {"ST_X", kEver, kEver}, {"ST_Y", kEver, kEver},
    {"SUBDATE", kEver, kEver}, {"SUBSTR", kEver, kEver}, {"SUBSTRING", kEver, kEver},
    {"SUBSTRING_INDEX", kEver, kEver}, {"SUBTIME", kEver, kEver}, {"SUM", kEver, kEver},
    {"SYSDATE", kEver, kEver}, {"SYSTEM_USER", kEver, kEver}, {"SYS_GUID", kNever, 100601},
    {"TAN", kEver, kEver}, {"TIME", kEver, kEver}, {"TIMEDIFF", kEver, kEver},
    {"TIMESTAMP", kEver, kEver}, {"TIMESTAMPADD", kEver, kEver}, {"TIMESTAMPDIFF", kEver, kEver},
    {"TIME_FORMAT", kEver, kEver}, {"TIME_TO_SEC", kEver, kEver}, {"TOUCHES", kNever, kEver},
    {"TO_BASE64", kEver, kEver}, {"TO_CHAR", kNever, 100601}, {"TO_DAYS", kEver, kEver},
    {"TO_SECONDS", kEver, kEver}, {"TRIM", kEver, kEver}, {"TRUNCATE", kEver, kEver},
    {"UCASE", kEver, kEver}, {"UNCOMPRESS", kEver, kEver}, {"UNCOMPRESSED_LENGTH", kEver, kEver},
    {"UNHEX", kEver, kEver}, {"UNIX_TIMESTAMP", kEver, kEver}, {"UPDATEXML", kEver, kEver},
    {"UPPER", kEver, kEver}, {"USER", kEver, kEver}, {"UTC_DATE", kEver, kEver},
    {"UTC_TIME", kEver, kEver}, {"UTC_TIMESTAMP", kEver, kEver}, {"UUID", kEver, kEver},
    {"UUID_SHORT", kEver, kEver}, {"UUID_TO_BIN", 80004, kNever}, {"UUID_V4", kNever, 110700},
    {"UUID_V7", kNever, 110700}, {"VALUES", kEver, kEver}, {"VARIANCE", kEver, kEver},
    {"VAR_POP", kEver, kEver}, {"VAR_SAMP", kEver, kEver}, {"VEC_DISTANCE", kNever, 110700},
    {"VEC_DISTANCE_COSINE", kNever, 110700}, {"VEC_DISTANCE_EUCLIDEAN", kNever, 110700},
    {"VEC_FROMTEXT", kNever, 110700}, {"VEC_TOTEXT", kNever, 110700}, {"VERSION", kEver, kEver},
    {"WEEK", kEver, kEver}, {"WEEKDAY", kEver, kEver}, {"WEEKOFYEAR", kEver, kEver},
    {"WEIGHT_STRING", kEver, kEver}, {"WITHIN", kNever, kEver}, {"X", kNever, kEver},
    {"Y", kNever, kEver}, {"YEAR", kEver, kEver}, {"YEARWEEK", kEver, kEver},
};
// clang-format on

template <typename Row, size_t N>
constexpr bool Sorted(const Row (&rows)[N]) {
  for (size_t i = 1; i < N; ++i) {
    if (!(rows[i - 1].name < rows[i].name)) return false;
  }
  return true;
}
static_assert(Sorted(kFunctions));

// What built-in functions do that are not in the list above. Sorted by name.
struct Deed {
  std::string_view name;
  absl::string_view does;
};
constexpr Deed kDeeds[] = {
    {"BENCHMARK", "repeats an expression for as long as it is told"},
    {"GET_LOCK", "takes a lock and may wait"},
    {"KDF", "computes for as long as it is told"},
    {"LASTVAL", "reads a sequence's state"},
    {"LAST_INSERT_ID", "sets the session's last id if it gets one"},
    {"LOAD_FILE", "reads a file of the server"},
    {"MASTER_GTID_WAIT", "waits"},
    {"MASTER_POS_WAIT", "waits"},
    {"NEXTVAL", "advances a sequence"},
    {"RELEASE_ALL_LOCKS", "gives locks away"},
    {"RELEASE_LOCK", "gives a lock away"},
    {"SETVAL", "sets a sequence"},
    {"SLEEP", "waits"},
    {"SOURCE_POS_WAIT", "waits"},
    {"WAIT_FOR_EXECUTED_GTID_SET", "waits"},
    {"WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS", "waits"},
    {"WSREP_SYNC_WAIT_UPTO_GTID", "waits"},
};
static_assert(Sorted(kDeeds));

constexpr std::string_view kWindow[] = {"CUME_DIST",    "DENSE_RANK", "FIRST_VALUE", "LAG",
                                        "LAST_VALUE",   "LEAD",       "NTH_VALUE",   "NTILE",
                                        "PERCENT_RANK", "RANK",       "ROW_NUMBER"};
static_assert(std::is_sorted(std::begin(kWindow), std::end(kWindow)));

constexpr std::string_view kAggregates[] = {
    "AVG",           "BIT_AND",        "BIT_OR", "BIT_XOR",  "COUNT",   "GROUP_CONCAT",
    "JSON_ARRAYAGG", "JSON_OBJECTAGG", "MAX",    "MIN",      "STD",     "STDDEV",
    "STDDEV_POP",    "STDDEV_SAMP",    "SUM",    "VARIANCE", "VAR_POP", "VAR_SAMP"};
static_assert(std::is_sorted(std::begin(kAggregates), std::end(kAggregates)));

// Keywords and native functions of every version, which are called with something between the name
// and its parenthesis as well: not those that the manuals list under IGNORE_SPACE, and on MariaDB
// 10.11 no stored function of such a name was called instead. Of scalars, not all.
// clang-format off
constexpr std::string_view kAnywhere[] = {
    "ABS", "ACOS", "ADDTIME", "ASCII", "ASIN", "ATAN", "ATAN2", "AVG", "BIN", "BIT_COUNT", "CEIL",
    "CEILING", "CHARACTER_LENGTH", "CHARSET", "CHAR_LENGTH", "COALESCE", "COLLATION", "CONCAT",
    "CONCAT_WS", "CONNECTION_ID", "CONV", "CONVERT_TZ", "COS", "COT", "CRC32", "DATABASE", "DATE",
    "DATEDIFF", "DATE_FORMAT", "DAY", "DAYNAME", "DAYOFMONTH", "DAYOFWEEK", "DAYOFYEAR", "DEGREES",
    "ELT", "EXP", "EXTRACTVALUE", "FIELD", "FIND_IN_SET", "FLOOR", "FORMAT", "FOUND_ROWS",
    "FROM_DAYS", "FROM_UNIXTIME", "GREATEST", "HEX", "HOUR", "IFNULL", "INET_ATON", "INET_NTOA",
    "INSTR", "ISNULL", "JSON_ARRAY", "JSON_ARRAY_APPEND", "JSON_CONTAINS", "JSON_EXTRACT",
    "JSON_INSERT", "JSON_KEYS", "JSON_LENGTH", "JSON_OBJECT", "JSON_QUOTE", "JSON_REMOVE",
    "JSON_REPLACE", "JSON_SEARCH", "JSON_SET", "JSON_TYPE", "JSON_UNQUOTE", "JSON_VALID",
    "LAST_DAY", "LCASE", "LEAST", "LENGTH", "LN", "LOCATE", "LOG", "LOG10", "LOG2", "LOWER", "LPAD",
    "LTRIM", "MAKEDATE", "MAKETIME", "MD5", "MICROSECOND", "MINUTE", "MONTH", "MONTHNAME", "NULLIF",
    "OCTET_LENGTH", "ORD", "PI", "POW", "POWER", "QUARTER", "QUOTE", "RADIANS", "RAND", "REVERSE",
    "ROUND", "RPAD", "RTRIM", "SECOND", "SEC_TO_TIME", "SHA1", "SHA2", "SIGN", "SIN", "SOUNDEX",
    "SPACE", "SQRT", "STRCMP", "STR_TO_DATE", "ST_AREA", "ST_ASTEXT", "ST_BUFFER", "ST_CONTAINS",
    "ST_DIFFERENCE", "ST_DISTANCE", "ST_GEOMFROMTEXT", "ST_GEOMFROMWKB", "ST_INTERSECTION",
    "ST_INTERSECTS", "ST_LENGTH", "ST_SRID", "ST_UNION", "ST_WITHIN", "ST_X", "ST_Y",
    "SUBSTRING_INDEX", "SUBTIME", "TAN", "TIME", "TIMEDIFF", "TIMESTAMP", "TIMESTAMPADD",
    "TIMESTAMPDIFF", "TIME_FORMAT", "TIME_TO_SEC", "TO_DAYS", "TO_SECONDS", "TRUNCATE", "UCASE",
    "UNHEX", "UNIX_TIMESTAMP", "UPPER", "USER", "UUID", "VERSION", "WEEK", "WEEKDAY", "WEEKOFYEAR",
    "YEAR", "YEARWEEK"};
// clang-format on
static_assert(std::is_sorted(std::begin(kAnywhere), std::end(kAnywhere)));

// The name in upper case, in place; empty if it is longer than any in the lists.
class Upper {
 public:
  explicit Upper(absl::string_view name) : size_(name.size() > sizeof buffer_ ? 0 : name.size()) {
    for (size_t i = 0; i < size_; ++i) buffer_[i] = absl::ascii_toupper(name[i]);
  }
  std::string_view view() const { return {buffer_, size_}; }

 private:
  char buffer_[40];
  size_t size_;
};

template <typename Row, size_t N>
const Row* Find(const Row (&rows)[N], std::string_view name) {
  const Row* row = std::lower_bound(std::begin(rows), std::end(rows), name,
                                    [](const Row& a, std::string_view b) { return a.name < b; });
  return row != std::end(rows) && row->name == name ? row : nullptr;
}

int SinceOf(const Target& target, const Function& row) {
  return target.dialect == Dialect::kMySql ? row.mysql_since : row.mariadb_since;
}

// What counts of a version that is not known is what the lowest of all has: a newer server's
// built-in function can be a stored one there.
int NumberOf(const Target& target) {
  constexpr int kLowestMySql = 50700;
  constexpr int kLowestMariaDb = 100010;
  const Version& v = target.version;
  if (!v.known()) return target.dialect == Dialect::kMySql ? kLowestMySql : kLowestMariaDb;
  const int number = v.major * 10000 + v.minor * 100 + v.patch;
  // A series is named whose first general release was a later one.
  if (target.dialect == Dialect::kMySql) return number == 80000 ? 80011 : number;
  return number == 100000 ? kLowestMariaDb : number;
}

}  // namespace

bool IsPureFunction(const Target& target, absl::string_view name) {
  const Function* row = Find(kFunctions, Upper(name).view());
  if (row == nullptr) return false;
  const int since = SinceOf(target, *row);
  return since != kNever && since <= NumberOf(target);
}

std::string PureSince(const Target& target, absl::string_view name) {
  const Function* row = Find(kFunctions, Upper(name).view());
  const int since = row == nullptr ? kNever : SinceOf(target, *row);
  if (since <= kEver) return "";
  return NameOf(Version{since / 10000, since / 100 % 100, since % 100}, 3);
}

bool MayStandApart(absl::string_view name) {
  return std::binary_search(std::begin(kAnywhere), std::end(kAnywhere), Upper(name).view());
}

bool IsWindowFunction(absl::string_view name) {
  return std::binary_search(std::begin(kWindow), std::end(kWindow), Upper(name).view());
}

bool IsAggregate(absl::string_view name) {
  return std::binary_search(std::begin(kAggregates), std::end(kAggregates), Upper(name).view());
}

absl::string_view WhatItDoes(absl::string_view name) {
  const Deed* row = Find(kDeeds, Upper(name).view());
  return row == nullptr ? absl::string_view() : row->does;
}

}  // namespace dbfleet::sql::mysql
