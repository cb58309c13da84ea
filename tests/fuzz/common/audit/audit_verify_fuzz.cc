// Whatever bytes come as an export: verification ends with a report, and what it calls good is
// written again byte for byte.
#include <cstdint>
#include <cstdlib>
#include <sstream>

#include "common/audit/export.h"
#include "common/audit/export_cef.h"
#include "common/audit/export_evidence.h"
#include "common/audit/export_syslog.h"
#include "common/audit/verify.h"

namespace {

using namespace dbfleet::audit;

void WriteAgain(const std::string& line) {
  switch (KindOfLine(line)) {
    case LineKind::kCheckpoint: {
      const auto text = ReadCheckpointLine(line);
      if (text.ok() && WriteCheckpointLine(*text) != line) std::abort();
      return;
    }
    case LineKind::kAdoption: {
      const auto text = ReadAdoptionLine(line);
      if (text.ok() && WriteAdoptionLine(*text) != line) std::abort();
      return;
    }
    case LineKind::kReceipt: {
      const auto receipt = ReadReceiptLine(line);
      if (receipt.ok() && WriteReceiptLine(*receipt) != line) std::abort();
      return;
    }
    case LineKind::kRecord: {
      const auto record = ReadJsonLine(line);
      if (!record.ok()) return;
      if (WriteJsonLine(*record) != line) std::abort();
      if (WriteSyslogLine(*record, "host").find('\n') != std::string::npos) std::abort();
      if (WriteCefLine(*record, "1").find('\n') != std::string::npos) std::abort();
      return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::istringstream in(text);
  const auto report = VerifyExport(in);
  if (!report.ok()) std::abort();
  if (report->ok() && report->records == 0) std::abort();
  if (report->checkpoints != 0 || report->receipts != 0 || report->covered_seq != 0) std::abort();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) WriteAgain(line);
  return 0;
}
