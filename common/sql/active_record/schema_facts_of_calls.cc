#include "common/sql/active_record/schema_facts_of_calls.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/sql/active_record/schema_calls.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

Name TableName(const std::string& written) {
  const size_t dot = written.find('.');
  if (dot == std::string::npos) return {"", written};
  return {written.substr(0, dot), written.substr(dot + 1)};
}

// What a call is given: names in front, and options behind them.
struct Given {
  std::vector<std::string> names;  // Up to the first that is none; those of lists, too.
  size_t separate = 0;             // How many of the names stand in no list.
  HostPairs options;
  bool more = false;  // There is what is none of these: **options.
};

Given Take(const HostProgram& program, absl::Span<const HostRange> arguments) {
  Given given;
  bool names = true;
  for (const HostRange& argument : arguments) {
    const auto pairs = ReadPairs(program, argument);
    if (pairs.has_value()) {
      given.options.insert(given.options.end(), pairs->begin(), pairs->end());
      names = false;
      continue;
    }
    given.more = given.more || !names;
    if (!names) continue;
    if (const auto word = ReadWord(program, argument)) {
      given.names.push_back(*word);
      given.separate += given.separate + 1 == given.names.size() ? 1 : 0;
      continue;
    }
    const auto list = ReadList(program, argument);
    names = list.has_value();
    for (size_t i = 0; names && i < list->size(); ++i) {
      const auto word = ReadWord(program, (*list)[i]);
      if (!word.has_value()) names = false;
      if (names) given.names.push_back(*word);
    }
    given.more = given.more || !names;
  }
  return given;
}

// Null if it is not given.
const HostRange* OptionOf(const Given& given, absl::string_view name) {
  for (const auto& [key, value] : given.options) {
    if (key == name) return &value;
  }
  return nullptr;
}

// Whether an option may be that word: what is not written out may be anything.
bool MayBe(const HostProgram& program, const Given& given, absl::string_view option,
           absl::string_view word) {
  const HostRange* value = OptionOf(given, option);
  if (value == nullptr) return given.more;
  if (!IsLiteral(program, *value)) return true;
  const auto written = ReadWord(program, *value);
  return written.has_value() ? *written == word : program[value->begin].IsName(word);
}

// ", unique: true": but for what an advice says itself.
std::string OptionsAsWritten(const HostProgram& program, const Given& given) {
  constexpr size_t kLongest = 200;
  std::string written;
  for (const auto& [key, value] : given.options) {
    if (key == "algorithm" || key == "validate") continue;
    absl::StrAppend(&written, ", ", key, ": ", program.Source(value));
  }
  return written.size() > kLongest || absl::StrContains(written, '\n') ? ", ..." : written;
}

Alteration Altered(AlterationKind kind, std::string name, std::string new_name = "") {
  Alteration alteration;
  alteration.kind = kind;
  alteration.name = std::move(name);
  alteration.new_name = std::move(new_name);
  return alteration;
}

Alteration Changed(std::string name, std::string type) {
  Alteration alteration = Altered(AlterationKind::kChangeType, std::move(name));
  alteration.column.emplace();
  alteration.column->name = alteration.name;
  alteration.column->type = alteration.column->type_text = std::move(type);
  return alteration;
}

Alteration Added(std::string name) {
  Alteration alteration = Altered(AlterationKind::kAddColumn, std::move(name));
  alteration.column.emplace();
  alteration.column->name = alteration.name;
  return alteration;
}

Alteration IndexOver(const HostProgram& program, const Given& given, size_t from) {
  Alteration alteration = Altered(AlterationKind::kAddIndex, "");
  alteration.index.emplace();
  alteration.index->columns.assign(
      given.names.begin() + static_cast<ptrdiff_t>(std::min(from, given.names.size())),
      given.names.end());
  alteration.index->concurrently = MayBe(program, given, "algorithm", "concurrently");
  return alteration;
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

Facts FactsOf(Verb verb, Name table) {
  Facts facts;
  facts.verb = verb;
  facts.objects.push_back(std::move(table));
  return facts;
}

}  // namespace

bool IsLiteral(const HostProgram& program, HostRange range) {
  static constexpr absl::string_view kWords[] = {"array", "false", "nil", "null", "true"};
  static constexpr absl::string_view kSigns[] = {"[", "]", "{", "}", ",", "=>", "(", ")"};
  if (range.empty()) return false;
  for (size_t i = range.begin; i < range.end; ++i) {
    const HostToken& token = program[i];
    const bool text = std::none_of(token.parts.begin(), token.parts.end(),
                                   [](const StringPart& part) { return part.is_code; });
    switch (token.kind) {
      case HostTokenKind::kString:
        if (!text || token.text.empty() || token.text[0] == '`') return false;
        // 'a' 'b' are one text of Ruby; PHP's "..." behind a text is a call of it.
        if (program[i + 1].Is("(") || program[i + 1].Is("[")) return false;
        break;
      case HostTokenKind::kOther:
        if (!text || !(absl::StartsWith(token.text, "%w") || absl::StartsWith(token.text, "%i"))) {
          return false;
        }
        break;
      case HostTokenKind::kSymbol:
      case HostTokenKind::kLabel:
        if (!text || absl::StrContains(token.text, "#{")) return false;
        break;
      case HostTokenKind::kNumber:
      case HostTokenKind::kNewline:
        break;
      case HostTokenKind::kName: {
        const bool class_name =
            program.php() && program[i + 1].Is("::") && program[i + 2].IsName("class");
        if (class_name && i + 3 <= range.end) {
          i += 2;
          break;
        }
        const std::string lower = absl::AsciiStrToLower(token.text);
        if (!IsOneOf(lower, kWords)) return false;
        if (program[i + 1].Is("(") != (lower == "array")) return false;
        break;
      }
      case HostTokenKind::kPunct: {
        const bool minus = token.Is("-") && program[i + 1].kind == HostTokenKind::kNumber &&
                           (i == range.begin || program[i - 1].Is("=>") || program[i - 1].Is(","));
        if (!minus && !IsOneOf(token.text, kSigns)) return false;
        // A call, or an index, of what stands in front.
        const bool behind_value = i > range.begin && (token.Is("(") || token.Is("[")) &&
                                  (program[i - 1].Is(")") || program[i - 1].Is("]"));
        if (behind_value || (token.Is("(") && !program[i - 1].IsName("array"))) return false;
        break;
      }
      default:
        return false;
    }
  }
  return true;
}

Facts FactsInBlock(const HostProgram& program, const HostCall& call, SchemaRole role,
                   const SchemaBlock& block) {
  Facts facts;
  const Given given = Take(program, call.arguments);
  const std::string word = absl::AsciiStrToLower(call.name);
  // A new table's columns are nobody's yet.
  const bool known = block.kind == SchemaBlock::kChanges && !block.table.empty();
  if (known) {
    facts = FactsOf(Verb::kAlterTable, TableName(block.table));
    const auto add = [&](Alteration alteration) { facts.alterations.push_back(alteration); };
    const auto& names = given.names;
    switch (role) {
      case SchemaRole::kColumn:
        // Ruby's t.string :a, :b; of PHP's the first one is the column.
        for (size_t i = 0; i < names.size() && (i == 0 || !program.php()); ++i) {
          const bool reference = word == "references" || word == "belongs_to";
          add(Added(reference ? names[i] + "_id" : names[i]));
        }
        break;
      case SchemaRole::kKey:
        if (!names.empty()) add(IndexOver(program, given, 0));
        break;
      case SchemaRole::kDropColumns:
        for (const std::string& name : names) add(Altered(AlterationKind::kDropColumn, name));
        break;
      case SchemaRole::kDropNamed:
        for (std::string& name : NamedColumns(word, given, 0)) {
          add(Altered(AlterationKind::kDropColumn, std::move(name)));
        }
        break;
      case SchemaRole::kRenameColumn:
        if (names.size() == 2) add(Altered(AlterationKind::kRenameColumn, names[0], names[1]));
        break;
      case SchemaRole::kChangeColumn:
        if (program.php() && !names.empty()) add(Changed(names[0], std::string(call.name)));
        if (!program.php() && names.size() == 2) add(Changed(names[0], names[1]));
        break;
      case SchemaRole::kRenameTable:
        facts.verb = names.size() == 1 ? Verb::kRenameTable : Verb::kOther;
        if (names.size() == 1) facts.objects.push_back(TableName(names[0]));
        break;
      case SchemaRole::kDropTable:
        facts.verb = Verb::kDropTable;
        break;
      default:
        break;
    }
  }
  facts.call.emplace();
  facts.call->receiver = block.variable;
  facts.call->method = std::string(call.name);
  facts.call->php = program.php();
  facts.call->schema = true;
  facts.call->options = OptionsAsWritten(program, given);
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
bool TakeRails(const HostProgram& program, const std::string& word, const Given& given,
               Facts* facts) {
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
    add(Added(names[1]));
  } else if ((word == "add_reference" || word == "add_belongs_to") && names.size() > 1) {
    add(Added(names[1] + "_id"));
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
  } else if (word == "add_index" && names.size() > 1) {
    add(IndexOver(program, given, 1));
  } else if (word == "remove_index") {
    Alteration dropped = Altered(AlterationKind::kDropIndex, "");
    dropped.index.emplace();
    dropped.index->columns.assign(names.begin() + 1, names.end());
    dropped.concurrently = MayBe(program, given, "algorithm", "concurrently");
    add(std::move(dropped));
  } else if (word == "add_foreign_key" && names.size() == 2) {
    Alteration key = Altered(AlterationKind::kAddForeignKey, "");
    key.foreign_key.emplace();
    key.foreign_key->parent = TableName(names[1]);
    key.not_valid = MayBe(program, given, "validate", "false");
    add(std::move(key));
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

void AddSchemaFacts(const HostProgram& program, const HostChain& chain, Facts* facts) {
  const bool schema = chain.receiver == "Schema" || absl::EndsWith(chain.receiver, "\\Schema");
  const bool laravel = program.php() && schema && chain.receiver_kind == Receiver::kClass;
  const bool rails = !program.php() && chain.receiver_kind == Receiver::kNone;
  const bool here = facts->verb == Verb::kOther && facts->call.has_value() && !facts->call->raw_sql;
  if (!here || chain.calls.size() != 1 || (!laravel && !rails)) return;
  const HostCall& call = chain.calls[0];
  const Given given = Take(program, call.arguments);
  const std::string word = absl::AsciiStrToLower(call.name);
  Facts found;
  if (laravel ? !TakeLaravel(word, given, &found) : !TakeRails(program, word, given, &found))
    return;
  found.call = std::move(facts->call);
  found.call->schema = true;
  found.call->method = std::string(call.name);
  found.call->options = OptionsAsWritten(program, given);
  found.call->force = word == "create_table" && Forces(program, given);
  *facts = std::move(found);
}

}  // namespace dbfleet::sql
