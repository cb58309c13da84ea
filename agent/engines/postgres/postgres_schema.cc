#include "agent/engines/postgres/postgres_schema.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "agent/engine/schema_hash.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

struct Part {
  const char* name;
  const char* query;  // "$classes", "$schemas" stand for the conditions below.
};

// pg_class c of ours: no system schema, no extension's object, not dbfleet's own tables.
constexpr char kClasses[] =
    "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' "
    "AND c.relname NOT IN ('dbfleet_schema_history', 'dbfleet_step_log') "
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = "
    "'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";
constexpr char kSchemas[] = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

// Positions are counted over the columns that exist, because those of dropped ones are never
// reused.
constexpr Part kParts[] = {
    {"schemas", "SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE $schemas"},
    {"extensions", "SELECT e.extname, e.extversion FROM pg_catalog.pg_extension e"},
    {"relations",
     "SELECT n.nspname, c.relname, c.relkind, c.relpersistence, c.reloptions::text, "
     "c.relrowsecurity, c.relforcerowsecurity, c.relreplident, "
     "pg_catalog.pg_get_expr(c.relpartbound, c.oid), "
     "CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END, "
     "CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) END, "
     "pg_catalog.obj_description(c.oid, 'pg_class') "
     "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
     "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND $classes"},
    {"inheritance",
     "SELECT n.nspname, c.relname, i.inhparent::regclass::text, i.inhseqno, "
     "pg_catalog.to_jsonb(i) ->> 'inhdetachpending' "
     "FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid "
     "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE $classes"},
    {"columns",
     "SELECT n.nspname, c.relname, a.attname, "
     "row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum), "
     "pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, "
     "a.attgenerated, a.attstorage, (SELECT o.collname FROM "
     "pg_catalog.pg_collation o WHERE o.oid = a.attcollation), "
     "pg_catalog.pg_get_expr(f.adbin, f.adrelid), pg_catalog.col_description(c.oid, a.attnum) "
     "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid "
     "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
     "LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum "
     "WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') "
     "AND $classes"},
    {"indexes",
     "SELECT pg_catalog.pg_get_indexdef(i.indexrelid), i.indisprimary, i.indisvalid, "
     "i.indisclustered, i.indisreplident FROM pg_catalog.pg_index i "
     "JOIN pg_catalog.pg_class c ON c.oid = i.indrelid "
     "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE $classes"},
    {"constraints",
     "SELECT n.nspname, c.relname, k.conname, pg_catalog.pg_get_constraintdef(k.oid), "
     "k.convalidated FROM pg_catalog.pg_constraint k "
     "JOIN pg_catalog.pg_class c ON c.oid = k.conrelid "
     "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE $classes"},
    {"triggers",
     "SELECT pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled FROM pg_catalog.pg_trigger t "
     "JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid "
     "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
     "WHERE NOT t.tgisinternal AND $classes"},
    {"policies",
     "SELECT n.nspname, c.relname, p.polname, p.polcmd, p.polpermissive, "
     "pg_catalog.pg_get_expr(p.polqual, p.polrelid), "
     "pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), "
     "(SELECT string_agg(r.rolname, ',' ORDER BY r.rolname) FROM pg_catalog.pg_roles r "
     "WHERE r.oid = ANY (p.polroles)) FROM pg_catalog.pg_policy p "
     "JOIN pg_catalog.pg_class c ON c.oid = p.polrelid "
     "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE $classes"},
    {"rules",
     "SELECT pg_catalog.pg_get_ruledef(r.oid), r.ev_enabled FROM pg_catalog.pg_rewrite r "
     "JOIN pg_catalog.pg_class c ON c.oid = r.ev_class "
     "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
     "WHERE r.rulename <> '_RETURN' AND $classes"},
    {"sequences",
     "SELECT n.nspname, c.relname, s.seqtypid::regtype::text, s.seqstart, s.seqincrement, "
     "s.seqmax, s.seqmin, s.seqcache, s.seqcycle FROM pg_catalog.pg_sequence s "
     "JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid "
     "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE $classes"},
    {"functions",
     "SELECT n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid), "
     "p.prokind, CASE WHEN p.prokind <> 'a' THEN pg_catalog.pg_get_functiondef(p.oid) END "
     "FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace "
     "WHERE $schemas AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = "
     "'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')"},
    {"types",
     "SELECT n.nspname, t.typname, t.typtype, t.typnotnull, t.typdefault, "
     "CASE WHEN t.typbasetype <> 0 THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END, "
     "(SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e "
     "WHERE e.enumtypid = t.oid), "
     "(SELECT string_agg(k.conname || ' ' || pg_catalog.pg_get_constraintdef(k.oid), ';' "
     "ORDER BY k.conname) FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid) "
     "FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace "
     "WHERE t.typtype IN ('e', 'd', 'r') AND $schemas AND NOT EXISTS (SELECT FROM "
     "pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_type'::regclass "
     "AND d.objid = t.oid AND d.deptype = 'e')"}};

int64_t NumberOr(const std::optional<std::string>& text, int64_t otherwise) {
  int64_t number = 0;
  return text.has_value() && absl::SimpleAtoi(*text, &number) ? number : otherwise;
}

absl::StatusOr<std::string> ReadAllParts(MigrationSession& session) {
  RETURN_IF_ERROR(
      session.Execute("SET LOCAL search_path = pg_catalog", absl::ZeroDuration()).status());
  SchemaHash hash;
  for (const Part& part : kParts) {
    RETURN_IF_ERROR(hash.Add(
        session, part.name,
        absl::StrReplaceAll(part.query, {{"$classes", kClasses}, {"$schemas", kSchemas}})));
  }
  return hash.Hex();
}

}  // namespace

absl::StatusOr<std::string> PostgresSchemaFingerprint(MigrationSession& session,
                                                      bool in_transaction) {
  const auto command = [&session](absl::string_view text) {
    return session.Execute(text, absl::ZeroDuration()).status();
  };
  // One snapshot for all parts, where the transaction is not the caller's. Names are printed
  // relative to the search path, which a migration may have changed; the end of the savepoint gives
  // the caller's back, and the locks on what was read.
  RETURN_IF_ERROR(command(in_transaction ? "SAVEPOINT dbfleet_fingerprint"
                                         : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  absl::StatusOr<std::string> result = ReadAllParts(session);
  absl::Status end;
  if (in_transaction) {
    end = command("ROLLBACK TO SAVEPOINT dbfleet_fingerprint");
    if (end.ok()) end = command("RELEASE SAVEPOINT dbfleet_fingerprint");
  } else {
    end = command(result.ok() ? "COMMIT" : "ROLLBACK");
  }
  if (result.ok() && !end.ok()) return end;
  return result;
}

absl::StatusOr<std::vector<work::v1::TableEstimate>> EstimatePostgresTables(
    MigrationSession& session, const std::vector<std::string>& tables) {
  std::vector<work::v1::TableEstimate> result;
  for (const std::string& table : tables) {
    work::v1::TableEstimate& estimate = result.emplace_back();
    estimate.set_table(table);
    estimate.set_rows(-1);
    estimate.set_bytes(-1);
    // A name that is no name (too many dots) is an error here, and simply not known then.
    const auto rows = session.Query(
        absl::StrCat("SELECT c.reltuples::bigint, pg_catalog.pg_total_relation_size(c.oid) "
                     "FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(",
                     session.Quote(table), ") AND c.relkind IN ('r', 'p', 'm')"));
    if (absl::IsUnavailable(rows.status())) return rows.status();
    if (!rows.ok() || rows->size() != 1 || (*rows)[0].size() != 2) continue;
    estimate.set_rows(NumberOr((*rows)[0][0], -1));
    estimate.set_bytes(NumberOr((*rows)[0][1], -1));
  }
  return result;
}

}  // namespace dbfleet::agent
