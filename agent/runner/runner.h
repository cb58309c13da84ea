#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "agent/actions/action.h"
#include "agent/journal/journal.h"
#include "common/concurrency/executor.h"
#include "common/time/clock.h"
#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::agent {

// What the link offers to the runner.
class LinkServices {
 public:
  virtual ~LinkServices() = default;
  virtual absl::StatusOr<std::string> FetchContent(const std::string& attempt_id,
                                                   const std::string& sha256,
                                                   int64_t size_bytes) = 0;
  // Never blocks; drops with a gap mark when its budget is used up.
  virtual void PushLog(v1::LogLine line) = 0;
};

// Owns the attempts on this agent: offers, grants, leases, execution, recovery. The link hands it
// the controller's messages; everything it says goes through the journal. Thread-safe.
//
// An attempt runs on a pool of workers, one exclusive job per instance: anything but a check, a
// plan or an inspection waits for the instance. Of these one instance has at most half of the
// workers where there are others, since its server may hang, and while another has nothing running,
// its second does not take the last worker. Recoveries have a pool of their own.
// Before Run it checks, in this order, each its own hook: local policy, capability, `start_within`,
// `not_after`, lease, digest (recomputed from a new plan).
class Runner {
 public:
  struct Options {
    std::string data_dir;
    std::string backup_dir;     // Where the backups are on which grants rest.
    std::string repository_id;  // Of its mark (repository_mark.h); "": not looked at.
    int workers = 4;
    std::function<bool(const std::string& action, const std::string& instance)> forbidden;
    std::string boot_id;  // Empty: the kernel's.
  };
  static std::unique_ptr<Runner> Create(Options options, Clock& clock, Journal& journal,
                                        std::map<std::string, Engine*> engines,
                                        std::map<std::string, Action*> actions, LinkServices& link);
  virtual ~Runner() = default;

  // Takes up what the last life left behind: RUNNING attempts are recovered, GRANTED ones were
  // never started and may start, ACCEPTED ones wait. Call once, before the first Control message.
  virtual absl::Status Recover() = 0;

  virtual void HandleOffer(const v1::Offer& offer) = 0;
  virtual void HandleGrant(const v1::Grant& grant) = 0;
  virtual void HandleWithdraw(const std::string& attempt_id) = 0;
  virtual void HandleCancel(const std::string& attempt_id, const std::string& reason) = 0;
  virtual void HandleLeaseRenewal(const v1::LeaseRenewal& renewal) = 0;

  // No new attempts, and none that is granted but not begun: they, and recoveries that have not
  // begun, stay in the journal for the next life. Waits (at most `grace`) for running ones to end
  // or reach a safe point.
  virtual void Drain(absl::Duration grace) = 0;

  virtual int running() const = 0;
};

}  // namespace dbfleet::agent
