#include "controller/notify/route_secrets.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "controller/routes/route.h"

namespace dbfleet::controller {
namespace {

absl::Status Refused(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, message);
}

// The same whether there is none of that name, or it is for something else: whoever may declare
// routes is not told which secrets there are, nor where they may go. Not so of a secret that is a
// URL itself, for which no host is named: who tries a name for its kind of receiver learns that it
// is there, but neither its URL nor a host.
absl::Status NotForThis(absl::string_view name, absl::string_view receiver,
                        absl::string_view host) {
  return Refused("SECRET_NOT_FOR_THIS",
                 absl::StrCat("the controller's configuration (notifications.secrets) names no "
                              "secret \"",
                              SanitizeForDisplay(name), "\" for the receiver ", receiver,
                              host.empty() ? "" : absl::StrCat(" at ", SanitizeForDisplay(host))));
}

}  // namespace

absl::StatusOr<const RouteSecrets::Use*> RouteSecrets::Find(absl::string_view name,
                                                            absl::string_view receiver,
                                                            absl::string_view host) const {
  const auto use = uses_.find(std::string(name));
  if (use == uses_.end() || use->second.receiver != receiver) {
    return NotForThis(name, receiver, host);
  }
  return &use->second;
}

absl::StatusOr<Secret> RouteSecrets::Read(absl::string_view name) const {
  absl::StatusOr<Secret> secret = ReadSecretFile(absl::StrCat(folder_, "/", name));
  const bool usable = secret.ok() && !secret->empty();
  const std::string why = usable        ? ""
                          : secret.ok() ? absl::StrCat(folder_, "/", name, " is empty")
                                        : std::string(secret.status().message());
  {
    MutexLock lock(&trouble_->mutex);
    std::string& logged = trouble_->logged[std::string(name)];
    // Where the controller keeps its files, and with which rights, is its administrator's alone.
    if (!usable && logged != why) {
      log::Warn("a receiver's secret cannot be read",
                {{"secret", std::string(name)}, {"error", why}});
    } else if (usable && !logged.empty()) {
      log::Info("a receiver's secret can be read again", {{"secret", std::string(name)}});
    }
    logged = why;
  }
  if (usable) return secret;
  return Refused("SECRET_UNREADABLE",
                 absl::StrCat("the secret ", name, secret.ok() ? " is empty" : " cannot be read",
                              "; why is in the controller's log"));
}

absl::StatusOr<Secret> RouteSecrets::Get(absl::string_view name, absl::string_view receiver,
                                         absl::string_view host) const {
  ASSIGN_OR_RETURN(const Use* const use, Find(name, receiver, host));
  if (use->hosts.count(std::string(host)) == 0) return NotForThis(name, receiver, host);
  return Read(name);
}

absl::StatusOr<RouteSecrets::Url> RouteSecrets::GetUrl(absl::string_view name,
                                                       absl::string_view receiver) const {
  ASSIGN_OR_RETURN(const Use* const use, Find(name, receiver, ""));
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
