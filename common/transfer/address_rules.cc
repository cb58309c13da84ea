#include "common/transfer/address_rules.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::transfer {
namespace {

using Bytes = std::array<uint8_t, 16>;

Bytes Mapped(const uint8_t* v4) {
  Bytes bytes{};
  bytes[10] = bytes[11] = 0xff;
  std::memcpy(&bytes[12], v4, 4);
  return bytes;
}

std::optional<Bytes> ParseAddress(const std::string& text) {
  uint8_t v4[4];
  if (inet_pton(AF_INET, text.c_str(), v4) == 1) return Mapped(v4);
  Bytes bytes;
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  return std::nullopt;
}

struct Range {
  const char* address;
  int bits;
};

// What is not the public internet.
constexpr Range kRefused[] = {
    {"0.0.0.0", 8},      {"10.0.0.0", 8},     {"100.64.0.0", 10}, {"127.0.0.0", 8},
    {"169.254.0.0", 16}, {"172.16.0.0", 12},  {"192.0.0.0", 24},  {"192.0.2.0", 24},
    {"192.88.99.0", 24}, {"192.168.0.0", 16}, {"198.18.0.0", 15}, {"198.51.100.0", 24},
    {"203.0.113.0", 24}, {"224.0.0.0", 4},    {"240.0.0.0", 4},   {"::", 96},
    {"64:ff9b:1::", 48}, {"100::", 64},       {"2001::", 23},     {"2001:db8::", 32},
    {"3fff::", 20},      {"5f00::", 16},      {"fc00::", 7},      {"fe80::", 10},
    {"fec0::", 10},      {"ff00::", 8},
};

}  // namespace

bool AddressRules::Contains(const Network& network, const Bytes& address) {
  const int whole = network.bits / 8;
  const int rest = network.bits % 8;
  if (!std::equal(address.begin(), address.begin() + whole, network.bytes.begin())) return false;
  if (rest == 0) return true;
  const uint8_t mask = static_cast<uint8_t>(0xff << (8 - rest));
  return ((address[whole] ^ network.bytes[whole]) & mask) == 0;
}

absl::StatusOr<AddressRules::Network> AddressRules::ParseNetwork(absl::string_view text) {
  const size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  const std::optional<Bytes> bytes = ParseAddress(address);
  const bool v4 = address.find(':') == std::string::npos;
  const int most = v4 ? 32 : 128;
  int bits = most;
  const bool readable =
      slash == absl::string_view::npos || absl::SimpleAtoi(text.substr(slash + 1), &bits);
  if (!bytes.has_value() || !readable || bits < 0 || bits > most) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_NETWORK",
                 absl::StrCat("a network such as 10.1.0.0/16 or fd12::/48 is wanted, not \"",
                              SanitizeForDisplay(Truncate(text, 80)), "\""));
  }
  return Network{*bytes, v4 ? bits + 96 : bits};
}

absl::StatusOr<AddressRules> AddressRules::Make(absl::Span<const std::string> allowed) {
  AddressRules rules;
  for (const std::string& text : allowed) {
    ASSIGN_OR_RETURN(const Network network, ParseNetwork(text));
    rules.allowed_.push_back(network);
  }
  return rules;
}

bool AddressRules::AllowsBytes(const Bytes& address) const {
  if (std::any_of(allowed_.begin(), allowed_.end(),
                  [&](const Network& network) { return Contains(network, address); })) {
    return true;
  }
  static const auto* const refused = [] {
    auto* networks = new std::vector<Network>;
    for (const Range& range : kRefused) {
      networks->push_back(*ParseNetwork(absl::StrCat(range.address, "/", range.bits)));
    }
    return networks;
  }();
  // A network that was allowed as IPv4 is not allowed by way of a translator, whose other end
  // nobody here knows; but what a translator leads to is refused as IPv4 is.
  static const Network& nat64 = *new Network(*ParseNetwork("64:ff9b::/96"));
  static const Network& six_to_four = *new Network(*ParseNetwork("2002::/16"));
  if (Contains(nat64, address) && !AddressRules().AllowsBytes(Mapped(&address[12]))) return false;
  if (Contains(six_to_four, address) && !AddressRules().AllowsBytes(Mapped(&address[2]))) {
    return false;
  }
  return std::none_of(refused->begin(), refused->end(),
                      [&](const Network& network) { return Contains(network, address); });
}

bool AddressRules::Allows(const sockaddr* address) const {
  if (address->sa_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(address);
    return AllowsBytes(Mapped(reinterpret_cast<const uint8_t*>(&in->sin_addr)));
  }
  if (address->sa_family != AF_INET6) return false;
  const auto* in = reinterpret_cast<const sockaddr_in6*>(address);
  Bytes bytes;
  std::memcpy(bytes.data(), &in->sin6_addr, bytes.size());
  return AllowsBytes(bytes);
}

bool AddressRules::Allows(absl::string_view address) const {
  const std::optional<Bytes> bytes = ParseAddress(std::string(address));
  return bytes.has_value() && AllowsBytes(*bytes);
}

}  // namespace dbfleet::transfer
