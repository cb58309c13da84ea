#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "agent/journal/journal.h"

namespace dbfleet::agent {

// A folder that goes away with its owner.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dbfleet-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline v1::Offer MakeOffer(const std::string& id, uint64_t fence,
                           const std::string& instance = "orders") {
  v1::Offer offer;
  offer.set_attempt_id(id);
  offer.set_job_id("job");
  offer.set_instance(instance);
  offer.set_fence(fence);
  offer.set_purpose(v1::PURPOSE_EXECUTE);
  offer.mutable_spec()->mutable_check();
  return offer;
}

inline v1::Grant MakeGrant(const v1::Offer& offer) {
  v1::Grant grant;
  grant.set_attempt_id(offer.attempt_id());
  grant.set_fence(offer.fence());
  grant.mutable_lease()->set_seconds(60);
  return grant;
}

inline v1::Finished MakeFinished(v1::Outcome outcome = v1::OUTCOME_SUCCEEDED) {
  v1::Finished finished;
  finished.set_outcome(outcome);
  return finished;
}

inline absl::Status AcceptAndGrant(Journal& journal, const v1::Offer& offer) {
  if (auto status = journal.Accept(offer, absl::Seconds(5), "boot"); !status.ok()) return status;
  return journal.Grant(MakeGrant(offer));
}

}  // namespace dbfleet::agent
