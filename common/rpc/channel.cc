#include "common/rpc/channel.h"

#include <grpc/impl/codegen/grpc_types.h>

namespace dbfleet::rpc {
namespace {

constexpr int kMinReconnectMillis = 1'000;
constexpr int kMaxReconnectMillis = 5'000;
// Half the interval: timers on two machines do not tick alike.
constexpr int kMinPingIntervalMillis = kKeepaliveIntervalMillis / 2;
// Bounds what a single peer can make the server hold.
constexpr int kMaxMetadataBytes = 16 << 10;
constexpr int kMaxStreamsPerConnection = 256;
// What a peer may send on a stream before it is read; on all streams of a connection together it is
// HTTP/2's 64 KiB, and what one message needs. gRPC would find larger sizes by probing each
// connection with pings of its own, which on thousands of connections with small messages are most
// of the traffic.
constexpr int kWindowBytes = 256 << 10;

}  // namespace

void ApplyClientArguments(grpc::ChannelArguments* arguments, int max_message_bytes,
                          Traffic traffic) {
  arguments->SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveIntervalMillis);
  arguments->SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMillis);
  arguments->SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments->SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments->SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kMinReconnectMillis);
  arguments->SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMillis);
  // Each channel its own connection: channels differ in their certificates, which a shared pool of
  // subchannels would not always notice.
  arguments->SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (traffic == Traffic::kMessages) {
    arguments->SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    arguments->SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kWindowBytes);
  }
  arguments->SetMaxReceiveMessageSize(max_message_bytes);
  arguments->SetMaxSendMessageSize(max_message_bytes);
}

void ApplyServerArguments(grpc::ServerBuilder* builder, int max_message_bytes) {
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveIntervalMillis);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMillis);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kMinPingIntervalMillis);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kWindowBytes);
  builder->SetMaxReceiveMessageSize(max_message_bytes);
  builder->SetMaxSendMessageSize(max_message_bytes);
}

}  // namespace dbfleet::rpc
