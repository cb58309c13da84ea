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
  // What runs by itself has no invoker.
  const std::string kind = Kind(look);
  const bool by_itself = look.mysql() && (kind == "trigger" || kind == "event");
  look.Report(
      LintId::kDefiner,
      absl::StrCat(name, " runs with the rights of its ", look.mysql() ? "definer" : "owner"),
      by_itself      ? absl::StrCat("let an account make the ", kind,
                                    " that has only the rights that it needs, and leave out "
                                         "DEFINER; it knows no SQL SECURITY")
      : look.mysql() ? "write SQL SECURITY INVOKER, without DEFINER"
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
  // A temporary one of the script: it stands in no schema that could be named.
  const TableState* state = Creates(look.facts.verb) ? nullptr : look.script.Find(name);
  if (state != nullptr && state->temporary) return;
  look.Report(LintId::kUnqualifiedName,
              absl::StrCat(look.Sql(name), " is named without its schema"),
              absl::StrCat("write the schema in front: public.", look.Sql(name)));
}

}  // namespace

void CheckObjects(const Look& look) {
  Routine(look);
  Definer(look);
  SetRole(look);
  Unqualified(look);
}

}  // namespace dbfleet::sql
