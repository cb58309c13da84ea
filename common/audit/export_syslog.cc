#include "common/audit/export_syslog.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"

#include "common/audit/note_text.h"
#include "common/audit/severity.h"
#include "common/base/hash.h"
#include "common/base/text.h"

namespace dbfleet::audit {
namespace {

constexpr int kFacility = 13;  // Log audit.
constexpr char kBom[] = "\xEF\xBB\xBF";
constexpr size_t kMaxNameBytes = 32;
constexpr size_t kMaxHostnameBytes = 255;

int Level(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return 3;
    case Severity::kWarning:
      return 4;
    case Severity::kNotice:
      return 5;
    case Severity::kInfo:
      return 6;
  }
  return 6;
}

bool IsPrintUsAscii(unsigned char c) { return c >= 33 && c <= 126; }

std::string HeaderField(absl::string_view text, size_t max_bytes) {
  std::string field(text.substr(0, max_bytes));
  for (char& c : field) {
    if (!IsPrintUsAscii(c)) c = '_';
  }
  return field.empty() ? "-" : field;
}

bool IsSdName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name != "_" &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return IsPrintUsAscii(c) && c != '=' && c != ']' && c != '"';
         });
}

std::string Clean(absl::string_view text) {
  return Truncate(SanitizeForDisplay(text), kMaxSyslogValueBytes);
}

void AddParameter(absl::string_view name, absl::string_view value, std::string* out) {
  absl::StrAppend(out, " ", name, "=\"",
                  absl::StrReplaceAll(Clean(value), {{"\\", "\\\\"}, {"\"", "\\\""}, {"]", "\\]"}}),
                  "\"");
}

std::string StructuredData(const ExportedRecord& exported) {
  const Record& record = exported.record;
  std::string data = "[audit@32473";
  AddParameter("seq", absl::StrCat(record.seq), &data);
  AddParameter("actor", record.actor, &data);
  AddParameter("action", record.action, &data);
  AddParameter("resource", record.resource, &data);
  AddParameter("environment", record.environment, &data);
  AddParameter("hash", HexEncode(exported.hash), &data);
  AddParameter("previousHash", HexEncode(record.previous_hash), &data);
  data += "]";
  if (record.details.empty()) return data;
  data += "[details@32473";
  for (const auto& [name, value] : record.details) {
    if (IsSdName(name)) {
      AddParameter(name, value, &data);
    } else {
      AddParameter("_", absl::StrCat(name, "=", value), &data);
    }
  }
  return data + "]";
}

}  // namespace

std::string WriteSyslogLine(const ExportedRecord& exported, const std::string& hostname) {
  const Record& record = exported.record;
  std::string line = absl::StrCat(
      "<", kFacility * 8 + Level(SeverityOf(record)), ">1 ", impl::WriteTime(record.time), " ",
      HeaderField(hostname, kMaxHostnameBytes), " dbfleet - ",
      HeaderField(record.action, kMaxNameBytes), " ", StructuredData(exported), " ", kBom,
      Clean(absl::StrCat(record.actor, " ", record.action, " ", record.resource)));
  if (!record.environment.empty()) absl::StrAppend(&line, " (", Clean(record.environment), ")");
  return line;
}

}  // namespace dbfleet::audit
