#include "controller/notify/route_book.h"

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::controller {

absl::StatusOr<std::shared_ptr<const Route>> ReadRoute(const Resource& resource) {
  resource::v1::NotificationRoute manifest;
  config::Problems problems;
  const bool parsed = manifest.ParseFromString(resource.blob);
  auto route = std::make_shared<const Route>(CompileRoute(manifest, &problems));
  const absl::Status status = problems.ToStatus();
  if (parsed && status.ok()) return route;
  return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
               absl::StrCat("the stored ", resource.id, " cannot be read (", status.message(),
                            "); apply it again, or delete it"));
}

absl::Status RouteBook::Refresh(ReadTx& tx) {
  Routes routes;
  std::map<std::string, uint64_t> versions;
  PageRequest page{1000, ""};
  do {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kRouteKind, page));
    for (const Resource& resource : found.items) {
      const std::string name = resource.id.substr(resource.id.find('/') + 1);
      versions[name] = resource.version;
      const auto known = versions_.find(name);
      if (known != versions_.end() && known->second == resource.version) {
        if (const auto same = Find(name); same != nullptr) routes[name] = same;
        continue;
      }
      absl::StatusOr<std::shared_ptr<const Route>> route = ReadRoute(resource);
      if (route.ok()) {
        routes[name] = *std::move(route);
      } else {
        log::Error("a notification route is left out",
                   {{"route", name}, {"error", std::string(route.status().message())}});
      }
    }
    page.token = found.next_token;
  } while (!page.token.empty());
  routes_ = std::move(routes);
  versions_ = std::move(versions);
  looks_at_instances_ = false;
  recipients_ = 0;
  for (const auto& [name, route] : routes_) {
    recipients_ += route->recipients.size();
    looks_at_instances_ = looks_at_instances_ || route->looks_at_instances();
  }
  return absl::OkStatus();
}

std::shared_ptr<const Route> RouteBook::Find(const std::string& name) const {
  const auto route = routes_.find(name);
  return route == routes_.end() ? nullptr : route->second;
}

}  // namespace dbfleet::controller
