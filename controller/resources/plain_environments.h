#pragma once

#include "google/protobuf/message.h"

namespace dbfleet::controller {

// Puts an environment's own name in place of another name of it (PlainEnvironment) wherever a
// manifest or a file of policy cases names one: in fields `environment`, in lists `environments`,
// where it stands once afterwards, and in `from` of a promotion, at any depth. A resource's own
// name is left: an environment of another's name is an error that its kind reports.
void NameEnvironmentsPlainly(google::protobuf::Message* message);

}  // namespace dbfleet::controller
