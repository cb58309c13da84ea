#include "common/sql/active_record/query_builder.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/active_record/arel.h"
#include "common/sql/active_record/host_quoting.h"
#include "common/sql/active_record/host_sources.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {

bool IsPlainColumn(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.';
  });
}

// options->languages: the words are quoted one by one.
bool IsJsonPath(absl::string_view text) {
  const size_t arrow = text.find("->");
  if (arrow == absl::string_view::npos || !IsPlainColumn(text.substr(0, arrow))) return false;
  while (!text.empty()) {
    const size_t end = std::min(text.find("->"), text.size());
    if (!IsPlainColumn(text.substr(0, end))) return false;
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return true;
}

// Options that are no SQL, though their values are texts.
bool IsOption(const std::string& key) { return key == "include" || key == "includes"; }

void QueryBuilder::Block(HostRange range, bool for_effect) {
  HostScope inner = scope_;
  inner.for_effect = for_effect;
  findings_->Add(ReadExpressions(program_, range, inner));
}

bool QueryBuilder::IsClosure(HostRange range) const {
  if (!program_.php()) return false;
  if (program_[range.begin].IsName("static")) ++range.begin;
  return program_[range.begin].IsName("function") || program_[range.begin].IsName("fn");
}

bool QueryBuilder::IsCallable(HostRange range) const {
  return IsClosure(range) || (!program_.php() && program_[range.begin].Is("&"));
}

// A query in place, or a variable that holds one, which is read where it got it.
bool QueryBuilder::IsQuery(HostRange range) const {
  return IsQueryOfModel(program_, range) ||
         (range.end == range.begin + 1 &&
          scope_.context.queries.count(program_[range.begin].text) > 0);
}

// Reads it if it is a function or a query, so that it is no SQL.
bool QueryBuilder::TakeQuery(HostRange range) {
  if (IsClosure(range)) {
    NoteRaw(range, false);
    Closure(range);
    return true;
  }
  if (!IsQuery(range)) return false;
  Plain(range);
  return true;
}

// function ($query) { ... }: it is given a builder, on which every method of the table is one.
void QueryBuilder::Closure(HostRange range) {
  HostScope inner = scope_;
  inner.generous = true;
  inner.for_effect = false;
  findings_->Add(ReadExpressions(program_, range, inner));
}

// What a builder is told: functions are given it, also those in a list:
// with(['items' => fn ($q) => $q->orderBy('a')]).
void QueryBuilder::Given(HostRange range, bool is_table) {
  const auto pairs = program_.php() ? ReadPairs(program_, range) : std::nullopt;
  if (IsClosure(range)) {
    NoteRaw(range, is_table);
    Closure(range);
  } else if (pairs.has_value()) {
    for (const auto& [key, value] : *pairs) Given(value, is_table);
  } else {
    Plain(range, is_table);
  }
}

void QueryBuilder::PlainFrom(const HostCall& call, size_t from) {
  const std::string name = absl::AsciiStrToLower(call.name);
  const bool is_table = name == "table" || name == "from" || absl::StrContains(name, "join");
  const ModelMethod* method = FindModelMethod(name);
  const bool builds = method != nullptr && method->role == MethodRole::kRefine;
  for (size_t i = from; i < call.arguments.size(); ++i) {
    if (builds) {
      Given(call.arguments[i], is_table);
    } else {
      Plain(call.arguments[i], is_table);
    }
  }
}

void QueryBuilder::NoteRaw(HostRange range, bool is_table) {
  for (size_t i = range.begin; i + 1 < range.end; ++i) {
    const HostToken& token = program_[i];
    const bool raw = token.IsName("raw") || token.IsName("lit") || token.IsName("sql") ||
                     token.IsName("Expression");
    if (!raw || !program_[i + 1].Is("(")) continue;
    const std::vector<HostRange> parts = program_.Parts({i + 2, program_.CloseOf(i + 1)});
    if (parts.empty()) continue;
    const std::string sql = Fragment(parts[0], "expressions");
    if (sql.empty()) continue;
    if (is_table) {
      query.joins.push_back(absl::StrCat("CROSS JOIN ", sql));
    } else {
      query.expressions.push_back(sql);
    }
    i = parts[0].end;
  }
}

// A fragment of SQL, "" if it is none that is known.
std::string QueryBuilder::Fragment(HostRange range, absl::string_view where_it_stands) {
  const HostText text =
      ReadHostText(program_, range, scope_.context.placeholder_values, &scope_.context.words);
  if (!text.known) {
    NoteValue(range);
    const bool one = where_it_stands == "order" || where_it_stands == "seed";
    Problem(absl::StrCat("its ", where_it_stands, one ? " comes" : " come",
                         " from a value of the program"));
    return "";
  }
  Note(text);
  return FillPlaceholders(text.value);
}

void QueryBuilder::Note(const HostText& text) {
  if (text.escapes && scope_.context.charset != CharsetRisk::kNone) {
    Problem("a value in its SQL is quoted for another character set than the program set");
  }
  for (const std::string& escaper : text.escapers) {
    if (FitsConnection(escaper, caller, call.method, EmbeddedTarget(scope_.target).postgres())) {
      continue;
    }
    Problem(absl::StrCat("a value in its SQL is quoted by ",
                         SanitizeForDisplay(Truncate(escaper, 60)),
                         ", which is not of the connection that runs it"));
  }
  call.placeholders_only = (call.placeholders_only || text.placeholders) && !text.concatenates;
  if (!text.concatenates) return;
  call.placeholders_only = false;
  if (!call.concatenates) call.joined_value = text.joined_value;
  call.concatenates = true;
}

// SQL that is a value of the program: what was joined before or is here, or comes from the request
// itself.
void QueryBuilder::NoteValue(HostRange range) {
  range = UnwrapSql(program_, range);
  HostText text;
  for (size_t i = range.begin; i < range.end && text.joined_value.empty(); ++i) {
    const auto found = scope_.context.joined_values.find(std::string(program_[i].text));
    if (found != scope_.context.joined_values.end()) text.joined_value = found->second;
  }
  const bool joins = IsRequestValue(program_, range) || JoinsValues(program_, range);
  if (text.joined_value.empty() && joins) {
    text.joined_value = SanitizeForDisplay(Truncate(program_.Source(range), 80));
  }
  if (text.joined_value.empty()) return;
  text.concatenates = true;
  Note(text);
}

// ['a', 'b'], fn ($q) => ..., Item::select('id'): no text, though one stands in it. What is in the
// second and third is read by itself.
bool QueryBuilder::NoteTextsIn(HostRange range) {
  if (IsClosure(range) || IsQuery(range)) return true;
  if (const auto pairs = ReadPairs(program_, range); pairs.has_value() && program_.php()) {
    for (const auto& [key, value] : *pairs) {
      if (NoteTextsIn(value)) continue;
      const HostText text =
          ReadHostText(program_, value, scope_.context.placeholder_values, &scope_.context.words);
      if (text.known) Note(text);
    }
    return true;
  }
  const auto list = ReadList(program_, range);
  if (!list.has_value()) return false;
  for (const HostRange& element : *list) {
    if (NoteTextsIn(element)) continue;
    const HostText text =
        ReadHostText(program_, element, scope_.context.placeholder_values, &scope_.context.words);
    if (text.known) {
      Note(text);
    } else {
      NoteValue(element);
    }
  }
  return true;
}

// Of what is no condition, order or column: hints, comments, locks, limits.
void QueryBuilder::NoteTexts(const HostCall& from) {
  for (const HostRange& argument : from.arguments) {
    if (NoteTextsIn(argument)) continue;
    const HostText text =
        ReadHostText(program_, argument, scope_.context.placeholder_values, &scope_.context.words);
    const HostToken& first = program_[argument.begin];
    if (text.known) {
      Note(text);
    } else if (from.name != "limit" && from.name != "offset" &&
               first.kind != HostTokenKind::kNumber) {
      NoteValue(argument);
    }
  }
  PlainFrom(from, 0);
}

void QueryBuilder::Columns(const HostPairs& pairs) {
  for (const auto& [key, value] : pairs) {
    const std::string column = QuoteName(EmbeddedTarget(scope_.target), key);
    if (column.empty()) {
      Problem("its conditions name a column that is no plain name");
    } else {
      query.where.push_back(absl::StrCat(column, " = 1"));
    }
    Plain(value);
  }
}

// The value of 'conditions' =>, or the arguments of where().
void QueryBuilder::Conditions(absl::Span<const HostRange> arguments) {
  if (arguments.empty()) return;
  call.has_conditions = true;
  for (const HostRange& argument : arguments) {
    if (IsClosure(argument)) {
      Closure(argument);
      continue;
    }
    if (program_.php() && TakeQuery(argument)) continue;
    if (&argument == &arguments[0] && IsArel(program_, argument, scope_.context.queries)) {
      query.where.push_back("id = 1");
      continue;
    }
    if (const auto pairs = ReadPairs(program_, argument)) {
      Columns(*pairs);
      continue;
    }
    if (const auto list = ReadList(program_, argument); list.has_value() && !list->empty()) {
      if (&argument == &arguments[0]) {
        Conditions(*list);
      } else {
        Plain(argument);
      }
      continue;
    }
    if (&argument != &arguments[0]) {
      Plain(argument);  // A value for a placeholder.
      continue;
    }
    const std::optional<std::string> word = ReadWord(program_, argument);
    if (word.has_value() && IsPlainColumn(*word) && arguments.size() > 1) {
      Columns({{*word, arguments.back()}});  // where('name', $x)
      continue;
    }
    if (word.has_value() && program_.php() && IsJsonPath(*word)) {
      query.where.push_back(
          QuoteName(EmbeddedTarget(scope_.target), word->substr(0, word->find("->"))));
      continue;
    }
    const std::string fragment = Fragment(argument, "conditions");
    if (!fragment.empty()) query.where.push_back(fragment);
  }
}

// order, group, select, joins, from: names or fragments.
void QueryBuilder::Fragments(absl::Span<const HostRange> arguments, absl::string_view what,
                             std::string* out) {
  for (const HostRange& argument : arguments) {
    std::string text;
    if (program_.php() && TakeQuery(argument)) continue;
    if (IsArel(program_, argument, scope_.context.queries)) continue;
    if (IsCallable(argument)) {  // select(&:paid?)
      Plain(argument);
      continue;
    }
    if (const auto pairs = ReadPairs(program_, argument)) {
      for (const auto& [key, value] : *pairs) {
        absl::StrAppend(&text, text.empty() ? "" : ", ",
                        QuoteName(EmbeddedTarget(scope_.target), key));
        // select(['last' => $sub]): a query or a function, which is called.
        const bool unseen = program_.php() && !IsQuery(value) &&
                            program_[value.begin].kind == HostTokenKind::kVariable;
        if (unseen && what == "columns") Problem("its columns come from what a variable holds");
        Plain(value);
      }
    } else if (const auto list = ReadList(program_, argument)) {
      Fragments(*list, what, out);
      continue;
    } else if (program_[argument.begin].kind == HostTokenKind::kSymbol) {
      text = QuoteName(EmbeddedTarget(scope_.target), program_[argument.begin].text);
      OfName(argument);
    } else {
      text = Fragment(argument, what);
    }
    if (!text.empty()) absl::StrAppend(out, out->empty() ? "" : ", ", text);
  }
}

// :name.desc, :sleep.sql_function(5): Sequel's methods of symbols.
void QueryBuilder::OfName(HostRange argument) {
  static constexpr absl::string_view kHarmless[] = {"as", "asc", "desc", "nulls_first",
                                                    "nulls_last"};
  for (size_t i = argument.begin + 1; i < argument.end; ++i) {
    const HostToken& token = program_[i];
    if (token.kind == HostTokenKind::kName && program_[i - 1].Is(".") &&
        !IsOneOf(token.text, kHarmless)) {
      Problem(absl::StrCat("calls ", SanitizeForDisplay(Truncate(token.text, 60)),
                           " of a column, which is not known"));
    }
  }
}

// Symbols and hashes name associations; a text is SQL.
void QueryBuilder::Joins(absl::Span<const HostRange> arguments) {
  for (const HostRange& argument : arguments) {
    const HostToken& first = program_[argument.begin];
    const bool names = first.kind == HostTokenKind::kSymbol || first.Is("[") || first.Is("{") ||
                       first.kind == HostTokenKind::kLabel;
    if (names) {
      Plain(argument);
    } else if (const std::string join = Fragment(argument, "joins"); !join.empty()) {
      query.joins.push_back(join);
    }
  }
}

// array('conditions' => ..., 'limit' => 5)
void QueryBuilder::Options(const HostPairs& pairs) {
  for (const auto& [key, value] : pairs) {
    const absl::Span<const HostRange> one(&value, 1);
    if (key == "conditions" || key == "where") {
      Conditions(one);
    } else if (key == "limit") {
      Limit();
      Plain(value);
    } else if (key == "offset") {
      query.offset = true;
      Plain(value);
    } else if (key == "order") {
      Fragments(one, "order", &query.order);
    } else if (key == "group") {
      Fragments(one, "groups", &query.group);
    } else if (key == "having") {
      query.having = Fragment(value, "conditions");
    } else if (key == "select") {
      Fragments(one, "columns", &query.select);
    } else if (key == "from") {
      Fragments(one, "tables", &query.from);
    } else if (key == "joins") {
      Joins(one);
    } else if (key == "set") {
      Set(value);
    } else if (key == "lock") {
      Problem("takes row locks");
    } else if (program_[value.begin].kind == HostTokenKind::kString && !IsOption(key)) {
      Problem("has an option that is not known");
    } else {
      Plain(value);
    }
  }
}

void QueryBuilder::ById() {
  query.where.push_back("id = 1");
  call.has_conditions = true;
}

// What an update sets: pairs, or a fragment, perhaps with values for its placeholders.
void QueryBuilder::Set(HostRange value) {
  if (const auto pairs = ReadPairs(program_, value)) {
    for (const auto& [key, what] : *pairs) {
      if (IsPlainColumn(key)) query.columns.push_back(key);
      Plain(what);
    }
  } else if (const auto list = ReadList(program_, value); list.has_value() && !list->empty()) {
    query.set = Fragment((*list)[0], "new values");
    for (size_t i = 1; i < list->size(); ++i) Plain((*list)[i]);
  } else {
    query.set = Fragment(value, "new values");
  }
}

bool IsQueryOfModel(const HostProgram& program, HostRange range) {
  const std::optional<HostChain> chain = program.ChainAt(range.begin, range.end);
  if (!chain.has_value() || chain->range.begin != range.begin || chain->range.end != range.end ||
      chain->receiver_kind != Receiver::kClass || !chain->inside.empty()) {
    return false;
  }
  const HostCall& first = chain->calls[0];
  const bool table = program.php() && absl::EqualsIgnoreCase(first.name, "table") &&
                     IsFacade(program, chain->receiver);
  if (!table && (!IsModelClass(chain->receiver) || IsConnectionName(chain->receiver) ||
                 IsFacade(program, chain->receiver))) {
    return false;
  }
  return std::all_of(chain->calls.begin(), chain->calls.end(), [&](const HostCall& call) {
    if (call.is_property || call.op != HostOperator::kNone) return false;
    const std::string name = absl::AsciiStrToLower(call.name);
    const ModelMethod* method = FindModelMethod(name);
    const bool starts =
        &call == &first && (table || (program.php() ? name == "query" : name == "all"));
    return starts || (method != nullptr && method->role == MethodRole::kRefine && name != "raw");
  });
}

}  // namespace dbfleet::sql
