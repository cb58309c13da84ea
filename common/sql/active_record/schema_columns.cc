#include "common/sql/active_record/schema_columns.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/model_query.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// What the server says of a default that is SQL: "" if it is all known.
std::string ReadDefault(const std::string& sql, const SchemaServer* server, ColumnFacts* column) {
  column->default_text = sql;
  column->default_kind = DefaultKind::kStable;
  if (server == nullptr) return "";
  const Reading reading = server->read(
      server->target, absl::StrCat("ALTER TABLE t ADD COLUMN c varchar(255) DEFAULT ", sql));
  const std::vector<Alteration>& all = reading.facts.alterations;
  const bool one = all.size() == 1 && all[0].kind == AlterationKind::kAddColumn &&
                   all[0].column.has_value() && !all[0].column->has_more;
  const bool known =
      one && reading.verdict.understood && reading.verdict.runs_unknown_code != UnknownCode::kCalls;
  if (one && all[0].column->default_kind != DefaultKind::kNone) {
    column->default_kind = all[0].column->default_kind;
  }
  return known ? "" : "its default is SQL that is not known to only compute";
}

bool IsWordAt(const HostProgram& program, HostRange value, absl::string_view word) {
  return value.end == value.begin + 1 && program[value.begin].IsName(word);
}

Alteration Added(ColumnFacts column) {
  Alteration alteration = Altered(AlterationKind::kAddColumn, column.name);
  alteration.column = std::move(column);
  return alteration;
}

Alteration KeyTo(std::vector<std::string> columns, std::string parent) {
  Alteration key = Altered(AlterationKind::kAddForeignKey, "");
  key.foreign_key.emplace();
  key.foreign_key->columns = std::move(columns);
  key.foreign_key->parent = TableName(parent);
  return key;
}

bool IsColumnName(absl::string_view name) {
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c >= 0x80;
  });
}

// The options in an option: index: {unique: true}.
Given InOption(const HostProgram& program, const HostRange& value) {
  Given given;
  if (const auto pairs = ReadPairs(program, value)) given.options = *pairs;
  return given;
}

bool IsReference(absl::string_view type) { return type == "references" || type == "belongs_to"; }

// Whether an option is given that is neither false nor nil; nullptr if it is not.
const HostRange* WantedOption(const HostProgram& program, const Given& given,
                              absl::string_view name) {
  const HostRange* value = OptionOf(given, name);
  const bool off =
      value == nullptr || IsWordAt(program, *value, "false") || IsWordAt(program, *value, "nil");
  return off ? nullptr : value;
}

void TakeDefaultOfRails(const HostProgram& program, const Given& given, const SchemaServer* server,
                        ColumnFacts* column, std::string* doubt) {
  const HostRange* value = OptionOf(given, "default");
  if (value == nullptr) {
    // In **options there may be one.
    if (given.more) column->default_kind = DefaultKind::kConstant;
    return;
  }
  if (IsWordAt(program, *value, "nil")) return;
  if (const auto sql = ReadSqlValue(program, *value)) {
    *doubt = ReadDefault(*sql, server, column);
    return;
  }
  column->default_kind = DefaultKind::kConstant;
  column->default_text = std::string(program.Source(*value));
}

ColumnFacts ColumnOfRails(const HostProgram& program, std::string name, const std::string& type,
                          const Given& given, const SchemaServer* server, std::string* doubt) {
  ColumnFacts column;
  column.name = std::move(name);
  column.type = column.type_text = type;
  const bool timestamps = type == "timestamps";
  column.not_null = Is(program, given, "null", "false") ||
                    (timestamps && OptionOf(given, "null") == nullptr && !given.more);
  column.auto_increment = absl::StrContains(type, "serial") || type == "primary_key";
  column.generated_virtual = type == "virtual" || OptionOf(given, "as") != nullptr;
  TakeDefaultOfRails(program, given, server, &column, doubt);
  return column;
}

}  // namespace

Alteration Altered(AlterationKind kind, std::string name, std::string new_name) {
  Alteration alteration;
  alteration.kind = kind;
  alteration.name = std::move(name);
  alteration.new_name = std::move(new_name);
  return alteration;
}

Name TableName(const std::string& written) {
  const size_t dot = written.find('.');
  if (dot == std::string::npos) return {"", written};
  return {written.substr(0, dot), written.substr(dot + 1)};
}

Alteration IndexOver(std::vector<std::string> columns) {
  Alteration alteration = Altered(AlterationKind::kAddIndex, "");
  alteration.index.emplace();
  if (!std::all_of(columns.begin(), columns.end(), IsColumnName)) alteration.index->keys = columns;
  alteration.index->columns = std::move(columns);
  return alteration;
}

Alteration IndexOfRails(const HostProgram& program, std::vector<std::string> columns,
                        const Given& given) {
  Alteration alteration = IndexOver(std::move(columns));
  IndexFacts& index = *alteration.index;
  index.concurrently = MayBe(program, given, "algorithm", "concurrently");
  index.unique = Is(program, given, "unique", "true");
  index.nulls_not_distinct = Is(program, given, "nulls_not_distinct", "true");
  if (const HostRange* where = OptionOf(given, "where")) {
    index.partial = true;
    index.where = ReadWord(program, *where).value_or("");
  }
  return alteration;
}

Alteration KeyOfRails(const HostProgram& program, std::string parent, const Given& given) {
  Alteration key = KeyTo({}, std::move(parent));
  key.not_valid = MayBe(program, given, "validate", "false");
  key.foreign_key->cascades_delete = Is(program, given, "on_delete", "cascade");
  if (const HostRange* column = OptionOf(given, "column")) {
    if (const auto word = ReadWord(program, *column)) key.foreign_key->columns = {*word};
  }
  return key;
}

AddedColumns ColumnsOfRails(const HostProgram& program, absl::Span<const std::string> names,
                            const std::string& type, const Given& given,
                            const SchemaServer* server) {
  AddedColumns added;
  const bool reference = IsReference(type);
  const bool polymorphic = reference && WantedOption(program, given, "polymorphic") != nullptr;
  std::vector<Alteration> behind;
  for (const std::string& name : names) {
    std::vector<std::string> columns = {name};
    if (reference) columns = {name + "_id"};
    if (polymorphic) columns.insert(columns.begin(), name + "_type");
    for (const std::string& column : columns) {
      added.alterations.push_back(
          Added(ColumnOfRails(program, column, type, given, server, &added.doubt)));
    }
    // A reference has an index unless it says otherwise.
    const HostRange* index = WantedOption(program, given, "index");
    const bool by_itself = reference && OptionOf(given, "index") == nullptr && !given.more;
    if (index != nullptr || by_itself) {
      const Given how = index == nullptr ? Given() : InOption(program, *index);
      // What is not written out may be the safe form.
      const bool written =
          index == nullptr || !how.options.empty() || IsWordAt(program, *index, "true");
      if (written) behind.push_back(IndexOfRails(program, columns, how));
    }
    const HostRange* key = reference ? WantedOption(program, given, "foreign_key") : nullptr;
    if (key == nullptr) continue;
    const Given how = InOption(program, *key);
    if (how.options.empty() && !IsWordAt(program, *key, "true")) continue;
    const HostRange* to = OptionOf(how, "to_table");
    const auto parent = to == nullptr ? TableOf(name) : ReadWord(program, *to);
    if (!parent.has_value()) continue;
    Alteration one = KeyOfRails(program, *parent, how);
    one.foreign_key->columns = columns;
    one.foreign_key->is_inline = true;
    behind.push_back(std::move(one));
  }
  added.alterations.insert(added.alterations.end(), std::make_move_iterator(behind.begin()),
                           std::make_move_iterator(behind.end()));
  return added;
}

std::vector<Alteration> CheckOfRails(const HostProgram& program, HostRange expression,
                                     const Given& given, const SchemaServer* server) {
  const auto condition = ReadWord(program, expression);
  if (!condition.has_value() || server == nullptr) return {};
  const Reading reading = server->read(
      server->target, absl::StrCat("ALTER TABLE t ADD CONSTRAINT c CHECK (", *condition, ")"));
  const std::vector<Alteration>& all = reading.facts.alterations;
  if (all.size() != 1 || all[0].kind != AlterationKind::kAddCheck) return {};
  Alteration check = all[0];
  const HostRange* name = OptionOf(given, "name");
  check.name = name == nullptr ? "" : ReadWord(program, *name).value_or("");
  check.text = std::string(program.Source(expression));
  check.definition.clear();
  check.not_valid = MayBe(program, given, "validate", "false");
  return {std::move(check)};
}

// Laravel -----------------------------------------------------------------------------------------

namespace {

// "user_id" of User::class.
std::string KeyOfClass(const HostProgram& program, HostRange argument) {
  if (!program[argument.begin + 1].Is("::")) return "";
  absl::string_view model = program[argument.begin].text;
  model.remove_prefix(std::min(model.size(), model.rfind('\\') + 1));
  std::string column;
  for (size_t i = 0; i < model.size(); ++i) {
    if (absl::ascii_isupper(model[i]) && i > 0) column.push_back('_');
    column.push_back(absl::ascii_tolower(model[i]));
  }
  return column + "_id";
}

std::vector<std::string> NamesOfLaravel(const HostProgram& program, const std::string& word,
                                        const HostCall& call) {
  const Given given = Take(program, call.arguments);
  if (absl::StrContains(word, "morphs") && !given.names.empty()) {
    return {given.names[0] + "_type", given.names[0] + "_id"};
  }
  if (word == "foreignidfor" && !call.arguments.empty()) {
    if (call.arguments.size() > 1) {
      const auto column = ReadWord(program, WithoutLabel(program, call.arguments[1]));
      return column.has_value() ? std::vector<std::string>{*column} : std::vector<std::string>();
    }
    const std::string key = KeyOfClass(program, WithoutLabel(program, call.arguments[0]));
    return key.empty() ? std::vector<std::string>() : std::vector<std::string>{key};
  }
  const bool times = absl::StrContains(word, "timestamps") || word == "datetimes";
  if (times) return {"created_at", "updated_at"};
  if (word == "remembertoken") return {"remember_token"};
  if (word == "id" && given.names.empty()) return {"id"};
  if (absl::StartsWith(word, "softdeletes") && given.names.empty()) return {"deleted_at"};
  if (given.names.empty()) return {};
  return {given.names[0]};
}

// Words of columns that may be NULL, or number themselves.
bool IsNullableWord(absl::string_view word) {
  return absl::StartsWith(word, "nullable") || absl::StartsWith(word, "softdeletes") ||
         absl::StartsWith(word, "timestamps") || word == "datetimes" || word == "remembertoken";
}

// nullable(), nullable(true); nullable($x) may be either, and is taken for the harmless one.
bool SaysNullable(const HostProgram& program, const HostCall& call) {
  return call.arguments.empty() ||
         !IsWordAt(program, WithoutLabel(program, call.arguments[0]), "false");
}

void TakeDefaultOfLaravel(const HostProgram& program, const HostCall& call,
                          const SchemaServer* server, ColumnFacts* column, std::string* doubt) {
  if (call.arguments.empty()) return;
  const HostRange value = WithoutLabel(program, call.arguments[0]);
  if (IsWordAt(program, value, "null")) return;  // Laravel leaves it out.
  if (const auto sql = ReadSqlValue(program, value)) {
    *doubt = ReadDefault(*sql, server, column);
    return;
  }
  column->default_kind = DefaultKind::kConstant;
  column->default_text = std::string(program.Source(value));
}

bool CascadesDelete(const HostProgram& program, absl::Span<const HostCall> calls) {
  return std::any_of(calls.begin(), calls.end(), [&](const HostCall& call) {
    const std::string word = absl::AsciiStrToLower(call.name);
    if (word == "cascadeondelete") return true;
    const Given given = Take(program, call.arguments);
    return word == "ondelete" && !given.names.empty() &&
           absl::EqualsIgnoreCase(given.names[0], "cascade");
  });
}

// The table of constrained('users'), on('users') and constrained() of user_id; "" if it is none.
std::string ParentOfLaravel(const HostProgram& program, absl::Span<const HostCall> calls,
                            absl::string_view column) {
  for (const HostCall& call : calls) {
    const std::string word = absl::AsciiStrToLower(call.name);
    if (word != "constrained" && word != "on") continue;
    const Given given = Take(program, call.arguments);
    if (!given.names.empty()) return given.names[0];
    if (word == "constrained") return TableOf(column.substr(0, column.rfind('_')));
  }
  return "";
}

}  // namespace

Alteration KeyOfLaravel(const HostProgram& program, absl::Span<const HostCall> calls) {
  const Given given =
      Take(program, calls[0].arguments.empty() ? absl::Span<const HostRange>()
                                               : absl::MakeSpan(calls[0].arguments).subspan(0, 1));
  Alteration key = KeyTo(given.names, ParentOfLaravel(program, calls, ""));
  key.foreign_key->cascades_delete = CascadesDelete(program, calls);
  return key;
}

AddedColumns ColumnsOfLaravel(const HostProgram& program, absl::Span<const HostCall> calls,
                              const SchemaServer* server) {
  AddedColumns added;
  const std::string type = absl::AsciiStrToLower(calls[0].name);
  const std::vector<std::string> names = NamesOfLaravel(program, type, calls[0]);
  if (names.empty()) return added;
  ColumnFacts column;
  column.type = column.type_text = type;
  column.not_null = !IsNullableWord(type);
  column.auto_increment = type == "id" || absl::EndsWith(type, "increments");
  std::vector<Alteration> behind;
  if (absl::StrContains(type, "morphs")) behind.push_back(IndexOver(names));
  for (const HostCall& call : calls.subspan(1)) {
    const std::string word = absl::AsciiStrToLower(call.name);
    if (word == "nullable") {
      column.not_null = !SaysNullable(program, call);
    } else if (word == "default") {
      TakeDefaultOfLaravel(program, call, server, &column, &added.doubt);
    } else if (word == "usecurrent") {
      column.default_kind = DefaultKind::kStable;
      column.default_text = "CURRENT_TIMESTAMP";
    } else if (word == "autoincrement") {
      column.auto_increment = true;
    } else if (word == "index" || word == "unique" || word == "fulltext" ||
               word == "spatialindex") {
      behind.push_back(IndexOver(names));
      behind.back().index->unique = word == "unique";
    }
  }
  for (const std::string& name : names) {
    column.name = name;
    added.alterations.push_back(Added(column));
  }
  const std::string parent = ParentOfLaravel(program, calls, names[0]);
  if (!parent.empty()) {
    Alteration key = KeyTo(names, parent);
    key.foreign_key->cascades_delete = CascadesDelete(program, calls);
    key.foreign_key->is_inline = true;
    behind.push_back(std::move(key));
  }
  added.alterations.insert(added.alterations.end(), std::make_move_iterator(behind.begin()),
                           std::make_move_iterator(behind.end()));
  return added;
}

}  // namespace dbfleet::sql
