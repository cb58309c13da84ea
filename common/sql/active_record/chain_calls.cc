#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/text.h"
#include "common/sql/active_record/chain_reader.h"
#include "common/sql/active_record/host_constants.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

// What the calls of a chain are given.
namespace dbfleet::sql {
namespace {

Kind KindOf(MethodRole role) {
  return role == MethodRole::kInsert || role == MethodRole::kUpdate || role == MethodRole::kDelete
             ? Kind::kDataFix
             : Kind::kControl;
}

// App\\Entity\\User in DQL; what stands in quotes stays.
std::string WithoutNamespaces(absl::string_view dql) {
  std::string plain;
  bool quoted = false;
  for (char c : dql) {
    quoted = c == '\'' ? !quoted : quoted;
    if (c == '\\' && !quoted) {
      while (!plain.empty() && (absl::ascii_isalnum(plain.back()) || plain.back() == '_')) {
        plain.pop_back();
      }
      continue;
    }
    plain.push_back(c);
  }
  return plain;
}

}  // namespace

// A driver's function has SQL for one of its arguments; the others run what is not seen.
void ChainReader::Function(const HostCall& call, const HostFunction& function) {
  function_ = {function.name, function.role, KindOf(function.role), function.safety, function.note};
  method_ = &function_;
  role_ = function.role;
  connection_ = true;
  build_.call.method = std::string(call.name);
  if (call.block.has_value()) build_.Block(*call.block, true);
  switch (function.role) {
    case MethodRole::kRaw: {
      const bool short_form = call.arguments.size() < static_cast<size_t>(function.full);
      Raw(call, static_cast<size_t>(function.sql) - (short_form && function.sql > 0 ? 1 : 0));
      return;
    }
    case MethodRole::kRunPrepared:
      RunPrepared(call.arguments.empty() ? "" : program_.Source(call.arguments[0]));
      build_.PlainFrom(call, 1);
      return;
    case MethodRole::kInsert:
    case MethodRole::kUpdate:
    case MethodRole::kDelete:
    case MethodRole::kTransaction:
      build_.PlainFrom(call, 0);
      return;
    default:
      build_.Problem(absl::StrCat(SanitizeForDisplay(Truncate(call.name, 60)), " ", function.note));
      build_.PlainFrom(call, 0);
  }
}

// The SQL stood where it was prepared; given SQL, it is another library's execute.
void ChainReader::RunPrepared(absl::string_view statement) {
  const auto& prepared = scope_.context.prepared;
  const auto found = prepared.find(std::string(statement));
  build_.call.raw_sql = ran_raw_ = true;
  if (found == prepared.end() || found->second.empty()) {
    build_.Problem(
        "it runs what was prepared, which is not known: prepare constant SQL in front of it, into "
        "a "
        "local variable that holds nothing else and is only executed and fetched from");
    return;
  }
  for (absl::string_view sql : absl::StrSplit(found->second, kBetweenTexts)) {
    if (!raw_sql_.empty()) raw_sql_.push_back(kBetweenTexts);
    raw_sql_ += FillPlaceholders(sql);
  }
  build_.call.has_placeholders = true;
}

void ChainReader::Refine(const HostCall& call, const std::string& name) {
  if (program_.php() ? RefineInPhp(call, name) : RefineInRuby(call, name)) return;
  const absl::Span<const HostRange> arguments = call.arguments;
  const bool relation = (name == "or" || name == "and") && arguments.size() == 1 &&
                        program_[arguments[0].begin].kind == HostTokenKind::kName;
  if (relation) {
    build_.PlainFrom(call, 0);  // User.where(...).or(User.where(...))
    build_.call.has_conditions = true;
  } else if (absl::StrContains(name, "where") || name == "not" || name == "exclude" ||
             name == "or" || name == "and") {
    build_.Conditions(arguments);
  } else if (name == "limit") {
    build_.Limit();
    build_.NoteTexts(call);
  } else if (name == "offset") {
    build_.query.offset = true;
    build_.NoteTexts(call);
  } else if (name == "order" || name == "reorder" || name == "orderby" || name == "orderbyraw" ||
             name == "in_order_of") {
    build_.Fragments(arguments, "order", &build_.query.order);
  } else if (name == "group" || name == "regroup" || name == "groupby" || name == "groupbyraw") {
    build_.Fragments(arguments, "groups", &build_.query.group);
  } else if (name == "having" || name == "havingraw" || name == "orhavingraw") {
    if (!arguments.empty()) build_.query.having = build_.Fragment(arguments[0], "conditions");
    build_.PlainFrom(call, 1);
  } else if (name == "select" || name == "selectraw" || name == "select_append" ||
             name == "select_group" || name == "group_and_count") {
    build_.Fragments(arguments, "columns", &build_.query.select);
  } else if (name == "from" || name == "fromraw") {
    build_.Fragments(arguments, "tables", &build_.query.from);
  } else if (name == "raw") {
    if (!arguments.empty()) {
      const std::string sql = build_.Fragment(arguments[0], "expressions");
      if (!sql.empty() && connection_) build_.query.expressions.push_back(sql);
    }
    build_.PlainFrom(call, 1);
  } else if (name == "inrandomorder") {
    // The seed stands in RAND(...) as it is.
    for (const HostRange& seed : arguments) {
      const std::string sql = program_[seed.begin].kind == HostTokenKind::kNumber
                                  ? std::string(program_.Source(seed))
                                  : build_.Fragment(seed, "seed");
      if (!sql.empty()) build_.query.expressions.push_back(absl::StrCat("(", sql, ")"));
    }
  } else if (name == "with" && !program_.php()) {
    CommonTables(call);
  } else if (name == "annotate" || name == "optimizer_hints") {
    Comments(call);
  } else if (absl::StrContains(name, "joins")) {
    build_.Joins(arguments);
  } else if (BuildsSql(name)) {
    build_.NoteTexts(call);
  } else {
    build_.PlainFrom(call, 0);
  }
}

// User.with(x: "SELECT ...")
void ChainReader::CommonTables(const HostCall& call) {
  for (const HostRange& argument : call.arguments) {
    const auto pairs = ReadPairs(program_, argument);
    if (!pairs.has_value()) {
      build_.Plain(argument);
      continue;
    }
    for (const auto& [name, value] : *pairs) {
      const std::optional<HostChain> query = program_.ChainAt(value.begin, value.end);
      const bool of_model = query.has_value() && query->range.end == value.end &&
                            query->receiver_kind == Receiver::kClass &&
                            IsModelClass(query->receiver);
      if (!of_model) build_.Problem("has a common table that is no query of a model");
      build_.Plain(value);
    }
  }
}

// Older versions of Rails let a comment or hint end where its text says so.
void ChainReader::Comments(const HostCall& call) {
  build_.NoteTexts(call);
  for (const HostRange& argument : call.arguments) {
    const HostText text =
        ReadHostText(program_, argument, scope_.context.placeholder_values, &scope_.context.words);
    if (!text.known) {
      build_.Problem("its comments come from a value of the program");
    } else if (text.concatenates) {
      continue;  // Is a finding.
    } else if (absl::StrContains(text.value, "*/") || absl::StrContains(text.value, "/*")) {
      build_.Problem("its comment ends where its text says so, and what follows is SQL");
    } else if (absl::StrContains(absl::AsciiStrToLower(text.value), "set_var")) {
      build_.Problem("its hint sets a variable of the server");
    }
  }
}

void ChainReader::TakeRead(const HostCall& call, const std::string& name) {
  loaded_ = true;
  const bool one = name == "first" || name == "first!" || name == "last" || name == "last!" ||
                   name == "take" || name == "take!" || absl::StartsWith(name, "find_by") ||
                   name == "second" || name == "third" || absl::StartsWith(name, "exist") ||
                   name == "sole" || absl::StartsWith(name, "find_sole");
  const bool batches = name == "find_each" || name == "find_in_batches" || name == "in_batches";
  // first and last order by the key by themselves; who asks for one row wants any.
  if (one || batches) build_.call.has_limit = true;
  build_.query.counts = build_.query.counts || name == "count";
  if (name == "explain" && !call.arguments.empty()) {
    build_.Problem("explain with options may execute what it explains once more");
  }
  for (const absl::string_view family : {"find_by_", "find_all_by_", "find_last_by_"}) {
    if (absl::StartsWith(name, family)) {
      build_.call.has_conditions = true;
      build_.query.where.push_back(absl::StrCat(
          QuoteName(EmbeddedTarget(scope_.target), name.substr(family.size())), " = 1"));
      build_.PlainFrom(call, 0);
      return;
    }
  }
  size_t from = 0;
  const absl::Span<const HostRange> arguments = call.arguments;
  // Doctrine's $em->find(User::class, 1, 4)
  for (size_t i = 1; i < arguments.size() && program_.php() && name == "find" &&
                     chain_.receiver_kind == Receiver::kVariable;
       ++i) {
    const HostToken& given = program_[arguments[i].begin];
    const bool mode =
        given.kind == HostTokenKind::kNumber || given.kind == HostTokenKind::kVariable ||
        (given.kind == HostTokenKind::kName && program_[arguments[i].begin + 1].Is(":"));
    if (mode && i + 1 == arguments.size() &&
        (i > 1 || !program_[arguments[0].end - 1].IsName("class"))) {
      build_.Problem("is given a lock mode by its number, or what is not known");
    }
  }
  if (name == "find" && !arguments.empty()) {
    const std::optional<std::string> what = ReadWord(program_, arguments[0]);
    if (what == "all" || what == "first" || what == "last" || what == "count") {
      from = 1;
      build_.query.counts = *what == "count";
      if (*what == "first" || *what == "last") build_.Limit();
    } else if (!ReadPairs(program_, arguments[0]).has_value() && !call.block.has_value()) {
      build_.ById();
    }
  }
  if ((name == "findby" || name == "findoneby") && !arguments.empty()) {  // Doctrine's.
    build_.Conditions(arguments.subspan(0, 1));
    build_.PlainFrom(call, 1);
    return;
  }
  const bool conditions = name == "find_by" || name == "find_by!" || name == "exists?" ||
                          name == "exists" || absl::StartsWith(name, "find_sole");
  if (conditions && arguments.size() == 1 &&
      program_[arguments[0].begin].kind == HostTokenKind::kNumber) {
    build_.ById();
  } else if (conditions) {
    build_.Conditions(arguments);
    return;
  }
  for (size_t i = from; i < arguments.size(); ++i) {
    if (const auto pairs = ReadPairs(program_, arguments[i])) {
      build_.Options(*pairs);
    } else if (ReadsColumns(name) && build_.IsCallable(arguments[i])) {
      build_.Plain(arguments[i]);  // sum(&:total), sum(fn ($o) => $o->total)
    } else if (ReadsColumns(name)) {
      build_.Fragments({&arguments[i], 1}, "columns", &build_.query.select);
    } else {
      build_.NoteRaw(arguments[i], false);
      build_.Block(arguments[i], !GivesValues(name));
    }
  }
}

void ChainReader::Raw(const HostCall& call, size_t sql) {
  if (ran_raw_ &&
      (call.arguments.empty() ||
       (scope_.context.constants.count(std::string(program_.Source(call.arguments[0]))) == 0 &&
        !ReadHostText(program_, call.arguments[0], {}).known))) {
    build_.PlainFrom(call, 0);  // prepare("...")->execute(array($x))
    return;
  }
  build_.call.raw_sql = ran_raw_ = true;
  if (call.arguments.size() <= sql) {
    build_.Problem("its SQL is not given");
    return;
  }
  HostRange first = call.arguments[sql];
  // [sql, values]
  if (const auto list = ReadList(program_, first); list.has_value() && !list->empty()) {
    first = (*list)[0];
    for (size_t i = 1; i < list->size(); ++i) build_.Plain((*list)[i]);
  }
  // WordPress' prepare() fills its placeholders itself.
  const bool wordpress = program_.php() && chain_.receiver == "$wpdb" && chain_.calls.size() == 1 &&
                         absl::EqualsIgnoreCase(call.name, "prepare");
  HostText text = ReadHostText(program_, wordpress ? chain_.range : first,
                               scope_.context.placeholder_values, &scope_.context.words);
  if (dql_) text.value = WithoutNamespaces(text.value);
  const auto held = scope_.context.constants.find(std::string(program_.Source(first)));
  if (held != scope_.context.constants.end() && !held->second.empty()) {
    std::string all;
    for (absl::string_view one : absl::StrSplit(held->second, kBetweenTexts)) {
      if (!all.empty()) all.push_back(kBetweenTexts);
      all += FillPlaceholders(one);
    }
    build_.call.has_placeholders = HasPlaceholders(held->second);
    raw_sql_ = std::move(all);
  } else if (!text.known) {
    build_.NoteValue(first);
    build_.Problem(
        "its SQL comes from a value of the program; write it where it is run, or bind constant SQL "
        "to a local variable in the same method that nothing else is done with");
  } else {
    build_.Note(text);
    if (text.escapes && absl::StrContains(absl::AsciiStrToLower(text.value), "pg_settings")) {
      build_.Problem("asks for a setting of the server that a value of the program names");
    }
    raw_sql_ = FillPlaceholders(text.value);
    build_.call.has_placeholders = HasPlaceholders(text.value);
  }
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    if (i != sql) build_.Plain(call.arguments[i]);
  }
}

// $wpdb->insert('orders', [...]), $conn->update('orders', [...], ['id' => 1]): they are given a
// table, and no SQL. What they make is not seen, so that an insert counts as a change of rows.
bool ChainReader::WritesTable(const HostCall& call, const std::string& name) {
  static constexpr absl::string_view kNames[] = {"delete", "insert", "replace", "update"};
  if (!program_.php() || !connection_ || ran_raw_ || call.arguments.size() < 2 ||
      !IsOneOf(name, kNames)) {
    return false;
  }
  const HostText table = ReadHostText(program_, call.arguments[0],
                                      scope_.context.placeholder_values, &scope_.context.words);
  const bool word = std::all_of(table.value.begin(), table.value.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.';
  });
  if (!table.known || table.concatenates || table.value.empty() || !word) return false;
  function_ = *FindModelMethod(name == "delete" ? "delete" : "update");
  function_.name = call.name;
  method_ = &function_;
  role_ = function_.role;
  build_.query.table = table.value;
  Write(call, name);
  return true;
}

void ChainReader::Write(const HostCall& call, const std::string& name) {
  const bool all =
      absl::EndsWith(name, "_all") || absl::EndsWith(name, "_by") || name == "truncate";
  const bool refined = !build_.query.where.empty() || build_.call.has_conditions;
  // On a record, or by its key.
  if (!all && (loaded_ || chain_.receiver_kind == Receiver::kVariable ||
               (!call.arguments.empty() && absl::StartsWith(name, "de")))) {
    if (!refined && method_->role != MethodRole::kInsert) build_.ById();
  }
  for (const HostRange& argument : call.arguments) {
    const auto pairs = ReadPairs(program_, argument);
    if (!pairs.has_value()) {
      if (all && method_->role == MethodRole::kDelete) {
        build_.Conditions({&argument, 1});
      } else if (name == "update_all") {
        build_.Set(argument);
      } else {
        build_.Plain(argument);
      }
    } else if (method_->role == MethodRole::kDelete) {
      if (program_.php() && std::any_of(pairs->begin(), pairs->end(), [](const auto& pair) {
            return pair.first == "conditions";
          })) {
        build_.Options(*pairs);
      } else {
        build_.Conditions({&argument, 1});
      }
    } else if (name == "update_all" && program_.php() && pairs->front().first == "set") {
      build_.Options(*pairs);
    } else {
      build_.Set(argument);
    }
  }
}

}  // namespace dbfleet::sql
