#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "controller/store/store.h"

namespace dbfleet::controller {

// What a write with a request id made, so that its repetition, after a lost answer, finds that
// object again instead of making a second one. Kept among the store's settings, in the very
// transaction that makes the object; jobs carry their request ids themselves.
//
// A value; use it inside the mutation that it is about. Without a request id nothing is found and
// nothing remembered.
class RequestKey {
 public:
  // `kind` ("user", "token", ...) and `principal` are the space in which the id is unique.
  // `arguments` are what the request asks for.
  RequestKey(absl::string_view kind, absl::string_view principal, absl::string_view request_id,
             const std::vector<std::string>& arguments);

  bool empty() const { return setting_.empty(); }

  // The object that the same request made before, or "". ALREADY_EXISTS (REQUEST_ID_REUSED) if the
  // request with this id asked for something else.
  absl::StatusOr<std::string> FindMade(ReadTx& tx) const;
  absl::Status Remember(WriteTx& tx, absl::string_view object) const;

 private:
  std::string setting_;
  std::string fingerprint_;
};

}  // namespace dbfleet::controller
