#include "common/sql/tokens/nature.h"

#include <optional>

namespace dbfleet::sql {
namespace {

// One row of the published table: what a verb stands for.
struct Row {
  absl::string_view verb;
  Kind kind;
  bool transactional;
  bool transaction_control = false;
};

constexpr Row kMySqlRows[] = {
    {"SELECT", Kind::kInspection, true},
    {"SHOW", Kind::kInspection, true},
    {"EXPLAIN", Kind::kInspection, true},
    {"DESCRIBE", Kind::kInspection, true},
    {"DESC", Kind::kInspection, true},
    {"HELP", Kind::kInspection, true},
    {"VALUES", Kind::kInspection, true},
    {"TABLE", Kind::kInspection, true},
    {"INSERT", Kind::kDataFix, true},
    {"UPDATE", Kind::kDataFix, true},
    {"DELETE", Kind::kDataFix, true},
    {"REPLACE", Kind::kDataFix, true},
    {"LOAD", Kind::kDataFix, true},
    {"DO", Kind::kDataFix, true},
    {"CALL", Kind::kDataFix, false},
    {"CREATE", Kind::kSchemaMigration, false},
    {"ALTER", Kind::kSchemaMigration, false},
    {"DROP", Kind::kSchemaMigration, false},
    {"RENAME", Kind::kSchemaMigration, false},
    // TRUNCATE removes rows, but like DDL: it commits by itself and cannot be rolled back, so that
    // what schema changes need (a verified backup) is needed here too.
    {"TRUNCATE", Kind::kSchemaMigration, false},
    {"IMPORT", Kind::kSchemaMigration, false},
    {"ANALYZE", Kind::kMaintenance, false},
    {"OPTIMIZE", Kind::kMaintenance, false},
    {"CHECK", Kind::kMaintenance, false},
    {"CHECKSUM", Kind::kMaintenance, false},
    {"REPAIR", Kind::kMaintenance, false},
    {"CACHE", Kind::kMaintenance, false},
    {"PURGE", Kind::kMaintenance, false},
    {"SET", Kind::kControl, true},
    {"COMMIT", Kind::kControl, false, true},
    {"ROLLBACK", Kind::kControl, false, true},
    {"SAVEPOINT", Kind::kControl, false, true},
    {"RELEASE", Kind::kControl, false, true},
    {"XA", Kind::kControl, false, true},
    {"LOCK", Kind::kControl, false, true},
    {"UNLOCK", Kind::kControl, false, true},
    // Code of which only the server knows what it does counts as the heaviest kind.
    {"IF", Kind::kSchemaMigration, false},
    {"FOR", Kind::kSchemaMigration, false},
    {"WHILE", Kind::kSchemaMigration, false},
    {"LOOP", Kind::kSchemaMigration, false},
    {"REPEAT", Kind::kSchemaMigration, false},
    {"CASE", Kind::kSchemaMigration, false},
    {"DECLARE", Kind::kSchemaMigration, false},
    {"PREPARE", Kind::kSchemaMigration, false},
    {"EXECUTE", Kind::kSchemaMigration, false},
};

constexpr Row kPostgresRows[] = {
    {"SELECT", Kind::kInspection, true},
    {"SHOW", Kind::kInspection, true},
    {"EXPLAIN", Kind::kInspection, true},
    {"VALUES", Kind::kInspection, true},
    {"TABLE", Kind::kInspection, true},
    {"INSERT", Kind::kDataFix, true},
    {"UPDATE", Kind::kDataFix, true},
    {"DELETE", Kind::kDataFix, true},
    {"MERGE", Kind::kDataFix, true},
    {"COPY", Kind::kDataFix, true},
    {"CALL", Kind::kDataFix, true},
    {"CREATE", Kind::kSchemaMigration, true},
    {"ALTER", Kind::kSchemaMigration, true},
    {"DROP", Kind::kSchemaMigration, true},
    {"COMMENT", Kind::kSchemaMigration, true},
    {"SECURITY", Kind::kSchemaMigration, true},
    {"IMPORT", Kind::kSchemaMigration, true},
    {"TRUNCATE", Kind::kSchemaMigration, true},
    {"DO", Kind::kSchemaMigration, true},
    {"EXECUTE", Kind::kSchemaMigration, true},
    {"PREPARE", Kind::kSchemaMigration, true},
    {"VACUUM", Kind::kMaintenance, false},
    {"ANALYZE", Kind::kMaintenance, true},
    {"ANALYSE", Kind::kMaintenance, true},
    {"REINDEX", Kind::kMaintenance, true},
    {"CLUSTER", Kind::kMaintenance, true},
    {"CHECKPOINT", Kind::kMaintenance, true},
    {"REFRESH", Kind::kMaintenance, true},
    {"BEGIN", Kind::kControl, false, true},
    {"START", Kind::kControl, false, true},
    {"COMMIT", Kind::kControl, false, true},
    {"END", Kind::kControl, false, true},
    {"ROLLBACK", Kind::kControl, false, true},
    {"ABORT", Kind::kControl, false, true},
    {"SAVEPOINT", Kind::kControl, false, true},
    {"RELEASE", Kind::kControl, false, true},
    {"DISCARD", Kind::kControl, false},
};

template <size_t N>
std::optional<Nature> Find(const Row (&rows)[N], const Token& verb) {
  for (const Row& row : rows) {
    if (verb.IsWord(row.verb)) return Nature{row.kind, row.transactional, row.transaction_control};
  }
  return std::nullopt;
}

// The word that says what CREATE, ALTER or DROP is about: the first of `objects` near the head.
template <size_t N>
absl::string_view ObjectOf(TokenView tokens, const absl::string_view (&objects)[N]) {
  constexpr ptrdiff_t kModifiers = 24;  // DEFINER = 'x' @ 'y' SQL SECURITY ... and the like.
  for (ptrdiff_t i = 1; i < std::min(tokens.size(), kModifiers); ++i) {
    for (absl::string_view object : objects) {
      if (tokens[i].IsWord(object)) return object;
    }
  }
  return "";
}

Nature MySqlDefinition(TokenView tokens, Nature nature) {
  static constexpr absl::string_view kObjects[] = {
      "TABLE",    "TABLES", "INDEX",   "VIEW",       "PROCEDURE", "FUNCTION",
      "TRIGGER",  "EVENT",  "USER",    "DATABASE",   "ROLE",      "SCHEMA",
      "SEQUENCE", "SERVER", "PACKAGE", "TABLESPACE", "INSTANCE",  "RESOURCE"};
  const absl::string_view object = ObjectOf(tokens, kObjects);
  if (object == "USER" || object == "ROLE" || object == "SERVER" || object == "INSTANCE" ||
      object == "RESOURCE") {
    nature.kind = Kind::kControl;
  } else if (object == "INDEX" && !tokens[0].IsWord("ALTER") && !tokens.HasWord("UNIQUE")) {
    // A unique index refuses rows, so it is part of the schema.
    nature.kind = Kind::kQueryOptimization;
  } else if (tokens[1].IsWord("TEMPORARY") && object == "TABLE" && !tokens[0].IsWord("ALTER")) {
    nature.transactional = true;
  }
  return nature;
}

// SET [SESSION] TRANSACTION, and what turns autocommit.
bool SetsTransaction(TokenView tokens) {
  const ptrdiff_t what =
      tokens[1].IsWord("SESSION") || tokens[1].IsWord("LOCAL") || tokens[1].IsWord("GLOBAL") ? 2
                                                                                             : 1;
  return tokens[what].IsWord("TRANSACTION") || tokens[what].IsWord("CHARACTERISTICS") ||
         tokens.HasWord("AUTOCOMMIT") || tokens.HasWord("TRANSACTION_READ_ONLY") ||
         tokens.HasWord("TRANSACTION_ISOLATION") || tokens.HasWord("TRANSACTION_DEFERRABLE");
}

Nature MySqlSet(TokenView tokens, Nature nature) {
  if (tokens[1].IsWord("STATEMENT")) {
    for (ptrdiff_t i = 2; i < tokens.size(); ++i) {
      // One level only: the inner statement of a second SET STATEMENT is not looked for.
      if (tokens[i].IsWord("FOR") && !tokens.HasWords(i + 1, {"SET", "STATEMENT"})) {
        return NatureOf(Dialect::kMariaDb, tokens.From(i + 1));
      }
    }
    return Nature{Kind::kSchemaMigration, false, false};
  }
  nature.transaction_control = SetsTransaction(tokens);
  if (nature.transaction_control || tokens.HasWord("PASSWORD")) nature.transactional = false;
  return nature;
}

// Where the statement begins that EXPLAIN ANALYZE or MariaDB's ANALYZE executes; 0 when nothing is.
ptrdiff_t MySqlAnalyzed(TokenView tokens) {
  ptrdiff_t i = 0;
  bool analyze = false;
  if (tokens[0].IsWord("EXPLAIN") || tokens[0].IsWord("DESCRIBE") || tokens[0].IsWord("DESC")) ++i;
  if (tokens[i].IsWord("ANALYZE")) {
    analyze = true;
    ++i;
  }
  while (tokens[i].IsWord("FORMAT") && tokens[i + 1].IsSymbol('=')) i += 3;
  const bool of_tables = tokens[i].IsWord("TABLE") || tokens[i].IsWord("LOCAL") ||
                         tokens[i].IsWord("NO_WRITE_TO_BINLOG");
  return analyze && !of_tables ? i : 0;
}

Nature MySqlNature(TokenView tokens) {
  if (const ptrdiff_t inner = MySqlAnalyzed(tokens); inner > 0) {
    const Head head = HeadOf(tokens.From(inner));
    const std::optional<Nature> found = Find(kMySqlRows, tokens[inner + head.verb]);
    return found.value_or(Nature{Kind::kSchemaMigration, false, false});
  }
  const Token& verb = tokens[HeadOf(tokens).verb];
  if (verb.IsWord("BEGIN")) {
    const bool plain = tokens.size() == 1 || (tokens.size() == 2 && tokens[1].IsWord("WORK"));
    return plain ? Nature{Kind::kControl, false, true} : Nature{Kind::kSchemaMigration, false};
  }
  if (verb.IsWord("START")) return {Kind::kControl, false, tokens[1].IsWord("TRANSACTION")};
  if (verb.IsWord("LOAD") && tokens[1].IsWord("INDEX")) return {Kind::kMaintenance, false};
  if (verb.IsWord("RENAME") && tokens[1].IsWord("USER")) return {Kind::kControl, false};
  const std::optional<Nature> found = Find(kMySqlRows, verb);
  if (!found.has_value()) return Nature{};
  if (verb.IsWord("SET")) return MySqlSet(tokens, *found);
  if (verb.IsWord("CREATE") || verb.IsWord("ALTER") || verb.IsWord("DROP")) {
    return MySqlDefinition(tokens, *found);
  }
  return *found;
}

Nature PostgresDefinition(TokenView tokens, Nature nature) {
  static constexpr absl::string_view kObjects[] = {
      "TABLE",        "INDEX",       "VIEW",       "FUNCTION", "PROCEDURE",  "TRIGGER",
      "RULE",         "TYPE",        "DOMAIN",     "SEQUENCE", "SCHEMA",     "EXTENSION",
      "POLICY",       "AGGREGATE",   "CAST",       "DATABASE", "TABLESPACE", "SYSTEM",
      "SUBSCRIPTION", "PUBLICATION", "STATISTICS", "USER",     "ROLE",       "GROUP",
      "SERVER",       "PRIVILEGES",  "OWNED",      "ROUTINE",  "OPERATOR",   "COLLATION",
      "CONVERSION",   "LANGUAGE",    "TRANSFORM"};
  const absl::string_view object = ObjectOf(tokens, kObjects);
  const bool concurrently = tokens.HasWord("CONCURRENTLY");
  if (object == "USER" || object == "ROLE" || object == "GROUP" || object == "SERVER" ||
      object == "PRIVILEGES" || object == "SYSTEM" || object == "SUBSCRIPTION" ||
      object == "PUBLICATION" || object == "TABLESPACE") {
    nature.kind = Kind::kControl;
  } else if ((object == "INDEX" || object == "STATISTICS") && !tokens[0].IsWord("ALTER") &&
             !tokens[1].IsWord("UNIQUE")) {
    nature.kind = Kind::kQueryOptimization;
  }
  nature.transactional = !(concurrently || object == "TABLESPACE" || object == "SYSTEM" ||
                           object == "SUBSCRIPTION" || object == "DATABASE");
  if (object == "DATABASE" && tokens[0].IsWord("ALTER") && !tokens.HasWord("TABLESPACE")) {
    nature.transactional = true;
  }
  return nature;
}

Nature PostgresMaintenance(TokenView tokens, Nature nature) {
  if (tokens[0].IsWord("REINDEX")) {
    ptrdiff_t what = tokens[1].IsSymbol('(') ? tokens.AfterParen(1) : 1;
    nature.transactional = !tokens.HasWord("CONCURRENTLY") && !tokens[what].IsWord("DATABASE") &&
                           !tokens[what].IsWord("SYSTEM") && !tokens[what].IsWord("SCHEMA");
  } else if (tokens[0].IsWord("CLUSTER")) {
    // Without a table it clusters all of them, each in a transaction of its own.
    ptrdiff_t what = tokens[1].IsSymbol('(') ? tokens.AfterParen(1) : 1;
    if (tokens[what].IsWord("VERBOSE")) ++what;
    nature.transactional = what < tokens.size();
  }
  return nature;
}

// Where the statement begins that EXPLAIN executes; 0 when it only plans.
ptrdiff_t PostgresAnalyzed(TokenView tokens) {
  if (!tokens[0].IsWord("EXPLAIN")) return 0;
  bool analyze = false;
  ptrdiff_t i = 1;
  if (tokens[1].IsSymbol('(')) {
    i = tokens.AfterParen(1);
    for (ptrdiff_t k = 1; k < i; ++k) {
      analyze = analyze || tokens[k].IsWord("ANALYZE") || tokens[k].IsWord("ANALYSE");
    }
    return analyze ? i : 0;
  }
  while (tokens[i].IsWord("ANALYZE") || tokens[i].IsWord("ANALYSE") ||
         tokens[i].IsWord("VERBOSE")) {
    analyze = analyze || !tokens[i].IsWord("VERBOSE");
    ++i;
  }
  return analyze ? i : 0;
}

bool ChangesRows(const Token& token) {
  return token.IsWord("INSERT") || token.IsWord("UPDATE") || token.IsWord("DELETE") ||
         token.IsWord("MERGE");
}

Nature PostgresSelect(TokenView tokens, const Head& head, Nature nature) {
  if (tokens.HasWord("INTO") && tokens[head.verb].IsWord("SELECT")) {
    nature.kind = Kind::kSchemaMigration;  // SELECT INTO creates a table.
  } else if (head.with) {
    for (ptrdiff_t i = 0; i < tokens.size(); ++i) {
      if (ChangesRows(tokens[i])) nature.kind = Kind::kDataFix;
    }
  }
  return nature;
}

Nature PostgresNature(TokenView tokens) {
  if (const ptrdiff_t inner = PostgresAnalyzed(tokens); inner > 0) tokens = tokens.From(inner);
  const Head head = HeadOf(tokens);
  const Token& verb = tokens[head.verb];
  const std::optional<Nature> found = Find(kPostgresRows, verb);
  if (!found.has_value() && !verb.IsWord("SET")) return Nature{Kind::kControl, true, false};
  if (verb.IsWord("SET")) {
    const bool control = SetsTransaction(tokens);
    return {Kind::kControl, !control, control};
  }
  if (verb.IsWord("PREPARE") && tokens[1].IsWord("TRANSACTION")) {
    return {Kind::kControl, false, true};
  }
  if (verb.IsWord("CREATE") || verb.IsWord("ALTER") || verb.IsWord("DROP")) {
    return PostgresDefinition(tokens, *found);
  }
  if (found->kind == Kind::kMaintenance) return PostgresMaintenance(tokens, *found);
  return PostgresSelect(tokens, head, *found);
}

}  // namespace

Nature NatureOf(Dialect dialect, TokenView tokens) {
  return dialect == Dialect::kPostgres ? PostgresNature(tokens) : MySqlNature(tokens);
}

Head HeadOf(TokenView tokens) {
  Head head;
  const auto skip_parens = [&](ptrdiff_t i) {
    while (tokens[i].IsSymbol('(')) ++i;
    return i;
  };
  ptrdiff_t i = skip_parens(0);
  head.verb = i;
  if (!tokens[i].IsWord("WITH")) return head;
  head.with = true;
  ++i;
  if (tokens[i].IsWord("RECURSIVE")) ++i;
  for (;;) {
    if (!tokens[i].IsName()) break;
    head.with_names.emplace_back(tokens[i].text);
    ++i;
    if (tokens[i].IsSymbol('(')) {
      head.column_lists.push_back(i);
      i = tokens.AfterParen(i);
    }
    if (!tokens[i].IsWord("AS")) break;
    ++i;
    if (tokens[i].IsWord("NOT")) ++i;
    if (tokens[i].IsWord("MATERIALIZED")) ++i;
    if (!tokens[i].IsSymbol('(')) break;
    i = tokens.AfterParen(i);
    if (!tokens[i].IsSymbol(',')) {
      head.verb = skip_parens(i);
      return head;
    }
    ++i;
  }
  head.understood = false;
  head.verb = i;
  return head;
}

bool DefinesRoutine(TokenView tokens) {
  static constexpr absl::string_view kRoutines[] = {"PROCEDURE", "FUNCTION", "TRIGGER", "EVENT",
                                                    "PACKAGE",   "TABLE",    "VIEW",    "INDEX",
                                                    "DATABASE",  "USER"};
  if (!tokens[0].IsWord("CREATE") && !tokens[0].IsWord("ALTER")) return false;
  const absl::string_view object = ObjectOf(tokens, kRoutines);
  return object == "PROCEDURE" || object == "FUNCTION" || object == "TRIGGER" ||
         object == "EVENT" || object == "PACKAGE";
}

}  // namespace dbfleet::sql
