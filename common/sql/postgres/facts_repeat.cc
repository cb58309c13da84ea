#include "common/sql/postgres/facts.h"

// What PostgreSQL's grammar offers for a second run, statement by statement.
namespace dbfleet::sql::pg {
namespace {

struct RepeatRow {
  absl::string_view tag;
  Repeat repeat;
};

// Statements of which the node decides. Source: the synopses of PostgreSQL's manual; each form was
// run twice on PostgreSQL 15. Types and domains stand here for what rules say of them by their
// verb.
constexpr RepeatRow kRows[] = {
    {"CreateStmt", Repeat::kIfNotExists},
    {"CreateForeignTableStmt", Repeat::kIfNotExists},
    {"CreateTableAsStmt", Repeat::kIfNotExists},  // Also of materialized views.
    {"CreateSeqStmt", Repeat::kIfNotExists},
    {"CreateExtensionStmt", Repeat::kIfNotExists},
    {"CreateForeignServerStmt", Repeat::kIfNotExists},
    {"CreateUserMappingStmt", Repeat::kIfNotExists},
    {"ViewStmt", Repeat::kOrReplace},
    {"CreateFunctionStmt", Repeat::kOrReplace},
    {"RuleStmt", Repeat::kOrReplace},
    {"CreatePLangStmt", Repeat::kOrReplace},
    {"CreateTransformStmt", Repeat::kOrReplace},
    {"CreatePolicyStmt", Repeat::kDropFirst},
    {"CreateEventTrigStmt", Repeat::kDropFirst},
    {"CreateCastStmt", Repeat::kDropFirst},
    {"CreateRoleStmt", Repeat::kLookFirst},
    {"CreatedbStmt", Repeat::kLookFirst},
    {"CreateTableSpaceStmt", Repeat::kLookFirst},
    {"CreatePublicationStmt", Repeat::kLookFirst},
    {"CreateSubscriptionStmt", Repeat::kLookFirst},
    {"CreateFdwStmt", Repeat::kLookFirst},
    {"CreateAmStmt", Repeat::kLookFirst},
    {"CreateConversionStmt", Repeat::kLookFirst},
    {"CreateOpClassStmt", Repeat::kLookFirst},
    {"CreateOpFamilyStmt", Repeat::kLookFirst},
    {"DropStmt", Repeat::kIfExists},
    {"DropdbStmt", Repeat::kIfExists},
    {"DropRoleStmt", Repeat::kIfExists},
    {"DropUserMappingStmt", Repeat::kIfExists},
    {"DropTableSpaceStmt", Repeat::kIfExists},
    {"DropSubscriptionStmt", Repeat::kIfExists},
};

Repeat OfDefinition(absl::string_view kind) {
  if (kind == "OBJECT_AGGREGATE") return Repeat::kOrReplace;
  if (kind == "OBJECT_COLLATION") return Repeat::kIfNotExists;
  return kind == "OBJECT_TYPE" ? Repeat::kNothing : Repeat::kLookFirst;
}

}  // namespace

Repeat RepeatOf(Version version, Node statement) {
  const absl::string_view tag = statement.tag();
  if (tag == "CreateSchemaStmt") {
    return statement["schemaElts"].empty() ? Repeat::kIfNotExists : Repeat::kApart;
  }
  if (tag == "IndexStmt") {
    return statement["idxname"].text().empty() ? Repeat::kName : Repeat::kIfNotExists;
  }
  if (tag == "CreateStatsStmt") {  // The name may be missing from version 16 on.
    return statement["defnames"].empty() ? Repeat::kName : Repeat::kIfNotExists;
  }
  if (tag == "CreateTrigStmt") {
    const bool replaces = version >= Version{14, 0, 0} && !statement["isconstraint"].flag();
    return replaces ? Repeat::kOrReplace : Repeat::kDropFirst;
  }
  if (tag == "DefineStmt") return OfDefinition(statement["kind"].text());
  for (const RepeatRow& row : kRows) {
    if (row.tag == tag) return row.repeat;
  }
  return Repeat::kNothing;
}

}  // namespace dbfleet::sql::pg
