#include "common/sql/active_record/host_functions.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr bool kPhp = true;
constexpr bool kRuby = false;

constexpr HostFunction Row(bool php, absl::string_view name, MethodRole role,
                           absl::string_view note, int sql = -1, int full = 0) {
  return {php, name, role, Safety::kDestructive, note, sql, full};
}
constexpr HostFunction Sql(bool php, absl::string_view name, int sql, int full) {
  return Row(php, name, MethodRole::kRaw, "runs the SQL that it is given: its own class counts",
             sql, full);
}
constexpr HostFunction Prepared(bool php, absl::string_view name) {
  return Row(php, name, MethodRole::kRunPrepared,
             "runs what was prepared: its class counts, where that is seen");
}
constexpr HostFunction Insert(bool php, absl::string_view name) {
  return Row(php, name, MethodRole::kInsert,
             "adds rows: destructive in production, safe elsewhere");
}
constexpr HostFunction Update(bool php, absl::string_view name) {
  return Row(php, name, MethodRole::kUpdate, "changes data");
}
constexpr HostFunction Delete(bool php, absl::string_view name) {
  return Row(php, name, MethodRole::kDelete, "deletes data");
}
constexpr HostFunction Transaction(bool php, absl::string_view name) {
  return Row(php, name, MethodRole::kTransaction, "is transaction control");
}
constexpr HostFunction Session(bool php, absl::string_view name) {
  return Row(php, name, MethodRole::kOpaque, "changes the session, or ends another");
}
constexpr HostFunction Calls(bool php, absl::string_view name) {
  return Row(php, name, MethodRole::kCallable,
             "calls what it is given: counts if that writes, or is not seen");
}
constexpr HostFunction Code(bool php, absl::string_view name) {
  return Row(php, name, MethodRole::kOpaque, "runs code that is made while the program runs");
}
constexpr HostFunction Task(bool php, absl::string_view name) {
  return Row(php, name, MethodRole::kOpaque, "runs a task of the program");
}
constexpr HostFunction Shell(bool php, absl::string_view name) {
  return Row(php, name, MethodRole::kShell, "runs a shell command");
}

// Sources: the manuals of PHP (mysqli, mysql, pgsql, SQLite, sqlsrv, ODBC, OCI8, DB2, Firebird,
// program execution, function handling) and of Ruby (Kernel, IO, Process, Open3, PTY). To add a
// row: in its place by language and name.
// clang-format off
constexpr HostFunction kFunctions[] = {
    Task(kPhp, "Artisan.call"), Task(kPhp, "Artisan.callsilently"), Task(kPhp, "Artisan.queue"),
    Calls(kPhp, "Closure.bind"), Calls(kPhp, "Closure.fromcallable"), Code(kPhp, "ReflectionFunction.*"), Code(kPhp, "ReflectionMethod.*"), Calls(kPhp, "array_all"), Calls(kPhp, "array_any"),
    Calls(kPhp, "array_diff_uassoc"), Calls(kPhp, "array_diff_ukey"), Calls(kPhp, "array_filter"),
    Calls(kPhp, "array_find"), Calls(kPhp, "array_find_key"), Calls(kPhp, "array_intersect_uassoc"),
    Calls(kPhp, "array_intersect_ukey"), Calls(kPhp, "array_map"), Calls(kPhp, "array_reduce"),
    Calls(kPhp, "array_udiff"), Calls(kPhp, "array_udiff_assoc"), Calls(kPhp, "array_udiff_uassoc"),
    Calls(kPhp, "array_uintersect"), Calls(kPhp, "array_uintersect_assoc"), Calls(kPhp,
    "array_uintersect_uassoc"), Calls(kPhp, "array_walk"),
    Calls(kPhp, "array_walk_recursive"), Code(kPhp, "assert"), Calls(kPhp, "call_user_func"),
    Calls(kPhp, "call_user_func_array"), Code(kPhp, "create_function"), Prepared(kPhp,
    "cubrid_batch"), Sql(kPhp, "cubrid_execute", 1, 2), Sql(kPhp, "cubrid_query", 0, 1),
    Transaction(kPhp, "db2_autocommit"), Transaction(kPhp, "db2_commit"), Sql(kPhp, "db2_exec", 1,
    2), Prepared(kPhp, "db2_execute"), Sql(kPhp, "db2_prepare", 1, 2), Transaction(kPhp,
    "db2_rollback"), Shell(kPhp, "dl"), Code(kPhp, "eval"), Shell(kPhp, "exec"), Shell(kPhp,
    "expect_popen"), Sql(kPhp, "fbird_query", 1, 2), Calls(kPhp, "forward_static_call"),
    Calls(kPhp, "forward_static_call_array"), Calls(kPhp, "func_overload"), Calls(kPhp,
    "header_register_callback"), Transaction(kPhp, "ibase_commit"), Prepared(kPhp,
    "ibase_execute"), Sql(kPhp, "ibase_prepare", 1, 2), Sql(kPhp, "ibase_query", 1, 2),
    Transaction(kPhp, "ibase_rollback"), Transaction(kPhp, "ibase_trans"), Sql(kPhp, "ifx_query",
    0, 1), Sql(kPhp, "ingres_query", 1, 2), Calls(kPhp, "iterator_apply"), Sql(kPhp,
    "maxdb_query", 1, 2), Sql(kPhp, "msql_query", 0, 1), Prepared(kPhp, "mssql_execute"),
    Sql(kPhp, "mssql_query", 0, 1), Update(kPhp, "mysql_create_db"), Sql(kPhp, "mysql_db_query",
    1, 2), Delete(kPhp, "mysql_drop_db"), Sql(kPhp, "mysql_query", 0, 1), Session(kPhp,
    "mysql_select_db"), Session(kPhp, "mysql_set_charset"), Sql(kPhp, "mysql_unbuffered_query", 0,
    1), Transaction(kPhp, "mysqli_autocommit"), Transaction(kPhp, "mysqli_begin_transaction"),
    Session(kPhp, "mysqli_change_user"), Transaction(kPhp, "mysqli_commit"), Session(kPhp,
    "mysqli_dump_debug_info"), Prepared(kPhp, "mysqli_execute"), Sql(kPhp, "mysqli_execute_query",
    1, 2), Session(kPhp, "mysqli_kill"), Sql(kPhp, "mysqli_master_query", 1, 2), Sql(kPhp,
    "mysqli_multi_query", 1, 2), Session(kPhp, "mysqli_options"), Sql(kPhp, "mysqli_prepare", 1,
    2), Sql(kPhp, "mysqli_query", 1, 2), Sql(kPhp, "mysqli_real_query", 1, 2), Session(kPhp,
    "mysqli_refresh"), Transaction(kPhp, "mysqli_release_savepoint"), Transaction(kPhp,
    "mysqli_rollback"), Transaction(kPhp, "mysqli_savepoint"), Session(kPhp, "mysqli_select_db"),
    Sql(kPhp, "mysqli_send_query", 1, 2), Session(kPhp, "mysqli_set_charset"), Prepared(kPhp,
    "mysqli_stmt_execute"), Sql(kPhp, "mysqli_stmt_prepare", 1, 2), Calls(kPhp, "ob_start"),
    Transaction(kPhp, "oci_commit"), Prepared(kPhp, "oci_execute"), Sql(kPhp, "oci_parse", 1, 2),
    Transaction(kPhp, "oci_rollback"), Prepared(kPhp, "ociexecute"), Sql(kPhp, "ociparse", 1, 2),
    Transaction(kPhp, "odbc_autocommit"), Transaction(kPhp, "odbc_commit"), Sql(kPhp, "odbc_do",
    1, 2), Sql(kPhp, "odbc_exec", 1, 2), Prepared(kPhp, "odbc_execute"), Sql(kPhp, "odbc_prepare",
    1, 2), Transaction(kPhp, "odbc_rollback"), Shell(kPhp, "passthru"), Shell(kPhp, "pcntl_exec"),
    Session(kPhp, "pg_cancel_query"), Update(kPhp, "pg_copy_from"), Delete(kPhp, "pg_delete"),
    Sql(kPhp, "pg_exec", 1, 2), Prepared(kPhp, "pg_execute"), Insert(kPhp, "pg_insert"),
    Update(kPhp, "pg_lo_create"), Update(kPhp, "pg_lo_import"), Update(kPhp, "pg_lo_truncate"),
    Delete(kPhp, "pg_lo_unlink"), Update(kPhp, "pg_lo_write"), Sql(kPhp, "pg_prepare", 2, 3),
    Update(kPhp, "pg_put_line"), Sql(kPhp, "pg_query", 1, 2), Sql(kPhp, "pg_query_params", 1, 3),
    Prepared(kPhp, "pg_send_execute"), Sql(kPhp, "pg_send_prepare", 2, 3), Sql(kPhp,
    "pg_send_query", 1, 2), Sql(kPhp, "pg_send_query_params", 1, 3), Session(kPhp,
    "pg_set_client_encoding"), Update(kPhp, "pg_update"), Shell(kPhp, "popen"), Calls(kPhp,
    "preg_replace_callback"), Calls(kPhp, "preg_replace_callback_array"), Shell(kPhp,
    "proc_open"), Calls(kPhp, "register_shutdown_function"), Calls(kPhp,
    "register_tick_function"), Calls(kPhp, "set_error_handler"), Calls(kPhp,
    "set_exception_handler"), Shell(kPhp, "shell_exec"), Calls(kPhp, "spl_autoload_register"),
    Sql(kPhp, "sqlite_array_query", 1, 2), Sql(kPhp, "sqlite_exec", 1, 2), Sql(kPhp,
    "sqlite_query", 1, 2), Sql(kPhp, "sqlite_single_query", 1, 2), Sql(kPhp,
    "sqlite_unbuffered_query", 1, 2), Transaction(kPhp, "sqlsrv_begin_transaction"),
    Transaction(kPhp, "sqlsrv_commit"), Prepared(kPhp, "sqlsrv_execute"), Sql(kPhp,
    "sqlsrv_prepare", 1, 2), Sql(kPhp, "sqlsrv_query", 1, 2), Transaction(kPhp,
    "sqlsrv_rollback"), Shell(kPhp, "ssh2_exec"), Sql(kPhp, "sybase_query", 0, 1), Shell(kPhp,
    "system"), Calls(kPhp, "uasort"), Calls(kPhp, "uksort"), Calls(kPhp, "usort"), Shell(kPhp,
    "w32api_invoke_function"), Shell(kRuby, "IO.popen"), Code(kRuby,
    "Kernel.eval"), Shell(kRuby, "Kernel.exec"), Code(kRuby, "Kernel.load"), Shell(kRuby,
    "Kernel.spawn"), Shell(kRuby, "Kernel.syscall"), Shell(kRuby, "Kernel.system"), Code(kRuby,
    "Object.class_eval"), Shell(kRuby, "Open3.*"), Shell(kRuby, "Open4.*"), Shell(kRuby,
    "POSIX::Spawn.*"), Shell(kRuby, "PTY.*"), Shell(kRuby, "Process.exec"), Shell(kRuby,
    "Process.spawn"), Task(kRuby, "Rake::Task.execute"), Task(kRuby, "Rake::Task.invoke"),
    Code(kRuby, "class_eval"), Code(kRuby, "class_exec"), Code(kRuby, "eval"), Shell(kRuby,
    "exec"), Shell(kRuby, "fork"), Code(kRuby, "instance_eval"), Code(kRuby, "instance_exec"),
    Code(kRuby, "module_eval"), Shell(kRuby, "popen"), Shell(kRuby, "sh"), Shell(kRuby, "spawn"),
    Shell(kRuby, "syscall"), Shell(kRuby, "system"),
};
// clang-format on

constexpr bool InOrder(const HostFunction& a, const HostFunction& b) {
  return a.php != b.php ? a.php : a.name < b.name;
}
static_assert(std::is_sorted(std::begin(kFunctions), std::end(kFunctions), InOrder));

const HostFunction* Find(bool php, absl::string_view name) {
  const HostFunction wanted = Row(php, name, MethodRole::kOpaque, "");
  const auto found =
      std::lower_bound(std::begin(kFunctions), std::end(kFunctions), wanted, InOrder);
  return found != std::end(kFunctions) && found->php == php && found->name == name ? &*found
                                                                                   : nullptr;
}

bool IsOfDriver(absl::string_view name) {
  static constexpr absl::string_view kDrivers[] = {
      "cubrid", "db2",    "fbird", "ibase", "ifx", "ingres", "maxdb",  "mssql",
      "mysql",  "mysqli", "oci",   "odbc",  "pg",  "sqlite", "sqlsrv", "sybase"};
  const size_t end = name.find('_');
  return end != absl::string_view::npos && IsOneOf(name.substr(0, end), kDrivers) &&
         (NamesWrite(name) || absl::StrContains(name, "prepare"));
}

}  // namespace

absl::Span<const HostFunction> HostFunctions() { return kFunctions; }

const HostFunction* FunctionOf(const HostProgram& program, const HostChain& chain) {
  const bool php = program.php();
  if (chain.calls.empty() || chain.calls[0].op != HostOperator::kNone) return nullptr;
  const HostCall& call = chain.calls[0];
  const std::string name = php ? absl::AsciiStrToLower(call.name) : std::string(call.name);
  if (chain.receiver_kind == Receiver::kNone) {
    if (!php && call.bare()) return nullptr;  // A variable of that name.
    return Find(php, name);
  }
  if (chain.receiver_kind != Receiver::kClass) return nullptr;
  absl::string_view receiver = chain.receiver;
  receiver = receiver.substr(0, receiver.find('['));
  if (php) receiver.remove_prefix(receiver.rfind('\\') + 1);
  const HostFunction* found = Find(php, absl::StrCat(receiver, ".", name));
  return found != nullptr ? found : Find(php, absl::StrCat(receiver, ".*"));
}

bool NamesRunningFunction(absl::string_view name) {
  while (!name.empty() && name[0] == '\\') name.remove_prefix(1);
  const std::string lower = absl::AsciiStrToLower(name);
  const HostFunction* found = Find(kPhp, lower);
  return IsOfDriver(lower) || (found != nullptr && found->role != MethodRole::kCallable);
}

bool NamesKnownFunction(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  return IsOfDriver(lower) || Find(kPhp, lower) != nullptr;
}

bool IsHarmlessCommand(absl::string_view command) {
  static constexpr absl::string_view kShow[] = {
      "arch",  "basename", "cat",    "cut",      "date",      "df",    "dirname", "du",   "echo",
      "file",  "free",     "grep",   "head",     "hostname",  "id",    "locale",  "ls",   "md5sum",
      "nproc", "ps",       "pwd",    "readlink", "sha256sum", "stat",  "tail",    "test", "true",
      "tty",   "uname",    "uptime", "wc",       "which",     "whoami"};
  command = absl::StripAsciiWhitespace(command);
  const bool plain = std::all_of(command.begin(), command.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains(" ._-/=,:+%@", absl::string_view(&c, 1));
  });
  if (!plain) return false;
  const absl::string_view program = command.substr(0, command.find(' '));
  // With an argument they set what they show, or write it elsewhere.
  if (program == "hostname" && program != command) return false;
  if (program == "date" && !absl::StartsWith(command, "date +") && program != command) return false;
  if (absl::StrContains(command, " --output")) return false;
  return IsOneOf(program, kShow) || absl::StartsWith(command, "git rev-parse") ||
         absl::StartsWith(command, "git log") || absl::StartsWith(command, "git ls-files") ||
         absl::StartsWith(command, "git describe");
}

}  // namespace dbfleet::sql
