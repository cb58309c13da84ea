#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/sql/model/finding.h"
#include "common/sql/model/target.h"

// The catalogue of lint rules: the one source for findings, configuration, and the documentation
// (docs/reference/lint.md). A new rule is a row in rules.cc, its id here in the same place, and a
// function in the file of its subject.
namespace dbfleet::sql {

enum class LintId : uint8_t {
  // dml.cc
  kNoWhere,
  kAffectedRows,
  kDryRun,
  kDmlLimit,
  kDmlOrderBy,
  kInsertWithoutColumns,
  kInsertRows,
  // queries.cc
  kSelectStar,
  kEqualsNull,
  kLeadingWildcard,
  kFunctionOnColumn,
  kImplicitConversion,
  kTextAsNumber,
  kOrderByRandom,
  kLimitWithoutOrder,
  kOffsetPagination,
  kOffsetWithoutLimit,
  kFullScan,
  // transactions.cc
  kExplicitCommit,
  kTransactionNesting,
  kUncommittedTransaction,
  kMixedDdlDml,
  kConcurrentlyInTransaction,
  kValidateInSameTransaction,
  // tables.cc
  kDropTable,
  kDropCascade,
  kTruncate,
  kTruncateCascade,
  kRenameTable,
  kRenameSchema,
  kMergeAlters,
  kNoPrimaryKey,
  kEngine,
  kCharset,
  kConvertCharset,
  kReplicaIdentity,
  // columns.cc
  kDropColumn,
  kRenameColumn,
  kChangeColumnType,
  kNotNullWithoutDefault,
  kSetNotNull,
  kDropNotNull,
  kVolatileDefault,
  kExpressionDefault,
  kStoredGenerated,
  kAddAutoIncrement,
  // types.cc
  kEnumChange,
  kEnumWidth,
  kMoneyAsFloat,
  kFloatColumn,
  kZeroDate,
  kTimestamp2038,
  kJsonColumn,
  kIntKey,
  kIntKeyCapacity,
  kRenameEnumValue,
  kEnumOrder,
  kDomainConstraint,
  // indexes.cc
  kIndexNotConcurrent,
  kDropIndexNotConcurrent,
  kReindexNotConcurrent,
  kUniqueOnExisting,
  kDuplicateIndex,
  kRedundantIndex,
  kDropVisibleIndex,
  kFkWithoutIndex,
  // constraints.cc
  kAddPrimaryKey,
  kUniqueConstraint,
  kFkNotValid,
  kCheckNotValid,
  kExclusionConstraint,
  kForeignKey,
  kFkParentNotUnique,
  kCascadeDelete,
  kInlineReferences,
  kAttachPartition,
  kDetachPartition,
  kPartitionedRefusal,
  // locks.cc
  kNoLockTimeout,
  kVacuumFull,
  kNoAlgorithm,
  kTableRebuild,
  // objects.cc
  kRoutine,
  kDefiner,
  kSetRole,
  kUnqualifiedName,
  kNotIdempotent,
  // naming.cc
  kNamingTable,
  kNamingColumn,
  kNamingIndex,
  kNamingForeignKey,
  kLongIdentifier,
  kAuditColumns,
  // files.cc
  kMissingDown,
  kVersionOrder,
  // redis.cc
  kRedisKeys,
  kRedisUnbounded,
  kRedisFlush,
  kRedisDebug,
  kRedisConfigSet,
  kRedisSave,
  kRedisDangerous,
  // host_code.cc
  kArWithoutConditions,
  kArUnboundedRead,
  kArNoPlaceholders,
  kNPlusOne,
  kAssociationInLoop,
  // injection.cc
  kInjectionConcatenation,
  kInjectionTautology,
  kInjectionStacked,
  kInjectionComment,
  // linter.cc
  kSyntaxError,
  kNotUnderstood,
  kIgnoreWithoutReason,
  kIgnoreUnknownRule,
  kIgnoreUnused,
};

inline constexpr size_t kRuleCount = static_cast<size_t>(LintId::kIgnoreUnused) + 1;

// Where a rule applies. ActiveRecord's calls are also held against the rules of the SQL that they
// become.
inline constexpr uint8_t kInMySql = 1;
inline constexpr uint8_t kInPostgres = 2;
inline constexpr uint8_t kInSql = kInMySql | kInPostgres;
inline constexpr uint8_t kInRedis = 4;
inline constexpr uint8_t kInActiveRecord = 8;
inline constexpr uint8_t kEverywhere = kInSql | kInRedis | kInActiveRecord;

// What else is to be known of a rule.
inline constexpr uint8_t kBySize = 1;         // A live row count changes its severity.
inline constexpr uint8_t kNotInDown = 2;      // A way back may take away what its way there made.
inline constexpr uint8_t kNeedsSnapshot = 4;  // Quiet without live facts.
inline constexpr uint8_t kNotForRunner = 8;  // What dbfleet's own runner of migrations looks after.

struct LintRule {
  LintId lint_id;
  absl::string_view id;
  uint8_t dialects;
  uint8_t traits;
  Severity severity;          // Default; the configuration may set another.
  absl::string_view message;  // What is wrong; findings say it with the statement's names.
  absl::string_view reason;
  absl::string_view advice;  // The safe form.
};

// In the order of LintId.
absl::Span<const LintRule> LintRules();
const LintRule& RuleOf(LintId id);
const LintRule* FindRule(absl::string_view id);  // Null if there is none.

uint8_t DialectBit(Dialect dialect);

}  // namespace dbfleet::sql
