#pragma once

namespace dbfleet {

// Ends the process with `code` once what was written to the standard streams is out, without
// destroying static objects. For the end of main(): gRPC's timer and poller threads outlive its
// channels by a moment, and destroying the library's statics under them is a crash (gRPC 1.51), by
// which a command that succeeded would end with a signal.
[[noreturn]] void ExitWithoutStatics(int code);

}  // namespace dbfleet
