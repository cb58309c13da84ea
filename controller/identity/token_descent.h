#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/domain/types.h"
#include "controller/store/store.h"

// Which token was made with which, inside a transaction. Of tokens that an earlier version made it
// is not known.
namespace dbfleet::controller {

// "" is kept as well: made with none.
absl::Status NoteMadeWith(WriteTx& tx, const std::string& token_id, const std::string& by_token);

// The tokens that were made with one, directly or through others (which may have ended).
struct Descent {
  std::vector<ApiToken> counting;  // By user and age.
  std::set<std::string> revoked;   // Ids of those that were revoked.
};

// It reads all tokens that there are, so it is not for the writer.
absl::StatusOr<Descent> MadeWith(ReadTx& tx, const std::string& token_id, absl::Time now);

}  // namespace dbfleet::controller
