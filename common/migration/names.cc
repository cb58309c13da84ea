#include "common/migration/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/base/text.h"

namespace dbfleet::migration {
namespace {

constexpr size_t kMaxVersionDigits = 20;
constexpr size_t kMaxNameBytes = 200;

absl::string_view BaseName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? path : path.substr(slash + 1);
}

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
         });
}

}  // namespace

FileName ParseFileName(absl::string_view path) {
  FileName result;
  absl::string_view base = BaseName(path);
  if (absl::ConsumeSuffix(&base, ".up.sql")) {
    result.form = FileForm::kUp;
  } else if (absl::ConsumeSuffix(&base, ".down.sql")) {
    result.form = FileForm::kDown;
  } else if (!absl::ConsumeSuffix(&base, ".sql")) {
    result.problem =
        "is not a migration file; name it VERSION_NAME.up.sql, VERSION_NAME.down.sql or "
        "VERSION_NAME.sql, or move it elsewhere";
    return result;
  }
  const size_t digits = std::min(base.find_first_not_of("0123456789"), base.size());
  if (digits == 0 || digits > kMaxVersionDigits || digits >= base.size() || base[digits] != '_') {
    result.problem = "its name does not begin with a version of 1 to 20 digits and a \"_\"";
    return result;
  }
  if (!IsName(base.substr(digits + 1))) {
    result.problem = "the name behind its version must be 1 to 200 of a-z, 0-9 and _";
    return result;
  }
  result.version = std::string(base.substr(0, digits));
  result.name = std::string(base.substr(digits + 1));
  return result;
}

bool IsIgnoredFile(absl::string_view path) {
  const absl::string_view base = BaseName(path);
  return absl::StartsWith(base, "README") || absl::EndsWith(base, ".md");
}

std::string PathProblem(absl::string_view path) {
  if (path.empty()) return "a file without a path";
  if (!IsValidUtf8(path)) return "its path is not valid UTF-8";
  if (SanitizeForDisplay(path) != path) return "its path contains control characters";
  if (path[0] == '/') return "its path is absolute; give it relative to the folder";
  if (absl::StrContains(path, "\\")) return "its path contains a backslash; separate with \"/\"";
  for (absl::string_view component : absl::StrSplit(path, '/')) {
    if (component.empty() || component == "." || component == "..") {
      return "its path contains an empty component, \".\" or \"..\"";
    }
  }
  return "";
}

}  // namespace dbfleet::migration
