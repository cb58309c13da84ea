#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dbfleet::agent {

// A backup repository is told from the empty folder under its mount point by its mark: a file in it
// with a random id, made when the first agent uses it, which never changes. Agents may share one.
// What an agent has to find there it notes elsewhere (`<data_dir>/repository`).
inline constexpr char kRepositoryMark[] = ".dbfleet-repository";

// In place of an id: KnowRepository could not tell which it is. Nothing has it, so that no backup
// is taken for gone, or written, where the repository only may be.
inline constexpr char kUnknownRepository[] = "?";

// At the agent's start: the id that the mark has to hold. By the agent's note, if that is about
// this folder; the repository is then not touched, since it may not be mounted, or hang. Else what
// is there is the repository from now on: it is made, marked unless it is, and noted.
absl::StatusOr<std::string> KnowRepository(const std::string& backup_dir, const std::string& note);

// Whether the folder is the repository with this id ("": not known, so nothing is looked at).
// UNAVAILABLE (NO_REPOSITORY) says what to do.
absl::Status CheckRepository(const std::string& backup_dir, const std::string& id);

}  // namespace dbfleet::agent
