#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "controller/routes/route.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// The detail "environments" of a record that is about every one.
inline constexpr absl::string_view kEverywhere = "*";

// A change of rules that waits for its quorum.
struct ProposedRules {
  struct Change {
    std::string environment;  // Whose policy it is; "" for anything else.
    std::string text;         // What would be done, with its differences.
  };
  std::string id;
  std::string digest;
  std::vector<Change> changes;
};

// An event with what there is to tell of it.
struct ToldEvent {
  AuditEvent event;
  EventPlace place;
  std::map<std::string, std::string> fields;  // For every route.
  std::optional<ProposedRules> proposed;      // Told to each route as far as it is for it.
  bool slower = false;                        // Than such jobs usually are.
};

// What a route is told. A proposal may change what whoever reads the route's messages may not see
// (other environments, who holds which role): of its changes those of the policies of environments
// that the route selects are told, and the others counted. The command is that of a decision only
// if all of it was told, for nobody is to decide about what was not shown to them.
std::map<std::string, std::string> FieldsFor(const ToldEvent& told, const Route& route);

// Of what a record is about: it is gone, or its row cannot be read. The trail goes on without it.
bool IsGone(const absl::Status& status);

// Looks the job and the instances up as they are in this transaction. What is gone meanwhile, or
// cannot be read, is left out. `with_instances`: a route looks at them.
absl::StatusOr<ToldEvent> Gather(ReadTx& tx, const AuditRow& row, AuditEvent event,
                                 bool with_instances);

// How long jobs of this kind took on this target when they last ended well, newest last.
struct UsualTime {
  static constexpr size_t kSamples = 15;
  static constexpr size_t kLeast = 5;  // Fewer tell nothing.
  static std::string KeyOf(const Job& job, const Task& task);
  static std::vector<absl::Duration> Read(const std::string& setting);
  static std::string Write(std::vector<absl::Duration> samples, absl::Duration next);
  // Of sorted or unsorted samples; zero if they are too few.
  static absl::Duration Median(std::vector<absl::Duration> samples);
  // More than twice the usual time, and by more than a minute.
  static bool IsSlow(absl::Duration took, absl::Duration usual);
};

}  // namespace dbfleet::controller
