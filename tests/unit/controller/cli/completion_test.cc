#include <sys/wait.h>

#include <cstdio>
#include <set>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/controller/cli/cli_fixture.h"

namespace dbfleet::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

// Runs the bash script in a real bash, with a `dbfleet` that answers as the test says.
class BashCompletionTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    ASSERT_EQ(RunCli({"completion", "bash"}), 0);
    Write("script", out_);
    std::filesystem::create_directory(folder_ + "/bin");
    // Notes what it was asked, and answers by the first word.
    Write("bin/dbfleet",
          absl::StrCat("#!/bin/bash\necho \"$*\" >> ", folder_, "/asked\n",
                       "case \"$*\" in\n"
                       "  *environment*) printf 'environments/%s\\n' production qa ;;\n"
                       "  *instance*) printf 'instances/%s\\n' orders-db cache '$(touch ",
                       folder_,
                       "/pwned)' 'x;y' ;;\n"
                       "  *'job list'*|*change*) printf 'jobs/%s\\n' 01JX3A 01JX4B ;;\n"
                       "  *token*) echo users/ada/tokens/T1 ;;\n"
                       "  *context*) echo prod ;;\n"
                       "  *) echo 'not logged in' >&2; exit 4 ;;\n"
                       "esac\n"),
          0700);
  }

  // What bash would offer for the last of `words`; with everything that went to stderr.
  std::vector<std::string> Complete(const std::vector<std::string>& words) {
    std::string line;
    for (const std::string& word : words) absl::StrAppend(&line, " '", word, "'");
    Write("run", absl::StrCat("PATH=", folder_, "/bin:$PATH\ncd ", folder_,
                              "/bin\nsource ../script\nCOMP_WORDS=(dbfleet", line, ")\nCOMP_CWORD=",
                              words.size(), "\n_dbfleet\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"));
    FILE* bash = popen(absl::StrCat("bash ", folder_, "/run 2>&1").c_str(), "r");
    EXPECT_NE(bash, nullptr);
    std::string output;
    char buffer[4096];
    while (size_t size = fread(buffer, 1, sizeof buffer, bash)) output.append(buffer, size);
    EXPECT_EQ(pclose(bash), 0) << output;
    return absl::StrSplit(output, '\n', absl::SkipEmpty());
  }

  std::string Asked() { return ReadFile(folder_ + "/asked").value_or(""); }
};

TEST_F(BashCompletionTest, OffersNounsVerbsAndOptions) {
  EXPECT_THAT(Complete({"ch"}), ElementsAre("change"));
  EXPECT_THAT(Complete({"job", "l"}), UnorderedElementsAre("list", "logs"));
  EXPECT_THAT(Complete({"agent", "token", ""}), ElementsAre("create"));
  EXPECT_THAT(Complete({"job", "list", "--k"}), ElementsAre("--kind"));
  EXPECT_THAT(Complete({"job", "list", ""}), Contains("--environment"));
  EXPECT_THAT(Complete({"-o", "json", "ba"}), ElementsAre("backup"));
  EXPECT_THAT(Asked(), IsEmpty());
}

TEST_F(BashCompletionTest, OffersFixedValues) {
  EXPECT_THAT(Complete({"job", "get", "-o", "j"}), UnorderedElementsAre("json", "jsonl"));
  // As bash splits it.
  EXPECT_THAT(Complete({"job", "get", "--output", "=", "y"}), ElementsAre("yaml"));
  EXPECT_THAT(Complete({"job", "get", "--output", "="}), Contains("table"));
  EXPECT_THAT(Complete({"job", "list", "--state", "awaiting"}), ElementsAre("awaiting_approval"));
  EXPECT_THAT(Complete({"job", "resolve", "x", "--as", "a"}), ElementsAre("applied"));
  EXPECT_THAT(Complete({"completion", "z"}), ElementsAre("zsh"));
  EXPECT_THAT(Complete({"user", "create", "x", "--role", "policy"}), ElementsAre("policy_admin"));
}

TEST_F(BashCompletionTest, OffersNamesThatTheCommandItselfLists) {
  EXPECT_THAT(Complete({"instance", "list", "-e", "p"}), ElementsAre("production"));
  EXPECT_EQ(Asked(), "environment list -o name\n");
  EXPECT_THAT(Complete({"change", "submit", "--instance", "o"}), ElementsAre("orders-db"));
  EXPECT_THAT(Complete({"backup", "run", "c"}), ElementsAre("cache"));
  EXPECT_THAT(Complete({"job", "get", "01JX3"}), ElementsAre("01JX3A"));
  EXPECT_THAT(Complete({"context", "use", ""}), ElementsAre("prod"));
  EXPECT_THAT(Complete({"token", "revoke", ""}), ElementsAre("users/ada/tokens/T1"));
}

TEST_F(BashCompletionTest, AsksTheContextThatWasTyped) {
  EXPECT_THAT(Complete({"--context", "prod", "job", "get", "01JX4"}), ElementsAre("01JX4B"));
  EXPECT_EQ(Asked(), "job list --context prod -o name\n");
}

TEST_F(BashCompletionTest, OnlyTheFirstArgumentIsAName) {
  EXPECT_THAT(Complete({"instance", "inspect", "cache", "o"}), IsEmpty());
}

TEST_F(BashCompletionTest, SaysNothingWhenTheCommandCannotAnswer) {
  EXPECT_THAT(Complete({"user", "get", "a"}), IsEmpty());
  Write("bin/dbfleet", "#!/bin/bash\necho 'not logged in' >&2\nexit 4\n", 0700);
  EXPECT_THAT(Complete({"instance", "get", "o"}), IsEmpty());
}

TEST_F(BashCompletionTest, ANameThatAShellWouldRunIsNeitherRunNorOffered) {
  EXPECT_THAT(Complete({"instance", "get", ""}), UnorderedElementsAre("orders-db", "cache"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/pwned"));
}

TEST_F(BashCompletionTest, OffersFilesWhereAFileIsWanted) {
  EXPECT_THAT(Complete({"audit", "verify", "dbf"}), ElementsAre("dbfleet"));
  EXPECT_THAT(Complete({"change", "plan", "--dir", "dbf"}), ElementsAre("dbfleet"));
}

}  // namespace
}  // namespace dbfleet::cli
