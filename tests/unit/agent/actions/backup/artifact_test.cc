#include "agent/actions/backup/artifact.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <zstd.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

std::string Compress(const std::string& source, bool checksum = true) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum ? 1 : 0);
  std::string out(ZSTD_compressBound(source.size()), '\0');
  const size_t n = ZSTD_compress2(context, out.data(), out.size(), source.data(), source.size());
  ZSTD_freeCCtx(context);
  out.resize(n);
  return out;
}

class ArtifactTest : public testing::Test {
 protected:
  ArtifactTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "artifact-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~ArtifactTest() override { std::filesystem::remove_all(folder_); }

  absl::StatusOr<ArtifactFacts> Read(const std::string& content) {
    const std::string path = absl::StrCat(folder_, "/file");
    EXPECT_TRUE(WriteFileAtomically(path, content, 0600).ok());
    return ReadArtifact(path, nullptr);
  }

  std::string folder_;
};

TEST_F(ArtifactTest, FactsAreThoseOfBothSides) {
  std::string source;
  for (int64_t i = 0; i < 400000; ++i) absl::StrAppend(&source, "line ", i * 7919 % 100003, "\n");
  const std::string stored = Compress(source);
  const auto facts = Read(stored);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->stored_bytes, static_cast<int64_t>(stored.size()));
  EXPECT_EQ(facts->stored_sha256, Sha256Hex(stored));
  EXPECT_EQ(facts->source_bytes, static_cast<int64_t>(source.size()));
  EXPECT_EQ(facts->source_sha256, Sha256Hex(source));
  EXPECT_EQ(facts->head, source.substr(0, 64 << 10));
  EXPECT_EQ(facts->tail, source.substr(source.size() - (16 << 10)));
}

TEST_F(ArtifactTest, SeveralFramesAreOneSource) {
  const auto facts = Read(Compress("first ") + Compress("second"));
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->head, "first second");
}

TEST_F(ArtifactTest, ACutFileIsCorruptWhereverItIsCut) {
  std::string source;
  for (int i = 0; i < 30000; ++i) absl::StrAppend(&source, i * 7919 % 100003, ",");
  const std::string stored = Compress(source);
  for (const size_t size : {size_t{0}, size_t{3}, stored.size() / 2, stored.size() - 1}) {
    EXPECT_EQ(ReasonOf(Read(stored.substr(0, size)).status()), "BACKUP_CORRUPT") << size;
  }
  EXPECT_EQ(ReasonOf(Read(stored + stored.substr(0, 20)).status()), "BACKUP_CORRUPT");
  EXPECT_EQ(ReasonOf(Read(stored + "garbage").status()), "BACKUP_CORRUPT");
}

TEST_F(ArtifactTest, AFlippedBitIsCorrupt) {
  std::string stored = Compress(std::string(100000, 'a') + "the end");
  stored[stored.size() - 2] ^= 0x10;
  EXPECT_EQ(ReasonOf(Read(stored).status()), "BACKUP_CORRUPT");
}

TEST_F(ArtifactTest, LinksAndFoldersAreNotFollowed) {
  const std::string path = absl::StrCat(folder_, "/real");
  ASSERT_TRUE(WriteFileAtomically(path, Compress("x"), 0600).ok());
  std::filesystem::create_symlink(path, folder_ + "/link");
  EXPECT_FALSE(ReadArtifact(folder_ + "/link", nullptr).ok());
  EXPECT_FALSE(ReadArtifact(folder_, nullptr).ok());
}

TEST_F(ArtifactTest, ReadingStopsWhenCancelled) {
  const std::string path = absl::StrCat(folder_, "/file");
  ASSERT_TRUE(WriteFileAtomically(path, Compress("x"), 0600).ok());
  EXPECT_TRUE(absl::IsCancelled(ReadArtifact(path, [] { return false; }).status()));
}

TEST(CheckEndsTest, ASqlDumpNeedsItsLastLineAsTheLast) {
  ArtifactFacts facts;
  facts.tail = "INSERT INTO t VALUES (1);\n-- Dump completed on 2026-01-02  3:04:05\n";
  EXPECT_TRUE(CheckEnds(DumpFormat::kMysqlSql, facts).ok());
  facts.tail += "INSERT INTO t VALUES (2);\n";
  EXPECT_EQ(ReasonOf(CheckEnds(DumpFormat::kMysqlSql, facts)), "BACKUP_INCOMPLETE");
  facts.tail = "INSERT INTO t VALUES ('-- Dump completed on');\n";
  EXPECT_EQ(ReasonOf(CheckEnds(DumpFormat::kMysqlSql, facts)), "BACKUP_INCOMPLETE");
  facts.tail = "";
  EXPECT_EQ(ReasonOf(CheckEnds(DumpFormat::kMysqlSql, facts)), "BACKUP_INCOMPLETE");
}

TEST(CheckEndsTest, PostgresGlobalsMayHaveACommandAfterTheirLastLine) {
  ArtifactFacts facts;
  facts.tail = "--\n-- PostgreSQL database cluster dump complete\n--\n\n\\unrestrict abc\n";
  EXPECT_TRUE(CheckEnds(DumpFormat::kPostgresGlobals, facts).ok());
  facts.tail = "CREATE ROLE x; -- PostgreSQL database cluster dump complete?\n";
  EXPECT_FALSE(CheckEnds(DumpFormat::kPostgresGlobals, facts).ok());
}

TEST(CheckEndsTest, BinaryDumpsBeginWithTheirMagic) {
  ArtifactFacts facts;
  facts.head = "PGDMP\x01";
  EXPECT_TRUE(CheckEnds(DumpFormat::kPostgresArchive, facts).ok());
  EXPECT_FALSE(CheckEnds(DumpFormat::kRedisRdb, facts).ok());
  facts.head = "REDIS0010";
  EXPECT_TRUE(CheckEnds(DumpFormat::kRedisRdb, facts).ok());
  EXPECT_FALSE(CheckEnds(DumpFormat::kPostgresArchive, facts).ok());
}

TEST(PositionTest, BinlogPositionAndGtidComeFromTheDump) {
  ArtifactFacts facts;
  facts.head =
      "-- CHANGE MASTER TO MASTER_USE_GTID=slave_pos;\n"
      "-- CHANGE MASTER TO MASTER_LOG_FILE='binlog.000001', MASTER_LOG_POS=3942;\n";
  facts.tail = "-- SET GLOBAL gtid_slave_pos='0-1-21';\n-- Dump completed\n";
  EXPECT_EQ(PositionInDump(DumpFormat::kMysqlSql, facts), "binlog binlog.000001:3942 gtid 0-1-21");
  facts.tail.clear();
  EXPECT_EQ(PositionInDump(DumpFormat::kMysqlSql, facts), "binlog binlog.000001:3942");
  facts.head.clear();
  EXPECT_EQ(PositionInDump(DumpFormat::kMysqlSql, facts), "");
}

TEST(RdbReportTest, OnlyAnExplicitOkIsSound) {
  const std::string good =
      "[offset 0] Checking RDB file /dev/stdin\n"
      "[offset 53] AUX FIELD ctime = '1795170085'\n"
      "[offset 151] AUX FIELD repl-offset = '14'\n"
      "[offset 187] Checksum OK\n"
      "[offset 187] \\o/ RDB looks OK! \\o/\n"
      "[info] 2 keys read\n[info] 0 expires\n";
  const auto report = ParseRdbReport(good);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->length, 187);
  EXPECT_EQ(report->keys, 2);
  EXPECT_EQ(report->saved, "rdb ctime=1795170085 repl-offset=14");
  EXPECT_FALSE(ParseRdbReport("[info] 2 keys read\n").ok());
  EXPECT_FALSE(ParseRdbReport("").ok());
}

}  // namespace
}  // namespace dbfleet::agent
