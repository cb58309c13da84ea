#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

struct sockaddr;

namespace dbfleet::transfer {

// Which addresses may be connected to when somebody else chose the URL: those of the public
// internet, and those of the networks that the configuration names. Loopback, link-local (where
// clouds serve credentials), private, shared, documentation, multicast and reserved ranges (IANA
// special-purpose registries, RFC 6890) are refused, also where IPv6 carries them (mapped,
// compatible, NAT64, 6to4). To be asked about the address that is really connected to: what a name
// resolved to a moment ago proves nothing. Immutable.
class AddressRules {
 public:
  AddressRules() = default;
  // Networks as "10.1.0.0/16", "fd12::/48", or one address. INVALID_ARGUMENT (BAD_NETWORK).
  static absl::StatusOr<AddressRules> Make(absl::Span<const std::string> allowed);

  bool Allows(const sockaddr* address) const;
  bool Allows(absl::string_view address) const;  // Numeric; false for anything else.

 private:
  // IPv4 as mapped IPv6, so that there is one form.
  using Bytes = std::array<uint8_t, 16>;
  struct Network {
    Bytes bytes;
    int bits = 0;
  };
  static bool Contains(const Network& network, const Bytes& address);
  static absl::StatusOr<Network> ParseNetwork(absl::string_view text);
  bool AllowsBytes(const Bytes& address) const;

  std::vector<Network> allowed_;
};

}  // namespace dbfleet::transfer
