#include "common/sql/postgres/functions.h"

#include <algorithm>
#include <iterator>

namespace dbfleet::sql::pg {
namespace {

// Source: pg_proc of PostgreSQL 15, read one by one. Not here although they only read: repeat,
// lpad, rpad and array_fill, of which one short call makes a value of 1 GB; json_populate_record
// and its like, which convert to any type. current_setting and format are here and have a check of
// their own. Nor those of extensions (similarity, digest, unaccent): they stand in no pg_catalog,
// so that a user's function may bear the name, as that of an older version may; whether the
// extension is there the script does not tell. To add one: it keeps what IsReadOnlyFunction says
// for every combination of arguments, in every version.
// clang-format off
constexpr absl::string_view kReadOnly[] = {
    "abbrev", "abs", "acldefault", "aclexplode", "acos", "acosd", "acosh", "age", "area",
    "array_agg", "array_append", "array_cat", "array_dims", "array_length", "array_lower",
    "array_ndims", "array_position", "array_positions", "array_prepend", "array_remove",
    "array_replace", "array_to_json", "array_to_string", "array_to_tsvector", "array_upper",
    "ascii", "asin", "asinh", "atan", "atan2", "atan2d", "atand", "atanh", "avg", "bit", "bit_and",
    "bit_length", "bit_or", "bool", "bool_and", "bool_or", "bound_box", "box", "bpchar",
    "broadcast", "btrim", "cardinality", "cbrt", "ceil", "ceiling", "center", "char", "char_length",
    "character_length", "chr", "cidr", "circle", "clock_timestamp", "col_description", "concat",
    "concat_ws", "convert_from", "convert_to", "corr", "cos", "cosd", "cosh", "cot", "cotd",
    "count", "covar_pop", "covar_samp", "cume_dist", "current_database", "current_query",
    "current_schema", "current_schemas", "current_setting", "current_user", "currval", "date",
    "date_part", "date_trunc", "daterange", "decode", "degrees", "dense_rank", "diagonal",
    "diameter", "div", "encode", "enum_first", "enum_last", "enum_range", "every", "exp", "extract",
    "factorial", "family", "first_value", "float4", "float8", "floor", "format", "format_type",
    "gcd", "gen_random_uuid", "generate_series", "generate_subscripts", "get_bit", "get_byte",
    "get_current_ts_config", "getdatabaseencoding", "has_any_column_privilege",
    "has_column_privilege", "has_database_privilege", "has_foreign_data_wrapper_privilege",
    "has_function_privilege", "has_language_privilege", "has_schema_privilege",
    "has_sequence_privilege", "has_server_privilege", "has_table_privilege",
    "has_tablespace_privilege", "has_type_privilege", "hashtext", "hashtextextended", "height",
    "host", "hostmask", "in_range", "inet_client_addr", "inet_client_port", "inet_merge",
    "inet_same_family", "inet_server_addr", "inet_server_port", "initcap", "int2", "int4",
    "int4range", "int8", "int8range", "interval", "is_normalized", "isclosed", "isempty",
    "isfinite", "ishorizontal", "isopen", "isparallel", "isperp", "isvertical", "json_agg",
    "json_array_element", "json_array_element_text", "json_array_elements",
    "json_array_elements_text", "json_array_length", "json_build_array", "json_build_object",
    "json_each", "json_each_text", "json_extract_path", "json_extract_path_text", "json_object",
    "json_object_agg", "json_object_field", "json_object_field_text", "json_object_keys",
    "json_strip_nulls", "json_to_record", "json_to_recordset", "json_to_tsvector", "json_typeof",
    "jsonb_agg", "jsonb_array_element", "jsonb_array_element_text", "jsonb_array_elements",
    "jsonb_array_elements_text", "jsonb_array_length", "jsonb_build_array", "jsonb_build_object",
    "jsonb_concat", "jsonb_contains", "jsonb_delete", "jsonb_delete_path", "jsonb_each",
    "jsonb_each_text", "jsonb_exists", "jsonb_exists_all", "jsonb_exists_any", "jsonb_extract_path",
    "jsonb_extract_path_text", "jsonb_insert", "jsonb_object", "jsonb_object_agg",
    "jsonb_object_field", "jsonb_object_field_text", "jsonb_object_keys", "jsonb_path_exists",
    "jsonb_path_exists_tz", "jsonb_path_match", "jsonb_path_match_tz", "jsonb_path_query",
    "jsonb_path_query_array", "jsonb_path_query_array_tz", "jsonb_path_query_first",
    "jsonb_path_query_first_tz", "jsonb_path_query_tz", "jsonb_pretty", "jsonb_set",
    "jsonb_set_lax", "jsonb_strip_nulls", "jsonb_to_record", "jsonb_to_recordset",
    "jsonb_to_tsvector", "jsonb_typeof", "justify_days", "justify_hours", "justify_interval", "lag",
    "last_value", "lastval", "lcm", "lead", "left", "length", "like_escape", "line", "ln", "log",
    "log10", "lower", "lower_inc", "lower_inf", "lseg", "ltrim", "macaddr", "macaddr8",
    "macaddr8_set7bit", "make_date", "make_interval", "make_time", "make_timestamp",
    "make_timestamptz", "makeaclitem", "masklen", "max", "md5", "min", "min_scale", "mod", "mode",
    "money", "mxid_age", "name", "netmask", "network", "normalize", "now", "npoints", "nth_value",
    "ntile", "num_nonnulls", "num_nulls", "numeric", "numnode", "numrange", "obj_description",
    "octet_length", "oid", "overlaps", "overlay", "parse_ident", "path", "pclose", "percent_rank",
    "percentile_cont", "percentile_disc", "pg_available_extension_versions",
    "pg_available_extensions", "pg_backend_pid", "pg_blocking_pids", "pg_char_to_encoding",
    "pg_client_encoding", "pg_collation_for", "pg_collation_is_visible", "pg_column_is_updatable",
    "pg_column_size", "pg_conf_load_time", "pg_control_checkpoint", "pg_control_init",
    "pg_control_recovery", "pg_control_system", "pg_conversion_is_visible", "pg_current_snapshot",
    "pg_current_wal_flush_lsn", "pg_current_wal_insert_lsn", "pg_current_wal_lsn",
    "pg_current_xact_id_if_assigned", "pg_database_size", "pg_describe_object",
    "pg_encoding_max_length", "pg_encoding_to_char", "pg_extension_update_paths",
    "pg_filenode_relation", "pg_function_is_visible", "pg_get_constraintdef", "pg_get_expr",
    "pg_get_function_arg_default", "pg_get_function_arguments",
    "pg_get_function_identity_arguments", "pg_get_function_result", "pg_get_functiondef",
    "pg_get_indexdef", "pg_get_keywords", "pg_get_object_address", "pg_get_partition_constraintdef",
    "pg_get_partkeydef", "pg_get_publication_tables", "pg_get_replica_identity_index",
    "pg_get_replication_slots", "pg_get_ruledef", "pg_get_serial_sequence",
    "pg_get_statisticsobjdef", "pg_get_triggerdef", "pg_get_userbyid", "pg_get_viewdef",
    "pg_has_role", "pg_identify_object", "pg_identify_object_as_address",
    "pg_index_column_has_property", "pg_index_has_property", "pg_indexam_has_property",
    "pg_indexam_progress_phasename", "pg_indexes_size", "pg_is_in_recovery",
    "pg_is_other_temp_schema", "pg_is_wal_replay_paused", "pg_last_committed_xact",
    "pg_last_wal_receive_lsn", "pg_last_wal_replay_lsn", "pg_last_xact_replay_timestamp",
    "pg_listening_channels", "pg_lock_status", "pg_my_temp_schema", "pg_notification_queue_usage",
    "pg_opclass_is_visible", "pg_operator_is_visible", "pg_opfamily_is_visible",
    "pg_options_to_table", "pg_partition_ancestors", "pg_partition_root", "pg_partition_tree",
    "pg_postmaster_start_time", "pg_relation_filenode", "pg_relation_filepath",
    "pg_relation_is_publishable", "pg_relation_is_updatable", "pg_relation_size",
    "pg_safe_snapshot_blocking_pids", "pg_sequence_last_value", "pg_sequence_parameters",
    "pg_size_bytes", "pg_size_pretty", "pg_snapshot_xip", "pg_snapshot_xmax", "pg_snapshot_xmin",
    "pg_stat_get_activity", "pg_stat_get_analyze_count", "pg_stat_get_autoanalyze_count",
    "pg_stat_get_autovacuum_count", "pg_stat_get_backend_activity",
    "pg_stat_get_backend_activity_start", "pg_stat_get_backend_client_addr",
    "pg_stat_get_backend_client_port", "pg_stat_get_backend_dbid", "pg_stat_get_backend_idset",
    "pg_stat_get_backend_pid", "pg_stat_get_backend_start", "pg_stat_get_backend_userid",
    "pg_stat_get_backend_wait_event", "pg_stat_get_backend_wait_event_type",
    "pg_stat_get_backend_xact_start", "pg_stat_get_blocks_fetched", "pg_stat_get_blocks_hit",
    "pg_stat_get_db_blk_read_time", "pg_stat_get_db_blk_write_time",
    "pg_stat_get_db_blocks_fetched", "pg_stat_get_db_blocks_hit",
    "pg_stat_get_db_checksum_failures", "pg_stat_get_db_checksum_last_failure",
    "pg_stat_get_db_conflict_all", "pg_stat_get_db_conflict_bufferpin",
    "pg_stat_get_db_conflict_lock", "pg_stat_get_db_conflict_snapshot",
    "pg_stat_get_db_conflict_startup_deadlock", "pg_stat_get_db_conflict_tablespace",
    "pg_stat_get_db_deadlocks", "pg_stat_get_db_numbackends", "pg_stat_get_db_stat_reset_time",
    "pg_stat_get_db_temp_bytes", "pg_stat_get_db_temp_files", "pg_stat_get_db_tuples_deleted",
    "pg_stat_get_db_tuples_fetched", "pg_stat_get_db_tuples_inserted",
    "pg_stat_get_db_tuples_returned", "pg_stat_get_db_tuples_updated", "pg_stat_get_db_xact_commit",
    "pg_stat_get_db_xact_rollback", "pg_stat_get_dead_tuples", "pg_stat_get_function_calls",
    "pg_stat_get_function_self_time", "pg_stat_get_function_total_time",
    "pg_stat_get_ins_since_vacuum", "pg_stat_get_last_analyze_time",
    "pg_stat_get_last_autoanalyze_time", "pg_stat_get_last_autovacuum_time",
    "pg_stat_get_last_vacuum_time", "pg_stat_get_live_tuples", "pg_stat_get_mod_since_analyze",
    "pg_stat_get_numscans", "pg_stat_get_progress_info", "pg_stat_get_tuples_deleted",
    "pg_stat_get_tuples_fetched", "pg_stat_get_tuples_hot_updated", "pg_stat_get_tuples_inserted",
    "pg_stat_get_tuples_returned", "pg_stat_get_tuples_updated", "pg_stat_get_vacuum_count",
    "pg_stat_get_wal_senders", "pg_statistics_obj_is_visible", "pg_table_is_visible",
    "pg_table_size", "pg_tablespace_databases", "pg_tablespace_location", "pg_tablespace_size",
    "pg_timezone_abbrevs", "pg_timezone_names", "pg_total_relation_size", "pg_trigger_depth",
    "pg_ts_config_is_visible", "pg_ts_dict_is_visible", "pg_ts_parser_is_visible",
    "pg_ts_template_is_visible", "pg_type_is_visible", "pg_typeof", "pg_visible_in_snapshot",
    "pg_wal_lsn_diff", "pg_walfile_name", "pg_walfile_name_offset", "pg_xact_commit_timestamp",
    "pg_xact_status", "phraseto_tsquery", "pi", "plainto_tsquery", "point", "polygon", "popen",
    "position", "pow", "power", "querytree", "quote_ident", "quote_literal", "quote_nullable",
    "radians", "radius", "random", "range_merge", "rank", "regclass", "regexp_match",
    "regexp_matches", "regexp_replace", "regexp_split_to_array", "regexp_split_to_table",
    "regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2", "regr_slope", "regr_sxx",
    "regr_sxy", "regr_syy", "replace", "reverse", "right", "round", "row_number",
    "row_security_active", "row_to_json", "rtrim", "scale", "session_user", "set_bit", "set_byte",
    "set_masklen", "setweight", "sha224", "sha256", "sha384", "sha512", "shobj_description", "sign",
    "similar_escape", "similar_to_escape", "sin", "sind", "sinh", "slope", "split_part", "sqrt",
    "starts_with", "statement_timestamp", "stddev", "stddev_pop", "stddev_samp", "string_agg",
    "string_to_array", "strip", "strpos", "substr", "substring", "sum", "tan", "tand", "tanh",
    "text", "time", "timeofday", "timestamp", "timestamptz", "timetz", "timezone", "to_ascii",
    "to_char", "to_date", "to_hex", "to_json", "to_jsonb", "to_number", "to_regclass",
    "to_regcollation", "to_regnamespace", "to_regoper", "to_regoperator", "to_regproc",
    "to_regprocedure", "to_regrole", "to_regtype", "to_timestamp", "to_tsquery", "to_tsvector",
    "transaction_timestamp", "translate", "trim_scale", "trunc", "ts_debug", "ts_delete",
    "ts_filter", "ts_headline", "ts_lexize", "ts_parse", "ts_rank", "ts_rank_cd", "ts_token_type",
    "tsquery_phrase", "tsrange", "tstzrange", "tsvector_to_array", "txid_current_if_assigned",
    "txid_current_snapshot", "txid_snapshot_xip", "txid_snapshot_xmax", "txid_snapshot_xmin",
    "txid_status", "txid_visible_in_snapshot", "unnest", "upper", "upper_inc", "upper_inf",
    "var_pop", "var_samp", "varbit", "varchar", "variance", "version", "websearch_to_tsquery",
    "width", "width_bucket", "xml", "xml_is_well_formed", "xml_is_well_formed_content",
    "xml_is_well_formed_document", "xmlagg", "xmlcomment", "xmlexists", "xpath", "xpath_exists"};

// The same, with the version that brought them: in an older one such a name is a user's function.
struct Newer {
  absl::string_view name;
  int since;
};
constexpr Newer kNewer[] = {
    {"any_value", 16}, {"array_sample", 16}, {"array_shuffle", 16}, {"bit_count", 14}, {"bit_xor", 14},
    {"date_add", 16}, {"date_bin", 14}, {"date_subtract", 16}, {"datemultirange", 14}, {"erf", 16},
    {"erfc", 16}, {"has_parameter_privilege", 15}, {"icu_unicode_version", 17},
    {"int4multirange", 14}, {"int8multirange", 14}, {"multirange", 14}, {"nummultirange", 14},
    {"pg_basetype", 17}, {"pg_column_compression", 14}, {"pg_get_catalog_foreign_keys", 14},
    {"pg_get_function_sqlbody", 14}, {"pg_get_statisticsobjdef_columns", 14},
    {"pg_get_statisticsobjdef_expressions", 14}, {"pg_get_wal_replay_pause_state", 14},
    {"pg_get_wal_resource_managers", 15},     {"pg_settings_get_flags", 15}, {"random_normal", 16}, {"range_agg", 14},
    {"range_intersect_agg", 14}, {"regexp_count", 15}, {"regexp_instr", 15}, {"regexp_like", 15},
    {"regexp_substr", 15}, {"string_to_table", 14}, {"system_user", 16}, {"to_bin", 17},
    {"to_oct", 17}, {"trim_array", 14}, {"tsmultirange", 14}, {"tstzmultirange", 14},
    {"unicode_assigned", 17}, {"unicode_version", 17}, {"unistr", 14}, {"xmltext", 17}};

// Source: pg_proc.provolatile = 'v' among the functions that a default may call, and uuid-ossp's.
constexpr absl::string_view kVolatile[] = {
    "clock_timestamp", "currval", "gen_random_uuid", "lastval", "nextval", "random",
    "random_normal", "setval", "timeofday", "txid_current", "uuid_generate_v1", "uuid_generate_v4"};

// Source: pg_proc.prokind = 'a' without the hypothetical-set ones.
constexpr absl::string_view kAggregates[] = {
    "any_value", "array_agg", "avg", "bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "corr",
    "count", "covar_pop", "covar_samp", "cume_dist", "every", "json_agg", "json_object_agg",
    "jsonb_agg", "jsonb_object_agg", "max", "min", "mode", "percent_rank", "percentile_cont",
    "percentile_disc", "range_agg", "range_intersect_agg", "regr_avgx", "regr_avgy", "regr_count",
    "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy", "stddev",
    "stddev_pop", "stddev_samp", "string_agg", "sum", "var_pop", "var_samp", "variance", "xmlagg"};
// clang-format on

constexpr bool Earlier(const Newer& a, const Newer& b) { return a.name < b.name; }
static_assert(std::is_sorted(std::begin(kReadOnly), std::end(kReadOnly)));
static_assert(std::is_sorted(std::begin(kNewer), std::end(kNewer), Earlier));
static_assert(std::is_sorted(std::begin(kVolatile), std::end(kVolatile)));
static_assert(std::is_sorted(std::begin(kAggregates), std::end(kAggregates)));

template <size_t N>
bool Has(const absl::string_view (&list)[N], absl::string_view name) {
  return std::binary_search(std::begin(list), std::end(list), name);
}

}  // namespace

bool IsReadOnlyFunction(absl::string_view name, const Version& version) {
  if (Has(kReadOnly, name)) return true;
  const Newer* newer =
      std::lower_bound(std::begin(kNewer), std::end(kNewer), Newer{name, 0}, Earlier);
  if (newer == std::end(kNewer) || newer->name != name) return false;
  // What the parser's own version knows counts where the server's is not known.
  constexpr int kParserVersion = 15;
  return (version.known() ? version.major : kParserVersion) >= newer->since;
}

bool IsVolatileFunction(absl::string_view name, const Version& version) {
  return Has(kVolatile, name) || !IsReadOnlyFunction(name, version);
}

bool IsAggregateFunction(absl::string_view name) { return Has(kAggregates, name); }

}  // namespace dbfleet::sql::pg
