#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace dbfleet::migration {

enum class FileForm { kUp, kDown, kSections };

// A migration file's name, taken apart.
struct FileName {
  std::string version;  // As written.
  std::string name;
  FileForm form = FileForm::kSections;
  std::string problem;  // What is wrong with it; then the rest is not set.
};

// `path`: only its last component counts.
FileName ParseFileName(absl::string_view path);

// README* and *.md, which may lie in the folder.
bool IsIgnoredFile(absl::string_view path);

// What makes the path unfit ("..", absolute, control characters...); "" if nothing.
std::string PathProblem(absl::string_view path);

}  // namespace dbfleet::migration
