#include <algorithm>
#include <map>
#include <random>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/audit/export_cef.h"
#include "common/audit/export_syslog.h"
#include "common/audit/severity.h"
#include "common/base/hash.h"
#include "common/base/text.h"
#include "tests/unit/common/audit/trail.h"

namespace dbfleet::audit {
namespace {

using ::testing::HasSubstr;

ExportedRecord Example() {
  Record record;
  record.seq = 7;
  record.time = absl::FromUnixMicros(1767323045000006);
  record.actor = "users/ada";
  record.action = "change.approve";
  record.resource = "jobs/J";
  record.environment = "production";
  record.details = {{"reason", "a \"quoted\" ] \\ text"}};
  record.previous_hash = GenesisHash();
  return Seal(record);
}

TEST(Syslog, ARecordIsOneRfc5424Message) {
  const ExportedRecord record = Example();
  EXPECT_EQ(WriteSyslogLine(record, "controller1"),
            absl::StrCat("<109>1 2026-01-02T03:04:05.000006Z controller1 dbfleet - change.approve "
                         "[audit@32473 seq=\"7\" actor=\"users/ada\" action=\"change.approve\" "
                         "resource=\"jobs/J\" environment=\"production\" hash=\"",
                         HexEncode(record.hash), "\" previousHash=\"", std::string(64, '0'),
                         "\"][details@32473 reason=\"a \\\"quoted\\\" \\] \\\\ text\"] "
                         "\xEF\xBB\xBFusers/ada change.approve jobs/J (production)"));
}

TEST(Cef, ARecordIsOneLine) {
  const ExportedRecord record = Example();
  EXPECT_EQ(
      WriteCefLine(record, "0.1.0"),
      absl::StrCat("CEF:0|dbfleet|dbfleet|0.1.0|change.approve|change.approve|4|"
                   "rt=1767323045000 externalId=7 suser=users/ada act=change.approve "
                   "cs1Label=resource cs1=jobs/J cs2Label=environment cs2=production "
                   "cs3Label=hash cs3=",
                   HexEncode(record.hash), " cs4Label=previousHash cs4=", std::string(64, '0'),
                   " cs5Label=details cs5={\"reason\":\"a ", R"(\\"quoted\\" ] \\\\ text"})"));
}

// Splits structured data as a receiver does; false if it is not well-formed.
bool ReadStructuredData(const std::string& line, std::vector<std::string>* names) {
  size_t at = line.find('[');
  while (at < line.size() && line[at] == '[') {
    at = line.find_first_of(" ]", at);
    while (line[at] == ' ') {
      const size_t equals = line.find('=', at);
      names->push_back(line.substr(at + 1, equals - at - 1));
      if (line[equals + 1] != '"') return false;
      for (at = equals + 2; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] == ']') return false;
        if (line[at] == '\\') ++at;
      }
      ++at;
    }
    if (line[at] != ']') return false;
    ++at;
  }
  return line.substr(at, 4) == " \xEF\xBB\xBF";
}

std::string Hostile(std::mt19937& random) {
  static const char* const kPieces[] = {
      "\"",   "]",        "\\",           "|", "=",         "\n",    "\r",     "\t", "\x1b[31m",
      "\xFF", "\xC3\xA9", "\xE2\x80\xAE", " ", "[x@1 a=\"", "<13>1", "CEF:0|", "a",  "\\n",
      "\x7f"};
  std::string text;
  for (unsigned n = random() % 12; n > 0; --n) text += kPieces[random() % std::size(kPieces)];
  if (random() % 4 == 0) text += std::string(1, '\0');
  if (random() % 20 == 0) text += std::string(6000, '"');
  return text;
}

ExportedRecord HostileRecord(std::mt19937& random) {
  ExportedRecord exported = Example();
  Record& record = exported.record;
  record.actor = Hostile(random);
  record.action = Hostile(random);
  record.resource = Hostile(random);
  record.environment = Hostile(random);
  for (int i = 0; i < 3; ++i) record.details[Hostile(random)] = Hostile(random);
  return exported;
}

void ExpectOneCleanLine(const std::string& line) {
  EXPECT_TRUE(IsValidUtf8(line));
  for (const char c : line) {
    EXPECT_TRUE(static_cast<unsigned char>(c) >= 32 && c != 127) << line;
  }
}

TEST(Syslog, HostileValuesStayInTheirFields) {
  std::mt19937 random(1);
  for (int round = 0; round < 1000; ++round) {
    const ExportedRecord record = HostileRecord(random);
    const std::string line = WriteSyslogLine(record, Hostile(random));
    ExpectOneCleanLine(line);
    std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 6));
    ASSERT_EQ(words.size(), 7u);
    for (size_t i = 0; i < 6; ++i) {
      EXPECT_FALSE(words[i].empty());
      for (const char c : words[i]) EXPECT_TRUE(c >= 33 && c <= 126) << words[i];
    }
    EXPECT_LE(words[2].size(), 255u);
    EXPECT_LE(words[5].size(), 32u);
    std::vector<std::string> names;
    ASSERT_TRUE(ReadStructuredData(words[6], &names)) << line;
    EXPECT_EQ(names.size(), 7 + record.record.details.size());
    for (const std::string& name : names) EXPECT_TRUE(!name.empty() && name.size() <= 32) << name;
  }
}

TEST(Syslog, DetailNamesThatAreNoSdNamesMoveIntoTheValue) {
  ExportedRecord record = Example();
  record.record.details = {{"a=b", "c"}, {"_", "x"}, {std::string(33, 'n'), ""}, {"", "e"}};
  const std::string line = WriteSyslogLine(record, "");
  EXPECT_THAT(line, HasSubstr(" - dbfleet "));
  EXPECT_THAT(line, HasSubstr(" _=\"a=b=c\""));
  EXPECT_THAT(line, HasSubstr(" _=\"_=x\""));
  EXPECT_THAT(line, HasSubstr(" _=\"=e\""));
  EXPECT_THAT(line, HasSubstr(absl::StrCat(" _=\"", std::string(33, 'n'), "=\"")));
}

// Reads a CEF line as a receiver does: unescaped header fields, then extensions by " key=".
std::vector<std::string> ReadCefHeader(const std::string& line, std::string* extension) {
  std::vector<std::string> fields(1);
  size_t at = 0;
  for (; at < line.size() && fields.size() < 8; ++at) {
    if (line[at] == '\\') {
      fields.back() += line[++at];
    } else if (line[at] == '|') {
      fields.emplace_back();
    } else {
      fields.back() += line[at];
    }
  }
  *extension = line.substr(at);
  return fields;
}

TEST(Cef, HostileValuesStayInTheirFields) {
  std::mt19937 random(2);
  for (int round = 0; round < 1000; ++round) {
    const ExportedRecord record = HostileRecord(random);
    const std::string line = WriteCefLine(record, Hostile(random));
    ExpectOneCleanLine(line);
    std::string extension;
    const auto fields = ReadCefHeader(line, &extension);
    ASSERT_EQ(fields.size(), 8u) << line;
    EXPECT_EQ(fields[0], "CEF:0");
    EXPECT_EQ(fields[4], Truncate(SanitizeForDisplay(record.record.action), kMaxCefValueBytes));
    EXPECT_TRUE(fields[6].size() == 1 && fields[6][0] >= '0' && fields[6][0] <= '9') << fields[6];
    // Every "=" that is not escaped ends one of our own keys.
    for (size_t at = 0; at < extension.size(); ++at) {
      if (extension[at] == '\\') {
        ++at;
        ASSERT_THAT(std::string("\\=n"), HasSubstr(std::string(1, extension[at]))) << extension;
      } else if (extension[at] == '=') {
        const size_t space = extension.rfind(' ', at);
        const size_t start = space == std::string::npos ? 0 : space + 1;
        const std::string key = extension.substr(start, at - start);
        EXPECT_THAT((std::vector<std::string>{"rt", "externalId", "suser", "act", "cs1Label", "cs1",
                                              "cs2Label", "cs2", "cs3Label", "cs3", "cs4Label",
                                              "cs4", "cs5Label", "cs5"}),
                    ::testing::Contains(key));
      }
    }
  }
}

TEST(Severity, FollowsActionStateAndActor) {
  Record record;
  record.actor = "system/dispatch";
  record.action = "attempt.grant";
  EXPECT_EQ(SeverityOf(record), Severity::kInfo);
  record.details["state"] = "FAILED";
  EXPECT_EQ(SeverityOf(record), Severity::kWarning);
  record.details["state"] = "unknown";
  EXPECT_EQ(SeverityOf(record), Severity::kError);
  record.details.clear();
  for (const char* action : {"inspect.refused", "change.approve_refused", "agent.revoke"}) {
    record.action = action;
    EXPECT_EQ(SeverityOf(record), Severity::kWarning) << action;
  }
  for (const char* action : {"agent.quarantine", "audit.alarm", "job.needs_person"}) {
    record.action = action;
    EXPECT_EQ(SeverityOf(record), Severity::kError) << action;
  }
  record.action = "change.submit";
  record.actor = "users/ada";
  EXPECT_EQ(SeverityOf(record), Severity::kNotice);
}

}  // namespace
}  // namespace dbfleet::audit
