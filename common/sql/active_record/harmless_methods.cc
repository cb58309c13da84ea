#include "common/sql/active_record/harmless_methods.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace dbfleet::sql {
namespace {

using Names = absl::string_view[];

// To add a name: ask whether a method of that name of an application's own object may plausibly
// write. close(), finish(), next(), comment(), write() and log() of an order, a ticket or an audit
// may, so they count on what bears the name of a stream, a bar or a console alone. save, run,
// handle, execute, notify, process, apply and publish do not stand here, whatever the holder.
// clang-format off
constexpr absl::Span<const absl::string_view> kAny = {};
constexpr Names kThis = {"$this"};
constexpr Names kBinding = {
    "bind_param", "bind_result", "bindcolumn", "bindparam", "bindvalue", "closecursor",
    "setfetchmode"};
constexpr Names kBuilding = {
    "addgroupby", "addorderby", "addselect", "andhaving", "orhaving", "setfirstresult",
    "sethydrationmode", "setmaxresults"};
constexpr Names kBuilders = {"builder", "container", "q", "qb", "query", "querybuilder"};
constexpr Names kOfBuilders = {
    "join", "limit", "merge", "page", "setparameter", "setparameters", "skip", "take"};
constexpr Names kJoins = {"clause", "j", "join", "joinclause"};
constexpr Names kOfJoins = {"on", "oron"};
constexpr Names kStreams = {
    "buffer", "browser", "conn", "connection", "csv", "cursor", "db", "f", "file", "fp", "handle",
    "http", "io", "mysqli", "out", "output", "pdo", "reader", "result", "socket", "st", "statement", "stderr", "stdin", "stdout", "stmt", "stream", "tempfile",
    "writer", "zip"};
constexpr Names kClosing = {"close", "disconnect", "free", "quit", "rewind"};
constexpr Names kReading = {
    "each_byte", "eof", "eof?", "getc", "gets", "read", "readchar", "readline", "readlines"};
constexpr Names kOutputs = {
    "buffer", "csv", "f", "file", "fp", "handle", "io", "out", "output", "socket", "stderr",
    "stdout", "stream", "tempfile", "writer", "zip"};
constexpr Names kPrinting = {"flush", "printf", "print", "putc", "sync", "write"};
constexpr Names kPrintingAnywhere = {"debug", "info", "puts", "writeln"};
constexpr Names kLoggers = {"$this", "console", "io", "log", "logger", "monolog", "output", "style"};
constexpr Names kLogging = {"error", "warn", "warning"};
constexpr Names kOnlyLoggers = {"logger", "monolog"};
constexpr Names kLoggingOnly = {
    "alert", "critical", "emergency", "fatal", "log", "notice", "tagged", "unknown", "withcontext"};
constexpr Names kConsoles = {"console", "io", "output", "style", "symfonystyle"};
constexpr Names kConsole = {
    "alert", "caution", "comment", "createprogressbar", "listing", "newline", "note",
    "progressadvance", "progressfinish", "progressstart", "section", "success", "table", "text",
    "title"};
constexpr Names kOfCommands = {
    "addargument", "addoption", "addusage", "line", "newline", "question", "setaliases",
    "setdescription", "sethelp", "sethidden", "setname"};
constexpr Names kBars = {"bar", "progress_bar", "progress_indicator", "progressbar"};
constexpr Names kOfBars = {
    "advance", "clear", "display", "finish", "increment", "log", "setformat", "setmaxsteps",
    "setmessage", "setprogress", "start", "stop"};
constexpr Names kControllers = {
    "addflash", "createaccessdeniedexception", "createnotfoundexception",
    "denyaccessunlessgranted", "middleware", "stoppropagation"};
constexpr Names kOfControllers = {
    "authorize", "authorizeresource", "resetpage", "createform", "createformbuilder", "forward", "json", "redirecttoroute", "render", "renderblock",
    "renderview", "trans", "validate"};
constexpr Names kRequests = {"request", "validator"};
constexpr Names kOfRequests = {
    "boolean", "date", "enum", "float", "integer", "str", "string", "validate"};
constexpr Names kProviders = {
    "loadjsontranslationsfrom", "loadmigrationsfrom", "loadroutesfrom", "loadtranslationsfrom",
    "loadviewcomponentsas", "loadviewsfrom", "mergeconfigfrom", "publishes", "registerpolicies"};
constexpr Names kContainers = {"app", "container", "services"};
constexpr Names kOfContainers = {
    "alias", "bind", "bindif", "instance", "scoped", "set", "setalias", "setparameter", "singleton",
    "singletonif", "tag"};
constexpr Names kForms = {
    "builder", "form", "formbuilder", "formmapper", "resolver", "rootnode", "treebuilder"};
constexpr Names kOfForms = {
    "add", "addeventlistener", "addeventsubscriber", "addmodeltransformer", "addviewtransformer",
    "createview",
    "handlerequest", "setaction", "setallowedtypes", "setallowedvalues", "setdata", "setdefault",
    "setdefaults", "setdefined", "setmethod", "setnormalizer", "setrequired"};
constexpr Names kHttp = {
    "header", "headers", "setstatuscode", "withcookie", "withheader", "withheaders", "withstatus"};
constexpr Names kResponses = {"res", "resp", "response"};
constexpr Names kOfResponses = {
    "prepare", "send", "sendcontent", "sendheaders", "setcache", "setcharset", "setcontent",
    "setcookie", "setetag", "setexpires", "setlastmodified", "setmaxage", "setprivate", "setpublic",
    "setsharedmaxage", "setstatus", "stream"};
constexpr Names kHttpClients = {"guzzle", "http", "http_client", "httpclient"};
constexpr Names kOfHttpClients = {"request", "withoptions"};
constexpr Names kSessions = {
    "bag", "cache", "cookies", "flash", "flashbag", "headers", "session"};
constexpr Names kOfSessions = {
    "flash", "forget", "invalidate", "keep", "now", "pull", "put", "reflash", "regenerate",
    "regeneratetoken", "set"};
constexpr Names kFlashes = {"bag", "cache", "flash", "flashbag"};
constexpr Names kOfFlashes = {"add"};
constexpr Names kMemory = {
    "attributebag", "attrs", "errors", "hash", "headers", "message_bag", "opts", "params"};
constexpr Names kOfMemory = {
    "add", "add_error", "adderror", "merge!", "offsetset", "permit", "require", "set", "shift",
    "store"};
constexpr Names kGivenOptions = {"attributes", "config", "options"};
constexpr Names kOfOptions = {"merge!", "permit", "require", "shift"};
constexpr Names kFormats = {"f", "format", "wants"};
constexpr Names kOfFormats = {
    "any", "atom", "csv", "html", "ics", "js", "json", "pdf", "rss", "text", "turbo_stream", "xlsx",
    "xml", "zip"};
constexpr Names kIterators = {
    "cursor", "enum", "gen", "generator", "iterator", "reader", "result", "rows", "xml"};
constexpr Names kOfIterators = {"next", "read", "rewind", "seek", "skip"};
constexpr Names kDates = {"date", "datetime", "dt", "end", "now", "start", "time"};
constexpr Names kOfDates = {"add", "modify", "setdate", "sub", "settime", "settimestamp", "settimezone"};
constexpr Names kPages = {"have_posts", "loadhtml", "loadxml", "rewind_posts", "the_post"};
constexpr Names kDocuments = {"$this", "doc", "document", "dom", "svg", "xml"};
constexpr Names kOfDocuments = {
    "createattribute", "createelement", "createelementns", "createtextnode", "load"};
constexpr Names kNodes = {
    "body", "doc", "document", "dom", "el", "element", "head", "node", "root", "svg", "xml"};
constexpr Names kOfNodes = {
    "appendchild", "removeattribute", "removechild", "replacechild", "setattribute"};
constexpr Names kBlocks = {"blk", "block"};
constexpr Names kOfBlocks = {"call"};
constexpr Names kMutexes = {"lock", "monitor", "mutex", "semaphore"};
constexpr Names kOfMutexes = {"synchronize"};
constexpr Names kLanguage = {
    "all?", "any?", "can", "cannot", "cant", "downto", "each_char", "each_line", "each_pair",
    "each_value", "instance_variable_get", "instance_variable_set", "is", "itself", "loop", "tap",
    "then", "times", "upto", "yield_self"};
constexpr Names kExpectations = {"expect"};
constexpr Names kTests = {"not_to", "to", "to_not"};

constexpr HarmlessMethods kGroups[] = {
    {"tell a prepared statement its values; what runs it is execute()", kBinding, kAny},
    {"tell a query builder more; what runs it is in the table", kBuilding, kAny},
    {"tell a query builder more: words that a setting or a team has, too", kOfBuilders, kBuilders},
    {"tell a join of Laravel more", kOfJoins, kJoins},
    {"end a connection, stream or file", kClosing, kStreams},
    {"read what a stream brings", kReading, kStreams},
    {"print", kPrinting, kOutputs},
    {"print or log", kPrintingAnywhere, kAny},
    {"print or log: words that a user's moderator has, too", kLogging, kLoggers},
    {"log: words that a journal in the database has, too", kLoggingOnly, kOnlyLoggers},
    {"print: words that a post or a player has, too", kConsole, kConsoles},
    {"print, or declare what a command takes", kOfCommands, kThis},
    {"move a bar of progress", kOfBars, kBars},
    {"guard an action of a controller, or tell what the next page shows", kControllers, kAny},
    {"guard an action, or answer a request: words that a payment has, too", kOfControllers, kThis},
    {"check a request", kOfRequests, kRequests},
    {"declare where a package has its files", kProviders, kThis},
    {"declare what a container makes", kOfContainers, kContainers},
    {"declare the fields of a form, or fill it", kOfForms, kForms},
    {"set up an answer of HTTP", kHttp, kAny},
    {"set up an answer of HTTP, or send it", kOfResponses, kResponses},
    {"ask another server by HTTP", kOfHttpClients, kHttpClients},
    {"put something into the session or a cache", kOfSessions, kSessions},
    {"put something into a message of the next page", kOfFlashes, kFlashes},
    {"put something into a list in memory", kOfMemory, kMemory},
    {"put something into a list in memory: of names that tables have, too", kOfOptions,
     kGivenOptions},
    {"choose the form of an answer of Rails", kOfFormats, kFormats},
    {"go on in what was read", kOfIterators, kIterators},
    {"compute a date", kOfDates, kDates},
    {"read a page of HTML or XML, or go on in one of WordPress", kPages, kAny},
    {"make a page of HTML or XML", kOfDocuments, kDocuments},
    {"change such a page: words that trees in a database have, too", kOfNodes, kNodes},
    {"call the block that the method was given, which is read where it stands", kOfBlocks, kBlocks},
    {"wait for another thread", kOfMutexes, kMutexes},
    {"are the language's own", kLanguage, kAny},
    {"ask in a test", kTests, kExpectations},
};
// clang-format on

// $output, @output and output are one.
std::string Bare(absl::string_view holder) {
  if (holder == "$this") return "$this";
  holder = holder.substr(0, holder.find('['));
  while (!holder.empty() && (holder[0] == '$' || holder[0] == '@')) holder.remove_prefix(1);
  return absl::AsciiStrToLower(holder);
}

// getName, get_name, isPaid, has_many_orders: they ask. What a word more says is read elsewhere:
// getOrCreate, has a word that writes.
bool Asks(absl::string_view method) {
  if (method.back() == '?') return true;
  // getNextNumber, get_and_mark: not only.
  for (absl::string_view more : {"And", "_and_", "Next", "_next_"}) {
    if (absl::StrContains(method, more)) return false;
  }
  for (absl::string_view word : {"get", "has", "is", "assert"}) {
    if (!absl::StartsWith(method, word) || method.size() == word.size()) continue;
    const char next = method[word.size()];
    if (absl::ascii_isupper(static_cast<unsigned char>(next)) || next == '_') return true;
  }
  return false;
}

bool Has(absl::Span<const absl::string_view> names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

absl::Span<const HarmlessMethods> HarmlessMethodGroups() { return kGroups; }

bool IsHarmlessMethod(absl::string_view holder, absl::string_view method) {
  if (method.empty() || Asks(method)) return true;
  const std::string name = absl::AsciiStrToLower(method);
  const std::string bare = Bare(holder);
  return std::any_of(std::begin(kGroups), std::end(kGroups), [&](const HarmlessMethods& group) {
    return Has(group.names, name) && (group.holders.empty() || Has(group.holders, bare));
  });
}

}  // namespace dbfleet::sql
