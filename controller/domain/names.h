#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

#include "controller/domain/event_rule.h"
#include "controller/domain/schedule.h"
#include "controller/domain/types.h"

// The one table of words for each enumeration, as the store, the audit trail and messages use them:
// lower case with "_", for example "awaiting_approval" (what is written in manifests has "-").
// From* returns nullopt for an unknown word.
namespace dbfleet::controller {

absl::string_view NameOf(SafetyClass value);
absl::string_view NameOf(JobKind value);
absl::string_view NameOf(JobState value);
absl::string_view NameOf(TaskState value);
absl::string_view NameOf(AttemptState value);
absl::string_view NameOf(Purpose value);
absl::string_view NameOf(BackupGate value);
absl::string_view NameOf(Role value);
absl::string_view NameOf(Verb value);
absl::string_view NameOf(WindowFor value);
absl::string_view NameOf(Overrun value);
absl::string_view NameOf(OnFailure value);
absl::string_view NameOf(EstimateSource value);
absl::string_view NameOf(Backup::State value);
absl::string_view NameOf(OccurrenceState value);
absl::string_view NameOf(Notification::State value);
absl::string_view NameOf(JobProposal::State value);

template <typename T>
std::optional<T> FromName(absl::string_view name);
template <>
std::optional<SafetyClass> FromName(absl::string_view name);
template <>
std::optional<JobKind> FromName(absl::string_view name);
template <>
std::optional<JobState> FromName(absl::string_view name);
template <>
std::optional<TaskState> FromName(absl::string_view name);
template <>
std::optional<AttemptState> FromName(absl::string_view name);
template <>
std::optional<Purpose> FromName(absl::string_view name);
template <>
std::optional<BackupGate> FromName(absl::string_view name);
template <>
std::optional<Role> FromName(absl::string_view name);
template <>
std::optional<Verb> FromName(absl::string_view name);
template <>
std::optional<WindowFor> FromName(absl::string_view name);
template <>
std::optional<Overrun> FromName(absl::string_view name);
template <>
std::optional<OnFailure> FromName(absl::string_view name);
template <>
std::optional<EstimateSource> FromName(absl::string_view name);
template <>
std::optional<Backup::State> FromName(absl::string_view name);
template <>
std::optional<OccurrenceState> FromName(absl::string_view name);
template <>
std::optional<Notification::State> FromName(absl::string_view name);
template <>
std::optional<JobProposal::State> FromName(absl::string_view name);

// "was revoked (REASON); ...": how a person gets work back onto a revoked agent.
std::string WhyRevoked(const Agent& agent);

}  // namespace dbfleet::controller
