#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// What fails, or does more, when a script is run a second time.
namespace dbfleet::sql {
namespace {

constexpr char kOwnMigration[] =
    "give it a migration of its own, in one transaction, so that it is there whole or not at all";

bool CanBeRepeated(const Facts& facts) {
  return facts.if_exists || facts.if_not_exists || facts.or_replace || facts.temporary;
}

void Unnamed(const Look& look) {
  const bool index = look.is(Verb::kCreateIndex) && !look.facts.indexes.empty();
  const std::string form =
      index ? absl::StrCat("write CREATE ", look.facts.indexes[0].unique ? "UNIQUE " : "", "INDEX ",
                           look.facts.concurrently ? "CONCURRENTLY " : "", "IF NOT EXISTS ",
                           look.Sql(MadeUpName("idx", look.table(), look.facts.indexes[0].columns)),
                           " in front of ON")
            : "give it a name, and write IF NOT EXISTS in front of that";
  look.Report(LintId::kNotIdempotent,
              "the statement makes another one, of another name, each time that it is run",
              absl::StrCat(form, ", and check that what exists is what was meant"));
}

void Object(const Look& look) {
  if (CanBeRepeated(look.facts)) return;
  absl::string_view advice;
  switch (look.facts.repeat) {
    case Repeat::kNothing:
      return;
    case Repeat::kName:
      return Unnamed(look);
    case Repeat::kIfExists:
      advice = "write IF EXISTS, and check that what exists is what was meant";
      break;
    case Repeat::kIfNotExists:
      advice = "write IF NOT EXISTS, and check that what exists is what was meant";
      break;
    case Repeat::kOrReplace:
      advice = "write OR REPLACE, and check that what exists is what was meant";
      break;
    case Repeat::kApart:
      advice =
          "write CREATE SCHEMA IF NOT EXISTS alone, which takes nothing behind it, and what it "
          "makes in statements of their own, each with IF NOT EXISTS";
      break;
    case Repeat::kDropFirst:
      advice =
          "it knows neither IF NOT EXISTS nor OR REPLACE: write DROP ... IF EXISTS in front of it, "
          "in the same transaction";
      break;
    case Repeat::kLookFirst:
      advice =
          "it knows no IF NOT EXISTS: look into the server's catalog whether it is there already, "
          "and leave it out then";
      break;
  }
  look.Report(LintId::kNotIdempotent,
              absl::StrCat("the statement fails where ", look.facts.repeat == Repeat::kIfExists
                                                             ? "there is nothing to drop"
                                                             : "the object exists already"),
              std::string(advice));
}

void Type(const Look& look) {
  const bool domain = look.is(Verb::kCreateDomain);
  if ((!look.is(Verb::kCreateType) && !domain) || look.table().name.empty()) return;
  look.Report(LintId::kNotIdempotent,
              absl::StrCat("making the ", domain ? "domain " : "type ", look.Sql(look.table()),
                           " fails when it is run again, and knows no IF NOT EXISTS"),
              kOwnMigration);
}

// With a name: without one the server makes up another each time.
bool AddsConstraint(const Alteration& alteration) {
  switch (alteration.kind) {
    case AlterationKind::kAddIndex:
    case AlterationKind::kAddForeignKey:
    case AlterationKind::kAddCheck:
    case AlterationKind::kAddExclusion:
      return !alteration.name.empty();
    default:
      return false;
  }
}

void Constraint(const Look& look, const Alteration& alteration) {
  if (!AddsConstraint(alteration) || alteration.if_exists || !look.postgres()) return;
  const std::string name = look.Sql(alteration.name);
  // The index is the constraint's by then, and would go with it.
  const bool takes_index = alteration.index.has_value() && alteration.index->using_index;
  look.Report(
      LintId::kNotIdempotent,
      absl::StrCat("adding the constraint ", name, " fails when it is run again"),
      takes_index
          ? absl::StrCat("look into pg_constraint whether ", name,
                         " is there already, and leave the statement out then, with the one that "
                         "makes its index: to drop ",
                         name, " would drop the index, too")
          : absl::StrCat("write ALTER ", look.is(Verb::kAlterDomain) ? "DOMAIN " : "TABLE ",
                         look.Sql(look.table()), " DROP CONSTRAINT IF EXISTS ", name,
                         " in front of it, in the same transaction"));
}

void Part(const Look& look, const Alteration& alteration) {
  const bool adds = alteration.kind == AlterationKind::kAddColumn;
  const bool constraint = alteration.kind == AlterationKind::kDropConstraint;
  const bool takes = alteration.kind == AlterationKind::kDropColumn || constraint;
  if ((!adds && !takes) || alteration.if_exists) return;
  const std::string name =
      look.Sql(alteration.name.empty() && alteration.column.has_value() ? alteration.column->name
                                                                        : alteration.name);
  const bool attribute = look.is(Verb::kAlterType);
  const char* what = constraint ? "CONSTRAINT" : attribute ? "ATTRIBUTE" : "COLUMN";
  std::string advice = absl::StrCat("write ", adds ? "ADD " : "DROP ", what,
                                    adds ? " IF NOT EXISTS " : " IF EXISTS ", name);
  if (adds && attribute) {
    advice = absl::StrCat("ADD ATTRIBUTE knows no IF NOT EXISTS: ", kOwnMigration);
  }
  look.Report(LintId::kNotIdempotent,
              absl::StrCat(adds ? "adding " : "dropping ", name, " fails when it is run again"),
              std::move(advice));
}

}  // namespace

void CheckRepeats(const Look& look) {
  // What fails is there whole or not at all then.
  if (look.postgres() && look.script.in_transaction() && look.verdict.transactional) return;
  Object(look);
  Type(look);
  for (const Alteration& alteration : look.facts.alterations) {
    Constraint(look, alteration);
    Part(look, alteration);
  }
}

}  // namespace dbfleet::sql
