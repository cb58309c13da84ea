#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/sql/lint/linter.h"

// Facts made by hand, so that rules are tested apart from the readers that find the facts.
namespace dbfleet::sql {

inline Reading Of(Verb verb, std::vector<Name> objects = {}) {
  Reading reading;
  reading.facts.verb = verb;
  reading.facts.objects = std::move(objects);
  reading.facts.complete = true;
  reading.verdict.understood = true;
  return reading;
}

inline Reading Of(Verb verb, const std::string& object) { return Of(verb, {Name{"app", object}}); }

inline ColumnFacts Column(const std::string& name, const std::string& type) {
  ColumnFacts column;
  column.name = name;
  column.type = type;
  return column;
}

inline IndexFacts Index(const std::string& name, const std::string& table,
                        std::vector<std::string> columns) {
  IndexFacts index;
  index.name = name;
  index.table = {"app", table};
  index.columns = std::move(columns);
  return index;
}

inline ForeignKeyFacts ForeignKey(const std::string& name, std::vector<std::string> columns,
                                  const std::string& parent) {
  ForeignKeyFacts key;
  key.name = name;
  key.columns = std::move(columns);
  key.parent = {"app", parent};
  return key;
}

// A table with everything that the rules want of one.
inline Reading CreateTable(const std::string& name) {
  Reading reading = Of(Verb::kCreateTable, name);
  ColumnFacts id = Column("id", "bigint");
  id.primary_key = true;
  reading.facts.columns = {id, Column("created_at", "datetime"), Column("updated_at", "datetime")};
  reading.facts.repeat = Repeat::kIfNotExists;
  reading.facts.if_exists = true;  // No rule about a second run; IF NOT EXISTS would prove nothing.
  return reading;
}

inline Reading CreateIndex(IndexFacts index) {
  Reading reading = Of(Verb::kCreateIndex);
  reading.facts.concurrently = index.concurrently;
  reading.facts.indexes = {std::move(index)};
  reading.facts.if_not_exists = true;
  reading.verdict.effects.blocks = Blocking::kWrites;
  return reading;
}

inline Reading Alter(const std::string& table, std::vector<Alteration> alterations) {
  Reading reading = Of(Verb::kAlterTable, table);
  for (Alteration& alteration : alterations) alteration.if_exists = true;
  reading.facts.alterations = std::move(alterations);
  reading.facts.algorithm = "instant";
  return reading;
}

inline Alteration Change(AlterationKind kind, const std::string& name = "") {
  Alteration alteration;
  alteration.kind = kind;
  alteration.name = name;
  return alteration;
}

inline Alteration AddColumn(ColumnFacts column) {
  Alteration alteration = Change(AlterationKind::kAddColumn, column.name);
  alteration.column = std::move(column);
  return alteration;
}

inline Alteration AddIndex(IndexFacts index) {
  Alteration alteration = Change(AlterationKind::kAddIndex, index.name);
  alteration.index = std::move(index);
  return alteration;
}

inline Alteration AddForeignKey(ForeignKeyFacts key) {
  Alteration alteration = Change(AlterationKind::kAddForeignKey, key.name);
  alteration.not_valid = key.not_valid;
  alteration.foreign_key = std::move(key);
  return alteration;
}

// One script held against the rules, with the defaults unless something else is said.
struct Case {
  Target target = Dialect::kMariaDb;
  LintConfig config;
  SchemaSnapshot snapshot;
  bool with_snapshot = false;
  bool down = false;
  Made up;  // What its way there made, of a way back.

  explicit Case(Target t) : target(std::move(t)) {}

  std::vector<Finding> Lint(const std::vector<std::pair<std::string, Reading>>& script) const {
    Linter linter(target, config, with_snapshot ? &snapshot : nullptr, {down, {}, up});
    for (const auto& [text, reading] : script) linter.Add(text, reading);
    return linter.Finish();
  }
  std::vector<Finding> Lint(const std::vector<Reading>& script) const {
    std::vector<std::pair<std::string, Reading>> with_texts;
    for (const Reading& reading : script) with_texts.emplace_back("", reading);
    return Lint(with_texts);
  }
  std::vector<std::string> Ids(const std::vector<Reading>& script) const {
    std::vector<std::string> ids;
    for (const Finding& finding : Lint(script)) ids.push_back(finding.rule_id);
    return ids;
  }
  // Of the finding of that rule; fails if there is none.
  Finding The(const std::string& rule, const std::vector<Reading>& script) const {
    for (const Finding& finding : Lint(script)) {
      if (finding.rule_id == rule) return finding;
    }
    ADD_FAILURE() << "no finding of " << rule;
    return Finding();
  }
};

inline const Target kMaria = Target(Dialect::kMariaDb, {10, 11, 6});
inline const Target kMySql57 = Target(Dialect::kMySql, {5, 7, 44});
inline const Target kMySql80 = Target(Dialect::kMySql, {8, 0, 36});
inline const Target kPostgres = Target(Dialect::kPostgres, {15, 4, 0});
inline const Target kRedis = Target(Dialect::kRedis, {7, 0, 0});

}  // namespace dbfleet::sql
