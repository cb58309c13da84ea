#include "common/sql/active_record/schema_words.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"

namespace dbfleet::sql {
namespace {

// Sources: the API of Laravel's Blueprint, ColumnDefinition and ForeignKeyDefinition; that of
// Rails' ConnectionAdapters::Table. To add a row: in its place by name.
// clang-format off
constexpr SchemaWord kOfPhp[] = {
    {"after", SchemaRole::kModifier}, {"algorithm", SchemaRole::kModifier},
    {"autoincrement", SchemaRole::kModifier}, {"bigincrements", SchemaRole::kColumn},
    {"biginteger", SchemaRole::kColumn}, {"binary", SchemaRole::kColumn},
    {"boolean", SchemaRole::kColumn}, {"cascadeondelete", SchemaRole::kModifier},
    {"cascadeonupdate", SchemaRole::kModifier}, {"change", SchemaRole::kModifier},
    {"char", SchemaRole::kColumn}, {"charset", SchemaRole::kOption},
    {"charset", SchemaRole::kModifier}, {"collation", SchemaRole::kOption},
    {"collation", SchemaRole::kModifier}, {"comment", SchemaRole::kOption},
    {"comment", SchemaRole::kModifier}, {"constrained", SchemaRole::kModifier},
    {"date", SchemaRole::kColumn}, {"datetime", SchemaRole::kColumn},
    {"datetimes", SchemaRole::kColumn}, {"datetimetz", SchemaRole::kColumn},
    {"decimal", SchemaRole::kColumn}, {"default", SchemaRole::kModifier},
    {"deferrable", SchemaRole::kModifier}, {"double", SchemaRole::kColumn},
    {"drop", SchemaRole::kDropTable}, {"dropcolumn", SchemaRole::kDropColumns},
    {"dropconstrainedforeignid", SchemaRole::kDropColumns}, {"dropforeign", SchemaRole::kDropKey},
    {"dropfulltext", SchemaRole::kDropKey}, {"dropifexists", SchemaRole::kDropTable},
    {"dropindex", SchemaRole::kDropKey}, {"dropmorphs", SchemaRole::kDropNamed},
    {"dropprimary", SchemaRole::kDropKey}, {"dropremembertoken", SchemaRole::kDropNamed},
    {"dropsoftdeletes", SchemaRole::kDropNamed}, {"dropsoftdeletestz", SchemaRole::kDropNamed},
    {"dropspatialindex", SchemaRole::kDropKey}, {"droptimestamps", SchemaRole::kDropNamed},
    {"droptimestampstz", SchemaRole::kDropNamed}, {"dropunique", SchemaRole::kDropKey},
    {"engine", SchemaRole::kOption}, {"enum", SchemaRole::kColumn},
    {"first", SchemaRole::kModifier}, {"float", SchemaRole::kColumn},
    {"foreign", SchemaRole::kForeignKey}, {"foreignid", SchemaRole::kColumn},
    {"foreignidfor", SchemaRole::kColumn}, {"foreignulid", SchemaRole::kColumn},
    {"foreignuuid", SchemaRole::kColumn}, {"fulltext", SchemaRole::kKey},
    {"fulltext", SchemaRole::kModifier}, {"geography", SchemaRole::kColumn},
    {"geometry", SchemaRole::kColumn}, {"id", SchemaRole::kColumn},
    {"increments", SchemaRole::kColumn}, {"index", SchemaRole::kKey},
    {"index", SchemaRole::kModifier}, {"initiallyimmediate", SchemaRole::kModifier},
    {"innodb", SchemaRole::kOption}, {"integer", SchemaRole::kColumn},
    {"integerincrements", SchemaRole::kColumn}, {"invisible", SchemaRole::kModifier},
    {"ipaddress", SchemaRole::kColumn}, {"json", SchemaRole::kColumn},
    {"jsonb", SchemaRole::kColumn}, {"language", SchemaRole::kModifier},
    {"linestring", SchemaRole::kColumn}, {"longtext", SchemaRole::kColumn},
    {"macaddress", SchemaRole::kColumn}, {"mediumincrements", SchemaRole::kColumn},
    {"mediuminteger", SchemaRole::kColumn}, {"mediumtext", SchemaRole::kColumn},
    {"morphs", SchemaRole::kColumn}, {"multilinestring", SchemaRole::kColumn},
    {"multipoint", SchemaRole::kColumn}, {"multipolygon", SchemaRole::kColumn},
    {"noactionondelete", SchemaRole::kModifier}, {"noactiononupdate", SchemaRole::kModifier},
    {"nullable", SchemaRole::kModifier}, {"nullablemorphs", SchemaRole::kColumn},
    {"nullabletimestamps", SchemaRole::kColumn}, {"nullableulidmorphs", SchemaRole::kColumn},
    {"nullableuuidmorphs", SchemaRole::kColumn}, {"nullondelete", SchemaRole::kModifier},
    {"nullonupdate", SchemaRole::kModifier}, {"numericmorphs", SchemaRole::kColumn},
    {"on", SchemaRole::kModifier}, {"ondelete", SchemaRole::kModifier},
    {"onupdate", SchemaRole::kModifier}, {"point", SchemaRole::kColumn},
    {"polygon", SchemaRole::kColumn}, {"primary", SchemaRole::kKey},
    {"primary", SchemaRole::kModifier}, {"references", SchemaRole::kModifier},
    {"remembertoken", SchemaRole::kColumn}, {"rename", SchemaRole::kRenameTable},
    {"renamecolumn", SchemaRole::kRenameColumn}, {"renameindex", SchemaRole::kRenameKey},
    {"restrictondelete", SchemaRole::kModifier}, {"restrictonupdate", SchemaRole::kModifier},
    {"set", SchemaRole::kColumn}, {"smallincrements", SchemaRole::kColumn},
    {"smallinteger", SchemaRole::kColumn}, {"softdeletes", SchemaRole::kColumn},
    {"softdeletesdatetime", SchemaRole::kColumn}, {"softdeletestz", SchemaRole::kColumn},
    {"spatialindex", SchemaRole::kKey}, {"spatialindex", SchemaRole::kModifier},
    {"srid", SchemaRole::kModifier}, {"startingvalue", SchemaRole::kModifier},
    {"string", SchemaRole::kColumn}, {"temporary", SchemaRole::kOption},
    {"text", SchemaRole::kColumn}, {"time", SchemaRole::kColumn},
    {"timestamp", SchemaRole::kColumn}, {"timestamps", SchemaRole::kColumn},
    {"timestampstz", SchemaRole::kColumn}, {"timestamptz", SchemaRole::kColumn},
    {"timetz", SchemaRole::kColumn}, {"tinyincrements", SchemaRole::kColumn},
    {"tinyinteger", SchemaRole::kColumn}, {"tinytext", SchemaRole::kColumn},
    {"ulid", SchemaRole::kColumn}, {"ulidmorphs", SchemaRole::kColumn},
    {"unique", SchemaRole::kKey}, {"unique", SchemaRole::kModifier},
    {"unsigned", SchemaRole::kModifier}, {"unsignedbiginteger", SchemaRole::kColumn},
    {"unsigneddecimal", SchemaRole::kColumn}, {"unsignedinteger", SchemaRole::kColumn},
    {"unsignedmediuminteger", SchemaRole::kColumn}, {"unsignedsmallinteger", SchemaRole::kColumn},
    {"unsignedtinyinteger", SchemaRole::kColumn}, {"usecurrent", SchemaRole::kModifier},
    {"usecurrentonupdate", SchemaRole::kModifier}, {"uuid", SchemaRole::kColumn},
    {"uuidmorphs", SchemaRole::kColumn}, {"vector", SchemaRole::kColumn},
    {"year", SchemaRole::kColumn},
};
constexpr SchemaWord kOfRuby[] = {
    {"belongs_to", SchemaRole::kColumn}, {"bigint", SchemaRole::kColumn},
    {"binary", SchemaRole::kColumn}, {"blob", SchemaRole::kColumn},
    {"boolean", SchemaRole::kColumn}, {"change", SchemaRole::kChangeColumn},
    {"change_default", SchemaRole::kChangeDefault}, {"change_null", SchemaRole::kChangeDefault},
    {"citext", SchemaRole::kColumn}, {"column", SchemaRole::kColumn}, {"date", SchemaRole::kColumn},
    {"datetime", SchemaRole::kColumn}, {"decimal", SchemaRole::kColumn},
    {"float", SchemaRole::kColumn}, {"foreign_key", SchemaRole::kForeignKey},
    {"hstore", SchemaRole::kColumn}, {"index", SchemaRole::kKey}, {"inet", SchemaRole::kColumn},
    {"integer", SchemaRole::kColumn}, {"json", SchemaRole::kColumn}, {"jsonb", SchemaRole::kColumn},
    {"numeric", SchemaRole::kColumn}, {"primary_key", SchemaRole::kColumn},
    {"references", SchemaRole::kColumn}, {"remove", SchemaRole::kDropColumns},
    {"remove_belongs_to", SchemaRole::kDropNamed}, {"remove_foreign_key", SchemaRole::kDropKey},
    {"remove_index", SchemaRole::kDropKey}, {"remove_references", SchemaRole::kDropNamed},
    {"remove_timestamps", SchemaRole::kDropNamed}, {"rename", SchemaRole::kRenameColumn},
    {"rename_index", SchemaRole::kRenameKey}, {"string", SchemaRole::kColumn},
    {"text", SchemaRole::kColumn}, {"time", SchemaRole::kColumn},
    {"timestamp", SchemaRole::kColumn}, {"timestamps", SchemaRole::kColumn},
    {"timestamptz", SchemaRole::kColumn}, {"uuid", SchemaRole::kColumn},
};
// clang-format on

constexpr MigrationWord kMigrationWords[] = {
    {"disable_ddl_transaction!", false,
     "lets the migration run outside of a transaction, so that what fails stays half done"},
    {"reset_column_information", false, "lets the model ask for its columns anew"},
    {"reversible", true, "does what stands in its block"},
    {"safety_assured", true, "does what stands in its block, and lets no other tool check that"},
    {"up_only", true, "does what stands in its block on the way there"},
};

}  // namespace

absl::string_view NoteOf(SchemaRole role) {
  switch (role) {
    case SchemaRole::kColumn:
      return "adds a column";
    case SchemaRole::kKey:
      return "adds an index or key";
    case SchemaRole::kForeignKey:
      return "adds a foreign key";
    case SchemaRole::kDropColumns:
    case SchemaRole::kDropNamed:
      return "drops columns";
    case SchemaRole::kDropKey:
      return "drops an index or constraint";
    case SchemaRole::kRenameColumn:
      return "renames a column";
    case SchemaRole::kRenameKey:
      return "renames an index";
    case SchemaRole::kChangeColumn:
      return "changes a column";
    case SchemaRole::kChangeDefault:
      return "changes a column's default, or whether it may be NULL";
    case SchemaRole::kRenameTable:
      return "renames the table";
    case SchemaRole::kDropTable:
      return "drops the table";
    case SchemaRole::kOption:
      return "sets an option of the table";
    case SchemaRole::kModifier:
      return "says more of what its chain begins with";
  }
  return "";
}

absl::Span<const SchemaWord> SchemaWords(bool php) {
  return php ? absl::Span<const SchemaWord>(kOfPhp) : absl::Span<const SchemaWord>(kOfRuby);
}

const SchemaWord* FindSchemaWord(bool php, absl::string_view name, bool first) {
  const std::string lower = absl::AsciiStrToLower(name);
  for (const SchemaWord& word : SchemaWords(php)) {
    const bool same = php ? word.name == lower : word.name == name;
    if (same && first == (word.role != SchemaRole::kModifier)) return &word;
  }
  return nullptr;
}

absl::Span<const MigrationWord> MigrationWords() { return kMigrationWords; }

const MigrationWord* FindMigrationWord(absl::string_view name) {
  const auto found = std::find_if(std::begin(kMigrationWords), std::end(kMigrationWords),
                                  [&](const MigrationWord& word) { return word.name == name; });
  return found == std::end(kMigrationWords) ? nullptr : &*found;
}

}  // namespace dbfleet::sql
