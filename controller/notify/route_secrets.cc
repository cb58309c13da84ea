#include "controller/notify/route_secrets.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/routes/route.h"

namespace dbfleet::controller {
namespace {

absl::Status Refused(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, message);
}

}  // namespace

absl::StatusOr<const RouteSecrets::Use*> RouteSecrets::Find(absl::string_view name,
                                                            absl::string_view receiver) const {
  const auto use = uses_.find(std::string(name));
  if (use == uses_.end()) {
    return Refused("SECRET_UNKNOWN",
                   absl::StrCat("the controller's configuration names no secret \"",
                                SanitizeForDisplay(name), "\" (notifications.secrets)"));
  }
  if (use->second.receiver != receiver) {
    return Refused("SECRET_NOT_FOR_THIS",
                   absl::StrCat("the secret ", name, " is for receivers of the kind ",
                                use->second.receiver, ", not ", receiver));
  }
  return &use->second;
}

absl::StatusOr<Secret> RouteSecrets::Read(absl::string_view name) const {
  absl::StatusOr<Secret> secret = ReadSecretFile(absl::StrCat(folder_, "/", name));
  if (secret.ok() && !secret->empty()) return secret;
  return Refused("SECRET_UNREADABLE",
                 absl::StrCat("the secret ", name, " cannot be read: ",
                              secret.ok() ? "its file is empty" : secret.status().message()));
}

absl::StatusOr<Secret> RouteSecrets::Get(absl::string_view name, absl::string_view receiver,
                                         absl::string_view host) const {
  ASSIGN_OR_RETURN(const Use* const use, Find(name, receiver));
  if (use->hosts.count(std::string(host)) == 0) {
    return Refused("SECRET_NOT_FOR_THIS",
                   absl::StrCat("the secret ", name, " may go to ", absl::StrJoin(use->hosts, ", "),
                                ", not to ", SanitizeForDisplay(host)));
  }
  return Read(name);
}

absl::StatusOr<RouteSecrets::Url> RouteSecrets::GetUrl(absl::string_view name,
                                                       absl::string_view receiver) const {
  ASSIGN_OR_RETURN(const Use* const use, Find(name, receiver));
  Url url;
  ASSIGN_OR_RETURN(url.url, Read(name));
  url.host = HostOf(url.url.Reveal());
  if (url.host.empty() || !absl::StartsWithIgnoreCase(url.url.Reveal(), "https://")) {
    return Refused("SECRET_UNREADABLE", absl::StrCat("the secret ", name, " is no https URL"));
  }
  if (use->hosts.count(url.host) == 0) {
    return Refused("SECRET_NOT_FOR_THIS", absl::StrCat("the secret ", name,
                                                       " is a URL of a host that the configuration "
                                                       "does not name for it"));
  }
  return url;
}

}  // namespace dbfleet::controller
