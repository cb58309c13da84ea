#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/controller/cli/cli_fixture.h"

namespace dbfleet::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kNewest[] = "jobs/01M7WH4C4BTSQAJZBDKXP2ENNT";
constexpr char kMiddle[] = "jobs/01M7WH2XK412SDZX7XC1SG2YJA";
constexpr char kOlder[] = "jobs/01M7WH2W7WN8QXMAR1Z5YKSZBP";
constexpr char kOldest[] = "jobs/01JX3AAAAAAAAAAAAAAAAAAAAA";

class NamesTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    controller_.job_names = {kNewest, kMiddle, kOlder, kOldest};
  }
};

TEST_F(NamesTest, AUniqueBeginningOfAnIdIsEnoughToRead) {
  controller_.job.set_name(kMiddle);
  for (const char* given : {"01M7WH2X", "01m7wh2x", "jobs/01M7WH2X", "01M7WH2XK412SDZX7XC1SG2YJ"}) {
    EXPECT_EQ(RunCli({"job", "get", given, "-o", "name"}), 0) << given << err_;
    EXPECT_EQ(out_, std::string(kMiddle) + "\n");
  }
  EXPECT_EQ(RunCli({"change", "get", "01M7WH2X", "-o", "name"}), 0);
  EXPECT_EQ(RunCli({"job", "logs", "01M7WH2X"}), 0);
  EXPECT_EQ(RunCli({"change", "wait", "01M7WH2X", "--no-block"}), 8);
}

std::vector<std::string> ResolveOf(const std::string& id) {
  return {"job", "resolve", id, "--as", "applied", "--reason", "r"};
}

TEST_F(NamesTest, ABeginningThatReachesIntoTheRandomPartIsEnoughToWrite) {
  controller_.job.set_name(kMiddle);
  EXPECT_EQ(RunCli(ResolveOf("01M7WH2XK412SD")), 0) << err_;
  EXPECT_EQ(controller_.resolved.name(), kMiddle);
}

TEST_F(NamesTest, WithoutATerminalNoVerbWritesToWhatIsNamedByItsTimeAlone) {
  controller_.job.set_name(kMiddle);
  const std::vector<std::vector<std::string>> commands = {
      ResolveOf("01M7WH2XK412S"),        {"job", "cancel", "01M7WH2X"},
      {"change", "cancel", "01M7WH2X"},  {"job", "pause", "01M7WH2X", "--reason", "r"},
      {"job", "resume", "01M7WH2X"},     {"change", "reject", "01M7WH2X", "--reason", "r"},
      {"change", "rollback", "01M7WH2X"}};
  for (const auto& command : commands) {
    EXPECT_EQ(RunCli(command), 2) << command[0] << " " << command[1];
    EXPECT_THAT(err_, HasSubstr("at least 14 characters"));
    EXPECT_THAT(err_, HasSubstr("01M7WH2XK412SDZX7XC1SG2YJA"));
  }
  EXPECT_TRUE(controller_.request_ids.empty());
}

TEST_F(NamesTest, OnATerminalAShortBeginningIsShownAndConfirmed) {
  controller_.job.set_name(kMiddle);
  controller_.job.set_title("drop the \x1b[31mold table");
  EXPECT_EQ(RunCli(ResolveOf("01M7WH2X"), "no\n", true), 1);
  EXPECT_THAT(err_, HasSubstr(std::string("01M7WH2X is ") + kMiddle));
  EXPECT_THAT(err_, HasSubstr("drop the \\x1b[31mold table"));
  EXPECT_EQ(RunCli(ResolveOf("01M7WH2X"), "", true), 1) << "the end of the input is no yes";
  EXPECT_TRUE(controller_.request_ids.empty());
  EXPECT_EQ(RunCli(ResolveOf("01M7WH2X"), "yes\n", true), 0) << err_;
  EXPECT_EQ(controller_.resolved.name(), kMiddle);
}

TEST_F(NamesTest, ABackupIsFoundAmongBackups) {
  controller_.backup_names = {"backups/01M7WH2XK412SDZX7XC1SG2YJB"};
  EXPECT_EQ(RunCli({"backup", "get", "01M7", "-o", "name"}), 0) << err_;
  EXPECT_EQ(out_, "backups/01M7WH2XK412SDZX7XC1SG2YJB\n");
}

TEST_F(NamesTest, AnAmbiguousBeginningIsAUsageErrorThatListsTheCandidates) {
  EXPECT_EQ(RunCli({"job", "get", "01M7WH2"}), 2);
  EXPECT_EQ(out_, "");
  EXPECT_THAT(err_, HasSubstr("more than one job begins with 01M7WH2"));
  EXPECT_THAT(err_, HasSubstr("\n  01M7WH2XK412SDZX7XC1SG2YJA"));
  EXPECT_THAT(err_, HasSubstr("\n  01M7WH2W7WN8QXMAR1Z5YKSZBP"));
  EXPECT_THAT(err_, Not(HasSubstr("01M7WH4C")));
}

TEST_F(NamesTest, NothingIsDoneToAJobWhoseNameIsAmbiguous) {
  EXPECT_EQ(RunCli({"job", "resolve", "01M7", "--as", "applied", "--reason", "r"}), 2);
  EXPECT_EQ(RunCli({"change", "approve", "01M7", "--digest", "abcdef012345"}), 2);
  EXPECT_TRUE(controller_.request_ids.empty());
}

TEST_F(NamesTest, ABeginningOfNothingSaysSo) {
  EXPECT_EQ(RunCli({"job", "get", "01M8"}), 1);
  EXPECT_THAT(err_, HasSubstr("no job begins with 01M8"));
}

TEST_F(NamesTest, TheListingIsReadNoFurtherThanItsOrderDemands) {
  controller_.job.set_name(kNewest);
  EXPECT_EQ(RunCli({"job", "get", "01M7WH4"}), 0);
  EXPECT_EQ(controller_.lists, 1);
}

TEST_F(NamesTest, WholeIdsAndShortWordsAreNotLookedUp) {
  controller_.job.set_name(kMiddle);
  EXPECT_EQ(RunCli({"job", "get", kMiddle}), 0);
  EXPECT_EQ(RunCli({"job", "get", "01M"}), 1);
  EXPECT_EQ(RunCli({"job", "get", "01M7-"}), 1);
  EXPECT_EQ(controller_.lists, 0);
}

TEST_F(NamesTest, AnOlderIdThanTheNewestTenThousandNeedsToBeWhole) {
  controller_.job_names.clear();
  for (int i = 0; i < 10'002; ++i) {
    controller_.job_names.push_back(absl::StrCat("jobs/01M7WH2XK412SDZX7XC1", 999'999 - i));
  }
  controller_.job_names.push_back(kOldest);
  controller_.page_rows = 500;
  EXPECT_EQ(RunCli({"job", "get", "01JX3"}), 1);
  EXPECT_THAT(err_, HasSubstr("none of the newest 10000 jobs"));
}

TEST_F(NamesTest, ManyCandidatesAreNotAllListed) {
  controller_.job_names.clear();
  for (int i = 0; i < 40; ++i) {
    controller_.job_names.push_back(absl::StrCat("jobs/01M7WH2XK412SDZX7XC1", 999'999 - i));
  }
  EXPECT_EQ(RunCli({"job", "get", "01M7"}), 2);
  EXPECT_THAT(err_, HasSubstr("and more"));
  EXPECT_THAT(err_, Not(HasSubstr("999980")));
}

}  // namespace
}  // namespace dbfleet::cli
