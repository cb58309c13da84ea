#include "common/rpc/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"

namespace dbfleet::rpc {
namespace {

constexpr int kMappedPrefix = 96;
constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

// Are the first `bits` of both the same?
bool SameBits(const std::array<uint8_t, 16>& a, const std::array<uint8_t, 16>& b, int bits) {
  const int whole = bits / 8;
  if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
  const int rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

absl::Status Bad(absl::string_view text) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_NETWORK",
               absl::StrCat("\"", absl::CHexEscape(text.substr(0, 60)),
                            "\" is no network; write 10.0.0.0/8, 2001:db8::/32 or one address, "
                            "without bits behind the prefix"));
}

}  // namespace

std::optional<Network> Network::Address(absl::string_view text) {
  const std::string word(text);
  Network address;
  in_addr v4;
  if (inet_pton(AF_INET, word.c_str(), &v4) == 1) {
    std::copy(kMapped.begin(), kMapped.end(), address.bytes_.begin());
    std::memcpy(address.bytes_.data() + kMapped.size(), &v4, sizeof(v4));
    return address;
  }
  if (inet_pton(AF_INET6, word.c_str(), address.bytes_.data()) == 1) return address;
  return std::nullopt;
}

bool Network::is_v4() const {
  return prefix_ >= kMappedPrefix && std::equal(kMapped.begin(), kMapped.end(), bytes_.begin());
}

absl::StatusOr<Network> Network::Parse(absl::string_view text) {
  const size_t slash = text.find('/');
  std::optional<Network> network = Address(text.substr(0, slash));
  if (!network.has_value() || text.size() > 60) return Bad(text);
  if (slash == absl::string_view::npos) return *network;
  const bool dotted = !absl::StrContains(text.substr(0, slash), ':');
  const absl::string_view digits = text.substr(slash + 1);
  int prefix = 0;
  if (digits.empty() || digits.size() > 3 ||
      digits.find_first_not_of("0123456789") != absl::string_view::npos ||
      !absl::SimpleAtoi(digits, &prefix) || prefix > (dotted ? 32 : 128)) {
    return Bad(text);
  }
  network->prefix_ = prefix + (dotted ? kMappedPrefix : 0);
  Network cut = *network;
  for (int bit = cut.prefix_; bit < 128; ++bit) cut.bytes_[bit / 8] &= ~(0x80 >> (bit % 8));
  if (cut.bytes_ != network->bytes_) return Bad(text);
  return *network;
}

std::optional<Network> Network::OfPeer(absl::string_view peer) {
  if (absl::ConsumePrefix(&peer, "ipv4:")) {
    return Address(peer.substr(0, peer.rfind(':')));
  }
  if (!absl::ConsumePrefix(&peer, "ipv6:")) return std::nullopt;
  // gRPC writes its peers as URIs, where brackets are escaped.
  const std::string plain = absl::StrReplaceAll(
      peer, {{"%5B", "["}, {"%5b", "["}, {"%5D", "]"}, {"%5d", "]"}, {"%25", "%"}});
  absl::string_view rest = plain;
  const size_t end = rest.rfind(']');
  if (!absl::ConsumePrefix(&rest, "[") || end == std::string::npos) return std::nullopt;
  rest = rest.substr(0, end - 1);
  // A link-local address names its interface.
  return Address(rest.substr(0, rest.find('%')));
}

bool Network::Contains(const Network& other) const {
  return is_v4() == other.is_v4() && prefix_ <= other.prefix_ &&
         SameBits(bytes_, other.bytes_, prefix_);
}

std::string Network::ToString() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (is_v4()) {
    inet_ntop(AF_INET, bytes_.data() + kMapped.size(), text, sizeof(text));
    return absl::StrCat(text, "/", prefix_ - kMappedPrefix);
  }
  inet_ntop(AF_INET6, bytes_.data(), text, sizeof(text));
  return absl::StrCat(text, "/", prefix_);
}

}  // namespace dbfleet::rpc
