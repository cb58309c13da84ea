#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "common/sql/sql.h"

namespace dbfleet::agent {

// What can be found out about a statement whose answer never came. It decides how the statement is
// executed (in a transaction with its outcome row, or between an intent row and an outcome row) and
// what a recovery may conclude.
enum class Effect {
  kAtomic,   // Shares a transaction with its row in dbfleet_step_log: the row tells.
  kSchema,   // All or nothing, and visible in the schema: the fingerprint tells.
  kPartial,  // Visible in the schema, but may stop half-way: only "unchanged" can be concluded.
  kOpaque,   // Neither: once begun, an answer that was lost stays unknown.
  kNone,     // Leaves nothing that would have to be undone (session settings, statistics, reads).
};

// `database` is the one that the session is connected to; a statement that names another is opaque.
// `atomic_data`: whether data changes in it are transactional (MySQL/MariaDB: no MyISAM tables).
Effect EffectOf(sql::Dialect dialect, absl::string_view text, const sql::Verdict& verdict,
                absl::string_view database, bool atomic_data);

// Whether a kOpaque statement that failed may nevertheless have done a part of its work.
bool CanFailHalfway(absl::string_view text);

// What a migration file must not contain, whatever its class: statements that would take the
// transaction, the connection's database, the migration lock or dbfleet's own tables out of the
// runner's hands, and those that change another database than `database`, for which the job has its
// approval, lock and backup. INVALID_ARGUMENT with reason FORBIDDEN_STATEMENT; the message says
// why.
absl::Status CheckAllowed(sql::Dialect dialect, absl::string_view text, const sql::Verdict& verdict,
                          absl::string_view database);

// Whether it is of a kind that may hold a password: accounts, servers, subscriptions, replication.
// Of those people are shown no texts. What stored code holds is not looked at: people have to see
// it.
bool MayHoldCredentials(sql::Dialect dialect, absl::string_view text);

// The index that a PostgreSQL CREATE/DROP INDEX CONCURRENTLY names, as written; "" for any other
// statement, and for an index without a name.
std::string ConcurrentIndexName(absl::string_view text);

// The statement's words: bare words in upper case, quoted identifiers with their quotes, each
// string literal as "'", each other character by itself. Comments are left out, but an executable
// comment of MySQL/MariaDB gives the word "/*!".
std::vector<std::string> Words(sql::Dialect dialect, absl::string_view text);

}  // namespace dbfleet::agent
