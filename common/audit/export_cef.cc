#include "common/audit/export_cef.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

#include "common/audit/severity.h"
#include "common/base/hash.h"
#include "common/base/text.h"

namespace dbfleet::audit {
namespace {

int Level(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return 8;
    case Severity::kWarning:
      return 6;
    case Severity::kNotice:
      return 4;
    case Severity::kInfo:
      return 2;
  }
  return 2;
}

std::string HeaderField(absl::string_view text) {
  return absl::StrReplaceAll(Truncate(SanitizeForDisplay(text), kMaxCefValueBytes),
                             {{"\\", "\\\\"}, {"|", "\\|"}});
}

std::string Value(absl::string_view text, size_t max_bytes) {
  return absl::StrReplaceAll(Truncate(SanitizeForDisplay(text, /*keep_newlines=*/true), max_bytes),
                             {{"\\", "\\\\"}, {"=", "\\="}, {"\n", "\\n"}, {"\t", " "}});
}

void Add(absl::string_view key, absl::string_view value, std::string* out) {
  if (value.empty()) return;
  absl::StrAppend(out, out->empty() ? "" : " ", key, "=", Value(value, kMaxCefValueBytes));
}

void AddLabelled(absl::string_view key, absl::string_view label, absl::string_view value,
                 size_t max_bytes, std::string* out) {
  if (value.empty()) return;
  absl::StrAppend(out, out->empty() ? "" : " ", key, "Label=", label, " ", key, "=",
                  Value(value, max_bytes));
}

std::string Details(const Record& record) {
  if (record.details.empty()) return "";
  return nlohmann::json(record.details)
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string WriteCefLine(const ExportedRecord& exported, const std::string& version) {
  const Record& record = exported.record;
  std::string extension;
  Add("rt", absl::StrCat(absl::ToUnixMillis(record.time)), &extension);
  Add("externalId", absl::StrCat(record.seq), &extension);
  Add("suser", record.actor, &extension);
  Add("act", record.action, &extension);
  AddLabelled("cs1", "resource", record.resource, kMaxCefValueBytes, &extension);
  AddLabelled("cs2", "environment", record.environment, kMaxCefValueBytes, &extension);
  AddLabelled("cs3", "hash", HexEncode(exported.hash), kMaxCefValueBytes, &extension);
  AddLabelled("cs4", "previousHash", HexEncode(record.previous_hash), kMaxCefValueBytes,
              &extension);
  AddLabelled("cs5", "details", Details(record), kMaxCefDetailsBytes, &extension);
  const std::string action = HeaderField(record.action);
  return absl::StrCat("CEF:0|dbfleet|dbfleet|", HeaderField(version), "|", action, "|", action, "|",
                      Level(SeverityOf(record)), "|", extension);
}

}  // namespace dbfleet::audit
