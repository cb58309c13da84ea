#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <type_traits>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

#include "common/base/canonical.h"
#include "common/base/duration_text.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/secret.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet {
namespace {

TEST(StatusTest, ReasonSurvivesAnnotation) {
  const absl::Status status = Error(absl::StatusCode::kAborted, "STALE", "digest differs");
  const absl::Status annotated = Annotate(status, "job 7");
  EXPECT_EQ(annotated.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(annotated.message(), "job 7: digest differs");
  EXPECT_EQ(ReasonOf(annotated), "STALE");
  EXPECT_EQ(ReasonOf(absl::InternalError("x")), "");
  EXPECT_TRUE(Annotate(absl::OkStatus(), "x").ok());
}

absl::StatusOr<int> Double(absl::StatusOr<int> in) {
  ASSIGN_OR_RETURN(const int value, in);
  RETURN_IF_ERROR(value < 0 ? absl::OutOfRangeError("negative") : absl::OkStatus());
  return 2 * value;
}

TEST(StatusTest, MacrosPassErrorsOn) {
  EXPECT_EQ(*Double(4), 8);
  EXPECT_EQ(Double(-1).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Double(absl::AbortedError("x")).status().code(), absl::StatusCode::kAborted);
}

TEST(IdsTest, UlidOfKnownBitsIsTheSpecsText) {
  EXPECT_EQ(MakeUlid(absl::FromUnixMillis(1469918176385), std::string(10, '\0')),
            "01ARYZ6S410000000000000000");
  EXPECT_EQ(MakeUlid(absl::FromUnixMillis(0), std::string(10, '\xff')),
            "0000000000ZZZZZZZZZZZZZZZZ");
}

TEST(IdsTest, UlidsSortByTimeAndDiffer) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  EXPECT_LT(NewUlid(now), NewUlid(now + absl::Milliseconds(1)));
  EXPECT_NE(NewUlid(now), NewUlid(now));
  EXPECT_TRUE(IsUlid(NewUlid(now)));
  EXPECT_FALSE(IsUlid("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
  EXPECT_FALSE(IsUlid("01ARYZ6S41000000000000000l"));
}

TEST(IdsTest, NamesThatCouldBePathsAreRefused) {
  EXPECT_TRUE(ValidateName("agent", "db-1").ok());
  EXPECT_TRUE(ValidateName("agent", std::string(63, 'a')).ok());
  for (const char* bad : {"", "-a", "a-", "1a", "A", "a/b", "..", "a.b", "a b", "a\x1b[31m", "ä"}) {
    EXPECT_EQ(ReasonOf(ValidateName("agent", bad)), "INVALID_NAME") << bad;
  }
  EXPECT_FALSE(ValidateName("agent", std::string(64, 'a')).ok());
  EXPECT_FALSE(absl::StrContains(ValidateName("agent", "a\x1b").message(), "\x1b"));
}

TEST(IdsTest, ResourceNamesHaveExactlyOneSegment) {
  std::string id;
  ASSERT_TRUE(ParseResourceName("jobs", "jobs/J1", &id).ok());
  EXPECT_EQ(id, "J1");
  for (const char* bad : {"jobs/", "jobs", "job/J1", "jobs/J1/tasks/T", "", "/jobs/J1"}) {
    EXPECT_FALSE(ParseResourceName("jobs", bad, &id).ok()) << bad;
  }
}

TEST(SecretTest, CannotBecomeTextByAccident) {
  static_assert(!std::is_convertible_v<Secret, std::string>);
  static_assert(!std::is_convertible_v<std::string, Secret>);
  Secret secret("hunter2");
  Secret moved = std::move(secret);
  EXPECT_EQ(moved.Reveal(), "hunter2");
  EXPECT_TRUE(secret.empty());
  secret = moved;
  EXPECT_EQ(secret.Reveal(), "hunter2");
  moved = std::move(secret);
  EXPECT_EQ(moved.Reveal(), "hunter2");
}

TEST(HashTest, Sha256MatchesFips180) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256Stream stream;
  stream.Update("a");
  stream.Update("bc");
  EXPECT_EQ(stream.FinishHex(), Sha256Hex("abc"));
}

TEST(HashTest, RandomBytesDiffer) {
  EXPECT_EQ(RandomBytes(32).size(), 32u);
  EXPECT_NE(RandomBytes(32), RandomBytes(32));
  EXPECT_EQ(RandomHex(16).size(), 32u);
}

TEST(HashTest, ConstantTimeEqualsComparesContent) {
  EXPECT_TRUE(ConstantTimeEquals("abc", "abc"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "abd"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "ab"));
}

TEST(TextTest, TerminalEscapesBecomeVisible) {
  EXPECT_EQ(SanitizeForDisplay("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(SanitizeForDisplay("a\nb\tc"), "a\\x0ab\\x09c");
  EXPECT_EQ(SanitizeForDisplay("a\nb\tc\r", true), "a\nb\tc\\x0d");
  EXPECT_EQ(SanitizeForDisplay("\xc2\x9b"), "\\x9b");            // C1: one-byte CSI.
  EXPECT_EQ(SanitizeForDisplay("x\xe2\x80\xaey"), "x\\u202ey");  // Right-to-left override.
  EXPECT_EQ(SanitizeForDisplay("\xff\xc3"), "\\xff\\xc3");       // Invalid, and cut off.
  EXPECT_EQ(SanitizeForDisplay("grün €"), "grün €");
}

TEST(TextTest, Utf8IsCheckedStrictly) {
  EXPECT_TRUE(IsValidUtf8("grün 😀"));
  EXPECT_FALSE(IsValidUtf8("\xc0\xaf"));          // Overlong.
  EXPECT_FALSE(IsValidUtf8("\xed\xa0\x80"));      // Surrogate.
  EXPECT_FALSE(IsValidUtf8("\xf4\x90\x80\x80"));  // Above U+10FFFF.
}

TEST(TextTest, ADurationIsWrittenAsPeopleWriteItInManifests) {
  EXPECT_EQ(ConfigDuration(absl::ZeroDuration()), "0s");
  EXPECT_EQ(ConfigDuration(absl::Seconds(90)), "1m30s");
  EXPECT_EQ(ConfigDuration(absl::Hours(24)), "24h");
  EXPECT_EQ(ConfigDuration(absl::Hours(48)), "2d");
  EXPECT_EQ(ConfigDuration(absl::Hours(49)), "49h");
  EXPECT_EQ(ConfigDuration(absl::Hours(24 * 366)), "366d");
  EXPECT_EQ(ConfigDuration(-absl::Hours(48)), "-48h");
  EXPECT_EQ(ConfigDuration(absl::InfiniteDuration()), "inf");
}

TEST(TextTest, TruncateNeverCutsACharacter) {
  EXPECT_EQ(Truncate("abc", 3), "abc");
  EXPECT_EQ(Truncate("abcd", 3), "abc...");
  EXPECT_EQ(Truncate("a\xc3\xbc"
                     "b",
                     2),
            "a...");
}

TEST(CanonicalTest, DifferentSequencesGiveDifferentBytes) {
  std::set<std::string> seen;
  seen.insert(CanonicalWriter("d").Text("a").Text("b").bytes());
  seen.insert(CanonicalWriter("d").Text("ab").Text("").bytes());
  seen.insert(CanonicalWriter("d").Text("").Text("ab").bytes());
  seen.insert(CanonicalWriter("d").List({"a", "b"}).bytes());
  seen.insert(CanonicalWriter("d").Map({{"a", "b"}}).bytes());
  seen.insert(CanonicalWriter("e").Text("a").Text("b").bytes());
  seen.insert(CanonicalWriter("d").Uint(1).bytes());
  seen.insert(CanonicalWriter("d").Int(1).bytes());
  seen.insert(CanonicalWriter("d").Bool(true).bytes());
  EXPECT_EQ(seen.size(), 9u);
}

TEST(CanonicalTest, BytesAreFixedForever) {
  EXPECT_EQ(absl::BytesToHexString(CanonicalWriter("x").Text("hi").bytes()),
            "440000000000000001785400000000000000026869");
}

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/dbfleet_files_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  static mode_t ModeOf(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
  }

  std::string folder_;
};

TEST_F(FilesTest, WritingReplacesContentAndModeAndLeavesNothingElse) {
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "one", 0644).ok());
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "two", 0600).ok());
  EXPECT_EQ(*ReadFile(Path("f")), "two");
  EXPECT_EQ(ModeOf(Path("f")), 0600u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(FilesTest, WhatACrashLeftOfAtomicWritesIsRemovedAndNothingElse) {
  ASSERT_TRUE(MakeDirectories(Path("below"), 0700).ok());
  for (const char* name : {"f", "below/f", "f.tmp", "f.0123456789ab", "f.0123456789ab.tmp",
                           "below/key.pem.ffffffffffff.tmp", "f.0123456789xy.tmp", ".tmp"}) {
    ASSERT_TRUE(WriteFileAtomically(Path(name), "x", 0600).ok()) << name;
  }
  RemoveTemporaries(Path(""));
  for (const char* name :
       {"f", "below/f", "f.tmp", "f.0123456789ab", "f.0123456789xy.tmp", ".tmp"}) {
    EXPECT_TRUE(ReadFile(Path(name)).ok()) << name;
  }
  for (const char* name : {"f.0123456789ab.tmp", "below/key.pem.ffffffffffff.tmp"}) {
    EXPECT_TRUE(absl::IsNotFound(ReadFile(Path(name)).status())) << name;
  }
}

TEST_F(FilesTest, ReadFileSaysWhy) {
  EXPECT_EQ(ReadFile(Path("none")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(ReadFile(folder_).status()), "NOT_A_FILE");
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "12345", 0600).ok());
  EXPECT_EQ(ReasonOf(ReadFile(Path("f"), 4).status()), "FILE_TOO_LARGE");
  EXPECT_TRUE(ReadFile(Path("f"), 5).ok());
}

TEST_F(FilesTest, SecretsThatOthersCanReadAreRefused) {
  ASSERT_TRUE(WriteFileAtomically(Path("s"), "hunter2\n", 0600).ok());
  auto secret = ReadSecretFile(Path("s"));
  ASSERT_TRUE(secret.ok()) << secret.status();
  EXPECT_EQ(secret->Reveal(), "hunter2");
  ASSERT_EQ(chmod(Path("s").c_str(), 0640), 0);
  const absl::Status status = ReadSecretFile(Path("s")).status();
  EXPECT_EQ(ReasonOf(status), "SECRET_FILE_MODE");
  EXPECT_FALSE(absl::StrContains(status.message(), "hunter2"));
}

TEST_F(FilesTest, MakeDirectoriesSetsTheLastMode) {
  ASSERT_TRUE(MakeDirectories(Path("a/b"), 0700).ok());
  EXPECT_EQ(ModeOf(Path("a/b")), 0700u);
  ASSERT_TRUE(MakeDirectories(Path("a/b"), 0750).ok());
  EXPECT_EQ(ModeOf(Path("a/b")), 0750u);
}

TEST(ErrnoStatusTest, FullDiskHasItsReason) {
  EXPECT_EQ(ReasonOf(ErrnoStatus(ENOSPC, "write /x")), "DISK_FULL");
  EXPECT_EQ(ReasonOf(ErrnoStatus(EDQUOT, "write /x")), "DISK_FULL");
  EXPECT_EQ(ErrnoStatus(ENOSPC, "write /x").code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace dbfleet
