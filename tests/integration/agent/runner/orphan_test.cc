// An attempt that ran tools when the agent died, and whose instance is gone from the configuration
// when the agent comes back.
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"

#include "agent/actions/backup/backup_state.h"
#include "agent/exec/child.h"
#include "agent/exec/record.h"
#include "common/base/files.h"
#include "tests/unit/agent/runner/runner_test_util.h"

namespace dbfleet::agent {
namespace {

class OrphanTest : public RunnerFixture {
 protected:
  std::string Scratch() const { return folder_.path() + "/scratch/a1"; }
  std::string Backup() const { return folder_.path() + "/repository/gone/B1"; }

  void LeaveBackupBehind() {
    const v1::Offer offer = Offer("a1", 1, "backup", "gone");
    ASSERT_TRUE(AcceptAndGrant(*journal_, offer).ok());
    ASSERT_TRUE(journal_->Start("a1").ok());
    ASSERT_TRUE(MakeDirectories(Scratch() + "/child-1", 0700).ok());
    ASSERT_TRUE(MakeDirectories(Backup(), 0700).ok());
    BackupState state;
    state.folder = Backup();
    state.plan.items.resize(1);
    state.plan.items[0].file_name = "shop.sql.zst";
    state.record_folders = {Scratch() + "/child-1"};
    ASSERT_TRUE(WriteFileAtomically(StatePath(Scratch()), StateToJson(state), 0600).ok());
    ASSERT_TRUE(WriteFileAtomically(Scratch() + "/secret-client.cnf", "x", 0600).ok());
  }
};

TEST_F(OrphanTest, ItsToolsEndBeforeItsFoldersGo) {
  LeaveBackupBehind();
  PipelineSpec spec;
  spec.commands.push_back({{"/bin/sleep", "600"}, {{"PATH", "/usr/bin:/bin"}}});
  spec.record_folder = Scratch() + "/child-1";
  spec.stdout_path = Backup() + "/shop.sql.zst.partial";
  PipelineRunner tools(DBFLEET_BINARY_DIR "/bin/dbfleet-exec");
  std::atomic<bool> ended{false};
  std::thread dump([&] {
    tools.Run(spec, absl::Minutes(5), nullptr, nullptr).status().IgnoreError();
    ended = true;
  });
  EXPECT_TRUE(Await([&] {
    const auto identity = ReadFile(spec.record_folder + "/" + kLockFile);
    return identity.ok() && !identity->empty() && std::filesystem::exists(spec.stdout_path);
  }));
  EXPECT_FALSE(ended);
  MakeRunner();
  EXPECT_TRUE(Await([&] { return ended.load(); })) << "the dump runs on, watched by nobody";
  dump.join();
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_INTERRUPTED);
  EXPECT_FALSE(std::filesystem::exists(Backup())) << "an unfinished backup stays for ever";
  EXPECT_FALSE(std::filesystem::exists(Scratch()));
}

TEST_F(OrphanTest, ACompleteBackupStays) {
  LeaveBackupBehind();
  ASSERT_TRUE(WriteFileAtomically(Backup() + "/manifest.json", "{}", 0600).ok());
  MakeRunner();
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_INTERRUPTED);
  EXPECT_TRUE(std::filesystem::exists(Backup() + "/manifest.json"));
}

}  // namespace
}  // namespace dbfleet::agent
