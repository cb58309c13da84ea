#include "common/sql/active_record/held_rows.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr ModelMethod Refine(absl::string_view name) {
  return {name, MethodRole::kRefine, Kind::kInspection, Safety::kSafe, "builds a query"};
}
constexpr ModelMethod Shows(absl::string_view name) {
  return {name, MethodRole::kInMemory, Kind::kInspection, Safety::kSafe, "prints the query"};
}
constexpr ModelMethod InMemory(absl::string_view name) {
  return {name, MethodRole::kInMemory, Kind::kInspection, Safety::kSafe, "no query of its own"};
}
constexpr ModelMethod Calls(absl::string_view name) {
  return {name, MethodRole::kInMemory, Kind::kInspection, Safety::kSafe,
          "no query of its own; what it calls counts"};
}
constexpr ModelMethod Read(absl::string_view name) {
  return {name, MethodRole::kRead, Kind::kInspection, Safety::kSafe, "reads rows"};
}

// Sources: the documentation and the sources of Laravel's Query\Builder, Eloquent\Builder,
// Support\Collection, Eloquent\Collection and Pagination; Rails' API of ActiveRecord::Relation,
// Ruby's of Enumerable, Array and Hash. To add a row: it writes nothing and runs nothing that is
// not seen, whatever it is given; what calls a callable of PHP stands in host_trust.cc as well.
// clang-format off
constexpr ModelMethod kOfBuilder[] = {
    Shows("dd"), Shows("ddrawsql"), Shows("dump"), Shows("dumprawsql"), Refine("forpage"),
    Shows("torawsql"), Shows("tosql"), Refine("union"),
};
constexpr ModelMethod kOfCollection[] = {
    InMemory("append"), InMemory("collapse"), InMemory("concat"), Calls("countby"), Shows("dd"),
    InMemory("diff"), Shows("dump"), Calls("every"), Calls("flatmap"), InMemory("intersect"),
    Calls("maptogroups"), Calls("mapwithkeys"), InMemory("median"), InMemory("nth"), Calls("pipe"),
    InMemory("prepend"), Calls("random"), Calls("search"), InMemory("shuffle"),
    Calls("skipuntil"), Calls("skipwhile"), Calls("some"), InMemory("split"), Calls("takeuntil"),
    Calls("takewhile"), Calls("tap"), InMemory("tobase"), Calls("transform"), InMemory("union"),
    Calls("whenempty"), Calls("whennotempty"),
};
constexpr ModelMethod kOfPage[] = {
    InMemory("appends"), InMemory("count"), InMemory("currentpage"), InMemory("getcollection"),
    InMemory("hasmorepages"), InMemory("haspages"), InMemory("items"), InMemory("lastpage"),
    InMemory("links"), InMemory("nextpageurl"), InMemory("perpage"), InMemory("previouspageurl"),
    Calls("through"), InMemory("total"), InMemory("withquerystring"),
};
constexpr ModelMethod kOfRelation[] = {
    Calls("all?"), InMemory("cache_key"), Calls("chunk_while"), Calls("collect"), Calls("detect"),
    InMemory("drop"), InMemory("entries"), Read("include?"), Calls("index_with"),
    Read("load_async"), Calls("one?"), Read("records"), InMemory("sample"), InMemory("shuffle"),
    Calls("slice_when"), Calls("tap"), Calls("then"), InMemory("to_set"), Calls("transform_keys"),
    Calls("transform_values"),
};
// clang-format on

constexpr bool ByName(const ModelMethod& a, const ModelMethod& b) { return a.name < b.name; }
static_assert(std::is_sorted(std::begin(kOfBuilder), std::end(kOfBuilder), ByName));
static_assert(std::is_sorted(std::begin(kOfCollection), std::end(kOfCollection), ByName));
static_assert(std::is_sorted(std::begin(kOfPage), std::end(kOfPage), ByName));
static_assert(std::is_sorted(std::begin(kOfRelation), std::end(kOfRelation), ByName));

constexpr HeldMethods kAll[] = {
    {"Laravel: a query", true, Held::kQuery, kOfBuilder},
    {"Laravel: the rows that get() gives", true, Held::kRows, kOfCollection},
    {"Laravel: a page that paginate() gives", true, Held::kPage, kOfPage},
    {"Rails: a query, and its rows in memory", false, Held::kQuery, kOfRelation},
    {"", false, Held::kRows, kOfRelation},  // The same ones, published once.
};

const ModelMethod* In(bool php, Held held, absl::string_view name) {
  for (const HeldMethods& methods : kAll) {
    if (methods.php != php || methods.held != held) continue;
    const auto found = std::find_if(methods.methods.begin(), methods.methods.end(),
                                    [&](const ModelMethod& method) { return method.name == name; });
    if (found != methods.methods.end()) return &*found;
  }
  // A paginator hands what it does not know to its rows.
  return held == Held::kPage ? In(php, Held::kRows, name) : nullptr;
}

bool IsGivenOnlyNumber(const HostProgram& program, const HostCall& call) {
  return call.arguments.size() == 1 && call.arguments[0].end == call.arguments[0].begin + 1 &&
         program[call.arguments[0].begin].kind == HostTokenKind::kNumber;
}

// Of a query or of rows: with a number it gives several of them.
bool GivesOne(const HostProgram& program, const HostCall& call) {
  return !IsGivenOnlyNumber(program, call);
}

bool Refines(const HostProgram& program, const HostCall& call) {
  if (In(program.php(), Held::kQuery, absl::AsciiStrToLower(call.name)) != nullptr) return true;
  const ModelMethod* method = FindModelMethod(call.name);
  return (method != nullptr && method->role == MethodRole::kRefine) ||
         (program.php() && absl::EqualsIgnoreCase(call.name, "query") && call.arguments.empty());
}

Held AfterInPhp(const HostProgram& program, Held before, const HostCall& call, bool on_model) {
  static constexpr absl::string_view kPages[] = {"cursorpaginate", "paginate", "simplepaginate"};
  static constexpr absl::string_view kOfPages[] = {"appends", "through", "withquerystring"};
  static constexpr absl::string_view kRows[] = {
      "collapse",     "concat",      "countby", "diff",      "each",       "except",    "filter",
      "flatmap",      "flatten",     "groupby", "intersect", "keyby",      "keys",      "map",
      "maptogroups",  "mapwithkeys", "nth",     "only",      "partition",  "pluck",     "prepend",
      "reject",       "reverse",     "shuffle", "skip",      "skipuntil",  "skipwhile", "takeuntil",
      "takewhile",    "slice",       "sort",    "sortby",    "sortbydesc", "split",     "take",
      "tobase",       "transform",   "union",   "unique",    "values",     "where",     "wherein",
      "wherenotnull", "wherenull"};
  const std::string name = absl::AsciiStrToLower(call.name);
  const bool query = before == Held::kQuery;
  if (query || on_model) {
    if (IsOneOf(name, kPages)) return Held::kPage;
    // Lazy ones are asked as rows are.
    if (name == "cursor" || absl::StartsWith(name, "lazy")) return Held::kRows;
    const bool many = name == "findmany" || (name == "find" && !call.arguments.empty() &&
                                             program[call.arguments[0].begin].Is("["));
    if (many) return Held::kRows;
    if ((name == "get" && query) || (name == "all" && on_model) || (name == "pluck" && query)) {
      return Held::kRows;
    }
    return Refines(program, call) ? Held::kQuery : Held::kOther;
  }
  if (before == Held::kPage) {
    if (IsOneOf(name, kOfPages)) return Held::kPage;
    if (name == "getcollection") return Held::kRows;
  }
  if (before == Held::kPage || before == Held::kRows) {
    if (name == "random") return GivesOne(program, call) ? Held::kOther : Held::kRows;
    if (name == "tap" || name == "dump") return call.arguments.empty() ? Held::kOther : before;
    return IsOneOf(name, kRows) ? Held::kRows : Held::kOther;
  }
  // $user->orders()->where(...): whatever it is, it is told a condition.
  const ModelMethod* method = FindModelMethod(name);
  return method != nullptr && method->role == MethodRole::kRefine && absl::StartsWith(name, "where")
             ? Held::kQuery
             : Held::kOther;
}

Held AfterInRuby(const HostProgram& program, Held before, const HostCall& call, bool on_model) {
  static constexpr absl::string_view kSame[] = {"each", "load", "load_async", "reload", "tap"};
  static constexpr absl::string_view kRows[] = {
      "chunk_while", "collect",        "compact",          "count",      "drop",
      "drop_while",  "entries",        "filter",           "filter_map", "flat_map",
      "flatten",     "group_by",       "index_by",         "index_with", "map",
      "partition",   "records",        "reject",           "reverse",    "shuffle",
      "slice_when",  "sort_by",        "take_while",       "tally",      "to_a",
      "to_set",      "transform_keys", "transform_values", "uniq",       "zip"};
  const std::string name(call.name);
  if (before == Held::kOther) {
    return on_model ? (name == "all" || Refines(program, call) ? Held::kQuery : Held::kOther)
                    : (name == "where" ? Held::kQuery : Held::kOther);
  }
  if (IsOneOf(name, kSame)) return before;
  if (IsOneOf(name, kRows)) return Held::kRows;
  if (name == "sample" || name == "first" || name == "last" || name == "take") {
    return GivesOne(program, call) ? Held::kOther : Held::kRows;
  }
  if (before == Held::kQuery && Refines(program, call)) {
    // select { ... } has run.
    const bool block = call.block.has_value() ||
                       (!call.arguments.empty() && program[call.arguments[0].begin].Is("&"));
    return block ? Held::kRows : Held::kQuery;
  }
  return Held::kOther;
}

}  // namespace

absl::Span<const HeldMethods> AllHeldMethods() { return kAll; }

const ModelMethod* FindHeldMethod(const HostProgram& program, Held held, const HostCall& call) {
  if (held == Held::kOther || call.is_property || call.op != HostOperator::kNone) return nullptr;
  const std::string name =
      program.php() ? absl::AsciiStrToLower(call.name) : std::string(call.name);
  if (name == "drop" && !IsGivenOnlyNumber(program, call)) return nullptr;
  return In(program.php(), held, name);
}

Held HeldAfter(const HostProgram& program, Held before, const HostCall& call, bool on_model) {
  // ->each->split() is called on every row; orders << order gives nothing more to ask.
  if (call.is_property || call.op != HostOperator::kNone) return Held::kOther;
  return program.php() ? AfterInPhp(program, before, call, on_model)
                       : AfterInRuby(program, before, call, on_model);
}

}  // namespace dbfleet::sql
