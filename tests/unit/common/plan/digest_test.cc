#include "common/plan/digest.h"

#include <functional>
#include <set>
#include <string>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/time_util.h"
#include "gtest/gtest.h"

#include "common/base/hash.h"

namespace dbfleet {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using work::v1::JobSpec;
using work::v1::Plan;

// Calls `check` once for each single field of `root` (at any depth, in the first element of each
// list), with that field changed to another value, then puts the old value back. New fields of the
// protocol are found by themselves: each must be covered by the digest or named as left out.
void ForEachFieldChanged(Message* message, const std::string& path,
                         const std::function<void(const std::string&)>& check);

void SetOther(Message* message, const FieldDescriptor* field) {
  const Reflection* r = message->GetReflection();
  const bool repeated = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      repeated ? r->SetRepeatedString(message, field, 0, "changed")
               : r->SetString(message, field, "changed");
      break;
    case FieldDescriptor::CPPTYPE_INT32:
      r->SetInt32(message, field, r->GetInt32(*message, field) + 1);
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      r->SetInt64(message, field, r->GetInt64(*message, field) + 1);
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      r->SetBool(message, field, !r->GetBool(*message, field));
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      r->SetEnumValue(message, field, r->GetEnumValue(*message, field) == 1 ? 2 : 1);
      break;
    default:
      FAIL() << "a field of a kind that this test does not know: " << field->full_name();
  }
}

void ForEachFieldChanged(Message* message, const std::string& path,
                         const std::function<void(const std::string&)>& check) {
  const Reflection* r = message->GetReflection();
  for (int i = 0; i < message->GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message->GetDescriptor()->field(i);
    const std::string name = path.empty() ? field->name() : path + "." + field->name();
    const bool set = field->is_repeated() ? r->FieldSize(*message, field) > 0 : true;
    ASSERT_TRUE(set) << "the sample must fill " << name;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (field->containing_oneof() != nullptr && !r->HasField(*message, field)) continue;
      ForEachFieldChanged(field->is_repeated() ? r->MutableRepeatedMessage(message, field, 0)
                                               : r->MutableMessage(message, field),
                          name, check);
      continue;
    }
    std::unique_ptr<Message> before(message->New());
    before->CopyFrom(*message);
    SetOther(message, field);
    check(name);
    message->CopyFrom(*before);
  }
}

JobSpec MigrateSample() {
  JobSpec spec;
  auto* migrate = spec.mutable_migrate();
  migrate->set_database("shop");
  auto* migration = migrate->add_migrations();
  migration->set_version("0007");
  migration->set_name("add_notes");
  migration->mutable_up()->set_sha256(Sha256Hex("up"));
  migration->mutable_down()->set_sha256(Sha256Hex("down"));
  migrate->add_versions("0006");
  migrate->add_unsettled_versions("0006");
  migrate->mutable_lock_timeout()->set_seconds(5);
  migrate->mutable_statement_timeout()->set_seconds(60);
  return spec;
}

void ExpectCovered(JobSpec spec, const std::set<std::string>& left_out) {
  const std::string before = ParamsDigest(spec);
  std::set<std::string> found_out;
  ForEachFieldChanged(&spec, "", [&](const std::string& path) {
    if (ParamsDigest(spec) == before) found_out.insert(path);
  });
  EXPECT_EQ(found_out, left_out);
  EXPECT_EQ(ParamsDigest(spec), before);
}

TEST(ParamsDigest, FollowsEveryParameterOfAMigrationAndContentOnlyByItsHash) {
  ExpectCovered(MigrateSample(),
                {"migrate.migrations.up.inline", "migrate.migrations.up.size_bytes",
                 "migrate.migrations.down.inline", "migrate.migrations.down.size_bytes"});
}

TEST(ParamsDigest, FollowsEveryParameterOfTheOtherKinds) {
  JobSpec inspect;
  inspect.mutable_inspect()->set_statement("SELECT 1");
  inspect.mutable_inspect()->mutable_timeout()->set_seconds(1);
  ExpectCovered(inspect, {});
  JobSpec backup;
  backup.mutable_backup()->add_databases("shop");
  ExpectCovered(backup, {"backup.backup_id"});
  JobSpec verify;
  verify.mutable_verify()->set_backup_id("B");
  // Filled in on the way to the agent, from what the controller knows of the backup.
  ExpectCovered(verify, {"verify.manifest_sha256"});
}

TEST(ParamsDigest, KindsAndMissingPartsDiffer) {
  JobSpec check, backup, verify, inspect;
  check.mutable_check();
  backup.mutable_backup();
  verify.mutable_verify();
  inspect.mutable_inspect();
  JobSpec without_down = MigrateSample();
  without_down.mutable_migrate()->mutable_migrations(0)->clear_down();
  JobSpec empty_down = without_down;
  empty_down.mutable_migrate()->mutable_migrations(0)->mutable_down();
  JobSpec no_timeout = MigrateSample();
  no_timeout.mutable_migrate()->clear_lock_timeout();
  JobSpec zero_timeout = no_timeout;
  zero_timeout.mutable_migrate()->mutable_lock_timeout();
  std::set<std::string> digests;
  for (const JobSpec& spec : {JobSpec(), check, backup, verify, inspect, MigrateSample(),
                              without_down, empty_down, no_timeout, zero_timeout}) {
    digests.insert(ParamsDigest(spec));
  }
  EXPECT_EQ(digests.size(), 10u);
}

TEST(ParamsDigest, TheOrderOfMigrationsMatters) {
  JobSpec spec = MigrateSample();
  *spec.mutable_migrate()->add_migrations() = spec.migrate().migrations(0);
  spec.mutable_migrate()->mutable_migrations(1)->set_version("0008");
  JobSpec swapped = spec;
  swapped.mutable_migrate()->mutable_migrations()->SwapElements(0, 1);
  EXPECT_NE(ParamsDigest(spec), ParamsDigest(swapped));
}

TEST(ParamsDigest, InlineContentWithoutAHashIsHashed) {
  JobSpec hashed = MigrateSample();
  JobSpec carried = MigrateSample();
  carried.mutable_migrate()->mutable_migrations(0)->mutable_up()->clear_sha256();
  carried.mutable_migrate()->mutable_migrations(0)->mutable_up()->set_inline_("up");
  EXPECT_EQ(ParamsDigest(hashed), ParamsDigest(carried));
  carried.mutable_migrate()->mutable_migrations(0)->mutable_up()->set_inline_("else");
  EXPECT_NE(ParamsDigest(hashed), ParamsDigest(carried));
}

Plan PlanSample() {
  Plan plan;
  for (auto* step : {plan.add_forward(), plan.add_rollback()}) {
    step->set_version("0007");
    step->set_sql("ALTER TABLE orders ADD notes TEXT");
    step->add_safety_reasons("alters a table");
    step->add_findings()->set_rule_id("dbf-alter");
    step->add_tables()->set_rows(10);
  }
  plan.add_versions("0007");
  plan.add_irreversible("nothing");
  plan.add_warnings("big");
  plan.mutable_plan_time()->set_seconds(1);
  return plan;
}

TEST(PlanDigest, FollowsEverythingButEstimatesTimesAndTheirTexts) {
  Plan plan = PlanSample();
  const std::string before = PlanDigest("instances/a", plan);
  std::set<std::string> left_out;
  ForEachFieldChanged(&plan, "", [&](const std::string& path) {
    if (PlanDigest("instances/a", plan) == before) left_out.insert(path);
  });
  std::set<std::string> want = {"warnings", "plan_time.seconds", "plan_time.nanos", "target_digest",
                                "estimated_rows"};
  for (const std::string list : {"forward.", "rollback."}) {
    for (const char* field :
         {"safety_reasons", "findings.severity", "findings.message", "findings.advice",
          "findings.file", "findings.line", "tables.table", "tables.rows", "tables.bytes"}) {
      want.insert(list + field);
    }
  }
  EXPECT_EQ(left_out, want);
}

TEST(PlanDigest, TargetsStepsAndTheirListsAreKeptApart) {
  const Plan plan = PlanSample();
  EXPECT_NE(PlanDigest("instances/a", plan), PlanDigest("instances/b", plan));
  Plan moved = plan;
  moved.mutable_rollback()->Clear();
  *moved.add_forward() = plan.rollback(0);
  EXPECT_NE(PlanDigest("instances/a", plan), PlanDigest("instances/a", moved));
}

TEST(PlanDigest, TheOrderOfFindingsDoesNotMatterTheirNumberDoes) {
  Plan a = PlanSample();
  a.mutable_forward(0)->add_findings()->set_rule_id("dbf-second");
  Plan b = a;
  b.mutable_forward(0)->mutable_findings()->SwapElements(0, 1);
  EXPECT_EQ(PlanDigest("t", a), PlanDigest("t", b));
  b.mutable_forward(0)->add_findings()->set_rule_id("dbf-second");
  EXPECT_NE(PlanDigest("t", a), PlanDigest("t", b));
}

TEST(JobDigest, FollowsEveryInputButNotTheOrderOfTargets) {
  const JobDigestInput base = {"migrate", "p", "q", "r", {{"t1", "d1"}, {"t2", "d2"}}};
  std::set<std::string> digests = {JobDigest(base)};
  JobDigestInput reordered = base;
  std::swap(reordered.targets[0], reordered.targets[1]);
  EXPECT_EQ(JobDigest(reordered), JobDigest(base));
  const std::function<void(JobDigestInput&)> changes[] = {
      [](JobDigestInput& in) { in.job_kind = "x"; },
      [](JobDigestInput& in) { in.params_sha256 = "x"; },
      [](JobDigestInput& in) { in.policy_digest = "x"; },
      [](JobDigestInput& in) { in.rollout = "x"; },
      [](JobDigestInput& in) { in.targets[0].target = "x"; },
      [](JobDigestInput& in) { in.targets[0].digest = "x"; },
      [](JobDigestInput& in) { in.targets.pop_back(); },
      [](JobDigestInput& in) {
        in.targets.push_back({"t2", "d2"});
      },
      [](JobDigestInput& in) { std::swap(in.targets[0].digest, in.targets[1].digest); },
      [](JobDigestInput& in) {
        in.params_sha256 = "pq";
        in.policy_digest = "";
      },
  };
  for (const auto& change : changes) {
    JobDigestInput changed = base;
    change(changed);
    EXPECT_TRUE(digests.insert(JobDigest(changed)).second);
  }
}

}  // namespace
}  // namespace dbfleet
