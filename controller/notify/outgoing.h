#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/transfer/transfer.h"
#include "controller/domain/types.h"
#include "controller/notify/hidden_secrets.h"
#include "controller/notify/route_secrets.h"
#include "controller/routes/route.h"

namespace dbfleet::controller {

// A notification in its receiver's form.
struct Outgoing {
  transfer::Request request;
  std::string host;      // "hooks.slack.com": who says "not before" says it for this.
  HiddenSecrets hidden;  // All that it was made with, also what only signs it.
};

// FAILED_PRECONDITION: see RouteSecrets. `now` is the time of this attempt.
absl::StatusOr<Outgoing> MakeOutgoing(const Route& route, const Notification& notification,
                                      const RouteSecrets& secrets, absl::Time now);

// `text` with each of these replaced by "[secret]", made printable and cut.
std::string Hide(absl::string_view text, const HiddenSecrets& hidden);

// What an attempt came to.
struct Verdict {
  bool delivered = false;
  // Trying again would most likely give the same answer.
  bool definite = false;
  bool postponed = false;  // It was not tried: its host had asked for time.
  std::optional<absl::Duration> retry_after;
  std::string words;  // For people, without secrets.
};

// With secrets in the message the receiver's words are not kept: they may quote them.
Verdict Judge(const absl::StatusOr<transfer::Response>& result, const HiddenSecrets& hidden,
              bool mail);

// A mail by RFC 5322, complete, with lines that end in CR LF.
std::string MailText(const Route& route, const Notification& notification, absl::Time now);

// "v1=" and the HMAC-SHA256 in hex over the time stamp (Unix seconds), "." and the body.
std::string Signature(const Secret& key, absl::string_view timestamp, absl::string_view body);

}  // namespace dbfleet::controller
