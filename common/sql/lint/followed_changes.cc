#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/lint/followed_schema.h"

// What statements make of the tables of a snapshot. Of their indexes: followed_indexes.cc.
namespace dbfleet::sql {
namespace {

std::string Lower(const std::string& text) { return absl::AsciiStrToLower(text); }

bool IsPlain(const Facts& facts) {
  return facts.complete && !facts.as_query && facts.parents.empty() && !facts.columns.empty();
}

}  // namespace

FollowedSchema::Table& FollowedSchema::Put(Table table) {
  std::vector<Table>& same = changed_[Lower(table.name.name)];
  since_begin_.insert(Lower(table.name.name));
  for (Table& known : same) {
    if (known.temporary != table.temporary || !(known.name == table.name)) continue;
    known = std::move(table);
    return known;
  }
  if (same.size() >= kMostFollowed) {
    DoubtAll();
    since_begin_.insert(Lower(table.name.name));
  }
  std::vector<Table>& list = changed_[Lower(table.name.name)];
  list.push_back(std::move(table));
  return list.back();
}

// Null where it is not known which it is.
FollowedSchema::Table* FollowedSchema::Change(const Name& name, const Session& session) {
  const Found found = Find(name, session);
  if (!found.is_there()) return nullptr;
  return Exact(found);
}

FollowedSchema::Table* FollowedSchema::Exact(const Found& found) {
  if (found.live != nullptr) return &Put(CopyOf(*found.live));
  since_begin_.insert(Lower(found.changed->name.name));
  std::vector<Table>& same = changed_[Lower(found.changed->name.name)];
  return &same[static_cast<size_t>(found.changed - same.data())];
}

void FollowedSchema::Doubt(const Name& name) {
  Table table;
  table.name = name;
  table.presence = Presence::kUnknown;
  Put(std::move(table));
}

void FollowedSchema::DoubtAll() {
  changed_.clear();
  since_begin_.clear();
  touched_.clear();
  made_indexes_.clear();
  all_in_doubt_ = true;
}

void FollowedSchema::EndFile(bool in_series) {
  since_begin_.clear();
  made_temporary_ = false;  // They go with the session.
  for (auto& [name, tables] : changed_) {
    tables.erase(std::remove_if(tables.begin(), tables.end(),
                                [](const Table& table) { return table.temporary; }),
                 tables.end());
    for (Table& table : tables) {
      if (!in_series) table.presence = Presence::kUnknown;
    }
  }
}

// That it has a partition, or had one, says so; a snapshot may not.
void FollowedSchema::NotePartitioned(const Name& table, const Session& session) {
  Table* whole = Change(table, session);
  if (whole != nullptr) whole->partitioned = true;
}

void FollowedSchema::Create(const Facts& facts, const Session& session) {
  if (facts.objects.empty()) return;
  const Name& name = facts.objects[0];
  const bool temporary = facts.temporary || (postgres_ && absl::StartsWith(name.schema, "pg_temp"));
  Table made;
  made.name = NameMade(name, session);
  made.place = PlaceOf(session);
  made.temporary = temporary;
  made_temporary_ = made_temporary_ || temporary;
  if (temporary && postgres_) made.name.schema = "pg_temp";
  if (!temporary && !facts.or_replace) {
    const Found found = Find(name, session);
    const bool there = IsMadeThere(name, found, session);
    if (facts.if_not_exists) {
      if (there) return;
      if (found.presence != Presence::kMissing) return Doubt(made.name);
    } else if (there) {  // The server refuses it; or what is there is not what the snapshot says.
      return Doubt(found.name());
    }
  }
  if (facts.partition_of) {
    for (const Name& whole : facts.parents) NotePartitioned(whole, session);
  }
  made.partitioned = postgres_ && !facts.partition_key.empty();
  made.columns_known = IsPlain(facts);
  made.indexes_known = made.columns_known;
  Table& table = Put(std::move(made));
  for (const ColumnFacts& column : facts.columns) AddColumn(column, &table);
  for (const IndexFacts& index : facts.indexes) AddIndex(index, &table);
  for (const ForeignKeyFacts& key : facts.foreign_keys) {
    if (key.name.empty()) table.indexes_known = false;
    table.maybe_indexes.insert(IndexName(key.name));
  }
}

// A view, a sequence: of its name, and with columns that are not known.
void FollowedSchema::CreateOther(const Facts& facts, const Session& session) {
  const Name& name = facts.objects[0];
  Table made;
  made.name = NameMade(name, session);
  made.place = PlaceOf(session);
  made.view = facts.verb == Verb::kCreateView;
  made.sequence = facts.verb == Verb::kCreateSequence;
  if (postgres_ && facts.temporary) {
    made.temporary = true;
    made.name.schema = "pg_temp";
  } else if (postgres_ && made.view && made_temporary_) {
    // One that reads a temporary table is temporary itself.
    Doubt(name);
    return Doubt({"pg_temp", name.name});
  }
  Put(std::move(made));
}

void FollowedSchema::Drop(const Name& name, const Session& session) {
  const Found found = Find(name, session);
  if (found.presence == Presence::kMissing) return;
  Table* table = Change(name, session);
  if (table == nullptr) return Doubt(Wanted(name, session));
  if (!table->temporary) {
    table->presence = Presence::kMissing;
    return;
  }
  std::vector<Table>& same = changed_[Lower(name.name)];
  same.erase(same.begin() + (table - same.data()));
}

void FollowedSchema::Rename(const Name& from, const Name& to, const Session& session) {
  Name target = to;
  Table* table = Change(from, session);
  if (postgres_ && to.schema.empty()) {
    target.schema = table == nullptr ? from.schema : table->name.schema;
  } else {
    target = NameMade(to, session);
  }
  if (table == nullptr || table->temporary) {
    Doubt(Wanted(from, session));
    return Doubt(target);
  }
  Table moved = *table;
  table->presence = Presence::kMissing;
  const Found before = Find(target, session);
  if (before.presence == Presence::kThere) return Doubt(target);
  moved.name = target;
  // PostgreSQL's indexes are known by their table.
  for (const auto& [index, columns] : moved.indexes) {
    if (postgres_) NoteMadeIndex(index, target);
  }
  Put(std::move(moved));
}

// Columns -----------------------------------------------------------------------------------------

void FollowedSchema::AddColumn(const ColumnFacts& column, Table* table) const {
  if (column.name.empty() || table->columns.size() >= kMostFollowedParts) {
    table->columns_known = false;
    return;
  }
  table->columns.push_back(column.name);
  // The server names its index.
  if (column.unique || column.references.has_value()) table->indexes_known = false;
}

// Of two of the name, as they stand in the middle of a statement, the first one.
void FollowedSchema::DropColumn(const std::string& column, Table* table) const {
  const auto same = [&](const std::string& known) { return absl::EqualsIgnoreCase(known, column); };
  const auto found = std::find_if(table->columns.begin(), table->columns.end(), same);
  if (found != table->columns.end()) table->columns.erase(found);
  std::vector<std::string> with;
  for (const auto& [index, columns] : table->indexes) {
    const bool may_hold = columns.empty() || HoldsColumn(columns, column) ||
                          std::any_of(columns.begin(), columns.end(), [](const std::string& part) {
                            return absl::StartsWith(part, "(");
                          });
    if (may_hold) with.push_back(index);
  }
  for (const std::string& index : with) DoubtIndex(index, table);
}

void FollowedSchema::RenameColumn(const std::string& from, const std::string& to,
                                  Table* table) const {
  const auto same = [&](const std::string& known) { return absl::EqualsIgnoreCase(known, from); };
  const auto found = std::find_if(table->columns.begin(), table->columns.end(), same);
  if (found == table->columns.end()) {
    table->columns_known = false;  // It is another table than was thought.
    return;
  }
  *found = to;
  for (auto& [index, columns] : table->indexes)
    std::replace_if(columns.begin(), columns.end(), same, to);
}

void FollowedSchema::AlterColumns(const Alteration& alteration, Table* table) const {
  switch (alteration.kind) {
    case AlterationKind::kAddColumn: {
      if (!alteration.column.has_value()) {
        table->columns_known = false;
        return;
      }
      const bool there = HoldsColumn(table->columns, alteration.column->name);
      if (!there || !alteration.if_exists) AddColumn(*alteration.column, table);
      return;
    }
    case AlterationKind::kDropColumn:
      return DropColumn(alteration.name, table);
    case AlterationKind::kRenameColumn:
    case AlterationKind::kModifyColumn:
      if (!alteration.new_name.empty()) RenameColumn(alteration.name, alteration.new_name, table);
      if (alteration.column.has_value() && alteration.column->unique) table->indexes_known = false;
      return;
    default:
      return;
  }
}

void FollowedSchema::Alter(const Facts& facts, const Session& session) {
  if (facts.objects.empty()) return;
  const Name name = facts.objects[0];
  Table* table = Change(name, session);
  if (table == nullptr && Find(name, session).presence != Presence::kMissing) {
    Doubt(Wanted(name, session));
  }
  const Name known = table == nullptr ? name : table->name;
  for (const Alteration& alteration : facts.alterations) {
    if (postgres_) Touch(known, alteration);
    // Where partitions become tables, or tables partitions.
    const Name other = {alteration.schema, alteration.new_name};
    const bool moves_table = alteration.kind == AlterationKind::kDetachPartition ||
                             alteration.kind == AlterationKind::kAttachPartition;
    if (postgres_ && moves_table) NotePartitioned(name, session);
    if (!postgres_ && moves_table && !other.name.empty()) Doubt(Wanted(other, session));
  }
  // Doubts of others may have moved it.
  table = Change(name, session);
  if (table != nullptr) {
    if (!facts.complete) table->columns_known = table->indexes_known = false;
    for (const Alteration& alteration : facts.alterations) {
      AlterColumns(alteration, table);
      AlterIndexes(alteration, table);
    }
  }
  for (const Alteration& alteration : facts.alterations) {
    if (alteration.kind == AlterationKind::kSetSchema) {
      Rename(name, {alteration.new_name, name.name}, session);
    } else if (alteration.kind == AlterationKind::kRenameTable && facts.objects.size() > 1) {
      Rename(name, facts.objects.back(), session);
    }
  }
}

// Servers leave what is of another kind, with an error or without one.
bool FollowedSchema::IsDroppedBy(Verb verb, const Found& found) const {
  const bool view = found.changed != nullptr && found.changed->view;
  const bool sequence = found.changed != nullptr && found.changed->sequence;
  if (verb == Verb::kDropView) return view;
  if (verb == Verb::kDropSequence) return sequence;
  return !view && !(postgres_ && sequence);
}

void FollowedSchema::Note(const Facts& facts, const Session& session) {
  if (snapshot_ == nullptr) return;
  dropped_indexes_.Note(facts);
  if (postgres_ && (facts.takes_back || facts.verb == Verb::kRollback)) {
    // Doubting one adds its name anew.
    for (const std::string& name : std::exchange(since_begin_, {})) {
      for (Table& table : changed_[name]) table.presence = Presence::kUnknown;
      Doubt({"", name});
    }
  }
  if (facts.takes_back || facts.verb == Verb::kCommit || facts.verb == Verb::kRollback) {
    since_begin_.clear();
  }
  switch (facts.verb) {
    case Verb::kCreateTable:
      Create(facts, session);
      break;
    case Verb::kCreateView:
    case Verb::kCreateSequence:
      if (!facts.objects.empty()) CreateOther(facts, session);
      break;
    case Verb::kDropTable:
    case Verb::kDropView:
    case Verb::kDropSequence:
      for (const Name& name : facts.objects) {
        const Found found = Find(name, session);
        if (found.is_there() && !IsDroppedBy(facts.verb, found)) continue;
        // Its partitions go with it, and by CASCADE its heirs.
        const bool alone = found.live != nullptr && found.live->partitioned == false;
        if (postgres_ && facts.verb == Verb::kDropTable && (!alone || facts.cascade)) {
          may_lack_tables_ = true;
        }
        Drop(name, session);
      }
      break;
    case Verb::kAlterTable:
      Alter(facts, session);
      break;
    case Verb::kRenameTable:
      for (size_t i = 0; i + 1 < facts.objects.size(); i += 2) {
        if (postgres_) DoubtIndexes(facts.objects[i].name);  // ALTER TABLE renames indexes too.
        const Found from = Find(facts.objects[i], session);
        if (facts.if_exists && from.presence == Presence::kMissing) continue;
        Rename(facts.objects[i], facts.objects[i + 1], session);
      }
      break;
    case Verb::kCreateIndex:
      for (const IndexFacts& index : facts.indexes) {
        Table* table = Change(index.table, session);
        if (table == nullptr) continue;
        if (facts.if_not_exists) {
          table->maybe_indexes.insert(IndexName(index.name));
        } else {
          AddIndex(index, table);
        }
      }
      break;
    case Verb::kDropIndex:
      for (const IndexFacts& index : facts.indexes) {
        if (postgres_) {
          DoubtIndexes(index.name);
        } else if (Table* table = Change(index.table, session); table != nullptr) {
          table->indexes.erase(IndexName(index.name));
          table->maybe_indexes.erase(IndexName(index.name));
        }
      }
      break;
    case Verb::kOther:
    case Verb::kAlterSequence:
      // ALTER VIEW, ALTER INDEX ... RENAME: of whatever bears the one name or the other.
      for (const Alteration& alteration : facts.alterations) {
        if (facts.objects.empty() || alteration.new_name.empty()) continue;
        DoubtIndexes(facts.objects[0].name);
        DoubtIndexes(alteration.new_name);
        if (Find(facts.objects[0], session).presence != Presence::kMissing) {
          Doubt(Wanted(facts.objects[0], session));
        }
        Doubt({"", alteration.new_name});
      }
      break;
    default:
      break;
  }
  for (const Facts& element : facts.elements) {
    if (element.verb == Verb::kCreateTable && !element.objects.empty()) {
      Doubt({"", element.objects[0].name});
    }
  }
}

}  // namespace dbfleet::sql
