#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

#include "tests/unit/controller/cli/cli_fixture.h"

namespace dbfleet::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class ApplyCliTest : public CliTest {};

TEST_F(ApplyCliTest, AFolderIsAppliedWithoutTheCasesThatTestIt) {
  const std::string folder = folder_ + "/fleet";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/a.yaml") << "apiVersion: dbfleet/v1\nkind: Environment\n";
  std::ofstream(folder + "/cases.yaml") << "apiVersion: dbfleet/v1\nkind: PolicyCases\n";
  EXPECT_EQ(RunCli({"apply", "--dry-run", "-f", folder}), 0);
  ASSERT_EQ(controller_.applied.manifests_size(), 1);
  EXPECT_THAT(controller_.applied.manifests(0).path(), HasSubstr("a.yaml"));
  EXPECT_THAT(err_, HasSubstr(absl::StrCat("passed over ", folder,
                                           "/cases.yaml, which holds cases "
                                           "for `dbfleet policy test`")));
  // Who names the file is told what it is.
  EXPECT_EQ(RunCli({"apply", "--dry-run", "-f", folder + "/cases.yaml"}), 0);
  EXPECT_THAT(controller_.applied.manifests(0).path(), HasSubstr("cases.yaml"));
  EXPECT_EQ(RunCli({"apply", "--dry-run", "-f", folder + "/cases.yaml", "-f", folder}), 0);
  EXPECT_EQ(controller_.applied.manifests_size(), 2) << "also beside a folder";
  // However it is written; but a manifest is never lost, and the controller says what is wrong.
  std::ofstream(folder + "/cases.yaml") << "# of ours\nkind: \"PolicyCases\" # to test\n";
  EXPECT_EQ(RunCli({"apply", "--dry-run", "-f", folder}), 0);
  EXPECT_EQ(controller_.applied.manifests_size(), 1);
  for (const char* with : {"kind: Environment\nspec:\n  text: |\nkind: PolicyCases\n",
                           "kind: PolicyCases\n---\nkind: Environment\n"}) {
    std::ofstream(folder + "/cases.yaml") << with;
    EXPECT_EQ(RunCli({"apply", "--dry-run", "-f", folder}), 0);
    EXPECT_EQ(controller_.applied.manifests_size(), 2) << with;
    EXPECT_THAT(err_, Not(HasSubstr("passed over"))) << with;
  }
}

}  // namespace
}  // namespace dbfleet::cli
