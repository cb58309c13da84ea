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

// Source: pg_opclass and pg_am of PostgreSQL 15, every name once. To add one: what belongs to it is
// built in.
constexpr absl::string_view kOperatorClasses[] = {
    "aclitem_ops", "array_ops", "bit_minmax_ops", "bit_ops", "bool_ops", "box_inclusion_ops",
    "box_ops", "bpchar_bloom_ops", "bpchar_minmax_ops", "bpchar_ops", "bpchar_pattern_ops",
    "bytea_bloom_ops", "bytea_minmax_ops", "bytea_ops", "char_bloom_ops", "char_minmax_ops",
    "char_ops", "cid_ops", "cidr_ops", "circle_ops", "date_bloom_ops", "date_minmax_multi_ops",
    "date_minmax_ops", "date_ops", "enum_ops", "float4_bloom_ops", "float4_minmax_multi_ops",
    "float4_minmax_ops", "float4_ops", "float8_bloom_ops", "float8_minmax_multi_ops",
    "float8_minmax_ops", "float8_ops", "inet_bloom_ops", "inet_inclusion_ops",
    "inet_minmax_multi_ops", "inet_minmax_ops", "inet_ops", "int2_bloom_ops",
    "int2_minmax_multi_ops", "int2_minmax_ops", "int2_ops", "int4_bloom_ops",
    "int4_minmax_multi_ops", "int4_minmax_ops", "int4_ops", "int8_bloom_ops",
    "int8_minmax_multi_ops", "int8_minmax_ops", "int8_ops", "interval_bloom_ops",
    "interval_minmax_multi_ops", "interval_minmax_ops", "interval_ops", "jsonb_ops",
    "jsonb_path_ops", "kd_point_ops", "macaddr8_bloom_ops", "macaddr8_minmax_multi_ops",
    "macaddr8_minmax_ops", "macaddr8_ops", "macaddr_bloom_ops", "macaddr_minmax_multi_ops",
    "macaddr_minmax_ops", "macaddr_ops", "money_ops", "multirange_ops", "name_bloom_ops",
    "name_minmax_ops", "name_ops", "numeric_bloom_ops", "numeric_minmax_multi_ops",
    "numeric_minmax_ops", "numeric_ops", "oid_bloom_ops", "oid_minmax_multi_ops",
    "oid_minmax_ops", "oid_ops", "oidvector_ops", "pg_lsn_bloom_ops",
    "pg_lsn_minmax_multi_ops", "pg_lsn_minmax_ops", "pg_lsn_ops", "point_ops", "poly_ops",
    "quad_point_ops", "range_inclusion_ops", "range_ops", "record_image_ops", "record_ops",
    "text_bloom_ops", "text_minmax_ops", "text_ops", "text_pattern_ops", "tid_bloom_ops",
    "tid_minmax_multi_ops", "tid_minmax_ops", "tid_ops", "time_bloom_ops",
    "time_minmax_multi_ops", "time_minmax_ops", "time_ops", "timestamp_bloom_ops",
    "timestamp_minmax_multi_ops", "timestamp_minmax_ops", "timestamp_ops",
    "timestamptz_bloom_ops", "timestamptz_minmax_multi_ops", "timestamptz_minmax_ops",
    "timestamptz_ops", "timetz_bloom_ops", "timetz_minmax_multi_ops", "timetz_minmax_ops",
    "timetz_ops", "tsquery_ops", "tsvector_ops", "uuid_bloom_ops", "uuid_minmax_multi_ops",
    "uuid_minmax_ops", "uuid_ops", "varbit_minmax_ops", "varbit_ops", "varchar_ops",
    "varchar_pattern_ops", "xid8_ops", "xid_ops"};
constexpr absl::string_view kAccessMethods[] = {"brin", "btree", "gin", "gist", "hash", "heap", "spgist"};

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
static_assert(std::is_sorted(std::begin(kOperatorClasses), std::end(kOperatorClasses)));
static_assert(std::is_sorted(std::begin(kAccessMethods), std::end(kAccessMethods)));
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

bool IsBuiltInOperatorClass(absl::string_view name) { return Has(kOperatorClasses, name); }

bool IsBuiltInAccessMethod(absl::string_view name) { return Has(kAccessMethods, name); }

bool IsReserved(absl::string_view word) { return Has(kReserved, word); }

}  // namespace dbfleet::sql::pg
