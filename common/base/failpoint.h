#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// Named places at which the tests of crashes and faults step in. They exist in builds with the
// CMake option DBFLEET_FAILPOINTS only, which follows DBFLEET_BUILD_TESTS; elsewhere the macros are
// nothing, and the names are not even in the binary. docs/checklists/new-durable-step.md says where
// one belongs.
//
// A process reads its orders once, from the environment variable DBFLEET_FAILPOINTS:
//
//   NAME[#TAG]=ACTION[:ARGUMENT][@N][%P] [; ...]
//
//   kill           SIGKILL to itself: no handler, no flush
//   stop           SIGSTOP to itself, until somebody sends SIGCONT
//   delay:MS       sleeps
//   error[:NAME]   the place fails as if the system call had: enospc (default: eio)
//   drop, duplicate, swap    what a place that passes messages does with one
//   newer, older   the message as the next or the former version would send it; at NAME.version
//
//   #TAG   only at hits with that tag; "*" at the end matches any rest
//   @N     only at the N-th matching hit (kill and stop: @1 unless told); without, at every one
//   %P     with that probability in per cent, from DBFLEET_FAILPOINT_SEED, so that a run repeats
//
// DBFLEET_FAILPOINT_TRACE names a file to which each "NAME#TAG" is appended when it is first hit.
// Orders that cannot be read end the process: a test must not pass because of a misspelt name.
#ifndef DBFLEET_NO_FAILPOINTS
#define DBFLEET_FAILPOINT(name) ((void)::dbfleet::failpoint::Hit(name, ""))
#define DBFLEET_FAILPOINT_TAGGED(name, tag) ((void)::dbfleet::failpoint::Hit(name, tag))
// absl::OkStatus(), or the error that is ordered here.
#define DBFLEET_FAILPOINT_STATUS(name, tag) (::dbfleet::failpoint::Check(name, tag))
#define DBFLEET_FAILPOINT_TAGS(name, tags) ((tags).Check(name))
#else
#define DBFLEET_FAILPOINT(name) ((void)0)
#define DBFLEET_FAILPOINT_TAGGED(name, tag) ((void)0)
#define DBFLEET_FAILPOINT_STATUS(name, tag) (::absl::OkStatus())
#define DBFLEET_FAILPOINT_TAGS(name, tags) (::absl::OkStatus())
#endif

namespace dbfleet::failpoint {

// What is ordered for a hit that neither killed, stopped nor delayed.
enum class Order { kNone, kError, kNoSpace, kDrop, kDuplicate, kSwap, kNewer, kOlder };

// Carries out kill, stop and delay, and returns what the place itself has to do. Thread-safe.
Order Hit(absl::string_view name, absl::string_view tag);

// For places that can fail. RESOURCE_EXHAUSTED (DISK_FULL) or INTERNAL (INJECTED_FAULT).
absl::Status Check(absl::string_view name, absl::string_view tag);

// What the tests make of the wall clock: seconds to add, read from the file that
// DBFLEET_CLOCK_OFFSET names, each time, so that a running process sees its clock jump. 0 without.
#ifndef DBFLEET_NO_FAILPOINTS
double ClockOffsetSeconds();
#else
constexpr double ClockOffsetSeconds() { return 0; }
#endif

// The orders as NAME=VALUE, for our own processes that are started with an environment made anew.
#ifndef DBFLEET_NO_FAILPOINTS
std::vector<std::string> EnvironmentForChildren();
#else
inline std::vector<std::string> EnvironmentForChildren() { return {}; }
#endif

// What one durable step is about when it covers several things, for example the audit actions of a
// group commit. Each is a tag of the hits. Empty code without failpoints. Not thread-safe.
class Tags {
 public:
#ifndef DBFLEET_NO_FAILPOINTS
  void Add(absl::string_view tag) { tags_.emplace_back(tag); }
  void Clear() { tags_.clear(); }
  // The first error that is ordered for one of them.
  absl::Status Check(absl::string_view name) const;

 private:
  std::vector<std::string> tags_;
#else
  void Add(absl::string_view) {}
  void Clear() {}
#endif
};

// For tests of this file: replaces the orders ("" removes all). INVALID_ARGUMENT if they cannot be
// read. `seed` counts for "%P".
absl::Status SetOrders(absl::string_view text, uint64_t seed);

}  // namespace dbfleet::failpoint
