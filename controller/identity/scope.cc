#include "controller/identity/scope.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/rpc/network.h"
#include "controller/domain/names.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kMostOfAKind = 100;

template <typename T>
std::vector<T> Sorted(const std::vector<T>& values) {
  const std::set<T> set(values.begin(), values.end());
  return std::vector<T>(set.begin(), set.end());
}

// An empty list is no limit.
template <typename T>
bool Covers(const std::vector<T>& outer, const std::vector<T>& inner) {
  return outer.empty() ||
         (!inner.empty() && std::includes(outer.begin(), outer.end(), inner.begin(), inner.end()));
}

bool AnyContains(const std::vector<std::string>& networks, const rpc::Network& network) {
  return std::any_of(networks.begin(), networks.end(), [&](const std::string& text) {
    const absl::StatusOr<rpc::Network> parsed = rpc::Network::Parse(text);
    return parsed.ok() && parsed->Contains(network);
  });
}

bool CoversSources(const std::vector<std::string>& outer, const std::vector<std::string>& inner) {
  return outer.empty() ||
         (!inner.empty() && std::all_of(inner.begin(), inner.end(), [&](const std::string& text) {
           const absl::StatusOr<rpc::Network> parsed = rpc::Network::Parse(text);
           return parsed.ok() && AnyContains(outer, *parsed);
         }));
}

std::string TokenOf(const Caller& caller) {
  return absl::StrCat("the token users/", caller.user_id, "/tokens/", caller.token_id);
}

}  // namespace

absl::StatusOr<TokenScope> CheckScope(const TokenScope& scope) {
  TokenScope checked;
  checked.verbs = Sorted(scope.verbs);
  checked.environments = Sorted(scope.environments);
  if (scope.environments.size() > kMostOfAKind || scope.sources.size() > kMostOfAKind) {
    return Error(
        absl::StatusCode::kInvalidArgument, "SCOPE_TOO_LONG",
        absl::StrCat("a token names at most ", kMostOfAKind, " environments and as many networks"));
  }
  for (const std::string& name : checked.environments) {
    RETURN_IF_ERROR(ValidateName("environment", name));
  }
  for (const std::string& text : scope.sources) {
    ASSIGN_OR_RETURN(const rpc::Network network, rpc::Network::Parse(text));
    checked.sources.push_back(network.ToString());
  }
  checked.sources = Sorted(checked.sources);
  return checked;
}

absl::Status CheckWithin(const Caller& caller, const TokenScope& scope, absl::Time expire_time) {
  const TokenScope& own = caller.scope;
  if (own.empty() && !caller.short_lived) return absl::OkStatus();
  const auto refuse = [&caller](absl::string_view what) {
    const std::string limits =
        caller.scope.empty() ? "a short life" : ScopeText(caller.scope);  // Which may be both.
    return Error(absl::StatusCode::kPermissionDenied, "TOKEN_SCOPE",
                 absl::StrCat(TokenOf(caller), " is limited to ", limits,
                              "; what it makes must be limited likewise: ", what));
  };
  if (!Covers(own.environments, scope.environments)) return refuse("name environments of these");
  if (!Covers(own.verbs, scope.verbs)) return refuse("name verbs of these");
  if (!CoversSources(own.sources, scope.sources)) return refuse("name networks within these");
  if (expire_time > caller.expire_time) {
    return refuse(
        absl::StrCat("its end must not come later than ",
                     absl::FormatTime(absl::RFC3339_sec, caller.expire_time, absl::UTCTimeZone())));
  }
  return absl::OkStatus();
}

absl::Status CheckSource(const Caller& caller, absl::string_view peer) {
  if (caller.scope.sources.empty()) return absl::OkStatus();
  const std::optional<rpc::Network> address = rpc::Network::OfPeer(peer);
  if (address.has_value() && AnyContains(caller.scope.sources, *address)) return absl::OkStatus();
  return Error(
      absl::StatusCode::kPermissionDenied, "TOKEN_SOURCE",
      absl::StrCat(TokenOf(caller), " counts only from ", absl::StrJoin(caller.scope.sources, ", "),
                   ", and this call comes from ",
                   address.has_value() ? address->ToString() : std::string(peer)));
}

absl::Status CheckEveryEnvironment(const Caller& caller, absl::string_view method) {
  if (caller.scope.environments.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kPermissionDenied, "TOKEN_SCOPE",
               absl::StrCat(TokenOf(caller), " may not be used for ", method,
                            ": its word would count in other environments as well, and it is "
                            "limited to ",
                            ScopeText(caller.scope)));
}

std::vector<std::string> WantsOf(const TokenScope& scope) {
  const auto has = [&](Verb verb) {
    return std::find(scope.verbs.begin(), scope.verbs.end(), verb) != scope.verbs.end();
  };
  if (scope.verbs.empty() || has(Verb::kRead)) return {};
  std::vector<std::string> wants;
  if (has(Verb::kApprove)) {
    wants.push_back(
        "it may approve, but not read: `change approve` and `proposal approve` look at what is "
        "approved and are refused to it; make one that has the verb read as well");
  }
  if (has(Verb::kOperate)) {
    wants.push_back(
        "it may operate, but not read: nothing that it starts can be looked at or waited for with "
        "it; make one that has the verb read as well");
  }
  return wants;
}

std::string ScopeText(const TokenScope& scope) {
  std::vector<std::string> parts;
  if (!scope.environments.empty()) {
    parts.push_back(absl::StrCat("environments ", absl::StrJoin(scope.environments, ",")));
  }
  if (!scope.verbs.empty()) {
    parts.push_back(
        absl::StrCat("verbs ", absl::StrJoin(scope.verbs, ",", [](std::string* out, Verb verb) {
                       absl::StrAppend(out, absl::string_view(NameOf(verb)));
                     })));
  }
  if (!scope.sources.empty()) {
    parts.push_back(absl::StrCat("sources ", absl::StrJoin(scope.sources, ",")));
  }
  return absl::StrJoin(parts, "; ");
}

}  // namespace dbfleet::controller
