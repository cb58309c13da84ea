#include "controller/store/sqlite/audit_tree.h"

#include <iterator>
#include <map>

#include "common/audit/merkle.h"
#include "common/audit/tiles.h"
#include "controller/store/sqlite/connection.h"
#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

class StoredTiles : public audit::TileSource {
 public:
  explicit StoredTiles(ReadTx* tx) : tx_(*tx) {}
  absl::StatusOr<std::string> ReadTile(const audit::TileId& id, int) override {
    return tx_.ReadAuditTile(id.level, id.index);
  }

 private:
  ReadTx& tx_;
};

class AuditTreeTest : public StoreTest {
 protected:
  absl::Status Append(int count, const std::string& action = "test") {
    return store_->MutateAndWait([&](WriteTx& tx) -> absl::Status {
      for (int i = 0; i < count; ++i) {
        RETURN_IF_ERROR(tx.AppendAudit({"users/ada", action, absl::StrCat("jobs/", i), "qa", {}}));
      }
      return absl::OkStatus();
    });
  }

  // The tree as the records say it must be.
  audit::CompactRange Expected() {
    audit::CompactRange range;
    const absl::Status status = store_->Read([&](ReadTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const std::vector<AuditRow> rows, tx.ReadAudit(1, 100'000));
      for (const AuditRow& row : rows) range.Append(audit::LeafHash(row.canonical));
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return range;
  }

  std::string RootAt(uint64_t size) {
    std::string root;
    const absl::Status status = store_->Read([&](ReadTx& tx) -> absl::Status {
      StoredTiles tiles(&tx);
      ASSIGN_OR_RETURN(root, audit::TreeRoot(tiles, size));
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return root;
  }

  void ExpectTheTreeIsThatOfTheRecords() {
    const audit::CompactRange expected = Expected();
    EXPECT_EQ(RootAt(expected.size()), expected.Root()) << expected.size() << " records";
  }

  void Sql(const std::string& sql) {
    auto connection = sqlite::Connection::Open(folder_ + "/controller.db").value();
    ASSERT_TRUE(connection->Execute(sql.c_str()).ok());
  }
};

TEST_F(AuditTreeTest, TheTreeGrowsWithTheRecordsAcrossRestarts) {
  Open();
  for (const int count : {1, 28, 1, 225, 1, 300, 7}) {
    ASSERT_TRUE(Append(count).ok());
    ExpectTheTreeIsThatOfTheRecords();
    store_.reset();
    Open();
    ExpectTheTreeIsThatOfTheRecords();
  }
}

TEST_F(AuditTreeTest, ARecordThatWasRolledBackLeavesNoLeaf) {
  Open();
  ASSERT_TRUE(Append(40).ok());
  const absl::Status failed = store_->MutateAndWait([](WriteTx& tx) -> absl::Status {
    RETURN_IF_ERROR(tx.AppendAudit({"users/ada", "undone", "x", "", {}}));
    return absl::CancelledError("no");
  });
  EXPECT_FALSE(failed.ok());
  ASSERT_TRUE(Append(3).ok());
  ExpectTheTreeIsThatOfTheRecords();
}

TEST_F(AuditTreeTest, ProofsFromTheStoreVerify) {
  Open();
  ASSERT_TRUE(Append(700).ok());
  const uint64_t size = Expected().size();
  const std::string root = RootAt(size);
  ASSERT_TRUE(store_
                  ->Read([&](ReadTx& tx) -> absl::Status {
                    StoredTiles tiles(&tx);
                    for (const uint64_t old : {uint64_t{1}, uint64_t{31}, uint64_t{256}, size}) {
                      ASSIGN_OR_RETURN(const auto proof, audit::ConsistencyProof(tiles, old, size));
                      ASSIGN_OR_RETURN(const std::string old_root, audit::TreeRoot(tiles, old));
                      RETURN_IF_ERROR(audit::VerifyConsistency(old, size, proof, old_root, root));
                      ASSIGN_OR_RETURN(const auto rows, tx.ReadAudit(old, 1));
                      ASSIGN_OR_RETURN(const auto path,
                                       audit::InclusionProof(tiles, old - 1, size));
                      RETURN_IF_ERROR(audit::VerifyInclusion(audit::LeafHash(rows[0].canonical),
                                                             old - 1, size, path, root));
                    }
                    return absl::OkStatus();
                  })
                  .ok());
}

TEST_F(AuditTreeTest, AnUpgradeBuildsTheTreeFromTheRecords) {
  Open();
  ASSERT_TRUE(Append(2500).ok());
  const uint64_t epoch = store_->epoch();
  const std::string root = RootAt(2503);
  store_.reset();
  for (size_t to = std::size(kBackTo); to >= 2; --to) Sql(kBackTo[to - 1]);
  Open();
  EXPECT_EQ(RootAt(2503), root);
  const auto former = Read([&](ReadTx& tx) { return tx.StartFrom(epoch); }).value();
  ASSERT_TRUE(former.has_value());
  EXPECT_EQ(former->epoch, epoch);
  EXPECT_TRUE(former->first);
  EXPECT_EQ(former->audit_size, 2503u);
  ASSERT_TRUE(Append(1).ok());
  ExpectTheTreeIsThatOfTheRecords();
}

TEST_F(AuditTreeTest, AnUpgradeRefusesAnAlteredTrailAndNamesTheRecord) {
  Open();
  ASSERT_TRUE(Append(10).ok());
  store_.reset();
  for (size_t to = std::size(kBackTo); to >= 2; --to) Sql(kBackTo[to - 1]);
  Sql("DROP TRIGGER audit_never_changes; UPDATE audit SET actor='x' WHERE seq=5");
  const auto opened = SqliteStore::Open(Options(), &clock_);
  EXPECT_EQ(ReasonOf(opened.status()), "AUDIT_CORRUPT");
  EXPECT_NE(opened.status().message().find("record 5"), absl::string_view::npos) << opened.status();
}

TEST_F(AuditTreeTest, ADamagedTreeIsFoundAtOpening) {
  Open();
  ASSERT_TRUE(Append(10).ok());
  store_.reset();
  Sql("UPDATE audit_tiles SET hashes = zeroblob(length(hashes))");
  EXPECT_EQ(ReasonOf(SqliteStore::Open(Options(), &clock_).status()), "AUDIT_TREE_DAMAGED");
}

TEST_F(AuditTreeTest, CheckpointsComeBackBySizeAndByLog) {
  Open();
  const auto put = [&](const std::string& log, uint64_t size) {
    return store_->MutateAndWait([&](WriteTx& tx) {
      return tx.InsertAuditCheckpoint(
          {0, log, size, absl::FromUnixSeconds(size), absl::StrCat(log, "@", size)});
    });
  };
  ASSERT_TRUE(put("a", 5).ok());
  ASSERT_TRUE(put("a", 9).ok());
  ASSERT_TRUE(put("b", 5).ok());
  const auto texts = [&](uint64_t first, uint64_t last) {
    std::string all;
    const std::vector<AuditCheckpoint> found =
        Read([&](ReadTx& tx) { return tx.AuditCheckpoints(first, last); }).value();
    for (const AuditCheckpoint& c : found) all += c.text + " ";
    return all;
  };
  EXPECT_EQ(texts(0, 100), "a@5 b@5 a@9 ");
  EXPECT_EQ(texts(6, 9), "a@9 ");
  const auto last = Read([](ReadTx& tx) { return tx.LastCheckpoints("a", 1); }).value();
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].text, "a@9");
  EXPECT_EQ(last[0].time, absl::FromUnixSeconds(9));
  EXPECT_EQ(Read([](ReadTx& tx) { return tx.AuditLogs(); }).value(),
            (std::vector<std::string>{"a", "b"}));
  ASSERT_TRUE(
      store_->MutateAndWait([&](WriteTx& tx) { return tx.DeleteAuditCheckpoint(last[0].id); })
          .ok());
  EXPECT_EQ(texts(0, 100), "a@5 b@5 ");
}

TEST_F(AuditTreeTest, TheHighestReceiptOfAnAgentForALogStays) {
  Open();
  for (const uint64_t size : {5, 9, 7}) {
    ASSERT_TRUE(
        store_
            ->MutateAndWait([&](WriteTx& tx) {
              return tx.PutAuditReceipt({"db1", "a", size, absl::StrCat("r", size), "sig", "pem"});
            })
            .ok());
  }
  const auto all = Read([](ReadTx& tx) { return tx.AuditReceipts(0, 100); }).value();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].text, "r9");
  EXPECT_TRUE(Read([](ReadTx& tx) { return tx.AuditReceipts(10, 100); }).value().empty());
}

TEST_F(AuditTreeTest, EachStartIsRemembered) {
  Open();
  const uint64_t first = store_->epoch();
  ASSERT_TRUE(Append(4).ok());
  store_.reset();
  clock_.Advance(absl::Seconds(100));
  Open();
  const uint64_t second = store_->epoch();
  const auto from = [&](uint64_t epoch) {
    return Read([&](ReadTx& tx) { return tx.StartFrom(epoch); }).value();
  };
  EXPECT_EQ(from(first)->epoch, first);
  EXPECT_TRUE(from(first)->first);
  EXPECT_EQ(from(first + 1)->epoch, second);
  EXPECT_FALSE(from(first + 1)->first);
  EXPECT_EQ(from(first + 1)->audit_size, 7u);
  EXPECT_FALSE(from(second + 1).has_value());
}

}  // namespace
}  // namespace dbfleet::controller
