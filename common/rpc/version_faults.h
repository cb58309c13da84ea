#pragma once

#include "google/protobuf/message.h"

// What our neighbours in time would send in a message's place. Only in builds with failpoints; the
// orders `newer` and `older` of common/rpc/message_faults.h.
#ifndef DBFLEET_NO_FAILPOINTS
namespace dbfleet::rpc {

// The next version: it knows all that we know, and more. Each of our own messages in it gets fields
// that we never heard of, of every wire type. A Hello also announces the version, a capability and
// an instance of an engine that we do not know. A message of no kind becomes one of an unknown
// kind.
void MakeNewer(google::protobuf::Message* message);

// The former version: without the fields that came last. Where it would not have understood what
// the message answers, it says so. False: it would not have sent this.
bool MakeOlder(google::protobuf::Message* message);

}  // namespace dbfleet::rpc
#endif
