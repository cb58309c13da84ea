#include "common/sql/active_record/receivers.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// clang-format off
constexpr absl::string_view kNoModels[] = {
    "ActionController", "ActionView", "ActiveModel", "ActiveSupport", "Arr", "Array",
    "ArrayIterator", "ArrayObject", "Attribute", "Auth", "Base64", "Benchmark", "BigDecimal", "CGI", "CSV",
    "Cache", "Carbon", "CarbonImmutable", "CarbonInterval", "CarbonPeriod", "Config", "Cookie", "Crypt", "DOMDocument", "DOMXPath",
    "Date", "DateInterval", "DatePeriod", "DateTime", "DateTimeImmutable", "Digest", "Dir", "ENV", "ERB", "File",
    "FileUtils", "Float", "Gate", "Hash", "Http", "I18n", "IO", "Imagick", "Input", "Integer",
    "JSON", "Kernel", "Lang", "Log", "Logger", "Mail", "Marshal", "Math", "Mutex", "Net", "Number",
    "OpenSSL", "OpenStruct", "Pathname", "Process", "Queue", "Rails", "Random", "Redirect", "Redis",
    "Regexp", "Request", "Response", "Route", "STDERR", "STDIN", "STDOUT", "SecureRandom",
    "Session", "Set", "Shellwords", "SimpleXMLElement", "SplDoublyLinkedList", "SplFileObject",
    "SplFixedArray", "SplMinHeap", "SplObjectStorage", "SplPriorityQueue", "SplQueue", "SplStack",
    "Storage", "Str", "String", "StringIO", "StringScanner", "Struct", "Tempfile", "Thread", "Time",
    "Timeout", "URI", "URL", "Validator", "View", "XMLWriter", "YAML", "Zip", "ZipArchive", "Zlib",
};
// clang-format on

// The last name of what it is reached by, in lower case.
std::string LastName(absl::string_view receiver) {
  const size_t start = receiver.find_last_of("$@>.\\");
  if (start != absl::string_view::npos) receiver.remove_prefix(start + 1);
  return absl::AsciiStrToLower(receiver);
}

absl::string_view WithoutNamespace(absl::string_view name) {
  const size_t space = name.find_last_of(":\\");
  if (space != absl::string_view::npos) name.remove_prefix(space + 1);
  return name;
}

}  // namespace

bool IsModelClass(absl::string_view receiver) {
  static constexpr absl::string_view kFrameworks[] = {"Carbon", "Illuminate", "Symfony"};
  while (!receiver.empty() && (receiver[0] == '\\' || receiver[0] == ':')) {
    receiver.remove_prefix(1);
  }
  receiver = receiver.substr(0, receiver.find('['));
  // Zip::File and Net::HTTP are none; Shop::Set and App\Models\Session may be.
  const absl::string_view first = receiver.substr(0, receiver.find_first_of(":\\"));
  if (IsOneOf(first, kNoModels)) return false;
  return !IsOneOf(first, kFrameworks) || !IsOneOf(WithoutNamespace(receiver), kNoModels);
}

bool NamesNoModel(absl::string_view name) {
  return std::any_of(std::begin(kNoModels), std::end(kNoModels),
                     [&](absl::string_view known) { return absl::EqualsIgnoreCase(known, name); });
}

bool IsOnlyOfModels(absl::string_view method) {
  static constexpr absl::string_view kNames[] = {
      "createorfirst", "deleteall",      "destroy",        "destroy_by",     "delete_by",
      "firstorcreate", "forcedelete",    "insertgetid",    "insertorignore", "saveorfail",
      "updateall",     "updateorcreate", "updateorinsert", "upsert"};
  const std::string lower = absl::AsciiStrToLower(method);
  return absl::EndsWith(lower, "_all") || absl::StartsWith(lower, "find_or_create_by") ||
         IsOneOf(lower, kNames);
}

bool IsFacade(const HostProgram& program, absl::string_view receiver) {
  receiver = WithoutNamespace(receiver);
  return receiver == "DB" || receiver == "Schema" || (program.php() && receiver == "R");
}

bool IsConnectionName(absl::string_view receiver) {
  static constexpr absl::string_view kNames[] = {"client", "link", "sql"};
  return IsNothingButConnection(receiver) || IsOneOf(LastName(receiver), kNames);
}

bool IsNothingButConnection(absl::string_view receiver) {
  static constexpr absl::string_view kNames[] = {
      "capsule", "conn", "connection", "database", "db", "dbh", "mysqli", "pdo", "wpdb"};
  return absl::AsciiStrToLower(receiver) == "activerecord::base" ||
         IsOneOf(LastName(receiver), kNames);
}

bool GivesConnection(absl::string_view method) {
  static constexpr absl::string_view kNames[] = {"conn", "connection", "database", "db",
                                                 "dbh",  "mysqli",     "pdo"};
  const std::string lower = absl::AsciiStrToLower(method);
  absl::string_view name = lower;
  if (!absl::ConsumePrefix(&name, "get")) absl::ConsumePrefix(&name, "resolve");
  return IsOneOf(name, kNames);
}

bool IsHarmlessOfConnection(absl::string_view method) {
  static constexpr absl::string_view kNames[] = {"active?",
                                                 "adapter_name",
                                                 "affected_rows",
                                                 "affectedrows",
                                                 "client_info",
                                                 "close",
                                                 "column_exists?",
                                                 "columns",
                                                 "connect",
                                                 "connect_error",
                                                 "connected?",
                                                 "current_database",
                                                 "data_source_exists?",
                                                 "data_sources",
                                                 "database_version",
                                                 "disconnect",
                                                 "disconnect!",
                                                 "errno",
                                                 "error",
                                                 "errorcode",
                                                 "errorinfo",
                                                 "esc_like",
                                                 "escape",
                                                 "escape_like_str",
                                                 "escape_str",
                                                 "foreign_keys",
                                                 "get_charset_collate",
                                                 "getattribute",
                                                 "getdatabasename",
                                                 "getdatabaseplatform",
                                                 "getdrivername",
                                                 "index_exists?",
                                                 "indexes",
                                                 "insert_id",
                                                 "inspect",
                                                 "last_insert_id",
                                                 "last_query",
                                                 "lastinsertid",
                                                 "lastval",
                                                 "num_rows",
                                                 "option",
                                                 "ping",
                                                 "prefix",
                                                 "primary_key",
                                                 "quote_identifier",
                                                 "quoteidentifier",
                                                 "real_escape_string",
                                                 "reconnect",
                                                 "reconnect!",
                                                 "schema_cache",
                                                 "server_info",
                                                 "set_charset",
                                                 "setattribute",
                                                 "setfetchmode",
                                                 "stat",
                                                 "table_exists?",
                                                 "tables",
                                                 "thread_id",
                                                 "verify!",
                                                 "version",
                                                 "view_exists?",
                                                 "views"};
  return IsOneOf(absl::AsciiStrToLower(method), kNames);
}

bool IsPlainData(absl::string_view receiver) {
  static constexpr absl::string_view kNames[] = {
      "args",    "array",   "attributes", "attrs",   "buffer", "cache",  "config",
      "cookies", "data",    "dom",        "env",     "errors", "file",   "files",
      "flash",   "hash",    "headers",    "http",    "json",   "keys",   "line",
      "lines",   "list",    "logger",     "options", "opts",   "params", "path",
      "queue",   "request", "response",   "session", "set",    "stack",  "stderr",
      "stdout",  "storage", "str",        "string",  "text",   "words"};
  return IsOneOf(LastName(receiver), kNames);
}

bool IsDataCall(const HostProgram& program, absl::string_view holder, const HostCall& call) {
  static constexpr absl::string_view kOfPhp[] = {"cache", "cookies", "dom",     "flash",  "headers",
                                                 "http",  "params",  "session", "storage"};
  static constexpr absl::string_view kOfRequest[] = {"merge", "query", "replace"};
  static constexpr absl::string_view kHashes[] = {"attributes", "attrs", "data", "env",
                                                  "hash",       "json",  "opts", "params"};
  static constexpr absl::string_view kGiven[] = {"concat",  "delete",  "delete_at", "delete_if",
                                                 "insert",  "prepend", "push",      "remove",
                                                 "replace", "truncate"};
  if (!IsPlainData(holder)) return false;
  const std::string name = LastName(holder);
  const bool given = !call.arguments.empty() || call.block.has_value();
  if (program.php()) {
    if (name == "request") return given && IsOneOf(absl::AsciiStrToLower(call.name), kOfRequest);
    return IsOneOf(name, kOfPhp) &&
           (call.name == "clear" || call.name == "flush" ||
            (given && (call.name == "delete" || call.name == "remove" || call.name == "forget")));
  }
  if (call.name == "clear") return true;
  if (call.name == "update") return given && IsOneOf(name, kHashes);
  return given && IsOneOf(call.name, kGiven);
}

bool MayGiveRecord(absl::string_view receiver, absl::string_view method) {
  static constexpr absl::string_view kAny[] = {"Arr",        "Auth",   "Marshal",
                                               "OpenStruct", "Struct", "Thread"};
  static constexpr absl::string_view kOfClasses[] = {
      "Cache.fetch",     "Cache.flexible",   "Cache.get",       "Cache.many",
      "Cache.pull",      "Cache.read",       "Cache.remember",  "Cache.rememberforever",
      "Cache.sear",      "Config.get",       "Input.get",       "Queue.pop",
      "Queue.shift",     "Rails.fetch",      "Rails.read",      "Request.get",
      "Request.input",   "Request.route",    "Request.user",    "Session.get",
      "Session.pull",    "Session.remember", "Set.detect",      "Set.find",
      "Set.first",       "Set.max_by",       "Set.min_by",      "Set.to_a",
      "Timeout.timeout", "YAML.load",        "YAML.unsafe_load"};
  const absl::string_view name = WithoutNamespace(receiver.substr(0, receiver.find('[')));
  return (IsOneOf(name, kAny) && method != "new") ||
         IsOneOf(absl::StrCat(name, ".", absl::AsciiStrToLower(method)), kOfClasses);
}

bool MayGiveRecord(const HostCall& function) {
  static constexpr absl::string_view kNames[] = {"cache", "config", "request", "session"};
  return !function.arguments.empty() && IsOneOf(absl::AsciiStrToLower(function.name), kNames);
}

bool GivesData(const HostProgram& program, const HostCall& call) {
  static constexpr absl::string_view kNames[] = {
      "bytes",    "camelize", "chars",        "chomp",     "collect",  "constantize_name",
      "downcase", "dump",     "each_slice",   "flat_map",  "group_by", "gsub",
      "humanize", "ids",      "index_by",     "inspect",   "join",     "keys",
      "lines",    "map",      "parameterize", "partition", "pluck",    "sort_by",
      "split",    "squeeze",  "squish",       "strftime",  "strip",    "sub",
      "tally",    "titleize", "to_a",         "to_f",      "to_h",     "to_i",
      "to_json",  "to_s",     "to_sym",       "to_yaml",   "tr",       "underscore",
      "upcase",   "zip"};
  return !program.php() && IsOneOf(call.name, kNames);
}

bool IsDataFunction(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"cache",    "collect", "config",   "cookie",
                                                 "logger",   "now",     "redirect", "request",
                                                 "response", "session", "today",    "view"};
  return IsOneOf(absl::AsciiStrToLower(name), kNames);
}

}  // namespace dbfleet::sql
