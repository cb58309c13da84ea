#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dbfleet::rpc {

// A network of IP addresses, or one address as a network of itself. IPv4 and IPv6 are apart: the
// network ::/0 holds no IPv4 address. An IPv4 address in IPv6's clothes (::ffff:10.0.0.7, RFC 4291
// section 2.5.5.2), as a socket for both shows it, is the IPv4 address.
class Network {
 public:
  // "10.0.0.0/8", "2001:db8::/32", "10.0.0.7". INVALID_ARGUMENT (BAD_NETWORK), also when bits are
  // set behind the prefix: whoever wrote them meant something else.
  static absl::StatusOr<Network> Parse(absl::string_view text);

  // Of gRPC's "ipv4:10.0.0.7:40312" and "ipv6:[2001:db8::1]:40312" the address; nullopt for what
  // is no IP connection.
  static std::optional<Network> OfPeer(absl::string_view peer);

  bool Contains(const Network& other) const;

  // As it is written best: "10.0.0.0/8"; an address alone too has its prefix, "10.0.0.7/32".
  std::string ToString() const;

 private:
  static std::optional<Network> Address(absl::string_view text);
  bool is_v4() const;

  // IPv4 in IPv6's clothes; the prefix counts in these 128 bits.
  std::array<uint8_t, 16> bytes_{};
  int prefix_ = 128;
};

}  // namespace dbfleet::rpc
