#include "common/migration/migration_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::migration {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kUp[] = "CREATE TABLE t (a INT);\n";
constexpr char kDown[] = "DROP TABLE t;\n";
constexpr char kBoth[] = "-- dbfleet:up\nSELECT 1;\n-- dbfleet:down\nSELECT 2;\n";

// The one error message that all problems share; "" if there is none.
std::string Problems(const std::vector<File>& files) {
  const auto migrations = ParseFiles(files);
  if (migrations.ok()) return "";
  EXPECT_EQ(migrations.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(migrations.status()), "BAD_MIGRATION_FILES");
  return std::string(migrations.status().message());
}

TEST(ParseFilesTest, NoFilesAreNoMigrations) {
  const auto migrations = ParseFiles({});
  ASSERT_TRUE(migrations.ok());
  EXPECT_THAT(*migrations, IsEmpty());
}

TEST(ParseFilesTest, TwoFilesMakeAMigration) {
  const auto migrations = ParseFiles({{"0007_add_t.up.sql", kUp}, {"0007_add_t.down.sql", kDown}});
  ASSERT_TRUE(migrations.ok()) << migrations.status();
  ASSERT_THAT(*migrations, SizeIs(1));
  const work::v1::Migration& migration = (*migrations)[0];
  EXPECT_EQ(migration.version(), "0007");
  EXPECT_EQ(migration.name(), "add_t");
  EXPECT_EQ(migration.up().inline_(), kUp);
  EXPECT_EQ(migration.up().sha256(), Sha256Hex(kUp));
  EXPECT_EQ(migration.up().size_bytes(), static_cast<int64_t>(sizeof kUp - 1));
  EXPECT_EQ(migration.down().inline_(), kDown);
  EXPECT_EQ(migration.up_path(), "0007_add_t.up.sql");
  EXPECT_EQ(migration.down_path(), "0007_add_t.down.sql");
  EXPECT_EQ(migration.irreversible_reason(), "");
}

TEST(ParseFilesTest, OneFileWithSectionsMakesAMigration) {
  const auto migrations =
      ParseFiles({{"7_x.sql",
                   "\xEF\xBB\xBF-- Why.\n\n-- dbfleet:up  \r\nSELECT 1;\nSELECT 2;\n"
                   "-- dbfleet:down\nSELECT 3;"}});
  ASSERT_TRUE(migrations.ok()) << migrations.status();
  EXPECT_EQ((*migrations)[0].up().inline_(), "SELECT 1;\nSELECT 2;\n");
  EXPECT_EQ((*migrations)[0].down().inline_(), "SELECT 3;");
  EXPECT_EQ((*migrations)[0].up_path(), "7_x.sql");
  EXPECT_EQ((*migrations)[0].down_path(), "7_x.sql");
}

TEST(ParseFilesTest, SectionsMayComeInEitherOrder) {
  const auto migrations =
      ParseFiles({{"7_x.sql", "-- dbfleet:down\nSELECT 2;\n-- dbfleet:up\nSELECT 1;\n"}});
  ASSERT_TRUE(migrations.ok()) << migrations.status();
  EXPECT_EQ((*migrations)[0].up().inline_(), "SELECT 1;\n");
}

TEST(ParseFilesTest, VersionsAreOrderedAsNumbersAndFormsMix) {
  const auto migrations = ParseFiles({{"10_c.sql", kBoth},
                                      {"99999999999999999999_e.sql", kBoth},
                                      {"009_b.up.sql", kUp},
                                      {"20260102030405_d.sql", kBoth},
                                      {"0_a.sql", kBoth},
                                      {"009_b.down.sql", kDown},
                                      {"README", "\xff"},
                                      {"README.txt", ""},
                                      {"notes.md", ""}});
  ASSERT_TRUE(migrations.ok()) << migrations.status();
  std::string names;
  for (const auto& migration : *migrations) names += migration.name();
  EXPECT_EQ(names, "abcde");
}

TEST(ParseFilesTest, AMissingWayBackNeedsAReason) {
  const auto migrations = ParseFiles(
      {{"1_a.up.sql", "-- dbfleet:irreversible  old rows are gone \nDELETE FROM t WHERE a = 1;"},
       {"2_b.sql", "-- dbfleet:up\nSELECT 1;\n-- dbfleet:irreversible no way\n"}});
  ASSERT_TRUE(migrations.ok()) << migrations.status();
  EXPECT_EQ((*migrations)[0].irreversible_reason(), "old rows are gone");
  EXPECT_FALSE((*migrations)[0].has_down());
  EXPECT_EQ((*migrations)[0].down_path(), "");
  EXPECT_EQ((*migrations)[1].irreversible_reason(), "no way");

  EXPECT_THAT(Problems({{"1_a.up.sql", kUp}}), HasSubstr("1_a.up.sql: has no down part"));
  EXPECT_THAT(Problems({{"1_a.sql", "-- dbfleet:up\nSELECT 1;"}}), HasSubstr("has no down part"));
  for (const char* line : {"-- dbfleet:irreversible\n", "-- dbfleet:irreversible  \n"}) {
    EXPECT_THAT(Problems({{"1_a.up.sql", absl::StrCat(line, kUp)}}), HasSubstr("needs a reason"));
  }
}

TEST(ParseFilesTest, IrreversibleIsSaidOnceInTheUpPartAndMeant) {
  const std::string line = "-- dbfleet:irreversible because\n";
  EXPECT_THAT(Problems({{"1_a.up.sql", line + kUp}, {"1_a.down.sql", kDown}}),
              HasSubstr("irreversible and has a down part"));
  EXPECT_THAT(Problems({{"1_a.up.sql", kUp}, {"1_a.down.sql", line + kDown}}),
              HasSubstr("1_a.down.sql: \"-- dbfleet:irreversible\" belongs into the up part"));
  EXPECT_THAT(Problems({{"1_a.sql", absl::StrCat(kBoth, line)}}), HasSubstr("up part"));
  EXPECT_THAT(Problems({{"1_a.sql", absl::StrCat(line, kBoth)}}), HasSubstr("the up section"));
  EXPECT_THAT(Problems({{"1_a.up.sql", line + line + kUp}}), HasSubstr("line 2: a second"));
}

TEST(ParseFilesTest, DuplicateVersionsAreFoundWhateverTheirZeros) {
  EXPECT_THAT(Problems({{"7_a.sql", kBoth}, {"007_b.sql", kBoth}}),
              AllOf(HasSubstr("version 7 is there more than once"), HasSubstr("7_a.sql"),
                    HasSubstr("007_b.sql")));
  EXPECT_THAT(Problems({{"7_a.sql", kBoth}, {"7_a.up.sql", kUp}, {"7_a.down.sql", kDown}}),
              HasSubstr("more than once"));
  EXPECT_THAT(Problems({{"a/7_a.sql", kBoth}, {"b/7_a.sql", kBoth}}), HasSubstr("more than once"));
  EXPECT_THAT(Problems({{"7_a.sql", kBoth}, {"7_a.sql", kBoth}}), HasSubstr("is there twice"));
  EXPECT_THAT(Problems({{"0_a.sql", kBoth}, {"000_b.sql", kBoth}}), HasSubstr("version 0"));
}

TEST(ParseFilesTest, BothPartsHaveOneName) {
  EXPECT_THAT(Problems({{"7_a.up.sql", kUp}, {"7_b.down.sql", kDown}}), HasSubstr("another name"));
  EXPECT_THAT(Problems({{"7_a.up.sql", kUp}, {"07_a.down.sql", kDown}}), HasSubstr("another name"));
}

TEST(ParseFilesTest, ADownPartNeedsAnUpPart) {
  EXPECT_THAT(Problems({{"7_a.down.sql", kDown}}), HasSubstr("7_a.down.sql: has no up part"));
  EXPECT_THAT(Problems({{"7_a.sql", "-- dbfleet:down\nSELECT 1;"}}),
              AllOf(HasSubstr("1 problem"), HasSubstr("no \"-- dbfleet:up\" section")));
}

TEST(ParseFilesTest, EmptyPartsAreErrors) {
  for (const char* empty :
       {"", " \n", "-- nothing\n", "# nothing", "/* nothing\n */ ;", ";;\n--", "\xEF\xBB\xBF"}) {
    EXPECT_THAT(Problems({{"1_a.up.sql", empty}, {"1_a.down.sql", kDown}}),
                HasSubstr("1_a.up.sql: its up part is empty"))
        << empty;
    EXPECT_THAT(Problems({{"1_a.up.sql", kUp}, {"1_a.down.sql", empty}}),
                HasSubstr("1_a.down.sql: its down part is empty"))
        << empty;
  }
  EXPECT_THAT(Problems({{"1_a.sql", "-- dbfleet:up\n-- dbfleet:down\nSELECT 1;"}}),
              HasSubstr("up part is empty"));
  // Executable comments are statements.
  EXPECT_EQ(
      Problems({{"1_a.up.sql", "/*!50000 SELECT 1 */"}, {"1_a.down.sql", "/*M! SELECT 1 */"}}), "");
}

TEST(ParseFilesTest, SectionsMustBeClear) {
  EXPECT_THAT(
      Problems({{"1_a.sql", "SELECT 0;\n-- dbfleet:up\nSELECT 1;\n-- dbfleet:down\nSELECT 2"}}),
      HasSubstr("before the first section"));
  EXPECT_THAT(Problems({{"1_a.sql", absl::StrCat(kBoth, "-- dbfleet:up\nSELECT 3;")}}),
              HasSubstr("1_a.sql: line 5: a second up section"));
  EXPECT_THAT(Problems({{"1_a.sql", absl::StrCat(kBoth, "-- dbfleet:down\nSELECT 3;")}}),
              HasSubstr("a second down section"));
  EXPECT_THAT(Problems({{"1_a.sql", "SELECT 1;"}}), HasSubstr("no \"-- dbfleet:up\" section"));
  EXPECT_THAT(Problems({{"1_a.up.sql", kBoth}, {"1_a.down.sql", kDown}}),
              HasSubstr("one part already"));
}

TEST(ParseFilesTest, AMisspeltDirectiveIsNotOverlooked) {
  for (const char* line : {"--dbfleet:down", " -- dbfleet:down", "-- dbfleet:Down",
                           "-- DBFLEET:down", "-- dbfleet: down", "-- dbfleet:rollback",
                           "--  dbfleet:down", "-- dbfleet:irreversibly so", "-- dbfleet:"}) {
    EXPECT_THAT(
        Problems({{"1_a.sql", absl::StrCat("-- dbfleet:up\nSELECT 1;\n", line, "\nSELECT 2;")}}),
        HasSubstr("1_a.sql: line 3:"))
        << line;
  }
}

TEST(ParseFilesTest, OtherFilesAreErrors) {
  for (const char* path : {"notes.txt", "1_a.sql.bak", ".gitkeep", "1_a.SQL", "dump.sql.gz"}) {
    EXPECT_THAT(Problems({{path, kUp}}), HasSubstr("is not a migration file")) << path;
  }
}

TEST(ParseFilesTest, NamesKeepTheirForm) {
  for (const char* path : {"a.sql", "_a.sql", "1.sql", "1a.sql", "1-a.sql", "-1_a.sql", "1.2_a.sql",
                           "123456789012345678901_a.sql", ".sql", "V1__a.sql"}) {
    EXPECT_THAT(Problems({{path, kBoth}}), HasSubstr("version of 1 to 20 digits")) << path;
  }
  for (const char* path : {"1_.sql", "1_A.sql", "1_a-b.sql", "1_a b.sql", "1_\xC3\xA4.sql",
                           "1_a.b.up.sql", "1_a'b.sql"}) {
    EXPECT_THAT(Problems({{path, kBoth}}), HasSubstr("must be 1 to 200 of")) << path;
  }
  EXPECT_THAT(Problems({{absl::StrCat("1_", std::string(201, 'a'), ".sql"), kBoth}}),
              HasSubstr("must be 1 to 200 of"));
  EXPECT_EQ(Problems({{absl::StrCat("1_", std::string(200, 'a'), ".sql"), kBoth}}), "");
}

TEST(ParseFilesTest, PathTricksAreErrors) {
  for (const std::string& path :
       {std::string("../1_a.sql"), std::string("a/../1_a.sql"), std::string("./1_a.sql"),
        std::string("a//1_a.sql"), std::string("/etc/1_a.sql"), std::string("a\\1_a.sql"),
        std::string("1_a\n.sql"), std::string("\x1b[31m1_a.sql"), std::string("a\0/1_a.sql", 10),
        std::string("\xff/1_a.sql"), std::string("\xE2\x80\xAE/1_a.sql"), std::string("")}) {
    const std::string problems = Problems({{path, kBoth}});
    EXPECT_THAT(problems, HasSubstr("path")) << path;
    EXPECT_THAT(problems, Not(HasSubstr("\x1b"))) << "not shown as it is";
  }
  EXPECT_EQ(Problems({{"common/orders/1_a.sql", kBoth}}), "");
}

TEST(ParseFilesTest, ContentIsTextOfLimitedSize) {
  EXPECT_THAT(Problems({{"1_a.up.sql", "SELECT '\xff';"}, {"1_a.down.sql", kDown}}),
              AllOf(HasSubstr("1_a.up.sql: is not valid UTF-8"), HasSubstr("1 problem:")));
  EXPECT_THAT(Problems({{"1_a.up.sql", kUp}, {"1_a.down.sql", std::string("SELECT 1;\0", 10)}}),
              AllOf(HasSubstr("1_a.down.sql: contains a NUL byte"), HasSubstr("1 problem:")));
  const std::string largest = absl::StrCat("SELECT 1;", std::string(kMaxFileBytes - 9, ' '));
  EXPECT_EQ(Problems({{"1_a.up.sql", largest}, {"1_a.down.sql", kDown}}), "");
  EXPECT_THAT(Problems({{"1_a.up.sql", largest + " "}, {"1_a.down.sql", kDown}}),
              HasSubstr("1_a.up.sql: has 16777217 bytes"));
  EXPECT_THAT(Problems({{"1_a.up.sql", largest}, {"1_a.down.sql", largest}, {"2_b.sql", kBoth}}),
              HasSubstr("all files together"));
}

TEST(ParseFilesTest, AllProblemsAreReportedAtOnce) {
  const std::string problems = Problems({{"notes.txt", ""},
                                         {"../2_b.sql", kBoth},
                                         {"3_c.up.sql", kUp},
                                         {"4_d.sql", kBoth},
                                         {"04_d.sql", kBoth},
                                         {"5_e.sql", "-- dbfleet:up\n-- dbfleet:down\n"}});
  EXPECT_THAT(problems,
              AllOf(HasSubstr("6 problems"), HasSubstr("notes.txt"), HasSubstr("../2_b.sql"),
                    HasSubstr("3_c.up.sql"), HasSubstr("version 4"),
                    HasSubstr("5_e.sql: its up part"), HasSubstr("5_e.sql: its down part")));
}

TEST(ParseFilesTest, AnEndlessListOfProblemsIsCut) {
  std::vector<File> files;
  for (int i = 0; i < 200; ++i) files.push_back({absl::StrCat("bad", i, ".txt"), ""});
  const std::string problems = Problems(files);
  EXPECT_THAT(problems, AllOf(HasSubstr("200 problems"), HasSubstr("and 150 more")));
  EXPECT_EQ(std::count(problems.begin(), problems.end(), '\n'), 51);
}

TEST(ChecksumTest, IsThatOfTheUpPartsBytes) {
  auto migrations = ParseFiles({{"7_a.sql", kBoth}});
  ASSERT_TRUE(migrations.ok());
  work::v1::Migration migration = (*migrations)[0];
  EXPECT_EQ(Checksum(migration), Sha256Hex("SELECT 1;\n"));
  migration.mutable_up()->clear_inline_();
  EXPECT_EQ(Checksum(migration), Sha256Hex("SELECT 1;\n")) << "content that is fetched later";
  migration.mutable_up()->set_inline_("SELECT 2;\n");
  EXPECT_EQ(Checksum(migration), Sha256Hex("SELECT 2;\n")) << "the bytes count, not the claim";
}

class ReadFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "dbfleet-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, absl::string_view content) {
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/" + name, content, 0600).ok());
  }

  std::string folder_;
};

TEST_F(ReadFolderTest, ReadsItsFilesInOrderAndNoSubfolders) {
  Write("2_b.sql", "two");
  Write("1_a.sql", "one");
  Write("notes.txt", "for ParseFiles to refuse");
  Write("README.md", "not read");
  ASSERT_TRUE(MakeDirectories(folder_ + "/client", 0700).ok());
  Write("client/3_c.sql", "three");
  const auto files = ReadFolder(folder_);
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_THAT(*files, SizeIs(3));
  EXPECT_EQ((*files)[0].path, "1_a.sql");
  EXPECT_EQ((*files)[0].content, "one");
  EXPECT_EQ((*files)[1].path, "2_b.sql");
  EXPECT_EQ((*files)[2].path, "notes.txt");
}

TEST_F(ReadFolderTest, AFolderThatIsNotThereIsNamed) {
  const auto files = ReadFolder(folder_ + "/nowhere");
  EXPECT_EQ(files.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(files.status().message()), HasSubstr("nowhere"));
}

TEST_F(ReadFolderTest, TooMuchIsRefusedBeforeItIsAllRead) {
  Write("1_a.sql", std::string(kMaxFileBytes + 1, ' '));
  const auto too_large = ReadFolder(folder_);
  EXPECT_EQ(ReasonOf(too_large.status()), "BAD_MIGRATION_FILES");
  EXPECT_THAT(std::string(too_large.status().message()), HasSubstr("1_a.sql"));
  Write("1_a.sql", std::string(kMaxFileBytes, ' '));
  Write("2_b.sql", std::string(kMaxFileBytes, ' '));
  Write("3_c.sql", " ");
  EXPECT_EQ(ReasonOf(ReadFolder(folder_).status()), "BAD_MIGRATION_FILES");
}

TEST_F(ReadFolderTest, APipeIsNotWaitedFor) {
  ASSERT_EQ(mkfifo((folder_ + "/1_a.sql").c_str(), 0600), 0);
  EXPECT_THAT(std::string(ReadFolder(folder_).status().message()), HasSubstr("not a regular file"));
}

}  // namespace
}  // namespace dbfleet::migration
