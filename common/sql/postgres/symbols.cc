#include "common/sql/postgres/symbols.h"

#include <algorithm>
#include <iterator>

namespace dbfleet::sql::pg {
namespace {

// Source: pg_type of PostgreSQL 13 to 17 (base, range and multirange types). The SQL standard's
// spellings are not here: the parser makes pg_catalog.int4 of INTEGER, and "integer" in quotes is a
// user's type. To add one: it is built in and its input function does nothing but parse.
// clang-format off
constexpr absl::string_view kTypes[] = {
    "aclitem", "anyarray", "anyelement", "bit", "bool", "box", "bpchar", "bytea", "char", "cid",
    "cidr", "circle", "date", "datemultirange", "daterange", "float4", "float8", "inet", "int2",
    "int2vector", "int4", "int4multirange", "int4range", "int8", "int8multirange", "int8range",
    "interval", "json", "jsonb", "jsonpath", "line", "lseg", "macaddr", "macaddr8", "money", "name",
    "numeric", "nummultirange", "numrange", "oid", "oidvector", "path", "pg_lsn", "pg_node_tree",
    "pg_snapshot", "point", "polygon", "record", "refcursor", "regclass", "regcollation",
    "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator", "regproc",
    "regprocedure", "regrole", "regtype", "text", "tid", "time", "timestamp", "timestamptz",
    "timetz", "tsmultirange", "tsquery", "tsrange", "tstzmultirange", "tstzrange", "tsvector",
    "txid_snapshot", "unknown", "uuid", "varbit", "varchar", "void", "xid", "xid8", "xml"};

// Source: the domains that information_schema.sql creates.
constexpr absl::string_view kInformationSchema[] = {
    "cardinal_number", "character_data", "sql_identifier", "time_stamp", "yes_or_no"};

// Source: pg_operator of PostgreSQL 13 to 17, every symbol once. To add one: it is built in for
// some type. (An operator that a user made under a built-in symbol for a type of his own looks like
// the built-in one; only the read-only account and transaction stop that.)
constexpr absl::string_view kOperators[] = {
    "!!", "!=", "!~", "!~*", "!~~", "!~~*", "#", "##", "#-", "#>", "#>>", "%", "&", "&&", "&<",
    "&<|", "&>", "*", "*<", "*<=", "*<>", "*=", "*>", "*>=", "+", "-", "->", "->>", "-|-", "/", "<",
    "<->", "<<", "<<=", "<<|", "<=", "<>", "<@", "<^", "=", ">", ">=", ">>", ">>=", ">^", "?", "?#",
    "?&", "?-", "?-|", "?|", "?||", "@", "@-@", "@>", "@?", "@@", "@@@", "^", "^@", "|", "|&>",
    "|/", "|>>", "||", "||/", "~", "~*", "~<=~", "~<~", "~=", "~>=~", "~>~", "~~", "~~*"};

// Source: the keywords that PostgreSQL's documentation calls reserved, with those that only a
// function or a type may be called by.
constexpr absl::string_view kReserved[] = {
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization",
    "between", "binary", "both", "case", "cast", "check", "collate", "collation", "column",
    "concurrently", "constraint", "create", "cross", "current_catalog", "current_date",
    "current_role", "current_time", "current_timestamp", "current_user", "default", "deferrable",
    "desc", "distinct", "do", "else", "end", "except", "false", "fetch", "for", "foreign", "freeze",
    "from", "full", "grant", "group", "having", "ilike", "in", "initially", "inner", "intersect",
    "into", "is", "isnull", "join", "lateral", "leading", "left", "like", "limit", "localtime",
    "localtimestamp", "natural", "not", "notnull", "null", "offset", "on", "only", "or", "order",
    "outer", "overlaps", "placing", "primary", "references", "returning", "right", "select",
    "session_user", "similar", "some", "symmetric", "table", "tablesample", "then", "to",
    "trailing", "true", "union", "unique", "user", "using", "variadic", "verbose", "when", "where",
    "window", "with"};
// clang-format on

static_assert(std::is_sorted(std::begin(kTypes), std::end(kTypes)));
static_assert(std::is_sorted(std::begin(kInformationSchema), std::end(kInformationSchema)));
static_assert(std::is_sorted(std::begin(kOperators), std::end(kOperators)));
static_assert(std::is_sorted(std::begin(kReserved), std::end(kReserved)));

template <size_t N>
bool Has(const absl::string_view (&list)[N], absl::string_view name) {
  return std::binary_search(std::begin(list), std::end(list), name);
}

}  // namespace

bool IsBuiltInType(absl::string_view name) {
  if (!name.empty() && name[0] == '_') name.remove_prefix(1);
  return Has(kTypes, name);
}

bool IsInformationSchemaType(absl::string_view name) { return Has(kInformationSchema, name); }

bool IsBuiltInOperator(absl::string_view symbol) { return Has(kOperators, symbol); }

bool IsReserved(absl::string_view word) { return Has(kReserved, word); }

}  // namespace dbfleet::sql::pg
