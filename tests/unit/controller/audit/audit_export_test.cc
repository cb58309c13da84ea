#include "controller/audit/audit_export.h"

#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "common/audit/export.h"
#include "common/audit/record.h"
#include "common/audit/verify.h"
#include "common/base/status.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"

namespace dbfleet::controller {
namespace {

class AuditExportTest : public ::testing::Test {
 protected:
  void Append(int n) {
    for (int i = 0; i < n; ++i) {
      ASSERT_TRUE(store_
                      .MutateAndWait([&](WriteTx& tx) {
                        return tx.AppendAudit({"users/ada",
                                               "test",
                                               absl::StrCat("jobs/", i),
                                               "qa",
                                               {{"text", "\"quoted\"\n"}}});
                      })
                      .ok());
    }
  }

  static std::string Line(const AuditRow& row) {
    audit::ExportedRecord exported;
    exported.record.seq = row.seq;
    exported.record.time = row.record_time;
    exported.record.actor = row.entry.actor;
    exported.record.action = row.entry.action;
    exported.record.resource = row.entry.resource;
    exported.record.environment = row.entry.environment;
    exported.record.details = row.entry.details;
    exported.record.previous_hash = row.previous_hash;
    exported.canonical = row.canonical;
    exported.hash = row.hash;
    return absl::StrCat(audit::WriteJsonLine(exported), "\n");
  }

  FakeClock clock_;
  MemoryStore store_{&clock_};
};

TEST_F(AuditExportTest, AnEmptyTrailHasTheGenesisHashAsItsHead) {
  const AuditHead head = ReadAuditHead(store_).value();
  EXPECT_EQ(head.seq, 0u);
  EXPECT_EQ(head.hash, audit::GenesisHash());
  EXPECT_FALSE(AuditReader(store_, 0, head).Next().value().has_value());
}

TEST_F(AuditExportTest, AnExportOverManyBatchesVerifiesOffline) {
  Append(1203);
  std::stringstream file;
  AuditReader reader(store_, 0, ReadAuditHead(store_).value());
  for (auto row = reader.Next().value(); row.has_value(); row = reader.Next().value()) {
    file << Line(*row);
  }
  const audit::VerifyReport report = audit::VerifyExport(file).value();
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.records, 1203u);
}

TEST_F(AuditExportTest, RecordsWrittenDuringTheExportWaitForTheNextOne) {
  Append(3);
  AuditReader reader(store_, 2, ReadAuditHead(store_).value());
  EXPECT_EQ(reader.Next().value()->seq, 2u);
  Append(1);
  EXPECT_EQ(reader.Next().value()->seq, 3u);
  EXPECT_FALSE(reader.Next().value().has_value());
}

TEST_F(AuditExportTest, ARecordThatIsMissingIsNamed) {
  Append(3);
  AuditHead head = ReadAuditHead(store_).value();
  head.seq = 4;
  AuditReader reader(store_, 3, head);
  EXPECT_TRUE(reader.Next().ok());
  const absl::Status status = reader.Next().status();
  EXPECT_EQ(ReasonOf(status), "AUDIT_GAP");
  EXPECT_TRUE(absl::StrContains(status.message(), "audit record 4 is missing")) << status;
}

}  // namespace
}  // namespace dbfleet::controller
