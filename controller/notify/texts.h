#pragma once

#include <string>

#include "controller/domain/types.h"
#include "controller/routes/route.h"

namespace dbfleet::controller {

// What a notification says, for receivers that show plain text.
struct Texts {
  std::string title;  // One line.
  std::string body;
};

// By the route's template, else the default one: what happened, then a line for each field. Values
// go through `escape`.
Texts TextsFor(const Route& route, const Notification& notification,
               const TextTemplate::Escape& escape);

std::string AsItIs(absl::string_view text);

}  // namespace dbfleet::controller
