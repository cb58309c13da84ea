#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"

#include "controller/identity/permissions.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// What the request names in the fields that the permission lists, with where it is. What has not
// the form of a name is as something that is not there; an empty field of a listing names nothing.
absl::StatusOr<std::vector<Place>> PlacesOf(ReadTx& tx, const Permission& permission,
                                            const google::protobuf::Message& request);

// Where all of these are; "" if that is not one environment that there is.
std::string EnvironmentOfAll(ReadTx& tx, absl::Span<const Place> places);

}  // namespace dbfleet::controller
