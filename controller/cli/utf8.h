#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace dbfleet::cli {

// NOT_UTF8 with the path of the first field that holds text that is not: the messages of the API
// cannot carry it, and gRPC would say so with an error without words.
absl::Status RequireUtf8(const google::protobuf::Message& message);

// The same of a file's text, with its line.
absl::Status RequireUtf8(absl::string_view file, absl::string_view text);

}  // namespace dbfleet::cli
