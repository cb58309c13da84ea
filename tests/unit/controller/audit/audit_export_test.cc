#include "controller/audit/audit_export.h"

#include <sstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

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

  FakeClock clock_;
  MemoryStore store_{&clock_};
};

TEST_F(AuditExportTest, AnEmptyTrailHasTheGenesisHashAsItsHead) {
  const AuditHead head = ReadAuditHead(store_).value();
  EXPECT_EQ(head.seq, 0u);
  EXPECT_EQ(head.hash, audit::GenesisHash());
  int rows = 0;
  EXPECT_TRUE(ExportAudit(store_, 0, [&](const AuditRow&) {
                ++rows;
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(rows, 0);
}

TEST_F(AuditExportTest, AnExportOverManyBatchesVerifiesOffline) {
  Append(1203);
  std::stringstream file;
  const AuditHead head = ExportAudit(store_, 0, [&](const AuditRow& row) {
                           file << AuditLine(row);
                           return absl::OkStatus();
                         }).value();
  EXPECT_EQ(head.seq, 1203u);
  EXPECT_EQ(head.hash, ReadAuditHead(store_)->hash);
  const audit::VerifyReport report = audit::VerifyExport(file).value();
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.records, 1203u);
}

TEST_F(AuditExportTest, RecordsWrittenDuringTheExportWaitForTheNextOne) {
  Append(3);
  std::vector<uint64_t> seqs;
  ASSERT_TRUE(ExportAudit(store_, 2, [&](const AuditRow& row) {
                seqs.push_back(row.seq);
                Append(1);
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(seqs, (std::vector<uint64_t>{2, 3}));
}

TEST_F(AuditExportTest, TheFirstErrorOfTheSinkEndsTheExport) {
  Append(5);
  int rows = 0;
  const auto head = ExportAudit(store_, 1, [&](const AuditRow&) {
    return ++rows == 2 ? absl::CancelledError("the client left") : absl::OkStatus();
  });
  EXPECT_EQ(head.status().message(), "the client left");
  EXPECT_EQ(rows, 2);
}

}  // namespace
}  // namespace dbfleet::controller
