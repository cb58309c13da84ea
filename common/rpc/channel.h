#pragma once

#include "grpcpp/server_builder.h"
#include "grpcpp/support/channel_arguments.h"

// HTTP/2 settings on which both ends have to agree: a client that pings more often than its server
// permits is sent away with "too_many_pings".
namespace dbfleet::rpc {

inline constexpr int kKeepaliveIntervalMillis = 20'000;
inline constexpr int kKeepaliveTimeoutMillis = 10'000;

// What a client receives: short messages, of which each is awaited, or whole listings, logs and
// exports, for which the windows grow with the way's bandwidth and delay.
enum class Traffic { kMessages, kBulk };

// Keepalive, also without calls, and the message limit. gRPC's own reconnect backoff is kept short
// because callers wait with backoffs of their own.
void ApplyClientArguments(grpc::ChannelArguments* arguments, int max_message_bytes,
                          Traffic traffic = Traffic::kMessages);

// The matching limits of a server, which listens for itself (no SO_REUSEPORT: a second process on
// the same port has to fail). `max_message_bytes` is that of the largest service.
void ApplyServerArguments(grpc::ServerBuilder* builder, int max_message_bytes);

}  // namespace dbfleet::rpc
