// Whatever text comes as a statement: there is an answer, a destructive one has a reason, and none
// of the things that hide a statement from a reader makes its class any lower.
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "tests/fuzz/common/sql/dialects.h"
#include "tests/fuzz/require.h"

namespace {

using dbfleet::Require;
using dbfleet::sql::Reading;
using dbfleet::sql::Safety;
using dbfleet::sql::Target;

void CheckSound(const Reading& reading) {
  const auto& verdict = reading.verdict;
  Require(verdict.reasons.empty() == (verdict.safety == Safety::kSafe));
  if (verdict.safety == Safety::kSafe) {
    Require(!verdict.transaction_control && !verdict.credentials && !verdict.adds_only);
    for (const auto& use : verdict.uses) Require(use.access == dbfleet::sql::Access::kRead);
  }
  for (const std::string& reason : verdict.reasons) Require(dbfleet::IsValidUtf8(reason));
}

Safety ClassOf(const Target& target, const std::string& text) {
  return dbfleet::sql::Read(target, text).verdict.safety;
}

void CheckSql(const Target& target, const std::string& text, Safety safety) {
  Require(ClassOf(target, absl::StrCat(text, "\n;\nDROP TABLE t")) == Safety::kDestructive);
  Require(ClassOf(target, absl::StrCat("DELETE FROM t;\n", text)) == Safety::kDestructive);
  // Every dialect knows these as nothing, wherever the text may end.
  if (text.find('\\') == std::string::npos && text.find("DELIMITER") == std::string::npos) {
    Require(ClassOf(target, absl::StrCat("/* it's */ \n\t", text)) == safety);
    Require(ClassOf(target, absl::StrCat(text, "\n-- c\n")) == safety);
  }
  // Outside of quotes case means nothing; names of functions are told apart by none of them. Only
  // the x of 0x41 and the b of 0b1 must be small in MySQL.
  const std::string lower = absl::AsciiStrToLower(text);
  if (text.find_first_of("'\"`$\\/") == std::string::npos && dbfleet::IsValidUtf8(text) &&
      !absl::StrContains(lower, "0x") && !absl::StrContains(lower, "0b")) {
    Require(ClassOf(target, absl::AsciiStrToUpper(text)) == ClassOf(target, lower));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dbfleet;
  if (size == 0) return 0;
  const Target target = FuzzTarget(data[0]);
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Reading reading = sql::Read(target, text);
  CheckSound(reading);
  const Safety safety = reading.verdict.safety;
  if (target.dialect == sql::Dialect::kRedis) {
    Require(ClassOf(target, text + "\nFLUSHALL") == Safety::kDestructive);
    Require(ClassOf(target, "\n" + text + "\n# c\n") == safety);
  } else if (target.dialect == sql::Dialect::kActiveRecordPhp) {
    Require(ClassOf(target, "evil(); " + text) == Safety::kDestructive ||
            text.find("<?") != std::string::npos);
  } else if (target.dialect == sql::Dialect::kActiveRecordRuby) {
    Require(ClassOf(target, "User.delete_all; " + text) == Safety::kDestructive);
  } else {
    CheckSql(target, text, safety);
  }
  return 0;
}
