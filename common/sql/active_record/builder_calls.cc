#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/sql/active_record/chain_reader.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

// Query builders of PHP whose words are not those of models: Doctrine's, and Eloquent's relations.
namespace dbfleet::sql {
namespace {

bool IsClassName(const HostProgram& program, HostRange range) {
  return range.end == range.begin + 3 && program[range.begin + 1].Is("::") &&
         program[range.begin + 2].IsName("class");
}

// "u.id", "u.id DESC", "u.id AS n"; not "u FOR UPDATE".
bool IsName(absl::string_view sql) {
  const std::vector<std::string> words =
      absl::StrSplit(absl::AsciiStrToLower(sql), ' ', absl::SkipEmpty());
  const bool plain = std::all_of(words.begin(), words.end(), [](const std::string& word) {
    return std::all_of(word.begin(), word.end(), [](char c) {
      return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '\\';
    });
  });
  return plain &&
         (words.size() == 1 || (words.size() == 2 && (words[1] == "asc" || words[1] == "desc")) ||
          (words.size() == 3 && words[1] == "as"));
}

bool GivesResult(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "getarrayresult",       "getoneornullresult",    "getresult",
      "getscalarresult",      "getsinglecolumnresult", "getsingleresult",
      "getsinglescalarresult"};
  return IsOneOf(name, kNames);
}

}  // namespace

// R::find('book', 'rating > ?', [4]): what follows the type is SQL behind its table.
void ChainReader::FindBeans(const HostCall& call, const std::string& name) {
  static constexpr absl::string_view kClauses[] = {"group", "having", "inner", "join", "left",
                                                   "limit", "order",  "right", "where"};
  method_ = FindModelMethod("find");
  role_ = MethodRole::kRead;
  connection_ = false;
  build_.call.method = name;
  loaded_ = true;
  const auto table = call.arguments.empty() ? std::nullopt : ReadWord(program_, call.arguments[0]);
  if (table.has_value()) {
    build_.query.table = *table;
  } else {
    build_.Problem("the type of its beans is not known");
  }
  build_.query.limit = build_.call.has_limit = name == "findone";
  if (call.arguments.size() < 2) return;
  const std::string sql = build_.Fragment(call.arguments[1], "conditions");
  const absl::string_view trimmed = absl::StripAsciiWhitespace(sql);
  const std::string word =
      absl::AsciiStrToLower(trimmed.substr(0, trimmed.find_first_of(" \t\r\n")));
  if (IsOneOf(word, kClauses)) {
    build_.query.joins.push_back(std::string(trimmed));
    build_.query.limit = false;
  } else if (!trimmed.empty()) {
    build_.query.joins.push_back(absl::StrCat("WHERE ", trimmed));
    build_.query.limit = false;
  }
  build_.call.has_conditions = build_.call.has_conditions || !trimmed.empty();
  build_.PlainFrom(call, 2);
}

// RedBean's R::getAll('SELECT ...').
bool ChainReader::TakeBean(const HostCall& call, const std::string& name) {
  static constexpr absl::string_view kNames[] = {"getall", "getassoc", "getcell", "getcol",
                                                 "getrow"};
  const bool bean = program_.php() && chain_.receiver_kind == Receiver::kClass &&
                    (chain_.receiver == "R" || absl::EndsWith(chain_.receiver, "\\R"));
  static constexpr absl::string_view kFinds[] = {"count",   "find",           "findall",
                                                 "findone", "findcollection", "findlast"};
  if (bean && IsOneOf(name, kFinds)) {
    FindBeans(call, name);
    return true;
  }
  if (!bean || !IsOneOf(name, kNames)) return false;
  method_ = FindConnectionMethod("select");
  role_ = method_->role;
  connection_ = true;
  build_.call.method = name;
  Raw(call, 0);
  return true;
}

// A builder that selects in this very chain: whatever a variable's builder was told before,
// select() makes it one that reads. Of one that was only gone on with, that is not known.
bool ChainReader::TakeBuilder(const HostCall& call, const std::string& name) {
  if (!program_.php()) return false;
  if (name == "createquery") dql_ = true;
  if (name == "getrepository") {
    connection_ = false;
    build_.PlainFrom(call, 0);
    return true;
  }
  if (name == "createquerybuilder") {
    connection_ = false;
    builder_ = true;
    if (method_ == nullptr) {
      method_ = FindModelMethod("select");
      role_ = MethodRole::kRefine;
    }
    selects_ = from_ = !call.arguments.empty();  // Of a repository: its own rows.
    for (const HostRange& argument : call.arguments) build_.Fragment(argument, "names");
    return true;
  }
  if (name == "select" && !connection_ && chain_.receiver_kind == Receiver::kVariable) {
    selects_ = builder_ = true;
    return false;
  }
  if (!builder_ && !(dql_ && ran_raw_)) return false;
  if (name == "setparameter" || name == "setparameters" || name == "setfirstresult") {
    build_.PlainFrom(call, 0);
    return true;
  }
  if (name == "setmaxresults") {
    build_.Limit();
    build_.PlainFrom(call, 0);
    return true;
  }
  if (GivesResult(name) && (got_query_ || dql_)) {
    build_.PlainFrom(call, 0);
    return dql_ || RunBuilder();
  }
  if (!builder_) return false;
  if (name == "getquery" && call.arguments.empty()) {
    got_query_ = true;
    return true;
  }
  if (name == "from") {
    from_ = true;
    for (const HostRange& argument : call.arguments) {
      if (IsClassName(program_, argument)) continue;
      if (&argument == &call.arguments[0]) {
        build_.Fragments({&argument, 1}, "tables", &build_.query.from);
        continue;
      }
      // What the table is called goes into the SQL as it is.
      const std::optional<std::string> word = ReadWord(program_, argument);
      if (!word.has_value() || !IsPlainColumn(*word)) {
        build_.Problem("its table is called what is no plain name");
      }
    }
    return true;
  }
  if (absl::StrContains(name, "join")) {
    const bool closure =
        std::any_of(call.arguments.begin(), call.arguments.end(), [&](HostRange argument) {
          const HostToken& first = program_[argument.begin];
          return first.IsName("function") || first.IsName("fn") || first.IsName("static");
        });
    if (closure) return false;  // Eloquent's.
    for (const HostRange& argument : call.arguments) Expression(argument, "joins");
    return true;
  }
  if (name == "with") {
    for (const HostRange& argument : call.arguments) Expression(argument, "common tables");
    return true;
  }
  if (name == "addorderby" || name == "addgroupby" || name == "addselect") {
    for (const HostRange& argument : call.arguments) Expression(argument, "order or columns");
    return true;
  }
  const bool fetches = absl::StartsWith(name, "fetch") && call.arguments.empty();
  if (fetches && ran_builder_) return true;
  return ((name == "executequery" && call.arguments.empty()) || fetches) && RunBuilder();
}

// A piece of SQL that is more than a name counts as what it calls.
void ChainReader::Expression(HostRange argument, absl::string_view where_it_stands) {
  if (IsClassName(program_, argument)) return;
  if (const auto list = ReadList(program_, argument); list.has_value()) {
    for (const HostRange& one : *list) Expression(one, where_it_stands);
    return;
  }
  const std::string sql = build_.Fragment(argument, where_it_stands);
  if (!sql.empty() && !IsName(sql)) {
    const bool query = absl::StartsWithIgnoreCase(sql, "select");
    build_.query.expressions.push_back(query ? absl::StrCat("(", sql, ")") : sql);
  }
}

bool ChainReader::RunBuilder() {
  if (!selects_ || !from_) return false;
  ran_builder_ = true;
  if (WeightOf(MethodRole::kRead) >= WeightOf(role_)) {
    role_ = MethodRole::kRead;
    method_ = FindModelMethod("get");
  }
  build_.call.method = "get";
  return true;
}

// $company->users()->where(...): a relation, of which the rest of the chain reads.
bool ChainReader::IsSignedIn(const HostCall& call) const {
  if (!program_.php() || !absl::EqualsIgnoreCase(call.name, "user") || !call.has_parens ||
      !call.arguments.empty()) {
    return false;
  }
  if (&call == &chain_.calls[0]) {
    return chain_.receiver_kind == Receiver::kClass
               ? MayGiveRecord(chain_.receiver, call.name) && !IsModelClass(chain_.receiver)
               : chain_.receiver == "$request";
  }
  const absl::string_view by = chain_.calls[0].name;
  return &call == &chain_.calls[1] && chain_.receiver_kind == Receiver::kNone &&
         (absl::EqualsIgnoreCase(by, "auth") || absl::EqualsIgnoreCase(by, "request"));
}

bool ChainReader::IsRelation(const HostCall& call) const {
  const bool of_user = &call != &chain_.calls[0] && IsSignedIn(*(&call - 1));
  const bool of_variable = &call == &chain_.calls[0] && chain_.receiver_kind == Receiver::kVariable;
  const bool first = program_.php() && (of_user || of_variable) && &call != &chain_.calls.back() &&
                     call.has_parens && call.arguments.empty() && !connection_;
  if (!first || !NamesCollection(call.name) || NamesWrite(call.name) ||
      !std::all_of(call.name.begin(), call.name.end(), absl::ascii_islower)) {
    return false;
  }
  const HostCall& behind = *(&call + 1);
  const ModelMethod* next = FindModelMethod(behind.name);
  return next != nullptr && !behind.is_property &&
         (next->role == MethodRole::kRefine || next->role == MethodRole::kRead);
}

}  // namespace dbfleet::sql
