#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/store/store.h"

namespace dbfleet::controller {

// What a write with a request id made, so that its repetition, after a lost answer, finds that
// object again instead of making a second one. Kept in the very transaction that makes the object,
// for kLifetime; jobs carry their request ids themselves.
//
// A value; use it inside the mutation that it is about. Without a request id nothing is found and
// nothing remembered.
class RequestKey {
 public:
  static constexpr absl::Duration kLifetime = absl::Hours(7 * 24);

  // `kind` ("user", "token", ...) and `principal` are the space in which the id is unique.
  // `arguments` are what the request asks for.
  RequestKey(absl::string_view kind, absl::string_view principal, absl::string_view request_id,
             const std::vector<std::string>& arguments);

  bool empty() const { return key_.empty(); }

  // The object that the same request made before, or "". ALREADY_EXISTS (REQUEST_ID_REUSED) if the
  // request with this id asked for something else.
  absl::StatusOr<std::string> FindMade(ReadTx& tx, absl::Time now) const;
  // Forgets some that have expired as well, more than one for each that is added, so that there are
  // never many.
  absl::Status Remember(WriteTx& tx, absl::string_view object, absl::Time now) const;

 private:
  std::string key_;
  std::string fingerprint_;
};

}  // namespace dbfleet::controller
