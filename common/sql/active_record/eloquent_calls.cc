#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/text.h"
#include "common/sql/active_record/chain_reader.h"
#include "common/sql/active_record/host_sources.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

// What Laravel's query builder and Rails' relations are given that is no condition, order or
// column: subqueries, relations, functions.
namespace dbfleet::sql {
namespace {

bool IsNamed(const HostProgram& program, HostRange range) {
  return program[range.begin].kind == HostTokenKind::kLabel ||
         (program[range.begin].kind == HostTokenKind::kName && program[range.begin + 1].Is(":"));
}

// $f, $this->f, $list[0], callback: $f: what may be a function, which nobody sees.
bool MayHoldFunction(const HostProgram& program, HostRange range) {
  if (IsNamed(program, range)) {
    range.begin += program[range.begin].kind == HostTokenKind::kLabel ? 1 : 2;
  }
  return !range.empty() && program[range.begin].kind == HostTokenKind::kVariable;
}

// Of the argument at a place, and of those that are given by their names.
bool MayCall(const HostProgram& program, const HostCall& call, size_t place) {
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    const HostRange given = call.arguments[i];
    if ((i == place || IsNamed(program, given)) && MayHoldFunction(program, given)) return true;
  }
  return false;
}

// 'integer', 'decimal:2', 'datetime:Y-m-d'; the name of a class is of code that is not seen, and
// PHP looks for classes in any case. Source: Laravel's Eloquent\Concerns\HasAttributes.
bool IsPlainCast(const HostProgram& program, HostRange range) {
  static constexpr absl::string_view kCasts[] = {"array",
                                                 "bool",
                                                 "boolean",
                                                 "collection",
                                                 "custom_datetime",
                                                 "date",
                                                 "datetime",
                                                 "decimal",
                                                 "double",
                                                 "encrypted",
                                                 "float",
                                                 "hashed",
                                                 "immutable_date",
                                                 "int",
                                                 "immutable_datetime",
                                                 "integer",
                                                 "json",
                                                 "object",
                                                 "real",
                                                 "string",
                                                 "timestamp",
                                                 "immutable_custom_datetime"};
  const auto word = ReadWord(program, range);
  return word.has_value() && IsOneOf(absl::string_view(*word).substr(0, word->find(':')), kCasts);
}

// Whether a relation of that name is a method of the model that writes: 'items.delete:id'.
bool NamesWritingRelation(absl::string_view relations) {
  relations = relations.substr(0, relations.find_first_of(": "));
  const std::vector<absl::string_view> names = absl::StrSplit(relations, '.');
  return std::any_of(names.begin(), names.end(), NamesMethodThatWrites);
}

}  // namespace

// $users->first('wipe'), of rows: a query's first('name') is told a column. So are sole('wipe') and
// firstOrFail('wipe'), which take a column and a value, too.
bool ChainReader::MayCallByName(const HostCall& call, Held before) const {
  static constexpr absl::string_view kNames[] = {"first", "firstorfail", "last", "sole"};
  const std::string name = absl::AsciiStrToLower(call.name);
  if (!program_.php() || !IsOneOf(name, kNames) || call.arguments.empty()) return false;
  const bool first = &call == &chain_.calls[0];
  const bool rows = before == Held::kRows || before == Held::kPage || had_rows_;
  const bool query = first ? chain_.receiver_kind == Receiver::kClass || held_ == Held::kQuery
                           : before == Held::kQuery || !(&call - 1)->is_property;
  const bool filters = name == "first" || name == "last" || call.arguments.size() == 1;
  if ((!rows && query) || !filters) return false;
  HostRange given = call.arguments[0];
  if (IsNamed(program_, given)) given.begin += 2;  // callback: $f
  if (const auto word = ReadWord(program_, given)) return !IsPureHostFunction(*word);
  // Of what is not known to be rows a variable may be a column's name.
  const bool held = given.end == given.begin + 1 &&
                    scope_.context.functions.count(program_[given.begin].text) > 0;
  const bool seen =
      held || build_.IsClosure(given) || absl::EndsWith(program_.Source(given), "(...)");
  return rows && !seen;
}

// What the method is of what the chain holds so far, and what it holds then.
const ModelMethod* ChainReader::TakeHeld(const HostCall& call, const std::string& name) {
  const bool indexed =  // ->get()[0]->split()
      std::any_of(chain_.inside.begin(), chain_.inside.end(), [&](const HostRange& inside) {
        return program_[inside.end].Is("]") &&
               program_[inside.end + 2].text.data() == call.name.data();
      });
  const Held before = indexed ? Held::kOther : held_;
  const bool on_model = !indexed && &call == &chain_.calls[0] &&
                        chain_.receiver_kind == Receiver::kClass && IsModelClass(chain_.receiver);
  held_ = connection_ ? Held::kOther : HeldAfter(program_, before, call, on_model);
  had_rows_ = had_rows_ || before == Held::kRows || before == Held::kPage;
  if (MayCallByName(call, before)) {
    build_.Problem(absl::StrCat(name, " of rows calls what it is given the name of"));
  }
  const ModelMethod* method = FindHeldMethod(program_, before, call);
  if (method == nullptr) return nullptr;
  // A column or value as well as a function, which nobody sees.
  static constexpr absl::string_view kMayCall[] = {"countby", "median", "search"};
  const auto in_place = [&](HostRange given) {  // fn ($o) => ..., 'total', 3
    return given.end == given.begin + 1 || build_.IsClosure(given) ||
           program_[given.begin].Is("[") || absl::EndsWith(program_.Source(given), "(...)");
  };
  const bool calls = absl::StrContains(method->note, "calls");
  const size_t places = absl::StartsWith(name, "when") ? 2 : 1;
  bool unseen = IsOneOf(name, kMayCall) && MayCall(program_, call, 0);
  for (size_t i = 0; calls && i < call.arguments.size(); ++i) {
    const HostRange given = call.arguments[i];
    unseen = unseen || ((i < places || IsNamed(program_, given)) && !in_place(given));
  }
  if (program_.php() && unseen) {
    build_.Problem(absl::StrCat(name, " calls what it is given, if that is a function"));
  }
  return method;
}

// A function or a query of a model, which is read where it stands; or SQL.
void ChainReader::Subquery(HostRange query, absl::string_view where_it_stands) {
  if (build_.TakeQuery(query)) return;
  const std::optional<HostChain> chain = program_.ChainAt(query.begin, query.end);
  const bool raw = UnwrapSql(program_, query).begin != query.begin;  // DB::raw('...')
  if (chain.has_value() && chain->range.end == query.end && !raw) {
    build_.Plain(query);
    build_.Problem(absl::StrCat("its ", where_it_stands, " come from a query that is not seen"));
    return;
  }
  const std::string sql = build_.Fragment(query, where_it_stands);
  if (sql.empty()) return;
  if (where_it_stands == "conditions") {
    build_.Problem("its subquery is a text");
    return;
  }
  const std::string in_parentheses = absl::StrCat("(", sql, ")");
  if (where_it_stands == "columns") {
    build_.query.expressions.push_back(in_parentheses);
  } else {
    build_.query.joins.push_back(absl::StrCat("CROSS JOIN ", in_parentheses, " sub"));
  }
}

// The relations in the first argument are methods of the model, which are called; `callable` may
// be a function that tells the builder more.
void ChainReader::Relation(const HostCall& call, size_t callable) {
  if (call.arguments.empty()) return;
  const auto check = [&](absl::string_view name) {
    if (!NamesWritingRelation(name)) return;
    build_.Problem(absl::StrCat("calls ", SanitizeForDisplay(Truncate(name, 60)),
                                " of the model by its name, as a relation"));
  };
  std::vector<HostRange> left = {call.arguments[0]};  // Also lists in lists, by their names.
  while (!left.empty()) {
    const HostRange given = left.back();
    left.pop_back();
    if (const auto pairs = ReadPairs(program_, given)) {
      for (const auto& [name, value] : *pairs) {
        check(name);
        if (program_[value.begin].Is("[")) left.push_back(value);
      }
    } else if (const auto list = ReadList(program_, given)) {
      for (const HostRange& one : *list) check(ReadWord(program_, one).value_or(""));
    } else if (const auto word = ReadWord(program_, given)) {
      check(*word);
    }
  }
  if (MayCall(program_, call, callable)) {
    build_.Problem("it may call a function that a variable holds, which is not seen");
  }
}

bool ChainReader::RefineInPhp(const HostCall& call, const std::string& name) {
  static constexpr absl::string_view kByValues[] = {"orwherebelongsto", "wherebelongsto",
                                                    "wherekey",         "wherekeynot",
                                                    "wheremorphto",     "wherenotmorphto"};
  static constexpr absl::string_view kByQueries[] = {
      "orwhereexists", "orwherenotexists", "union", "unionall", "whereexists", "wherenotexists"};
  static constexpr absl::string_view kByRelations[] = {
      "doesnthave", "ordoesnthave", "orwhererelation", "whererelation", "withwherehas"};
  static constexpr absl::string_view kJoins[] = {"joinsub", "leftjoinsub", "rightjoinsub"};
  static constexpr absl::string_view kPlainJoins[] = {"innerjoin", "join", "joinwhere", "leftjoin",
                                                      "rightjoin"};
  static constexpr absl::string_view kOfRelations[] = {
      "orwheredoesnthave", "orwherehas", "wheredoesnthave", "wherehas", "with",     "withavg",
      "withcount",         "withexists", "withmax",         "withmin",  "withonly", "withsum"};
  const std::vector<HostRange>& given = call.arguments;
  if (IsOneOf(name, kOfRelations)) {
    Relation(call, given.size());
    if (!absl::StartsWith(name, "with")) return false;
    build_.NoteTexts(call);
    return true;
  }
  if (IsOneOf(name, kByValues)) {
    build_.ById();
    const bool names = name == "wheremorphto" || name == "wherenotmorphto";
    if (names) Relation(call, given.size());
    if (given.size() > 1 && absl::StrContains(name, "belongs")) {
      const auto relation = ReadWord(program_, given[1]);
      if (!relation.has_value() || NamesWritingRelation(*relation)) {
        build_.Problem("calls a relation of the model by a name that is not known to only read");
      }
    }
    build_.NoteTexts(call);
    return true;
  }
  if (IsOneOf(name, kByRelations)) {
    build_.ById();
    Relation(call, name == "doesnthave" ? 2 : 1);
    build_.NoteTexts(call);
    return true;
  }
  if (IsOneOf(name, kByQueries)) {
    if (absl::StrContains(name, "where")) build_.ById();
    if (!given.empty()) Subquery(given[0], "conditions");
    build_.PlainFrom(call, 1);
    return true;
  }
  if (IsOneOf(name, kJoins) || name == "selectsub" || name == "fromsub") {
    if (!given.empty()) Subquery(given[0], name == "selectsub" ? "columns" : "tables");
    if (given.size() > 1 && !IsPlainColumn(ReadWord(program_, given[1]).value_or(""))) {
      build_.Problem("its subquery is called what is no plain name");
    }
    if (MayCall(program_, call, 2)) {
      build_.Problem("it may call a function that a variable holds, which is not seen");
    }
    build_.PlainFrom(call, 2);
    return true;
  }
  // join('items', $f)
  if (IsOneOf(name, kPlainJoins) && MayCall(program_, call, 1)) {
    build_.Problem("it may call a function that a variable holds, which is not seen");
  }
  if (name == "forpage") {
    build_.Limit();
    build_.PlainFrom(call, 0);
    return true;
  }
  if (name == "withcasts") {
    const auto casts = given.size() == 1 ? ReadPairs(program_, given[0]) : std::nullopt;
    if (!casts.has_value() || !std::all_of(casts->begin(), casts->end(), [&](const auto& cast) {
          return IsPlainCast(program_, cast.second);
        })) {
      build_.Problem("casts by code that is not seen");
    }
    build_.PlainFrom(call, 0);
    return true;
  }
  return false;
}

bool ChainReader::RefineInRuby(const HostCall& call, const std::string& name) {
  const std::vector<HostRange>& given = call.arguments;
  if (given.empty()) return false;
  if (name == "in_order_of") {
    build_.Fragments({&given[0], 1}, "order", &build_.query.order);
    build_.PlainFrom(call, 1);
    return true;
  }
  if (name == "from" && IsQueryOfModel(program_, given[0])) {
    build_.Plain(given[0]);
    if (given.size() > 1 && !IsPlainColumn(ReadWord(program_, given[1]).value_or(""))) {
      build_.Problem("its subquery is called what is no plain name");
    }
    build_.PlainFrom(call, 1);
    return true;
  }
  // It runs a function in the model's name, and any other name may hold one.
  const bool pairs = ReadPairs(program_, given[0]).has_value();
  const bool seen = pairs || program_[given[0].begin].Is("&") || build_.IsQuery(given[0]) ||
                    program_[given[0].begin].Is("->") || program_[given[0].begin].IsName("lambda");
  if (name == "merge" && held_ == Held::kQuery && !seen) {
    build_.Problem("merges what is not seen to be a query, and may be a function");
  }
  if (name == "merge" && IsQueryOfModel(program_, given[0])) {
    const std::optional<HostChain> query = program_.ChainAt(given[0].begin, given[0].end);
    build_.call.has_conditions =
        build_.call.has_conditions ||
        std::any_of(query->calls.begin(), query->calls.end(), [](const HostCall& link) {
          return absl::StrContains(link.name, "where") && !link.arguments.empty();
        });
  }
  return false;
}

}  // namespace dbfleet::sql
