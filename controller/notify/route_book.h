#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "controller/routes/route.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// The declared routes, compiled once for each change of one. Not thread-safe.
class RouteBook {
 public:
  using Routes = std::map<std::string, std::shared_ptr<const Route>>;

  // Reads what changed. One that cannot be read is logged and left out.
  absl::Status Refresh(ReadTx& tx);

  const Routes& routes() const { return routes_; }
  std::shared_ptr<const Route> Find(const std::string& name) const;
  bool looks_at_instances() const { return looks_at_instances_; }
  size_t recipients() const { return recipients_; }  // Of all routes together.

 private:
  Routes routes_;
  std::map<std::string, uint64_t> versions_;
  bool looks_at_instances_ = false;
  size_t recipients_ = 0;
};

// DATA_LOSS (STORE_CORRUPT) for one that this version cannot read.
absl::StatusOr<std::shared_ptr<const Route>> ReadRoute(const Resource& resource);

}  // namespace dbfleet::controller
