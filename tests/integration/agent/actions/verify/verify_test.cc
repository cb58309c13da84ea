#include <fcntl.h>
#include <sys/stat.h>
#include <zstd.h>

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"

#include "agent/actions/verify/verify_action.h"
#include "common/base/hash.h"
#include "tests/integration/agent/actions/backup/backup_fixture.h"

namespace dbfleet::agent {
namespace {

namespace fs = std::filesystem;

std::string Compress(const std::string& source) {
  std::string out(ZSTD_compressBound(source.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), source.data(), source.size(), 3));
  return out;
}

std::string Decompress(const std::string& stored) {
  std::string source(64 << 20, '\0');
  ZSTD_DCtx* const context = ZSTD_createDCtx();
  ZSTD_inBuffer in{stored.data(), stored.size(), 0};
  ZSTD_outBuffer out{source.data(), source.size(), 0};
  EXPECT_EQ(ZSTD_decompressStream(context, &out, &in), 0u);
  ZSTD_freeDCtx(context);
  source.resize(out.pos);
  return source;
}

void ExpectShell(const std::string& command) {
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
}

class VerifyFixture : public BackupFixture {
 protected:
  ActionResult Verify(Engine& engine, const std::string& id = "B1") {
    FakeActionContext context(engine, Scratch());
    work::v1::JobSpec job;
    job.mutable_verify()->set_backup_id(id);
    return VerifyAction({repository_, DBFLEET_BINARY_DIR "/bin/dbfleet-exec"}, *clock_)
        .Run(context, job);
  }

  std::string Content(const std::string& name) const {
    return ReadFile(absl::StrCat(Folder(), "/", name)).value_or("");
  }
  void Replace(const std::string& name, const std::string& content) const {
    ASSERT_TRUE(WriteFileAtomically(absl::StrCat(Folder(), "/", name), content, 0600).ok());
  }
  // Stores another source under the file's name, with a manifest that agrees: what a dump that was
  // cut before it reached the repository would look like.
  void ReplaceSource(const std::string& name, const std::string& source) const {
    Manifest manifest = *ReadManifest(Folder());
    const std::string stored = Compress(source);
    for (ManifestFile& file : manifest.files) {
      if (file.facts.name() != name) continue;
      file.facts.set_size_bytes(static_cast<int64_t>(stored.size()));
      file.facts.set_sha256(Sha256Hex(stored));
      file.facts.set_source_bytes(static_cast<int64_t>(source.size()));
      file.facts.set_source_sha256(Sha256Hex(source));
    }
    Replace(name, stored);
    ASSERT_TRUE(WriteManifest(Folder(), &manifest).ok());
  }
  // Every way to damage a stored file, tried one after the other; the file is sound again
  // afterwards.
  void ExpectDamageIsFound(Engine& engine, const std::string& name) {
    const std::string sound = Content(name);
    ASSERT_GT(sound.size(), 100u);
    Replace(name, sound.substr(0, sound.size() - 1));
    EXPECT_FAILED_WITH(Verify(engine), "BACKUP_CORRUPT");
    Replace(name, sound.substr(0, sound.size() / 2));
    EXPECT_FAILED_WITH(Verify(engine), "BACKUP_CORRUPT");
    Replace(name, sound + "x");
    EXPECT_FAILED_WITH(Verify(engine), "BACKUP_CORRUPT");
    for (const size_t at : {size_t{4}, sound.size() / 2, sound.size() - 1}) {
      std::string flipped = sound;
      flipped[at] ^= 0x04;
      Replace(name, flipped);
      const ActionResult result = Verify(engine);
      EXPECT_FAILED_WITH(result, "BACKUP_CORRUPT");
      EXPECT_TRUE(absl::StrContains(result.error_message, name)) << result.error_message;
    }
    Replace(name, Compress("another sound file"));
    EXPECT_FAILED_WITH(Verify(engine), "BACKUP_CORRUPT");
    ASSERT_TRUE(fs::remove(absl::StrCat(Folder(), "/", name)));
    EXPECT_FAILED_WITH(Verify(engine), "BACKUP_CORRUPT");
    Replace(name, sound);
    Replace("besides", "x");
    EXPECT_FAILED_WITH(Verify(engine), "BACKUP_CORRUPT");
    ASSERT_TRUE(fs::remove(Folder() + "/besides"));
    EXPECT_SUCCEEDED(Verify(engine));
  }
};

// --- MariaDB -----------------------------------------------------------------------------------

class MysqlVerifyTest : public VerifyFixture {
 protected:
  static void SetUpTestSuite() {
    auto server = mini::MiniMariaDb::Launch();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = server->release();
    const auto made = server_->Admin(absl::StrCat(R"sql(
CREATE DATABASE app CHARACTER SET utf8mb4;
USE app;
CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(100), c BLOB);
INSERT INTO t SELECT seq, CONCAT('row ü ', seq), RANDOM_BYTES(30) FROM seq_1_to_20000;
CREATE VIEW v AS SELECT a FROM t;
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 'q';
CREATE PROCEDURE p() SELECT 1;
CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;
CREATE USER dbfleet_backup@localhost IDENTIFIED BY ')sql",
                                                  server_->account("backup").password, R"sql(';
GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, BINLOG MONITOR ON *.* TO dbfleet_backup@localhost;
)sql"));
    ASSERT_TRUE(made.ok()) << made.status();
  }
  static void TearDownTestSuite() { delete server_; }
  void SetUp() override {
    engine_ = std::make_unique<AddressEngine>(mini::SpecFor(*server_, work::v1::ENGINE_MYSQL));
    const ActionResult result = Backup(*engine_);
    ASSERT_EQ(result.outcome, v1::OUTCOME_SUCCEEDED) << result.error_message;
  }
  static mini::MiniMariaDb* server_;
  std::unique_ptr<AddressEngine> engine_;
};
mini::MiniMariaDb* MysqlVerifyTest::server_ = nullptr;

TEST_F(MysqlVerifyTest, AGoodBackupIsVerifiedWithLevelTimeAndEvidence) {
  const ActionResult result = Verify(*engine_);
  EXPECT_SUCCEEDED(result);
  const work::v1::VerifyResult& verified = result.result.verify();
  EXPECT_EQ(verified.backup_id(), "B1");
  EXPECT_EQ(verified.level(), work::v1::VERIFICATION_LEVEL_L1);
  EXPECT_GT(verified.verify_time().seconds(), 0);
  ASSERT_EQ(verified.evidence_size(), 2);
  EXPECT_TRUE(absl::StrContains(verified.evidence(1), "app.sql.zst")) << verified.evidence(1);
}

TEST_F(MysqlVerifyTest, AVerifiedBackupRestoresIntoAnotherServerWithEqualContent) {
  EXPECT_SUCCEEDED(Verify(*engine_));
  auto other = mini::MiniMariaDb::Launch();
  ASSERT_TRUE(other.ok()) << other.status();
  ExpectShell(absl::StrCat("zstd -q -dc ", Folder(),
                           "/app.sql.zst | mariadb --no-defaults -uroot -S ", (*other)->socket()));
  for (const char* question :
       {"SELECT COUNT(*), SUM(a) FROM app.t", "CHECKSUM TABLE app.t", "SELECT COUNT(*) FROM app.v",
        "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'app'",
        "SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'app'",
        "SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'app'"}) {
    const auto there = (*other)->Admin(question), here = server_->Admin(question);
    ASSERT_TRUE(there.ok()) << there.status();
    EXPECT_EQ(*there, *here) << question;
    EXPECT_FALSE(absl::StartsWith(*there, "0")) << question;
  }
}

TEST_F(MysqlVerifyTest, EveryDamageIsFound) { ExpectDamageIsFound(*engine_, "app.sql.zst"); }

TEST_F(MysqlVerifyTest, ADumpCutAtAStatementIsFoundThoughItWouldRestoreWithoutError) {
  const std::string source = Decompress(Content("app.sql.zst"));
  const size_t trailer = source.rfind("-- Dump completed");
  ASSERT_NE(trailer, std::string::npos);
  ReplaceSource("app.sql.zst", source.substr(0, trailer));
  const ActionResult result = Verify(*engine_);
  EXPECT_FAILED_WITH(result, "BACKUP_INCOMPLETE");
  EXPECT_TRUE(absl::StrContains(result.error_message, "app.sql.zst")) << result.error_message;
}

TEST_F(MysqlVerifyTest, WithoutAManifestThereIsNoBackup) {
  ASSERT_TRUE(fs::remove(Folder() + "/manifest.json"));
  EXPECT_FAILED_WITH(Verify(*engine_), "NO_MANIFEST");
  EXPECT_FAILED_WITH(Verify(*engine_, "NEVER"), "NO_MANIFEST");
  EXPECT_FAILED_WITH(Verify(*engine_, "../mini/B1"), "BAD_BACKUP_ID");
}

TEST_F(MysqlVerifyTest, AManifestThatIsBrokenOrSomebodyElsesIsRefused) {
  const std::string sound = Content("manifest.json");
  for (const std::string& bad :
       {sound.substr(0, sound.size() / 2), std::string(), std::string("{}"),
        absl::StrReplaceAll(sound, {{"\"backup_id\": \"B1\"", "\"backup_id\": \"B2\""}}),
        absl::StrReplaceAll(sound, {{"\"instance\": \"mini\"", "\"instance\": \"other\""}}),
        absl::StrReplaceAll(sound, {{"ENGINE_MYSQL", "ENGINE_REDIS"}})}) {
    ASSERT_NE(bad, sound);
    Replace("manifest.json", bad);
    EXPECT_FAILED_WITH(Verify(*engine_), "BAD_MANIFEST");
  }
  Replace("manifest.json", absl::StrReplaceAll(sound, {{"\"exit_code\": 0", "\"exit_code\": 3"}}));
  EXPECT_FAILED_WITH(Verify(*engine_), "BACKUP_INCOMPLETE");
  Replace("manifest.json",
          absl::StrReplaceAll(sound, {{"\"trailer_ok\": true", "\"trailer_ok\": false"}}));
  EXPECT_FAILED_WITH(Verify(*engine_), "BACKUP_INCOMPLETE");
}

TEST_F(MysqlVerifyTest, AFileThatIsALinkIsNotFollowed) {
  const std::string path = Folder() + "/app.sql.zst";
  fs::rename(path, root_ + "/elsewhere");
  fs::create_symlink(root_ + "/elsewhere", path);
  EXPECT_EQ(Verify(*engine_).outcome, v1::OUTCOME_FAILED);
}

TEST_F(MysqlVerifyTest, CancelledOrRestartedIsNeverVerified) {
  FakeActionContext context(*engine_, Scratch());
  context.Cancel();
  work::v1::JobSpec job;
  job.mutable_verify()->set_backup_id("B1");
  VerifyAction action({repository_, DBFLEET_BINARY_DIR "/bin/dbfleet-exec"}, *clock_);
  EXPECT_EQ(action.Run(context, job).outcome, v1::OUTCOME_CANCELLED);
  FakeActionContext next(*engine_, Scratch());
  EXPECT_FAILED_WITH(action.Recover(next, job, ""), "AGENT_RESTARTED");
}

// --- PostgreSQL --------------------------------------------------------------------------------

class PostgresVerifyTest : public VerifyFixture {
 protected:
  static void SetUpTestSuite() {
    auto server = mini::MiniPostgres::Launch();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = server->release();
    const auto made = server_->Admin(absl::StrCat("CREATE ROLE dbfleet_backup LOGIN PASSWORD '",
                                                  server_->account("backup").password, R"sql(';
GRANT pg_read_all_data TO dbfleet_backup;
CREATE ROLE owner_of_it;
CREATE DATABASE app OWNER owner_of_it;
\connect app
SET ROLE owner_of_it;
CREATE SCHEMA s;
CREATE TABLE s.t AS SELECT i AS a, md5(i::text) AS b FROM generate_series(1, 20000) i;
CREATE INDEX ON s.t (b);
CREATE VIEW s.v AS SELECT a FROM s.t;
)sql"));
    ASSERT_TRUE(made.ok()) << made.status();
  }
  static void TearDownTestSuite() { delete server_; }
  void SetUp() override {
    engine_ = std::make_unique<AddressEngine>(mini::SpecFor(*server_, work::v1::ENGINE_POSTGRESQL));
    const ActionResult result = Backup(*engine_, {"app"});
    ASSERT_EQ(result.outcome, v1::OUTCOME_SUCCEEDED) << result.error_message;
  }
  static mini::MiniPostgres* server_;
  std::unique_ptr<AddressEngine> engine_;
};
mini::MiniPostgres* PostgresVerifyTest::server_ = nullptr;

TEST_F(PostgresVerifyTest, AVerifiedBackupRestoresIntoAnotherServerWithEqualContent) {
  const ActionResult result = Verify(*engine_);
  EXPECT_SUCCEEDED(result);
  ASSERT_EQ(result.result.verify().evidence_size(), 3);
  EXPECT_TRUE(absl::StrContains(result.result.verify().evidence(2), "pg_restore read the archive"));
  auto other = mini::MiniPostgres::Launch();
  ASSERT_TRUE(other.ok()) << other.status();
  const std::string where =
      absl::StrCat(" -h ", (*other)->socket(), " -p ", (*other)->port(), " -U postgres ");
  // The role of the superuser is there already; the others must come without an error.
  ExpectShell(absl::StrCat("zstd -q -dc ", Folder(),
                           "/globals.sql.zst | grep -v 'ROLE postgres' | psql ",
                           "-X -q -v ON_ERROR_STOP=1", where, "-f - > /dev/null"));
  ExpectShell(absl::StrCat("zstd -q -dc ", Folder(), "/app.dump.zst | ",
                           *FindTool("pg_restore", "postgresql-client"),
                           " --create --exit-on-error", where, "-d postgres"));
  for (const char* question :
       {"SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM s.t t",
        "SELECT count(*) FROM s.v", "SELECT count(*) FROM pg_indexes WHERE schemaname = 's'",
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'app'"}) {
    const auto there = (*other)->Admin(question, "app"), here = server_->Admin(question, "app");
    ASSERT_TRUE(there.ok()) << there.status();
    EXPECT_EQ(*there, *here) << question;
  }
}

TEST_F(PostgresVerifyTest, EveryDamageIsFound) { ExpectDamageIsFound(*engine_, "app.dump.zst"); }

TEST_F(PostgresVerifyTest, ACutArchiveIsFoundThoughItsListingPasses) {
  const std::string source = Decompress(Content("app.dump.zst"));
  ReplaceSource("app.dump.zst", source.substr(0, source.size() / 2));
  const std::string cut = root_ + "/cut.dump";
  ASSERT_TRUE(WriteFileAtomically(cut, source.substr(0, source.size() / 2), 0600).ok());
  ExpectShell(
      absl::StrCat(*FindTool("pg_restore", "postgresql-client"), " -l ", cut, " > /dev/null"));
  const ActionResult result = Verify(*engine_);
  EXPECT_FAILED_WITH(result, "BACKUP_CORRUPT");
  EXPECT_TRUE(absl::StrContains(result.error_message, "app.dump.zst")) << result.error_message;
}

TEST_F(PostgresVerifyTest, CutGlobalsAreFound) {
  const std::string source = Decompress(Content("globals.sql.zst"));
  ReplaceSource("globals.sql.zst", source.substr(0, source.size() / 2));
  EXPECT_FAILED_WITH(Verify(*engine_), "BACKUP_INCOMPLETE");
}

// --- Redis -------------------------------------------------------------------------------------

class RedisVerifyTest : public VerifyFixture {
 protected:
  static void SetUpTestSuite() {
    auto server = mini::MiniRedis::Launch();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = server->release();
    std::string commands =
        absl::StrCat("ACL SETUSER dbfleet_backup on >", server_->account("backup").password,
                     " +psync +sync +replconf +ping\n");
    for (int i = 0; i < 2000; ++i) absl::StrAppend(&commands, "SET key:", i, " value:", i, "\n");
    absl::StrAppend(&commands, "RPUSH list a b c\nHSET hash f v\n");
    const auto made = server_->Admin(commands);
    ASSERT_TRUE(made.ok()) << made.status();
  }
  static void TearDownTestSuite() { delete server_; }
  void SetUp() override {
    engine_ = std::make_unique<AddressEngine>(mini::SpecFor(*server_, work::v1::ENGINE_REDIS));
    const ActionResult result = Backup(*engine_);
    ASSERT_EQ(result.outcome, v1::OUTCOME_SUCCEEDED) << result.error_message;
  }
  static mini::MiniRedis* server_;
  std::unique_ptr<AddressEngine> engine_;
};
mini::MiniRedis* RedisVerifyTest::server_ = nullptr;

TEST_F(RedisVerifyTest, AVerifiedBackupRestoresIntoAnotherServerWithEqualContent) {
  const ActionResult result = Verify(*engine_);
  EXPECT_SUCCEEDED(result);
  EXPECT_TRUE(absl::StrContains(result.result.verify().evidence(1), "2002 key(s)"));
  auto other = mini::MiniRedis::Launch({"", {"--enable-debug-command", "yes"}});
  ASSERT_TRUE(other.ok()) << other.status();
  ASSERT_TRUE((*other)->Stop(SIGKILL).ok());
  const std::string rdb = (*other)->data_folder() + "/dump.rdb";
  ASSERT_TRUE(WriteFileAtomically(rdb, Decompress(Content("dump.rdb.zst")), 0600).ok());
  if (geteuid() == 0) {
    ASSERT_EQ(chown(rdb.c_str(), (*other)->identity().uid, (*other)->identity().gid), 0);
  }
  ASSERT_TRUE((*other)->Start().ok());
  for (const char* question : {"DBSIZE", "GET key:1234", "LRANGE list 0 10", "HGETALL hash"}) {
    const auto there = (*other)->Admin(question), here = server_->Admin(question);
    ASSERT_TRUE(there.ok()) << there.status();
    EXPECT_EQ(*there, *here) << question;
  }
  EXPECT_EQ(absl::StripAsciiWhitespace(*(*other)->Admin("DBSIZE")), "2002");
}

TEST_F(RedisVerifyTest, EveryDamageIsFound) { ExpectDamageIsFound(*engine_, "dump.rdb.zst"); }

TEST_F(RedisVerifyTest, ACutOrFlippedRdbIsFoundWhenTheManifestAgreesWithIt) {
  const std::string source = Decompress(Content("dump.rdb.zst"));
  ReplaceSource("dump.rdb.zst", source.substr(0, source.size() / 2));
  EXPECT_FAILED_WITH(Verify(*engine_), "BACKUP_CORRUPT");
  std::string flipped = source;
  flipped[source.size() / 2] ^= 0x01;
  ReplaceSource("dump.rdb.zst", flipped);
  EXPECT_FAILED_WITH(Verify(*engine_), "BACKUP_CORRUPT");
  ReplaceSource("dump.rdb.zst", source + "tail");
  EXPECT_FAILED_WITH(Verify(*engine_), "BACKUP_CORRUPT");
  ReplaceSource("dump.rdb.zst", source);
  EXPECT_SUCCEEDED(Verify(*engine_));
}

}  // namespace
}  // namespace dbfleet::agent
