#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// Routines, owners, and how objects are named in statements.
namespace dbfleet::sql {
namespace {

std::string Kind(const Look& look) {
  return look.facts.object_type.empty() ? "routine" : look.facts.object_type;
}

void Routine(const Look& look) {
  if (!look.is(Verb::kCreateRoutine) && !look.is(Verb::kAlterRoutine)) return;
  const std::string name = look.table().name.empty() ? "it" : look.Sql(look.table());
  // PostgreSQL's are known by their table.
  const bool of_table = look.postgres() && look.is(Verb::kCreateRoutine) &&
                        (Kind(look) == "trigger" || Kind(look) == "rule");
  look.Report(LintId::kRoutine, absl::StrCat("the ", Kind(look), of_table ? " on " : " ", name,
                                             " has effects that no statement shows"));
}

void Definer(const Look& look) {
  if (!look.facts.has_definer && !look.facts.security_definer) return;
  const std::string name = look.table().name.empty() ? "it" : look.Sql(look.table());
  look.Report(
      LintId::kDefiner,
      absl::StrCat(name, " runs with the rights of its ", look.mysql() ? "definer" : "owner"),
      look.mysql() ? "write SQL SECURITY INVOKER, without DEFINER"
                   : absl::StrCat("write SECURITY INVOKER, or add SET search_path = "
                                  "pg_catalog, pg_temp to ",
                                  name));
}

bool Creates(Verb verb) {
  switch (verb) {
    case Verb::kCreateTable:
    case Verb::kCreateView:
    case Verb::kCreateSchema:
    case Verb::kCreateRoutine:
    case Verb::kCreateType:
    case Verb::kCreateDomain:
    case Verb::kCreateSequence:
      return true;
    default:
      return false;
  }
}

void SetRole(const Look& look) {
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.kind != AlterationKind::kOwner) continue;
    look.Report(
        LintId::kSetRole,
        absl::StrCat("the owner of ", look.Sql(look.table()), " changes after it was made"),
        absl::StrCat("write SET ROLE ",
                     look.Sql(alteration.new_name.empty() ? "app_owner" : alteration.new_name),
                     " before CREATE"));
  }
  const std::string& role = look.config.required_role;
  if (role.empty() || !Creates(look.facts.verb) || look.facts.temporary) return;
  if (look.script.has_setting("role")) return;
  look.Report(LintId::kSetRole,
              absl::StrCat(look.Sql(look.table()), " is made without SET ROLE ", look.Sql(role)),
              absl::StrCat("write SET ROLE ", look.Sql(role), " first"));
}

bool NamesObject(Verb verb) {
  switch (verb) {
    case Verb::kAlterTable:
    case Verb::kDropTable:
    case Verb::kTruncate:
    case Verb::kCreateIndex:
    case Verb::kCreateTable:
    case Verb::kCreateView:
    case Verb::kDropView:
    case Verb::kCreateType:
    case Verb::kCreateDomain:
    case Verb::kCreateSequence:
    case Verb::kCreateRoutine:
      return true;
    default:
      return false;
  }
}

void Unqualified(const Look& look) {
  const Name& name = look.table();
  if (!NamesObject(look.facts.verb) || look.facts.temporary) return;
  if (name.name.empty() || !name.schema.empty()) return;
  if (look.script.has_setting("search_path")) return;
  look.Report(LintId::kUnqualifiedName,
              absl::StrCat(look.Sql(name), " is named without its schema"),
              absl::StrCat("write the schema in front: public.", look.Sql(name)));
}

bool CanBeRepeated(const Facts& facts) {
  return facts.if_exists || facts.if_not_exists || facts.or_replace || facts.temporary;
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

void NotIdempotent(const Look& look) {
  const bool makes = look.is(Verb::kCreateTable) || look.is(Verb::kCreateIndex) ||
                     look.is(Verb::kCreateSchema) || look.is(Verb::kCreateSequence) ||
                     look.is(Verb::kCreateView);
  const bool drops = look.is(Verb::kDropTable) || look.is(Verb::kDropIndex) ||
                     look.is(Verb::kDropSchema) || look.is(Verb::kDropView) ||
                     look.is(Verb::kDropType) || look.is(Verb::kDropSequence) ||
                     look.is(Verb::kDropRoutine);
  if ((makes || drops) && !CanBeRepeated(look.facts)) {
    const bool view = look.is(Verb::kCreateView);
    look.Report(LintId::kNotIdempotent,
                absl::StrCat("the statement fails where ",
                             drops ? "there is nothing to drop" : "the object exists already"),
                absl::StrCat("write ",
                             drops  ? "IF EXISTS"
                             : view ? "OR REPLACE"
                                    : "IF NOT EXISTS",
                             ", and check that what exists is what was meant"));
  }
  if (look.is(Verb::kCreateType) && !look.table().name.empty()) {
    look.Report(LintId::kNotIdempotent,
                absl::StrCat("making the type ", look.Sql(look.table()),
                             " fails when it is run again, and knows no IF NOT EXISTS"),
                "give it a migration of its own, in one transaction, so that it is there whole or "
                "not at all");
  }
  for (const Alteration& alteration : look.facts.alterations) {
    if (AddsConstraint(alteration) && !alteration.if_exists && look.postgres()) {
      const std::string name = look.Sql(alteration.name);
      look.Report(LintId::kNotIdempotent,
                  absl::StrCat("adding the constraint ", name, " fails when it is run again"),
                  absl::StrCat("write ALTER ", look.is(Verb::kAlterDomain) ? "DOMAIN " : "TABLE ",
                               look.Sql(look.table()), " DROP CONSTRAINT IF EXISTS ", name,
                               " in front of it, in the same transaction"));
    }
    const bool adds = alteration.kind == AlterationKind::kAddColumn;
    const bool takes = alteration.kind == AlterationKind::kDropColumn ||
                       alteration.kind == AlterationKind::kDropConstraint;
    if ((!adds && !takes) || alteration.if_exists) continue;
    const std::string name = alteration.name.empty() && alteration.column.has_value()
                                 ? alteration.column->name
                                 : alteration.name;
    look.Report(
        LintId::kNotIdempotent,
        absl::StrCat(adds ? "adding " : "dropping ", look.Sql(name), " fails when it is run again"),
        absl::StrCat("write ", adds ? "ADD COLUMN IF NOT EXISTS " : "DROP ... IF EXISTS ",
                     look.Sql(name)));
  }
}

}  // namespace

void CheckObjects(const Look& look) {
  Routine(look);
  Definer(look);
  SetRole(look);
  Unqualified(look);
  NotIdempotent(look);
}

}  // namespace dbfleet::sql
