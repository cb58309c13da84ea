#include "controller/cli/context_file.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "controller/cli/exit_code.h"

namespace dbfleet::cli {
namespace {

class ContextFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/dbfleet_cli_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/sub/config.json";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static mode_t ModeOf(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
  }

  std::string folder_;
  std::string path_;
};

TEST_F(ContextFileTest, WhatIsSavedIsLoadedAndPrivate) {
  ContextFile file;
  file.Put({"one", "a:1", "CA", Secret("dbft_secret")});
  file.Put({"two", "b:2", "CB", Secret("dbft_other")});
  file.Put({"one", "c:3", "CC", Secret("dbft_new")});
  ASSERT_TRUE(SaveContexts(path_, file).ok());
  EXPECT_EQ(ModeOf(path_), 0600u);
  EXPECT_EQ(ModeOf(folder_ + "/sub"), 0700u);
  auto loaded = LoadContexts(path_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->current, "one");
  ASSERT_EQ(loaded->contexts.size(), 2u);
  EXPECT_EQ(loaded->Find("one")->server, "c:3");
  EXPECT_EQ(loaded->Find("one")->token.Reveal(), "dbft_new");
  EXPECT_EQ(loaded->Find("two")->ca_pem, "CB");
}

TEST_F(ContextFileTest, AFolderThatExistsKeepsItsMode) {
  ASSERT_TRUE(MakeDirectories(folder_, 0755).ok());
  ASSERT_TRUE(SaveContexts(folder_ + "/config.json", ContextFile()).ok());
  EXPECT_EQ(ModeOf(folder_), 0755u);
}

TEST_F(ContextFileTest, AMissingFileIsEmptyAndADamagedOneIsAnError) {
  EXPECT_TRUE(LoadContexts(path_)->contexts.empty());
  for (const char* bad : {"", "{", "[]", "{\"contexts\":{}}", "{\"contexts\":[1]}",
                          "{\"contexts\":[],\"token\":\"dbft_secret\"} x"}) {
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/c", bad, 0600).ok());
    const absl::Status status = LoadContexts(folder_ + "/c").status();
    EXPECT_EQ(ReasonOf(status), "BAD_CONTEXT_FILE") << bad;
    EXPECT_FALSE(absl::StrContains(status.message(), "dbft_secret"));
  }
}

TEST_F(ContextFileTest, AFileThatOthersCanReadIsRefused) {
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/c", "{\"contexts\":[]}", 0644).ok());
  EXPECT_EQ(ReasonOf(LoadContexts(folder_ + "/c").status()), "SECRET_FILE_MODE");
}

TEST_F(ContextFileTest, AnUnknownContextNamesTheKnownOnes) {
  ContextFile file;
  file.Put({"prod", "a:1", "", Secret("x")});
  EXPECT_TRUE(absl::StrContains(file.Find("qa").status().message(), "known: prod"));
}

TEST(ContextPathTest, TheEnvironmentDecidesInOrder) {
  std::map<std::string, std::string> set = {{"HOME", "/home/a"}};
  const Env env = [&](const char* name) -> std::optional<std::string> {
    auto it = set.find(name);
    if (it == set.end()) return std::nullopt;
    return it->second;
  };
  EXPECT_EQ(*ContextFilePath(env), "/home/a/.config/dbfleet/config.json");
  set["XDG_CONFIG_HOME"] = "/x";
  EXPECT_EQ(*ContextFilePath(env), "/x/dbfleet/config.json");
  set["DBFLEET_CONFIG"] = "/c.json";
  EXPECT_EQ(*ContextFilePath(env), "/c.json");
  set.clear();
  EXPECT_FALSE(ContextFilePath(env).ok());
}

TEST(CheckTokenTest, OnlyWhatCanBeAHeaderIsAToken) {
  EXPECT_TRUE(CheckToken(Secret("dbft_0aB-_.")).ok());
  for (const char* bad : {"", "a b", "a\nb", "a\xc3\xbc", "a\x1b"}) {
    EXPECT_EQ(ReasonOf(CheckToken(Secret(bad))), "BAD_TOKEN");
  }
}

TEST(ExitCodeTest, EachKindOfErrorHasItsCode) {
  const auto code = [](absl::StatusCode c, absl::string_view reason) {
    return ExitCodeOf(Error(c, reason, "x"));
  };
  using Code = absl::StatusCode;
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(code(Code::kInternal, "X"), 1);
  EXPECT_EQ(code(Code::kNotFound, "JOB_NOT_FOUND"), 1);
  EXPECT_EQ(code(Code::kInvalidArgument, "BAD_MIGRATION_FILES"), 2);
  EXPECT_EQ(code(Code::kUnauthenticated, "BAD_TOKEN"), 4);
  EXPECT_EQ(code(Code::kPermissionDenied, "SELF_APPROVAL"), 4);
  EXPECT_EQ(code(Code::kFailedPrecondition, "INSPECTION_NOT_SAFE"), 5);
  EXPECT_EQ(code(Code::kAborted, "DIGEST_CHANGED"), 6);
  EXPECT_EQ(code(Code::kAlreadyExists, "USER_EXISTS"), 6);
  EXPECT_EQ(code(Code::kFailedPrecondition, "STALE"), 6);
  EXPECT_EQ(code(Code::kUnavailable, "CONTROLLER_UNREACHABLE"), 7);
  EXPECT_EQ(code(Code::kDeadlineExceeded, ""), 7);
}

TEST(ExitCodeTest, ErrorsOfLocalFilesAreNotTakenForTheControllers) {
  for (const absl::Status& status :
       {ErrnoStatus(EACCES, "open x"), ErrnoStatus(ENOENT, "open x"), ErrnoStatus(EEXIST, "x"),
        Error(absl::StatusCode::kFailedPrecondition, "SECRET_FILE_MODE", "x")}) {
    EXPECT_EQ(ExitCodeOf(status), 1) << status;
  }
}

TEST(ExitCodeTest, OnlyASucceededJobIsZero) {
  using api::v1::Job;
  const std::map<Job::State, int> other = {
      {Job::STATE_SUCCEEDED, 0},         {Job::STATE_REFUSED, 5},
      {Job::STATE_REJECTED, 5},          {Job::STATE_PLANNING, 8},
      {Job::STATE_AWAITING_APPROVAL, 8}, {Job::STATE_READY, 8},
      {Job::STATE_ROLLING, 8},           {Job::STATE_PAUSED, 8},
      {Job::STATE_ROLLING_BACK, 8},      {Job::STATE_CANCELLING, 8},
      {Job::STATE_UNSPECIFIED, 8}};
  for (int state = Job::State_MIN; state <= Job::State_MAX; ++state) {
    Job job;
    job.set_state(static_cast<Job::State>(state));
    auto it = other.find(job.state());
    EXPECT_EQ(ExitCodeOf(job), it == other.end() ? 1 : it->second) << state;
  }
}

}  // namespace
}  // namespace dbfleet::cli
