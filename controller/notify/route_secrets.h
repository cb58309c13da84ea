#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/base/secret.h"
#include "common/concurrency/mutex.h"

namespace dbfleet::controller {

// The secrets of receivers: files below one folder of the controller's host. Each is bound by the
// controller's configuration to a kind of receiver and to hosts, so that whoever declares routes
// can name a secret, and neither read it, nor send it, nor have anything signed with it elsewhere.
// Thread-safe; reads the file each time, so that a new one counts at once.
class RouteSecrets {
 public:
  struct Use {
    std::string receiver;         // "webhook".
    std::set<std::string> hosts;  // As HostOf gives them.
  };

  RouteSecrets() = default;
  RouteSecrets(std::string folder, std::map<std::string, Use> uses)
      : folder_(std::move(folder)), uses_(std::move(uses)) {}

  // For sending to `host`. FAILED_PRECONDITION: SECRET_NOT_FOR_THIS, also if there is none,
  // SECRET_UNREADABLE; the message never holds the secret, nor where its file is. That is logged
  // when it begins, when the reason changes, and when it is over: not with each attempt.
  absl::StatusOr<Secret> Get(absl::string_view name, absl::string_view receiver,
                             absl::string_view host) const;

  struct Url {
    Secret url;
    std::string host;
  };
  // One that is a URL itself, of one of its hosts.
  absl::StatusOr<Url> GetUrl(absl::string_view name, absl::string_view receiver) const;

 private:
  absl::StatusOr<const Use*> Find(absl::string_view name, absl::string_view receiver,
                                  absl::string_view host) const;
  absl::StatusOr<Secret> Read(absl::string_view name) const;

  // Why the secrets that cannot be read cannot be, as the log has it; of those in uses_ only.
  struct Trouble {
    Mutex mutex;
    std::map<std::string, std::string> logged ABSL_GUARDED_BY(mutex);
  };

  std::string folder_;
  std::map<std::string, Use> uses_;
  std::unique_ptr<Trouble> trouble_ = std::make_unique<Trouble>();  // So that it can be moved.
};

}  // namespace dbfleet::controller
