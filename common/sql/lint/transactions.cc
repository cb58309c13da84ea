#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// Who begins and ends transactions, and what stands together in one.
namespace dbfleet::sql {
namespace {

void ExplicitCommit(const Look& look) {
  if (look.is(Verb::kCommit)) {
    look.Report(LintId::kExplicitCommit, "COMMIT inside a script");
  } else if (look.is(Verb::kRollback)) {
    look.Report(LintId::kExplicitCommit, "ROLLBACK inside a script");
  }
}

void Nesting(const Look& look) {
  if (look.is(Verb::kBegin) && look.script.in_transaction()) {
    look.Report(
        LintId::kTransactionNesting,
        absl::StrCat("a transaction begins inside that of statement ", look.script.begin() + 1));
  }
}

// Once: where the second kind comes to the first.
void MixedDdlDml(const Look& look) {
  const bool ddl = IsDdl(look.facts.verb) && !look.facts.temporary;
  const bool dml = ChangesRows(look.facts);
  const int other = ddl ? look.script.first_dml() : look.script.first_ddl();
  const int same = ddl ? look.script.first_ddl() : look.script.first_dml();
  if ((!ddl && !dml) || other < 0 || same >= 0) return;
  // Rows for a table that the script itself makes belong together with it.
  if (look.IsMade(look.table())) return;
  look.Report(LintId::kMixedDdlDml,
              absl::StrCat("statement ", other + 1, " changes ", ddl ? "data" : "the schema",
                           ", this one ", ddl ? "the schema" : "data"));
}

std::string Head(const Look& look) {
  const std::string name = look.table().name.empty() ? "" : " on " + look.Sql(look.table());
  switch (look.facts.verb) {
    case Verb::kCreateIndex:
      return absl::StrCat("CREATE INDEX CONCURRENTLY", name);
    case Verb::kDropIndex:
      return absl::StrCat("DROP INDEX CONCURRENTLY", name);
    case Verb::kReindex:
      if (look.facts.concurrently) return "REINDEX CONCURRENTLY";
      return absl::StrCat("REINDEX ", absl::AsciiStrToUpper(look.facts.object_type));
    case Verb::kVacuum:
      return "VACUUM";
    default:
      return "the statement";
  }
}

void ConcurrentlyInTransaction(const Look& look) {
  if (look.verdict.transactional || look.verdict.transaction_control) return;
  if (!look.script.in_transaction()) return;
  look.Report(LintId::kConcurrentlyInTransaction,
              absl::StrCat(Head(look), " cannot run inside the transaction that statement ",
                           look.script.begin() + 1, " opened"));
}

// In the statement at hand.
bool AddsNotValid(const Look& look, const std::string& constraint) {
  const std::vector<Alteration>& all = look.facts.alterations;
  return std::any_of(all.begin(), all.end(), [&](const Alteration& a) {
    const bool same =
        a.name.empty() ? IsServersNameOf(look.table(), constraint) : a.name == constraint;
    return a.not_valid && a.kind != AlterationKind::kValidateConstraint && same;
  });
}

// Its open transaction is thrown away with the session.
void LeavesTransaction(const Look& look) {
  if (!look.facts.new_session || !look.script.in_transaction()) return;
  look.reporter.Report(LintId::kUncommittedTransaction, look.script.begin(), Name(), "", "");
}

// Outside of BEGIN ... COMMIT a script of transactional statements is one transaction for dbfleet's
// runner and for `psql -1`.
void ValidateInSameTransaction(const Look& look) {
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.kind != AlterationKind::kValidateConstraint) continue;
    const Script::NotValid* added = look.script.FindNotValid(look.table(), alteration.name);
    const bool at_once = AddsNotValid(look, alteration.name);
    if (!at_once) {
      if (added == nullptr || added->transaction != look.script.transaction()) continue;
      if (added->transaction == 0 && !look.script.all_transactional()) continue;
    }
    const char* where = at_once                        ? "statement"
                        : look.script.in_transaction() ? "transaction"
                                                       : "script";
    const std::string statement = absl::StrCat("ALTER TABLE ", look.Sql(look.table()),
                                               " VALIDATE CONSTRAINT ", look.Sql(alteration.name));
    look.Report(LintId::kValidateInSameTransaction,
                absl::StrCat("constraint ", look.Sql(alteration.name),
                             " is added NOT VALID and validated in one ", where),
                absl::StrCat("write ", statement, " in a migration of its own"));
  }
}

}  // namespace

void CheckTransactions(const Look& look) {
  ExplicitCommit(look);
  Nesting(look);
  LeavesTransaction(look);
  MixedDdlDml(look);
  ConcurrentlyInTransaction(look);
  ValidateInSameTransaction(look);
}

void CheckTransactionsAtEnd(const WholeLook& look) {
  const int uncommitted = look.script.session().uncommitted();
  if (look.script.in_transaction()) {
    look.reporter.Report(LintId::kUncommittedTransaction, look.script.begin(), Name(), "", "");
  } else if (uncommitted >= 0) {
    look.reporter.Report(LintId::kUncommittedTransaction, uncommitted, Name(),
                         "autocommit is off, and no COMMIT follows: what is changed from here on "
                         "is rolled back at the end",
                         "");
  }
}

}  // namespace dbfleet::sql
