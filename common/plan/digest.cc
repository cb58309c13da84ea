#include "common/plan/digest.h"

#include <algorithm>
#include <tuple>

#include "common/base/canonical.h"
#include "common/base/hash.h"
#include "common/plan/digest_tree.h"

namespace dbfleet {
namespace {

using work::v1::ContentRef;
using work::v1::JobSpec;
using work::v1::MigrateSpec;
using work::v1::Migration;
using work::v1::Plan;
using work::v1::Step;

std::vector<std::string> Strings(const google::protobuf::RepeatedPtrField<std::string>& values) {
  return {values.begin(), values.end()};
}

void WriteDuration(bool present, const google::protobuf::Duration& value, CanonicalWriter* writer) {
  writer->Bool(present).Int(value.seconds()).Int(value.nanos());
}

void WriteContent(bool present, const ContentRef& content, CanonicalWriter* writer) {
  // A reference that carries its content but not its hash must not leave the content uncovered.
  const bool inline_only = content.sha256().empty() && !content.inline_().empty();
  writer->Bool(present).Text(inline_only ? Sha256Hex(content.inline_()) : content.sha256());
}

void WriteMigration(const Migration& migration, CanonicalWriter* writer) {
  writer->Text(migration.version()).Text(migration.name());
  WriteContent(migration.has_up(), migration.up(), writer);
  WriteContent(migration.has_down(), migration.down(), writer);
  writer->Text(migration.irreversible_reason())
      .Text(migration.up_path())
      .Text(migration.down_path());
}

void WriteMigrate(const MigrateSpec& spec, CanonicalWriter* writer) {
  writer->Text(spec.database())
      .Int(spec.database_kind())
      .Text(spec.account_id())
      .Int(spec.direction());
  writer->Begin(spec.migrations_size());
  for (const Migration& migration : spec.migrations()) WriteMigration(migration, writer);
  writer->List(Strings(spec.versions())).Bool(spec.allow_out_of_order());
  WriteDuration(spec.has_statement_timeout(), spec.statement_timeout(), writer);
  WriteDuration(spec.has_lock_timeout(), spec.lock_timeout(), writer);
  // Last, and only where there are any: the digests of all other changes are as they were, and an
  // agent of a former version, which would not look at these, refuses the digest instead.
  if (!spec.unsettled_versions().empty()) writer->List(Strings(spec.unsettled_versions()));
}

void WriteSteps(const google::protobuf::RepeatedPtrField<Step>& steps, CanonicalWriter* writer) {
  writer->Begin(steps.size());
  for (const Step& step : steps) {
    writer->Int(step.index())
        .Text(step.version())
        .Text(step.sql())
        .Text(step.file())
        .Int(step.line())
        .Int(step.kind())
        .Int(step.safety())
        .Bool(step.transactional());
    // Messages of findings quote row counts, which are estimates; their ids say what was found.
    std::vector<std::string> findings;
    for (const auto& finding : step.findings()) findings.push_back(finding.rule_id());
    std::sort(findings.begin(), findings.end());
    writer->List(findings);
  }
}

}  // namespace

std::string ParamsDigest(const JobSpec& spec) {
  CanonicalWriter writer("dbfleet.params.v1");
  writer.Int(spec.kind_case());
  switch (spec.kind_case()) {
    case JobSpec::kInspect:
      writer.Text(spec.inspect().statement()).Text(spec.inspect().database());
      WriteDuration(spec.inspect().has_timeout(), spec.inspect().timeout(), &writer);
      writer.Int(spec.inspect().max_rows());
      break;
    case JobSpec::kBackup:
      // The controller sets backup_id after the request was made; it names a folder, not the work.
      writer.List(Strings(spec.backup().databases()));
      break;
    case JobSpec::kVerify:
      writer.Text(spec.verify().backup_id());
      break;
    case JobSpec::kMigrate:
      WriteMigrate(spec.migrate(), &writer);
      break;
    case JobSpec::kCheck:
    case JobSpec::KIND_NOT_SET:
      break;
  }
  return Sha256Hex(writer.bytes());
}

std::string PlanDigest(absl::string_view target, const Plan& plan) {
  CanonicalWriter writer("dbfleet.plan.v1");
  writer.Text(target);
  WriteSteps(plan.forward(), &writer);
  WriteSteps(plan.rollback(), &writer);
  writer.List(Strings(plan.versions()))
      .List(Strings(plan.irreversible()))
      .Text(plan.schema_fingerprint())
      .Int(plan.safety())
      .Text(plan.server_version())
      .Bool(plan.nothing_to_do());
  return Sha256Hex(writer.bytes());
}

std::string JobDigest(const JobDigestInput& input) {
  if (input.targets.size() > kMaxListedTargets) return JobDigestTree(input).digest();
  std::vector<TargetDigestInput> targets = input.targets;
  std::sort(targets.begin(), targets.end(),
            [](const TargetDigestInput& a, const TargetDigestInput& b) {
              return std::tie(a.target, a.digest) < std::tie(b.target, b.digest);
            });
  CanonicalWriter writer("dbfleet.job.v1");
  writer.Text(input.job_kind)
      .Text(input.params_sha256)
      .Text(input.policy_digest)
      .Text(input.rollout)
      .Begin(targets.size());
  for (const TargetDigestInput& target : targets) writer.Text(target.target).Text(target.digest);
  return Sha256Hex(writer.bytes());
}

}  // namespace dbfleet
