#include "common/sql/active_record/schema_facts_of_calls.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/sql/active_record/schema_calls.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

Alteration Changed(std::string name, std::string type) {
  Alteration alteration = Altered(AlterationKind::kChangeType, std::move(name));
  alteration.column.emplace();
  alteration.column->name = alteration.name;
  alteration.column->type = alteration.column->type_text = std::move(type);
  return alteration;
}

std::vector<std::string> Behind(const Given& given, size_t from) {
  const size_t first = std::min(from, given.names.size());
  return {given.names.begin() + static_cast<ptrdiff_t>(first), given.names.end()};
}

// true: SET NOT NULL.
Alteration NotNull(std::string column, bool set) {
  return Altered(set ? AlterationKind::kSetNotNull : AlterationKind::kDropNotNull,
                 std::move(column));
}

void Take(AddedColumns added, Facts* facts, std::string* doubt) {
  facts->alterations = std::move(added.alterations);
  *doubt = std::move(added.doubt);
}

// change_column_null :orders, :note, false
void AddNull(const HostProgram& program, const std::string& column, const HostRange* allowed,
             Facts* facts) {
  if (allowed == nullptr || allowed->end != allowed->begin + 1) return;
  const HostToken& word = program[allowed->begin];
  if (!word.IsName("false") && !word.IsName("true")) return;
  facts->alterations.push_back(NotNull(column, word.IsName("false")));
}

const HostRange* ArgumentAt(const HostCall& call, size_t i) {
  return i < call.arguments.size() ? &call.arguments[i] : nullptr;
}

// An index that is dropped by its columns, or by its name.
Alteration DroppedIndex(std::vector<std::string> columns, std::string name) {
  Alteration dropped = Altered(AlterationKind::kDropIndex, std::move(name));
  dropped.index.emplace();
  dropped.index->columns = std::move(columns);
  return dropped;
}

// The columns of what is dropped by a word for several of them.
std::vector<std::string> NamedColumns(const std::string& word, const Given& given, size_t from) {
  if (absl::StrContains(word, "timestamps")) return {"created_at", "updated_at"};
  if (absl::StrContains(word, "softdeletes")) return {"deleted_at"};
  if (absl::StrContains(word, "remembertoken")) return {"remember_token"};
  std::vector<std::string> columns;
  for (size_t i = from; i < given.names.size(); ++i) columns.push_back(given.names[i] + "_id");
  return columns;
}

// For advice: what is said again there.
void NoteWritten(const HostProgram& program, const HostCall& call, Facts* facts) {
  static constexpr absl::string_view kNewColumn[] = {"default", "foreign_key", "index", "null"};
  constexpr size_t kLongest = 200;
  const Given given = Take(program, call.arguments);
  const bool adds =
      std::any_of(facts->alterations.begin(), facts->alterations.end(),
                  [](const Alteration& one) { return one.kind == AlterationKind::kAddColumn; });
  if (!program.php()) {
    facts->call->options =
        adds ? OptionsAsWritten(program, given, kNewColumn) : OptionsAsWritten(program, given);
  }
  if (!program.php() || call.arguments.empty()) return;
  const HostRange all = {call.arguments.front().begin, call.arguments.back().end};
  const absl::string_view source = program.Source(all);
  if (source.size() > kLongest || absl::StrContains(source, '\n')) return;
  facts->call->options = absl::StrCat(call.name, "(", source, ")");
}

Facts FactsOf(Verb verb, Name table) {
  Facts facts;
  facts.verb = verb;
  facts.objects.push_back(std::move(table));
  return facts;
}

}  // namespace

namespace {

// Laravel gives it where none is written: orders_number_index.
std::string IndexNameOfLaravel(const Name& table, const std::vector<std::string>& columns,
                               absl::string_view word) {
  std::string name = table.name;
  for (const std::string& column : columns) absl::StrAppend(&name, "_", column);
  absl::StrAppend(&name, "_", absl::StripPrefix(word, "drop"));
  std::replace(name.begin(), name.end(), '-', '_');
  std::replace(name.begin(), name.end(), '.', '_');
  return absl::AsciiStrToLower(name);
}

void AddToLaravel(const HostProgram& program, absl::Span<const HostCall> calls, SchemaRole role,
                  const SchemaServer* server, Facts* facts, std::string* doubt) {
  const HostCall& call = calls[0];
  const std::string word = absl::AsciiStrToLower(call.name);
  // Behind the first stands an index's name, and the like.
  const Given given = Take(
      program,
      absl::MakeConstSpan(call.arguments).subspan(0, std::min<size_t>(call.arguments.size(), 1)));
  const auto& names = given.names;
  const auto add = [&](Alteration alteration) { facts->alterations.push_back(alteration); };
  switch (role) {
    case SchemaRole::kColumn:
      return Take(ColumnsOfLaravel(program, calls, server), facts, doubt);
    case SchemaRole::kKey:
      if (names.empty()) return;
      add(IndexOver(names));
      facts->alterations.back().index->unique = word == "unique";
      if (call.arguments.size() > 1) {
        const Given name = Take(program, absl::MakeConstSpan(call.arguments).subspan(1, 1));
        if (name.names.size() == 1) facts->alterations.back().index->name = name.names[0];
      }
      return;
    case SchemaRole::kForeignKey: {
      Alteration key = KeyOfLaravel(program, calls);
      if (!key.foreign_key->parent.name.empty()) add(std::move(key));
      return;
    }
    case SchemaRole::kChangeColumn: {
      if (names.empty()) return;
      AddedColumns changed = ColumnsOfLaravel(program, calls, server);
      *doubt = std::move(changed.doubt);
      add(Changed(names[0], std::string(call.name)));
      const bool not_null = std::any_of(calls.begin(), calls.end(),
                                        [](const HostCall& one) {
                                          return absl::EqualsIgnoreCase(one.name, "nullable");
                                        }) &&
                            !changed.alterations.empty() && changed.alterations[0].column->not_null;
      if (not_null) add(NotNull(names[0], true));
      return;
    }
    case SchemaRole::kDropKey:
      // Of those a unique and a primary key are constraints of PostgreSQL's.
      if (names.empty() || (!absl::EndsWith(word, "index") && word != "dropfulltext")) return;
      if (given.separate > 0) return add(DroppedIndex({}, names[0]));
      return add(DroppedIndex(names, IndexNameOfLaravel(facts->objects[0], names, word)));
    default:
      return;
  }
}

void AddToRails(const HostProgram& program, const HostCall& call, SchemaRole role,
                const SchemaServer* server, Facts* facts, std::string* doubt) {
  const std::string word = absl::AsciiStrToLower(call.name);
  const Given given = Take(program, call.arguments);
  const auto& names = given.names;
  const auto add = [&](Alteration alteration) { facts->alterations.push_back(alteration); };
  switch (role) {
    case SchemaRole::kColumn: {
      std::vector<std::string> columns = names;
      std::string type = word;
      if (word == "timestamps") columns = {"created_at", "updated_at"};
      if (word == "column") {
        if (names.size() < 2) return;
        columns = {names[0]};
        type = names[1];
      }
      return Take(ColumnsOfRails(program, columns, type, given, server), facts, doubt);
    }
    case SchemaRole::kKey:
      if (!names.empty()) add(IndexOfRails(program, names, given));
      return;
    case SchemaRole::kForeignKey:
      if (!names.empty()) add(KeyOfRails(program, names[0], given));
      return;
    case SchemaRole::kChangeColumn:
      if (names.size() != 2) return;
      add(Changed(names[0], names[1]));
      if (Is(program, given, "null", "false")) add(NotNull(names[0], true));
      return;
    case SchemaRole::kChangeDefault:
      if (word == "change_null" && !names.empty()) {
        AddNull(program, names[0], ArgumentAt(call, 1), facts);
      }
      return;
    case SchemaRole::kDropKey: {
      if (word != "remove_index") return;
      Alteration dropped = DroppedIndex(names, "");
      dropped.concurrently = MayBe(program, given, "algorithm", "concurrently");
      return add(std::move(dropped));
    }
    default:
      return;
  }
}

// Of a table that is new its columns are nobody's yet; what they hold, and what they do to others,
// has rules all the same.
void KeepWhatIsSaidOfNew(Facts* facts) {
  for (Alteration& alteration : facts->alterations) {
    if (alteration.column.has_value()) {
      const std::string& type = alteration.column->type;
      const bool told =
          type == "json" || absl::StrContains(type, "float") || type == "double" || type == "real";
      if (told) facts->columns.push_back(*std::move(alteration.column));
    } else if (alteration.foreign_key.has_value() && alteration.foreign_key->cascades_delete) {
      facts->foreign_keys.push_back(*std::move(alteration.foreign_key));
    }
  }
  facts->alterations.clear();
  facts->verb = Verb::kOther;
}

// What one word of a block does, beside those that add: see AddToRails.
void AddDropsAndNames(const HostProgram& program, const HostCall& call, SchemaRole role,
                      Facts* facts) {
  const std::string word = absl::AsciiStrToLower(call.name);
  const Given given = Take(program, call.arguments);
  const auto& names = given.names;
  const auto add = [&](Alteration alteration) { facts->alterations.push_back(alteration); };
  switch (role) {
    case SchemaRole::kDropColumns:
      for (const std::string& name : names) add(Altered(AlterationKind::kDropColumn, name));
      return;
    case SchemaRole::kDropNamed:
      for (std::string& name : NamedColumns(word, given, 0)) {
        add(Altered(AlterationKind::kDropColumn, std::move(name)));
      }
      return;
    case SchemaRole::kRenameColumn:
      if (names.size() == 2) add(Altered(AlterationKind::kRenameColumn, names[0], names[1]));
      return;
    case SchemaRole::kRenameTable:
      facts->verb = names.size() == 1 ? Verb::kRenameTable : Verb::kOther;
      if (names.size() == 1) facts->objects.push_back(TableName(names[0]));
      return;
    case SchemaRole::kDropTable:
      facts->verb = Verb::kDropTable;
      return;
    default:
      return;
  }
}

}  // namespace

Facts FactsInBlock(const HostProgram& program, absl::Span<const HostCall> calls, SchemaRole role,
                   const SchemaBlock& block, const SchemaServer* server, std::string* doubt) {
  Facts facts;
  const HostCall& call = calls[0];
  if (!block.table.empty()) {
    facts = FactsOf(Verb::kAlterTable, TableName(block.table));
    if (program.php()) {
      AddToLaravel(program, calls, role, server, &facts, doubt);
    } else {
      AddToRails(program, call, role, server, &facts, doubt);
    }
    if (block.kind == SchemaBlock::kChanges) {
      AddDropsAndNames(program, call, role, &facts);
    } else {
      KeepWhatIsSaidOfNew(&facts);
    }
  }
  facts.call.emplace();
  facts.call->receiver = block.variable;
  facts.call->method = std::string(call.name);
  facts.call->php = program.php();
  facts.call->schema = true;
  NoteWritten(program, call, &facts);
  return facts;
}

namespace {

// Schema::drop('orders')
bool TakeLaravel(const std::string& word, const Given& given, Facts* facts) {
  const auto& names = given.names;
  if (names.empty() || given.separate == 0) return false;
  const Name table = TableName(names[0]);
  if (word == "create") {
    *facts = FactsOf(Verb::kCreateTable, table);
    facts->as_query = true;  // What its block adds is not gathered.
  } else if (word == "drop" || word == "dropifexists") {
    *facts = FactsOf(Verb::kDropTable, table);
  } else if (word == "rename" && names.size() == 2) {
    *facts = FactsOf(Verb::kRenameTable, table);
    facts->objects.push_back(TableName(names[1]));
  } else if (word == "dropcolumns" && names.size() > 1) {
    *facts = FactsOf(Verb::kAlterTable, table);
    for (size_t i = 1; i < names.size(); ++i) {
      facts->alterations.push_back(Altered(AlterationKind::kDropColumn, names[i]));
    }
  } else {
    return false;
  }
  return true;
}

// remove_column :orders, :note
bool TakeRails(const HostProgram& program, const HostCall& call, const Given& given,
               const SchemaServer* server, Facts* facts, std::string* doubt) {
  const std::string word = absl::AsciiStrToLower(call.name);
  const auto& names = given.names;
  if (names.empty() || given.separate == 0) return false;
  *facts = FactsOf(Verb::kAlterTable, TableName(names[0]));
  const auto add = [&](Alteration alteration) { facts->alterations.push_back(alteration); };
  if (word == "create_table") {
    facts->verb = Verb::kCreateTable;
    facts->as_query = true;
    facts->if_not_exists = OptionOf(given, "if_not_exists") != nullptr;
  } else if (word == "drop_table") {
    facts->verb = Verb::kDropTable;
    for (size_t i = 1; i < names.size(); ++i) facts->objects.push_back(TableName(names[i]));
  } else if (word == "rename_table" && names.size() == 2) {
    facts->verb = Verb::kRenameTable;
    facts->objects.push_back(TableName(names[1]));
  } else if (word == "add_column" && names.size() > 1) {
    if (names.size() < 3) return false;
    Take(ColumnsOfRails(program, {names[1]}, names[2], given, server), facts, doubt);
  } else if ((word == "add_reference" || word == "add_belongs_to") && names.size() > 1) {
    Take(ColumnsOfRails(program, {names[1]}, "references", given, server), facts, doubt);
  } else if (word == "add_timestamps") {
    Take(ColumnsOfRails(program, {"created_at", "updated_at"}, "timestamps", given, server), facts,
         doubt);
  } else if (word == "change_column_null" && names.size() == 2) {
    AddNull(program, names[1], ArgumentAt(call, 2), facts);
  } else if (word == "add_check_constraint" && call.arguments.size() > 1) {
    facts->alterations = CheckOfRails(program, call.arguments[1], given, server);
  } else if (word == "validate_check_constraint") {
    const HostRange* name = OptionOf(given, "name");
    add(Altered(AlterationKind::kValidateConstraint,
                name == nullptr ? "" : ReadWord(program, *name).value_or("")));
  } else if (word == "remove_column" && names.size() > 1) {
    add(Altered(AlterationKind::kDropColumn, names[1]));
  } else if (word == "remove_columns" && names.size() > 1) {
    for (size_t i = 1; i < names.size(); ++i) add(Altered(AlterationKind::kDropColumn, names[i]));
  } else if (word == "remove_timestamps" || word == "remove_reference" ||
             word == "remove_belongs_to") {
    for (std::string& name : NamedColumns(word, given, 1)) {
      add(Altered(AlterationKind::kDropColumn, std::move(name)));
    }
  } else if (word == "rename_column" && names.size() == 3) {
    add(Altered(AlterationKind::kRenameColumn, names[1], names[2]));
  } else if (word == "change_column" && names.size() == 3) {
    add(Changed(names[1], names[2]));
    if (Is(program, given, "null", "false")) add(NotNull(names[1], true));
  } else if (word == "add_index" && names.size() > 1) {
    add(IndexOfRails(program, Behind(given, 1), given));
  } else if (word == "remove_index") {
    Alteration dropped = DroppedIndex(Behind(given, 1), "");
    dropped.concurrently = MayBe(program, given, "algorithm", "concurrently");
    add(std::move(dropped));
  } else if (word == "add_foreign_key" && names.size() == 2) {
    add(KeyOfRails(program, names[1], given));
  } else {
    return false;
  }
  return true;
}

// force: true, force: :cascade
bool Forces(const HostProgram& program, const Given& given) {
  const HostRange* force = OptionOf(given, "force");
  if (force == nullptr) return false;
  const HostToken& first = program[force->begin];
  return !first.IsName("false") && !first.IsName("nil");
}

}  // namespace

void AddSchemaFacts(const HostProgram& program, const HostChain& chain, const SchemaServer& server,
                    Facts* facts, std::string* doubt) {
  const bool schema = chain.receiver == "Schema" || absl::EndsWith(chain.receiver, "\\Schema");
  const bool laravel = program.php() && schema && chain.receiver_kind == Receiver::kClass;
  const bool rails = !program.php() && chain.receiver_kind == Receiver::kNone;
  const bool here = facts->verb == Verb::kOther && facts->call.has_value() && !facts->call->raw_sql;
  if (!here || chain.calls.size() != 1 || (!laravel && !rails)) return;
  const HostCall& call = chain.calls[0];
  const Given given = Take(program, call.arguments);
  const std::string word = absl::AsciiStrToLower(call.name);
  Facts found;
  const bool taken = laravel ? TakeLaravel(word, given, &found)
                             : TakeRails(program, call, given, &server, &found, doubt);
  if (!taken) return;
  found.call = std::move(facts->call);
  found.call->schema = true;
  found.call->method = std::string(call.name);
  NoteWritten(program, call, &found);
  found.call->force = word == "create_table" && Forces(program, given);
  *facts = std::move(found);
}

}  // namespace dbfleet::sql
