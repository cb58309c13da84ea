#include "common/sql/mysql/alter_effects.h"
#include "common/sql/mysql/ddl.h"
#include "common/sql/mysql/heads.h"
#include "common/sql/mysql/query_scan.h"

namespace dbfleet::sql::mysql {
namespace {

constexpr size_t kMaxShown = 200;

class AlterReader {
 public:
  explicit AlterReader(Parser* p) : p_(p), facts_(p->draft->reading.facts) {}

  void Run() {
    while (!p_->AtEnd()) {
      const ptrdiff_t begin = p_->at;
      const size_t count = facts_.alterations.size();
      Alter();
      for (size_t i = count; i < facts_.alterations.size(); ++i) {
        Alteration& alteration = facts_.alterations[i];
        alteration.text = p_->draft->TextOf(begin, p_->at).substr(0, kMaxShown);
      }
      // Partitioning follows without a comma.
      if (!p_->AtEnd() && !p_->AcceptSymbol(',') && !p_->Is(K("PARTITION")) &&
          !p_->Is(K("REMOVE")) && !ends_without_comma_) {
        return p_->NotUnderstood();
      }
      if (p_->at == begin) return p_->NotUnderstood();
    }
  }

 private:
  Alteration& Add(AlterationKind kind) {
    facts_.alterations.emplace_back();
    facts_.alterations.back().kind = kind;
    return facts_.alterations.back();
  }

  void Alter() {
    ends_without_comma_ = false;
    if (p_->Accept(K("ADD"))) return AlterAdd();
    if (p_->Accept(K("DROP"))) return AlterDrop();
    if (p_->Accept(K("MODIFY"))) return AlterModify();
    if (p_->Accept(K("CHANGE"))) return AlterChange();
    if (p_->Accept(K("ALTER"))) return AlterColumn();
    if (p_->Accept(K("RENAME"))) return AlterRename();
    if (AlterPartition() || AlterWhole()) return;
    if (ReadOnlineOption(p_, &facts_)) return;
    AlterOption();
  }

  void AddColumn(ColumnFacts column, bool if_not_exists) {
    Alteration& added = Add(AlterationKind::kAddColumn);
    added.name = column.name;
    added.if_exists = if_not_exists;
    added.column = std::move(column);
  }

  void AlterAdd() {
    if (p_->Accept(K("PARTITION"))) {
      p_->IfNotExists();
      Add(AlterationKind::kAddPartition);
      return SkipToComma();
    }
    if (p_->Accept(K("SYSTEM"))) {  // VERSIONING
      ++p_->at;
      Add(AlterationKind::kVersioning);
      return;
    }
    Definition definition = p_->Is(K("COLUMN")) ? Definition() : ReadDefinition(p_);
    switch (definition.kind) {
      case Definition::kNone:
        return AlterAddColumns();
      case Definition::kIndex: {
        Alteration& added = Add(AlterationKind::kAddIndex);
        added.name = definition.index.name;
        if (!facts_.objects.empty()) definition.index.table = facts_.objects[0];
        added.index = std::move(definition.index);
        added.if_exists = definition.if_not_exists;
        return;
      }
      case Definition::kForeignKey: {
        Alteration& added = Add(AlterationKind::kAddForeignKey);
        added.name = definition.foreign_key.name;
        added.foreign_key = std::move(definition.foreign_key);
        added.if_exists = definition.if_not_exists;
        return;
      }
      case Definition::kCheck: {
        Alteration& added = Add(AlterationKind::kAddCheck);
        added.name = definition.name;
        added.check_columns = std::move(definition.check_columns);
        added.if_exists = definition.if_not_exists;
        return;
      }
      case Definition::kPeriod:
        Add(AlterationKind::kOther);
        return;
    }
  }

  void AlterAddColumns() {
    p_->Accept(K("COLUMN"));
    const bool if_not_exists = p_->IfNotExists();
    if (!p_->AcceptSymbol('(')) {
      ColumnFacts column;
      ReadColumn(p_, &column);
      return AddColumn(std::move(column), if_not_exists);
    }
    while (!p_->AtEnd() && !p_->AcceptSymbol(')')) {
      ColumnFacts column;
      ReadColumn(p_, &column);
      AddColumn(std::move(column), if_not_exists);
      if (!p_->Now().IsSymbol(')') && !p_->AcceptSymbol(',')) return p_->NotUnderstood();
    }
  }

  void Named(AlterationKind kind) {
    const bool if_exists = p_->IfExists();
    Alteration& alteration = Add(kind);
    alteration.if_exists = if_exists;
    alteration.name = p_->PlainName();
    if (alteration.name.empty()) p_->NotUnderstood();
  }

  void AlterDrop() {
    if (p_->AcceptAll({K("PRIMARY"), K("KEY")})) {
      Add(AlterationKind::kDropPrimaryKey);
    } else if (p_->AcceptAny({K("INDEX"), K("KEY")})) {
      Named(AlterationKind::kDropIndex);
    } else if (p_->AcceptAll({K("FOREIGN"), K("KEY")}) || p_->Accept(K("CONSTRAINT")) ||
               p_->Accept(K("CHECK"))) {
      Named(AlterationKind::kDropConstraint);
    } else if (p_->Accept(K("PARTITION"))) {
      const bool if_exists = p_->IfExists();
      do {
        Alteration& dropped = Add(AlterationKind::kDropPartition);
        dropped.name = p_->PlainName();
        dropped.if_exists = if_exists;
      } while (p_->Now().IsSymbol(',') && p_->Now(1).IsName() && (++p_->at, true));
    } else if (p_->Is(K("SYSTEM")) && p_->Now(1).Is(K("VERSIONING"))) {
      p_->at += 2;  // It takes the history away.
      Add(AlterationKind::kDropVersioning);
    } else if (p_->AcceptAll({K("PERIOD"), K("FOR")})) {
      ++p_->at;
      Add(AlterationKind::kOther);
    } else {
      p_->Accept(K("COLUMN"));
      Named(AlterationKind::kDropColumn);
      p_->AcceptAny({K("CASCADE"), K("RESTRICT")});
    }
  }

  void AlterModify() {
    p_->Accept(K("COLUMN"));
    const bool if_exists = p_->IfExists();
    ColumnFacts column;
    ReadColumn(p_, &column);
    Alteration& modified = Add(AlterationKind::kModifyColumn);
    modified.name = column.name;
    modified.if_exists = if_exists;
    modified.column = std::move(column);
  }

  // The whole column anew, under a new name if it is another.
  void AlterChange() {
    p_->Accept(K("COLUMN"));
    const bool if_exists = p_->IfExists();
    const std::string old_name = p_->PlainName();
    ColumnFacts column;
    ReadColumn(p_, &column);
    Alteration& changed = Add(AlterationKind::kModifyColumn);
    changed.name = old_name;
    changed.if_exists = if_exists;
    if (column.name != old_name) changed.new_name = column.name;
    changed.column = std::move(column);
  }

  void AlterColumn() {
    if (p_->AcceptAny({K("INDEX"), K("KEY")})) {
      Named(AlterationKind::kIndexVisibility);
      const bool not_ignored = p_->Accept(K("NOT"));
      facts_.alterations.back().invisible = !not_ignored && !p_->Is(K("VISIBLE"));
      if (!p_->AcceptAny({K("VISIBLE"), K("INVISIBLE"), K("IGNORED")})) p_->NotUnderstood();
      return;
    }
    if (p_->AcceptAny({K("CONSTRAINT"), K("CHECK")})) {
      Named(AlterationKind::kOther);
      p_->Accept(K("NOT"));
      if (!p_->Accept(K("ENFORCED"))) p_->NotUnderstood();
      return;
    }
    p_->Accept(K("COLUMN"));
    Named(AlterationKind::kOther);
    Alteration& altered = facts_.alterations.back();
    if (p_->AcceptAll({K("SET"), K("DEFAULT")})) {
      altered.kind = AlterationKind::kSetDefault;
      const ptrdiff_t from = p_->at;
      if (!p_->SkipParens()) SkipToComma();
      QueryScan scan(p_->draft);
      scan.Run(from, p_->at, Clause::kOther);
    } else if (p_->AcceptAll({K("DROP"), K("DEFAULT")})) {
      altered.kind = AlterationKind::kDropDefault;
    } else if (!p_->AcceptAll({K("SET"), K("VISIBLE")}) &&
               !p_->AcceptAll({K("SET"), K("INVISIBLE")})) {
      p_->NotUnderstood();
    }
  }

  void AlterRename() {
    AlterationKind kind = AlterationKind::kRenameTable;
    if (p_->Accept(K("COLUMN"))) {
      kind = AlterationKind::kRenameColumn;
    } else if (p_->AcceptAny({K("INDEX"), K("KEY")})) {
      kind = AlterationKind::kRenameIndex;
    }
    if (kind == AlterationKind::kRenameTable) {
      p_->AcceptAny({K("TO"), K("AS")});
      p_->AcceptSymbol('=');
      const mysql::Named to = p_->ObjectName();
      if (to.written.empty()) return p_->NotUnderstood();
      Alteration& renamed = Add(kind);
      renamed.new_name = to.name.name;
      facts_.objects.push_back(to.name);
      p_->draft->reading.verdict.uses.push_back({to.written, Access::kDefine});
      return;
    }
    Named(kind);
    if (!p_->Accept(K("TO"))) return p_->NotUnderstood();
    facts_.alterations.back().new_name = p_->PlainName();
  }

  // Over one specification whose details decide nothing.
  void SkipToComma() {
    while (!p_->AtEnd() && !p_->Now().IsSymbol(',')) {
      if (!p_->SkipParens()) ++p_->at;
    }
  }

  // A list of partitions, or ALL.
  void Partitions(AlterationKind kind, bool to_end) {
    Alteration& alteration = Add(kind);
    if (p_->Now().IsName() && p_->Now(-1).Is(K("PARTITION"))) alteration.name = Unquoted(p_->Now());
    if (to_end) {
      p_->at = p_->draft->tokens.size();
      return;
    }
    p_->ObjectNames();
  }

  bool AlterPartition() {
    if (p_->Is(K("PARTITION")) && p_->Now(1).Is(K("BY"))) {
      Partitions(AlterationKind::kReorganizePartition, true);
      return true;
    }
    if (p_->AcceptAll({K("REMOVE"), K("PARTITIONING")})) {
      Add(AlterationKind::kReorganizePartition);
      return true;
    }
    if (!p_->Now(1).Is(K("PARTITION"))) return false;
    switch (p_->Now().word) {
      case K("TRUNCATE"):
        p_->at += 2;
        Partitions(AlterationKind::kTruncatePartition, false);
        return true;
      case K("REORGANIZE"):
      case K("COALESCE"):
      case K("REBUILD"):
      case K("OPTIMIZE"):
      case K("REPAIR"):
        p_->at += 2;
        Partitions(AlterationKind::kReorganizePartition, true);
        return true;
      case K("EXCHANGE"):
      case K("CONVERT"):
        p_->at += 2;
        Exchange();
        return true;
      case K("DISCARD"):
        p_->at += 2;
        Partitions(AlterationKind::kDiscardTablespace, true);
        return true;
      case K("ANALYZE"):
      case K("CHECK"):
      case K("IMPORT"):
        p_->at += 2;
        Partitions(AlterationKind::kCheckPartition, true);
        return true;
      default:
        return false;
    }
  }

  // PARTITION p WITH TABLE t | TO TABLE t
  void Exchange() {
    Partitions(AlterationKind::kDetachPartition, false);
    p_->AcceptAny({K("WITH"), K("TO")});
    if (!p_->Accept(K("TABLE"))) return p_->NotUnderstood();
    const mysql::Named table = p_->ObjectName();
    p_->draft->Use(table.written, Access::kWrite);
    facts_.alterations.back().new_name = table.name.name;
    facts_.alterations.back().schema = table.name.schema;
    if (p_->AcceptAny({K("WITH"), K("WITHOUT")})) ++p_->at;
  }

  // What is said of the table as a whole.
  bool AlterWhole() {
    if (p_->AcceptAll({K("CONVERT"), K("TO")})) {
      Alteration& converted = Add(AlterationKind::kConvertCharset);
      if (!p_->AcceptAll({K("CHARACTER"), K("SET")})) p_->Accept(K("CHARSET"));
      converted.name = Unquoted(p_->Now());
      facts_.charset = converted.name;
      ++p_->at;
      if (p_->Accept(K("COLLATE"))) {
        facts_.collation = Unquoted(p_->Now());
        ++p_->at;
      }
      return true;
    }
    if (p_->Accept(K("FORCE"))) {
      Add(AlterationKind::kForce);
      return true;
    }
    if (p_->Is(K("ORDER")) && p_->Now(1).Is(K("BY"))) {
      Add(AlterationKind::kSortRows);
      p_->at = p_->draft->tokens.size();
      return true;
    }
    if (p_->Now().IsOneOf({K("ENABLE"), K("DISABLE"), K("DISCARD"), K("IMPORT")}) &&
        p_->Now(1).IsOneOf({K("KEYS"), K("TABLESPACE")})) {
      Add(!p_->Now(1).Is(K("TABLESPACE")) ? AlterationKind::kOther
          : p_->Is(K("DISCARD"))          ? AlterationKind::kDiscardTablespace
                                          : AlterationKind::kSetTablespace);
      p_->at += 2;
      return true;
    }
    if (p_->AcceptAll({K("WITH"), K("VALIDATION")}) ||
        p_->AcceptAll({K("WITHOUT"), K("VALIDATION")})) {
      return true;
    }
    return false;
  }

  void AlterOption() {
    const ptrdiff_t from = p_->at;
    if (!ReadTableOption(p_, &facts_)) return p_->NotUnderstood();
    ends_without_comma_ = true;  // Options may follow each other without one.
    const Tok& option = p_->draft->tokens[from];
    AlterationKind kind = AlterationKind::kOther;
    if (option.IsOneOf({K("ENGINE"), K("TYPE")})) kind = AlterationKind::kSetEngine;
    if (option.IsOneOf({K("ROW_FORMAT"), K("KEY_BLOCK_SIZE"), K("ENCRYPTION"), K("COMPRESSION"),
                        K("ENCRYPTED"), K("PAGE_COMPRESSED")})) {
      kind = AlterationKind::kSetStorage;
    }
    if (option.Is(K("TABLESPACE"))) kind = AlterationKind::kSetTablespace;
    Alteration& set = Add(kind);
    set.name = kind == AlterationKind::kSetEngine ? facts_.engine : Unquoted(option);
  }

  Parser* const p_;
  Facts& facts_;
  bool ends_without_comma_ = false;
};

}  // namespace

void ReadAlterTable(Parser* p) {
  Draft* draft = p->draft;
  Facts& facts = draft->reading.facts;
  facts.verb = Verb::kAlterTable;
  facts.object_type = "table";
  facts.if_exists = p->IfExists();
  Name table;
  if (!p->DefinedTable(&table)) return;
  ReadWait(p);
  AlterReader(p).Run();
  ApplyAlterEffects(draft);
}

}  // namespace dbfleet::sql::mysql
