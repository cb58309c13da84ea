#include "agent/actions/backup/repository_mark.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/actions/backup/backup_action.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/fakes/fake_action_context.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_engine.h"

namespace dbfleet::agent {
namespace {

namespace fs = std::filesystem;

class RepositoryMarkTest : public ::testing::Test {
 protected:
  RepositoryMarkTest() {
    char path[] = "/tmp/dbfleet-mark-XXXXXX";
    base_ = mkdtemp(path);
    repository_ = base_ + "/repository";
    note_ = base_ + "/note";
  }
  ~RepositoryMarkTest() override { fs::remove_all(base_); }

  std::string Know() {
    const absl::StatusOr<std::string> id = KnowRepository(repository_, note_);
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or("");
  }
  // As with a disk that is not mounted: the folder under its mount point.
  void Unmount() {
    fs::rename(repository_, base_ + "/disk");
    fs::create_directory(repository_);
  }
  void Mount() {
    fs::remove_all(repository_);
    fs::rename(base_ + "/disk", repository_);
  }
  void ExpectNotThere(const std::string& id, const std::string& words) {
    const absl::Status status = CheckRepository(repository_, id);
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_EQ(ReasonOf(status), "NO_REPOSITORY");
    for (const std::string& part : {repository_, words, std::string("data_dir")}) {
      EXPECT_TRUE(absl::StrContains(status.message(), part)) << status;
    }
  }

  std::string base_, repository_, note_;
};

TEST_F(RepositoryMarkTest, TheFirstStartMarksItAndEachLaterOneKnowsIt) {
  const std::string id = Know();
  EXPECT_EQ(id.size(), 32u);
  EXPECT_TRUE(CheckRepository(repository_, id).ok());
  EXPECT_EQ(Know(), id);
  EXPECT_EQ(std::distance(fs::directory_iterator(repository_), {}), 1) << "the mark alone";
}

TEST_F(RepositoryMarkTest, AFolderUnderTheMountPointIsNotTheRepository) {
  const std::string id = Know();
  Unmount();
  ExpectNotThere(id, "not mounted");
  EXPECT_EQ(Know(), id) << "a start meanwhile changes nothing";
  EXPECT_TRUE(fs::is_empty(repository_));
  ExpectNotThere(id, "has no .dbfleet-repository");
  fs::remove(repository_);
  EXPECT_EQ(Know(), id);
  EXPECT_FALSE(fs::exists(repository_)) << "none is made in its place";
  ExpectNotThere(id, "not mounted");
  Mount();
  EXPECT_TRUE(CheckRepository(repository_, id).ok());
}

TEST_F(RepositoryMarkTest, AnotherDiskIsNotTheRepositoryUntilSomebodySaysSo) {
  const std::string id = Know();
  Unmount();
  ASSERT_TRUE(KnowRepository(repository_, base_ + "/anothers").ok());
  ExpectNotThere(id, "another one's");
  fs::remove(note_);
  const std::string now = Know();
  EXPECT_NE(now, id);
  EXPECT_TRUE(CheckRepository(repository_, now).ok());
}

TEST_F(RepositoryMarkTest, AnotherFolderInTheConfigurationIsAnotherRepository) {
  const std::string id = Know();
  repository_ = base_ + "/second";
  EXPECT_NE(Know(), id);
}

TEST_F(RepositoryMarkTest, AgentsThatShareItAndStartAtOnceAgree) {
  std::vector<std::string> ids(8);
  std::vector<std::thread> agents;
  for (size_t i = 0; i < ids.size(); ++i) {
    agents.emplace_back([this, i, &ids] {
      ids[i] = KnowRepository(repository_, absl::StrCat(note_, i)).value_or("");
    });
  }
  for (std::thread& agent : agents) agent.join();
  for (const std::string& id : ids) EXPECT_TRUE(!id.empty() && id == ids[0]) << id;
  EXPECT_EQ(std::distance(fs::directory_iterator(repository_), {}), 1);
}

TEST_F(RepositoryMarkTest, AMarkWithoutAnIdGetsOne) {
  fs::create_directory(repository_);
  ASSERT_TRUE(WriteFileAtomically(repository_ + "/" + kRepositoryMark, "", 0600).ok());
  EXPECT_TRUE(CheckRepository(repository_, Know()).ok());
}

TEST_F(RepositoryMarkTest, WithoutANoteNothingIsLookedAt) {
  EXPECT_TRUE(CheckRepository(base_ + "/none", "").ok());
}

TEST_F(RepositoryMarkTest, WhatTheAgentCouldNotTellIsNoRepository) {
  Know();
  EXPECT_EQ(ReasonOf(CheckRepository(repository_, kUnknownRepository)), "NO_REPOSITORY");
}

TEST_F(RepositoryMarkTest, NoBackupIsWrittenUnderTheMountPoint) {
  FakeClock clock;
  BackupAction::Options options;
  options.backup_dir = repository_;
  options.repository_id = Know();
  options.exec_path = "/bin/false";
  Unmount();
  BackupAction action(options, clock);
  FakeEngine engine("orders");
  FakeActionContext context(engine, base_ + "/scratch");
  work::v1::JobSpec spec;
  spec.mutable_backup()->set_backup_id("B1");
  const ActionResult result = action.Run(context, spec);
  EXPECT_EQ(result.outcome, v1::OUTCOME_FAILED);
  EXPECT_EQ(result.error_reason, "NO_REPOSITORY") << result.error_message;
  EXPECT_TRUE(fs::is_empty(repository_));
}

}  // namespace
}  // namespace dbfleet::agent
