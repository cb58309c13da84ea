#include "common/sql/active_record/harmless_functions.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dbfleet::sql {
namespace {

// Sources: the manuals of PHP (strings, arrays, math, date, JSON, PCRE, output control, reading of
// files, and what mysqli, mysql, pgsql, sqlsrv, ODBC and OCI8 show of a result) and of Laravel's
// helpers; of Ruby the documentation of Kernel, Module and the declarations, filters and helpers of
// Rails, RSpec and Minitest. To add a row: in its place by name, if it writes nothing outside of
// the program, calls nothing that it is given, and reaches no variable by its name.
// clang-format off
constexpr absl::string_view kPhp[] = {
    "_", "__", "abort", "abort_if", "abort_unless", "abs", "absint", "acos", "acosh", "addcslashes",
    "addslashes", "admin_url", "apcu_fetch", "app_path", "array", "array_chunk", "array_column",
    "array_combine", "array_count_values", "array_diff", "array_diff_assoc", "array_diff_key",
    "array_fill", "array_fill_keys", "array_flip", "array_intersect",
    "array_intersect_assoc", "array_intersect_key", "array_is_list", "array_key_exists",
    "array_key_first", "array_key_last", "array_keys", "array_merge", "array_merge_recursive",
    "array_pad", "array_pop", "array_product", "array_push", "array_rand", "array_replace",
    "array_replace_recursive", "array_reverse", "array_search", "array_shift", "array_slice",
    "array_splice", "array_sum", "array_unique", "array_unshift", "array_values", "arsort", "asin",
    "asort", "asset", "atan", "atan2", "auth", "back", "base64_decode", "base64_encode",
    "base_convert", "base_path", "basename", "bcadd", "bccomp", "bcdiv", "bcmod", "bcmul", "bcpow",
    "bcrypt", "bcsqrt", "bcsub", "bin2hex", "bindec", "blank", "boolval", "cache",
    "cal_days_in_month", "ceil", "check_admin_referer", "check_ajax_referer", "checkdate", "chr",
    "chunk_split", "class_basename", "class_exists", "collect", "compact", "config",
    "connection_status", "constant", "cookie", "cos", "count", "crc32", "csrf_field", "csrf_token",
    "ctype_alnum", "ctype_alpha", "ctype_digit", "ctype_lower", "ctype_punct", "ctype_space",
    "ctype_upper", "ctype_xdigit", "curl_close", "curl_errno", "curl_error", "curl_getinfo",
    "curl_init", "current", "current_user_can", "data_get", "date", "date_add", "date_create",
    "date_create_immutable", "date_default_timezone_get", "date_default_timezone_set", "date_diff",
    "date_format", "date_i18n", "date_interval_format", "date_parse", "date_parse_from_format",
    "date_sub", "date_timestamp_get", "dd", "debug_backtrace", "debug_print_backtrace", "decbin",
    "dechex", "decoct", "decrypt", "define", "defined", "deg2rad", "dirname", "disk_free_space",
    "diskfreespace", "doubleval", "dump", "e", "empty", "encrypt", "end", "env", "error_get_last",
    "error_log", "error_reporting", "esc_attr", "esc_html", "esc_html__", "esc_js", "esc_sql",
    "esc_textarea", "esc_url", "escapeshellarg", "exp", "explode", "extension_loaded", "fclose",
    "fdiv", "feof", "fflush", "fgetc", "fgetcsv", "fgets", "file", "file_exists",
    "file_get_contents", "fileatime", "filemtime", "fileperms", "filesize", "filetype", "filled",
    "filter_input", "filter_input_array", "filter_var", "filter_var_array", "floatval", "floor",
    "flush", "fmod", "fpassthru", "fprintf", "fputcsv", "fputs", "fread", "fscanf", "fseek",
    "fstat", "ftell", "func_get_arg", "func_get_args", "func_num_args", "function_exists", "fwrite",
    "gc_collect_cycles", "get_bloginfo", "get_called_class", "get_categories", "get_class",
    "get_class_methods", "get_comments", "get_current_user_id", "get_debug_type", "get_object_vars",
    "get_option", "get_page", "get_pages", "get_parent_class", "get_permalink", "get_post",
    "get_post_meta", "get_post_type", "get_posts", "get_query_var", "get_resource_type", "get_tags",
    "get_term", "get_terms", "get_the_author", "get_the_content", "get_the_date", "get_the_excerpt",
    "get_the_id", "get_the_terms", "get_the_title", "get_user_by", "get_user_meta", "get_userdata",
    "get_users", "getcwd", "getdate", "getenv", "gethostname", "getmypid", "getopt", "gettimeofday",
    "gettype", "glob", "gmdate", "gmmktime", "hash", "hash_algos", "hash_equals", "hash_hmac",
    "have_posts", "head", "header", "headers_sent", "hex2bin", "hexdec", "home_url", "hrtime",
    "html_entity_decode", "htmlentities", "htmlspecialchars", "htmlspecialchars_decode",
    "http_build_query", "http_response_code", "hypot", "iconv", "iconv_strlen", "idate",
    "ignore_user_abort", "imagecreate", "imagecreatetruecolor", "implode", "in_array", "inet_ntop",
    "inet_pton", "info", "ini_get", "ini_set", "intdiv", "interface_exists", "intval", "ip2long",
    "is_a", "is_admin", "is_array", "is_bool", "is_callable", "is_countable", "is_dir", "is_file",
    "is_finite", "is_float", "is_home", "is_infinite", "is_int", "is_integer", "is_iterable",
    "is_long", "is_nan", "is_null", "is_numeric", "is_object", "is_page", "is_readable",
    "is_resource", "is_scalar", "is_single", "is_string", "is_subclass_of", "is_user_logged_in",
    "is_wp_error", "is_writable", "isset", "iterator_count", "iterator_to_array", "join",
    "json_decode", "json_encode", "json_last_error", "json_last_error_msg", "key", "krsort",
    "ksort", "last", "lcfirst", "lcg_value", "levenshtein", "list", "localeconv", "localtime",
    "log", "log10", "log1p", "logger", "long2ip", "ltrim", "max", "mb_check_encoding",
    "mb_convert_case", "mb_convert_encoding", "mb_detect_encoding", "mb_internal_encoding",
    "mb_str_pad", "mb_str_split", "mb_strimwidth", "mb_stripos", "mb_strlen", "mb_strpos",
    "mb_strrpos", "mb_strstr", "mb_strtolower", "mb_strtoupper", "mb_strwidth", "mb_substr",
    "mb_substr_count", "md5", "memory_get_peak_usage", "memory_get_usage", "metaphone",
    "method_exists", "microtime", "min", "mktime", "money_format", "mt_getrandmax", "mt_rand",
    "mt_srand", "mysql_affected_rows", "mysql_close", "mysql_connect", "mysql_errno", "mysql_error",
    "mysql_escape_string", "mysql_fetch_array", "mysql_fetch_assoc", "mysql_fetch_field",
    "mysql_fetch_object", "mysql_fetch_row", "mysql_free_result", "mysql_insert_id",
    "mysql_num_fields", "mysql_num_rows", "mysql_pconnect", "mysql_real_escape_string",
    "mysql_result", "mysqli_affected_rows", "mysqli_close", "mysqli_connect",
    "mysqli_connect_errno", "mysqli_connect_error", "mysqli_data_seek", "mysqli_errno",
    "mysqli_error", "mysqli_escape_string", "mysqli_fetch_all", "mysqli_fetch_array",
    "mysqli_fetch_assoc", "mysqli_fetch_column", "mysqli_fetch_field", "mysqli_fetch_fields",
    "mysqli_fetch_object", "mysqli_fetch_row", "mysqli_field_count", "mysqli_free_result",
    "mysqli_get_client_info", "mysqli_get_server_info", "mysqli_init", "mysqli_insert_id",
    "mysqli_more_results", "mysqli_next_result", "mysqli_num_fields", "mysqli_num_rows",
    "mysqli_ping", "mysqli_real_connect", "mysqli_real_escape_string", "mysqli_report",
    "mysqli_stat", "mysqli_stmt_affected_rows", "mysqli_stmt_bind_param", "mysqli_stmt_bind_result",
    "mysqli_stmt_close", "mysqli_stmt_error", "mysqli_stmt_fetch", "mysqli_stmt_free_result",
    "mysqli_stmt_get_result", "mysqli_stmt_init", "mysqli_stmt_num_rows",
    "mysqli_stmt_store_result", "mysqli_store_result", "mysqli_thread_id", "mysqli_use_result",
    "natcasesort", "natsort", "next", "nl2br", "now", "number_format", "number_format_i18n",
    "ob_clean", "ob_end_clean", "ob_end_flush", "ob_flush", "ob_get_clean", "ob_get_contents",
    "ob_get_flush", "ob_get_length", "oci_bind_by_name", "oci_close", "oci_connect", "oci_error",
    "oci_fetch", "oci_fetch_all", "oci_fetch_array", "oci_fetch_assoc", "oci_fetch_object",
    "oci_fetch_row", "oci_free_statement", "oci_num_rows", "octdec", "odbc_close", "odbc_connect",
    "odbc_error", "odbc_errormsg", "odbc_fetch_array", "odbc_fetch_object", "odbc_fetch_row",
    "odbc_num_fields", "odbc_num_rows", "odbc_result", "old", "optional", "ord", "pack",
    "parse_url", "password_get_info", "password_hash", "password_needs_rehash", "password_verify",
    "pathinfo", "pg_affected_rows", "pg_close", "pg_connect", "pg_connection_status", "pg_dbname",
    "pg_escape_bytea", "pg_escape_identifier", "pg_escape_literal", "pg_escape_string",
    "pg_fetch_all", "pg_fetch_all_columns", "pg_fetch_array", "pg_fetch_assoc", "pg_fetch_object",
    "pg_fetch_result", "pg_fetch_row", "pg_field_name", "pg_field_num", "pg_field_type",
    "pg_free_result", "pg_get_result", "pg_last_error", "pg_num_fields", "pg_num_rows",
    "pg_pconnect", "pg_ping", "pg_result_error", "pg_result_status", "pg_unescape_bytea",
    "pg_version", "php_sapi_name", "php_uname", "phpversion", "pi", "plugin_dir_path",
    "plugin_dir_url", "plugins_url", "pos", "pow", "preg_grep", "preg_last_error", "preg_match",
    "preg_match_all", "preg_quote", "preg_split", "prev", "print_r", "printf", "property_exists",
    "public_path", "quotemeta", "rad2deg", "rand", "random_bytes", "random_int", "range",
    "rawurldecode", "rawurlencode", "readfile", "realpath", "redirect", "report", "request",
    "reset", "resource_path", "response", "rest_url", "restore_error_handler",
    "restore_exception_handler", "rewind", "round", "route", "rsort", "rtrim", "sanitize_email",
    "sanitize_key", "sanitize_text_field", "sanitize_title", "scandir", "serialize", "session",
    "session_id", "session_name", "session_regenerate_id", "session_start", "session_status",
    "session_write_close", "set_time_limit", "setcookie", "setlocale", "settype", "sha1",
    "shortcode_atts", "shuffle", "similar_text", "sin", "site_url", "sizeof", "sleep", "sort",
    "soundex", "spl_object_hash", "spl_object_id", "sprintf", "sqlsrv_close", "sqlsrv_connect",
    "sqlsrv_errors", "sqlsrv_fetch", "sqlsrv_fetch_array", "sqlsrv_fetch_object",
    "sqlsrv_free_stmt", "sqlsrv_get_field", "sqlsrv_has_rows", "sqlsrv_num_rows", "sqrt", "srand",
    "sscanf", "storage_path", "str_contains", "str_ends_with", "str_getcsv", "str_ireplace",
    "str_pad", "str_repeat", "str_replace", "str_shuffle", "str_split", "str_starts_with",
    "str_word_count", "strcasecmp", "strchr", "strcmp", "strcoll", "strcspn",
    "stream_context_create", "stream_get_contents", "strftime", "strip_tags", "stripcslashes",
    "stripos", "stripslashes", "stristr", "strlen", "strnatcasecmp", "strnatcmp", "strncasecmp",
    "strncmp", "strpbrk", "strpos", "strrchr", "strrev", "strripos", "strrpos", "strspn", "strstr",
    "strtok", "strtolower", "strtotime", "strtoupper", "strtr", "strval", "substr",
    "substr_compare", "substr_count", "substr_replace", "sys_get_temp_dir", "sys_getloadavg",
    "syslog", "tan", "the_author", "the_content", "the_date", "the_excerpt", "the_id",
    "the_permalink", "the_post", "the_title", "throw_if", "throw_unless", "time", "timezone_open",
    "to_route", "today", "trait_exists", "trans", "trans_choice", "trigger_error", "trim",
    "ucfirst", "ucwords", "uniqid", "unpack", "url", "urldecode", "urlencode", "user_error",
    "usleep", "utf8_decode", "utf8_encode", "validator", "var_dump", "var_export",
    "version_compare", "view", "vprintf", "vsprintf", "wordwrap", "wp_create_nonce",
    "wp_enqueue_script", "wp_enqueue_style", "wp_get_current_user", "wp_json_encode",
    "wp_kses_post", "wp_nonce_field", "wp_parse_args", "wp_redirect", "wp_reset_postdata",
    "wp_safe_redirect", "wp_unslash", "wp_verify_nonce",
};

constexpr absl::string_view kRuby[] = {
    "Array", "BigDecimal", "Complex", "Date", "Float", "Hash", "Integer", "Pathname", "Rational",
    "String", "Time", "URI", "__FILE__", "__LINE__", "__dir__", "__method__", "accepts",
    "accepts_nested_attributes_for", "after", "after_commit", "after_create", "after_create_commit",
    "after_destroy", "after_rollback", "after_save", "after_update", "after_validation",
    "alias_attribute", "all", "and", "around", "around_save", "assert", "assert_empty",
    "assert_equal", "assert_in_delta", "assert_includes", "assert_match", "assert_nil",
    "assert_not", "assert_predicate", "assert_raises", "assert_response", "attr", "attr_accessor",
    "attr_reader", "attr_writer", "attribute", "attribute_method?", "attributes", "be_nil",
    "before", "before_action", "before_commit", "before_create", "before_destroy", "before_save",
    "before_update", "before_validation", "begin", "belongs_to", "block_given?", "break", "byebug",
    "cache", "caller", "caller_locations", "case", "catch", "cattr_accessor", "class",
    "class_attribute", "class_methods", "collection", "concerning", "constraints",
    "contain_exactly", "content_for", "content_tag", "context", "count", "count_by_sql", "debugger",
    "def", "default", "default_scope", "defined?", "delegate", "desc", "describe", "devise_for",
    "discard_on", "distance_of_time_in_words", "distinct", "do", "eager_load", "else", "elsif",
    "encrypts", "end", "ensure", "enum", "eq", "exists?", "exit", "exit!", "expect", "fail",
    "false", "field", "fields", "find", "find_by", "find_by_sql", "first", "flash", "for",
    "foreign_key", "form_for", "form_with", "format", "freeze", "gem", "gets", "global_variables",
    "h", "has_and_belongs_to_many", "has_many", "has_many_attached", "has_one", "has_one_attached",
    "has_rich_text", "has_secure_password", "having", "head", "helper", "helper_method", "if",
    "image_tag", "in", "included", "includes", "instance_variable_defined?",
    "instance_variable_get", "instance_variables", "it", "its", "j", "javascript_include_tag",
    "join", "joins", "json", "l", "lambda", "last", "layout", "let", "let!", "limit", "link_to",
    "link_to_if", "local_variables", "localize", "logger", "loop", "many_to_many", "many_to_one",
    "match", "mattr_accessor", "member", "module", "module_function", "mount", "namespace", "new",
    "new_record?", "next", "nil", "none", "normalizes", "not", "number_to_currency",
    "number_to_human", "number_to_human_size", "number_to_percentage", "number_with_delimiter",
    "number_with_precision", "offset", "one_to_many", "one_to_one", "or", "order", "p", "params",
    "permit", "persisted?", "pluck", "pluralize", "policy_scope", "pp", "preload", "print",
    "printf", "private", "private_class_method", "private_constant", "private_methods", "proc",
    "protect_from_forgery", "protected", "public", "public_class_method", "public_constant", "putc",
    "puts", "queue_as", "raise", "rand", "readline", "readlines", "redirect_back", "redirect_to",
    "redo", "references", "render", "render_to_string", "reorder", "rescue", "rescue_from",
    "resource", "resources", "respond_to", "respond_with", "retry", "retry_on", "return", "rewhere",
    "root", "safe_join", "sanitize", "sanitize_sql_like", "scope", "select", "self", "send_data",
    "send_file", "serialize", "set_table_name", "setup", "shared_examples", "simple_format",
    "skip_before_action", "sleep", "specify", "sprintf", "srand", "store_accessor", "strftime",
    "strip_tags", "stylesheet_link_tag", "subject", "super", "t", "tag", "task", "teardown", "test",
    "then", "throw", "time_ago_in_words", "translate", "true", "unless", "until", "url_for",
    "validate", "validates", "validates_acceptance_of", "validates_associated",
    "validates_confirmation_of", "validates_each", "validates_exclusion_of", "validates_format_of",
    "validates_inclusion_of", "validates_length_of", "validates_numericality_of",
    "validates_presence_of", "validates_uniqueness_of", "validates_with", "warn", "when", "where",
    "while", "with_options", "yield",
};

// Of classes that reach files, other servers or processes. PHP's methods in lower case.
constexpr absl::string_view kOfClasses[] = {
    "CSV.foreach", "CSV.generate", "CSV.generate_line", "CSV.new", "CSV.parse", "CSV.parse_line",
    "CSV.read", "CSV.table", "Dir.[]", "Dir.children", "Dir.each_child", "Dir.empty?",
    "Dir.entries", "Dir.exist?", "Dir.glob", "Dir.home", "Dir.new", "Dir.pwd", "Dir.tmpdir",
    "DriverManager.getconnection", "ERB.new", "ERB.version", "File.absolute_path", "File.allfiles",
    "File.basename", "File.ctime", "File.directories", "File.directory?", "File.dirname",
    "File.empty?", "File.exist?", "File.exists", "File.expand_path", "File.extension",
    "File.extname", "File.file?", "File.files", "File.fnmatch", "File.foreach", "File.get",
    "File.hash", "File.isdirectory", "File.isfile", "File.join", "File.lastmodified", "File.lines",
    "File.mime_type", "File.mimetype", "File.mtime", "File.name", "File.new", "File.open",
    "File.path", "File.read", "File.readable?", "File.readlines", "File.realpath", "File.size",
    "File.split", "File.stat", "File.symlink?", "File.zero?", "FileUtils.pwd", "Http.acceptjson",
    "Http.get", "Http.head", "Http.timeout", "Http.withheaders", "Http.withtoken", "IO.binread",
    "IO.foreach", "IO.read", "IO.readlines", "Kernel.Array", "Kernel.Float", "Kernel.Integer",
    "Kernel.String", "Kernel.caller", "Kernel.format", "Kernel.loop", "Kernel.print",
    "Kernel.printf", "Kernel.puts", "Kernel.raise", "Kernel.rand", "Kernel.sleep", "Kernel.sprintf",
    "Kernel.warn", "Marshal.dump", "Mysql2.new", "Net.get", "Net.get_response", "Net.new",
    "PG.connect", "PG.new", "PG.open", "Pathname.glob", "Pathname.new", "Pathname.pwd",
    "Process.clock_gettime", "Process.pid", "Process.ppid", "Process.times", "Queue.after", "Queue.before",
    "Queue.connected", "Queue.connection", "Queue.failing", "Queue.fake", "Queue.getconnectionname",
    "Queue.getname", "Queue.looping", "Queue.new", "Queue.size", "Redis.current",
    "Redis.exists", "Redis.get", "Redis.hget", "Redis.hgetall", "Redis.lrange",
    "Redis.mget", "Redis.new", "Redis.smembers", "Redis.ttl", "Redis.zrange", "SQLite3.new",
    "SQLite3.open", "Sequel.asc", "Sequel.connect", "Sequel.desc", "Sequel.expr", "Sequel.function",
    "Sequel.mysql2", "Sequel.postgres", "Sequel.sqlite", "Storage.allfiles", "Storage.directories",
    "Storage.disk", "Storage.download", "Storage.exists", "Storage.files", "Storage.get",
    "Storage.lastmodified", "Storage.missing", "Storage.path", "Storage.size",
    "Storage.temporaryurl", "Storage.url", "Tempfile.create", "Tempfile.new", "Tempfile.open",
    "Zip.version",
};
// clang-format on
static_assert(std::is_sorted(std::begin(kPhp), std::end(kPhp)));
static_assert(std::is_sorted(std::begin(kRuby), std::end(kRuby)));
static_assert(std::is_sorted(std::begin(kOfClasses), std::end(kOfClasses)));

bool Has(absl::Span<const absl::string_view> names, absl::string_view name) {
  return std::binary_search(names.begin(), names.end(), name);
}

}  // namespace

absl::Span<const absl::string_view> HarmlessPhpFunctions() { return kPhp; }
absl::Span<const absl::string_view> HarmlessRubyFunctions() { return kRuby; }
absl::Span<const absl::string_view> HarmlessOfClasses() { return kOfClasses; }

bool IsHarmlessFunction(bool php, absl::string_view name) {
  if (php) return Has(kPhp, absl::AsciiStrToLower(name));
  // Rails' routes.
  return Has(kRuby, name) || absl::EndsWith(name, "_path") || absl::EndsWith(name, "_url");
}

absl::string_view FamilyOf(absl::string_view receiver) {
  while (!receiver.empty() && (receiver[0] == '\\' || receiver[0] == ':')) {
    receiver.remove_prefix(1);
  }
  absl::ConsumePrefix(&receiver, "Illuminate\\Support\\Facades\\");
  return receiver.substr(0, receiver.find_first_of(":\\["));
}

OfClass ReviewOfClass(absl::string_view receiver, absl::string_view method) {
  const std::string family = absl::StrCat(FamilyOf(receiver), ".");
  const auto first = std::lower_bound(std::begin(kOfClasses), std::end(kOfClasses), family);
  if (first == std::end(kOfClasses) || !absl::StartsWith(*first, family)) {
    return OfClass::kNotReviewed;
  }
  const bool listed = Has(kOfClasses, absl::StrCat(family, method)) ||
                      Has(kOfClasses, absl::StrCat(family, absl::AsciiStrToLower(method)));
  return listed ? OfClass::kHarmless : OfClass::kUnknown;
}

}  // namespace dbfleet::sql
