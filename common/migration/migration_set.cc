#include "common/migration/migration_set.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/migration/names.h"
#include "common/migration/sections.h"

namespace dbfleet::migration {
namespace {

constexpr size_t kMaxProblems = 50;

struct Part {
  std::string path;
  std::string version;  // As written.
  std::string name;
  std::string content;
};

// Everything that the files say about one version.
struct Version {
  std::vector<Part> up;
  std::vector<Part> down;
  std::string irreversible_reason;
};

// Orders versions by their number, whatever their length.
struct NumericLess {
  bool operator()(const std::string& a, const std::string& b) const {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }
};

std::string CanonicalVersion(absl::string_view version) {
  const size_t digit = version.find_first_not_of('0');
  return digit == absl::string_view::npos ? "0" : std::string(version.substr(digit));
}

std::string Paths(const std::vector<Part>& parts) {
  return absl::StrJoin(parts, ", ", [](std::string* out, const Part& part) {
    absl::StrAppend(out, SanitizeForDisplay(part.path));
  });
}

void SetContent(absl::string_view content, work::v1::ContentRef* ref) {
  ref->set_sha256(Sha256Hex(content));
  ref->set_size_bytes(static_cast<int64_t>(content.size()));
  ref->set_inline_(std::string(content));
}

class SetParser {
 public:
  absl::StatusOr<std::vector<work::v1::Migration>> Parse(const std::vector<File>& files) {
    int64_t total = 0;
    for (const File& file : files) {
      if (IsIgnoredFile(file.path)) continue;
      total += static_cast<int64_t>(file.content.size());
      Add(file);
    }
    if (total > kMaxTotalBytes) {
      problems_.push_back(absl::StrCat("all files together have ", total, " bytes; at most ",
                                       kMaxTotalBytes, " are allowed: split the set"));
    }
    std::vector<work::v1::Migration> migrations;
    for (const auto& [number, version] : versions_) Join(number, version, &migrations);
    if (problems_.empty()) return migrations;
    return Failure();
  }

 private:
  void Problem(absl::string_view path, absl::string_view what) {
    problems_.push_back(absl::StrCat(SanitizeForDisplay(Truncate(path, 300)), ": ", what));
  }

  absl::Status Failure() {
    const size_t count = problems_.size();
    if (count > kMaxProblems) {
      problems_.resize(kMaxProblems);
      problems_.push_back(absl::StrCat("and ", count - kMaxProblems, " more"));
    }
    return Error(absl::StatusCode::kInvalidArgument, "BAD_MIGRATION_FILES",
                 absl::StrCat("the migration files have ", count,
                              count == 1 ? " problem:" : " problems:", "\n  ",
                              absl::StrJoin(problems_, "\n  ")));
  }

  bool CheckFile(const File& file) {
    if (const std::string wrong = PathProblem(file.path); !wrong.empty()) {
      Problem(file.path, wrong);
      return false;
    }
    const size_t before = problems_.size();
    if (!paths_.insert(file.path).second) Problem(file.path, "is there twice");
    if (static_cast<int64_t>(file.content.size()) > kMaxFileBytes) {
      Problem(file.path, absl::StrCat("has ", file.content.size(), " bytes; at most ",
                                      kMaxFileBytes, " are allowed: split it"));
    } else if (absl::StrContains(file.content, absl::string_view("\0", 1))) {
      Problem(file.path, "contains a NUL byte; save it as UTF-8 text");
    } else if (!IsValidUtf8(file.content)) {
      Problem(file.path, "is not valid UTF-8; save it as UTF-8");
    }
    return problems_.size() == before;
  }

  void Add(const File& file) {
    const bool readable = CheckFile(file);
    const FileName name = ParseFileName(file.path);
    if (!readable) {
      if (name.problem.empty()) incomplete_.insert(CanonicalVersion(name.version));
      return;
    }
    if (!name.problem.empty()) {
      Problem(file.path, name.problem);
      return;
    }
    Version& version = versions_[CanonicalVersion(name.version)];
    const Sections sections = ParseSections(file.content, name.form == FileForm::kSections);
    for (const std::string& problem : sections.problems) Problem(file.path, problem);
    const auto part = [&](const std::string& content) {
      return Part{file.path, name.version, name.name, content};
    };
    if (name.form == FileForm::kSections) {
      if (sections.up.has_value()) version.up.push_back(part(*sections.up));
      if (sections.down.has_value()) version.down.push_back(part(*sections.down));
      if (!sections.up.has_value()) {
        Problem(file.path, "has no \"-- dbfleet:up\" section; add that line above its statements");
        incomplete_.insert(CanonicalVersion(name.version));
      }
    } else {
      (name.form == FileForm::kUp ? version.up : version.down).push_back(part(file.content));
    }
    if (sections.irreversible_reason.empty()) return;
    if (name.form == FileForm::kDown || sections.irreversible_in_down) {
      Problem(file.path, "\"-- dbfleet:irreversible\" belongs into the up part");
    } else {
      version.irreversible_reason = sections.irreversible_reason;
    }
  }

  void CheckPart(const Part& part, absl::string_view which) {
    if (IsEmptyPart(part.content)) {
      Problem(part.path, absl::StrCat("its ", which, " part is empty; write what it must do"));
    }
  }

  // Whether the parts of one version are one up part and at most one down part that fit.
  bool CheckParts(const std::string& number, const Version& version) {
    if (version.up.size() > 1 || version.down.size() > 1) {
      const std::vector<Part>& twice = version.up.size() > 1 ? version.up : version.down;
      problems_.push_back(absl::StrCat("version ", number, " is there more than once: ",
                                       Paths(twice), "; renumber one of them"));
      return false;
    }
    if (version.up.empty()) {
      if (!version.down.empty() && incomplete_.count(number) == 0) {
        Problem(version.down[0].path, "has no up part; add the file ending in .up.sql");
      }
      return false;
    }
    const Part& up = version.up[0];
    CheckPart(up, "up");
    if (version.down.empty()) {
      if (!version.irreversible_reason.empty()) return true;
      if (incomplete_.count(number) > 0) return false;
      Problem(up.path,
              "has no down part; add it, or a line \"-- dbfleet:irreversible REASON\" to the up "
              "part");
      return false;
    }
    const Part& down = version.down[0];
    CheckPart(down, "down");
    if (up.version != down.version || up.name != down.name) {
      Problem(down.path, absl::StrCat("has another name than its up part, ",
                                      SanitizeForDisplay(up.path), "; name both alike"));
    }
    if (!version.irreversible_reason.empty()) {
      Problem(up.path, "says that it is irreversible and has a down part; remove one of the two");
    }
    return true;
  }

  void Join(const std::string& number, const Version& version,
            std::vector<work::v1::Migration>* migrations) {
    if (!CheckParts(number, version)) return;
    work::v1::Migration migration;
    const Part& up = version.up[0];
    migration.set_version(up.version);
    migration.set_name(up.name);
    migration.set_up_path(up.path);
    SetContent(up.content, migration.mutable_up());
    if (version.down.empty()) {
      migration.set_irreversible_reason(version.irreversible_reason);
    } else {
      migration.set_down_path(version.down[0].path);
      SetContent(version.down[0].content, migration.mutable_down());
    }
    migrations->push_back(std::move(migration));
  }

  std::set<std::string> paths_;
  std::map<std::string, Version, NumericLess> versions_;  // By canonical version.
  std::set<std::string> incomplete_;  // Versions of which a part is missing for a reported reason.
  std::vector<std::string> problems_;
};

}  // namespace

absl::StatusOr<std::vector<work::v1::Migration>> ParseFiles(const std::vector<File>& files) {
  return SetParser().Parse(files);
}

std::string Checksum(const work::v1::Migration& migration) {
  // The bytes themselves where they are at hand: a reference may be wrong about them.
  const work::v1::ContentRef& up = migration.up();
  return up.inline_().empty() ? up.sha256() : Sha256Hex(up.inline_());
}

}  // namespace dbfleet::migration
