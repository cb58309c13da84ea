#include "common/audit/export.h"

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "tests/unit/common/audit/trail.h"

namespace dbfleet::audit {
namespace {

TEST(Export, ALineReadBackAndWrittenAgainIsTheSame) {
  for (const ExportedRecord& record : MakeTrail(200)) {
    const std::string line = WriteJsonLine(record);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto read = ReadJsonLine(line);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->record.details, record.record.details);
    EXPECT_EQ(read->record.time, record.record.time);
    EXPECT_EQ(WriteJsonLine(*read), line);
  }
}

TEST(Export, OtherSpellingsOfTheSameRecordAreRefused) {
  const std::string line = Lines(MakeTrail(1))[0];
  const std::string spellings[] = {
      " " + line,
      line + " ",
      line + "{}",
      "\xEF\xBB\xBF" + line,
      absl::StrReplaceAll(line, {{"\"seq\":1", "\"seq\": 1"}}),
      absl::StrReplaceAll(line, {{"\"seq\":1", "\"seq\":1.0"}}),
      absl::StrReplaceAll(line, {{"\"seq\":1", "\"seq\":-1"}}),
      absl::StrReplaceAll(line, {{"\"seq\":1", "\"seq\":1,\"seq\":1"}}),
      absl::StrReplaceAll(line, {{"\"seq\":1", "\"seq\":1,\"extra\":1"}}),
      absl::StrReplaceAll(line, {{"\"seq\":1", "\"seq\":\"1\""}}),
      absl::StrReplaceAll(line, {{"users", "\\u0075sers"}}),
      absl::StrReplaceAll(line, {{"\"type\":\"record\"", "\"type\":\"checkpoint\""}}),
      absl::StrReplaceAll(line, {{"\"type\":\"record\",", ""}}),
      "[" + line + "]",
      "null",
      "",
      std::string(100000, '['),
  };
  for (const std::string& spelling : spellings) {
    EXPECT_NE(spelling, line);
    EXPECT_EQ(ReasonOf(ReadJsonLine(spelling).status()), "BAD_AUDIT_LINE")
        << spelling.substr(0, 200);
  }
}

TEST(Export, EveryMissingFieldIsRefused) {
  const std::string line = Lines(MakeTrail(1))[0];
  for (const char* name : {"type", "seq", "time", "actor", "action", "resource", "environment",
                           "details", "previous_hash", "hash", "canonical"}) {
    const std::string key = absl::StrCat("\"", name, "\":");
    ASSERT_NE(line.find(key), std::string::npos) << name;
    EXPECT_FALSE(ReadJsonLine(absl::StrReplaceAll(line, {{key, "\"x\":"}})).ok()) << name;
  }
}

}  // namespace
}  // namespace dbfleet::audit
