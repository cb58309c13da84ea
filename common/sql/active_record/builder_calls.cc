#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/chain_reader.h"
#include "common/sql/active_record/words.h"

// Query builders of PHP whose words are not those of models: Doctrine's, and Eloquent's relations.
namespace dbfleet::sql {
namespace {

bool IsClassName(const HostProgram& program, HostRange range) {
  return range.end == range.begin + 3 && program[range.begin + 1].Is("::") &&
         program[range.begin + 2].IsName("class");
}

bool GivesResult(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "getarrayresult",       "getoneornullresult",    "getresult",
      "getscalarresult",      "getsinglecolumnresult", "getsingleresult",
      "getsinglescalarresult"};
  return IsOneOf(name, kNames);
}

}  // namespace

// A builder that selects in this very chain: whatever a variable's builder was told before,
// select() makes it one that reads. Of one that was only gone on with, that is not known.
bool ChainReader::TakeBuilder(const HostCall& call, const std::string& name) {
  if (!program_.php()) return false;
  if (name == "createquery") dql_ = true;
  if (name == "createquerybuilder") {
    connection_ = false;
    builder_ = true;
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
      } else {
        build_.Fragment(argument, "tables");
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
  const bool name = std::all_of(sql.begin(), sql.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '\\' || c == ' ';
  });
  if (!sql.empty() && !name) {
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
bool ChainReader::IsRelation(const HostCall& call) const {
  const bool first = program_.php() && &call == &chain_.calls[0] && chain_.calls.size() > 1 &&
                     chain_.receiver_kind == Receiver::kVariable && call.has_parens &&
                     call.arguments.empty() && !connection_;
  if (!first || !NamesCollection(call.name) || NamesWrite(call.name) ||
      !std::all_of(call.name.begin(), call.name.end(), absl::ascii_islower)) {
    return false;
  }
  const ModelMethod* next = FindModelMethod(chain_.calls[1].name);
  return next != nullptr && !chain_.calls[1].is_property &&
         (next->role == MethodRole::kRefine || next->role == MethodRole::kRead);
}

}  // namespace dbfleet::sql
