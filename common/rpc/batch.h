#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "absl/strings/string_view.h"

namespace dbfleet::rpc {

// What both sides of an agent's control stream call it in Hello.features and Welcome.features.
inline constexpr absl::string_view kBatchFeature = "batch";

template <typename Message>
concept Batchable = requires(Message message) {
  message.mutable_batch()->add_messages();
};

// A message with more than this goes alone, so that none gets larger by more than a little.
inline constexpr size_t kMaxBatchBytes = 64 << 10;
inline constexpr int kMaxBatchMessages = 64;  // The protocol's: peers take no more.

// Takes what is to be written next from the front of the queue, which must not be empty: one
// message, or, if the peer takes batches, as many as wait and fit into one. Most of what a small
// message costs is its way through HTTP/2, TLS and the kernel, on both sides.
template <typename Message>
Message TakeNext(std::deque<Message>* queue, bool batches) {
  Message first = std::move(queue->front());
  queue->pop_front();
  if constexpr (Batchable<Message>) {
    if (!batches || queue->empty()) return first;
    size_t bytes = first.ByteSizeLong();
    const auto next_fits = [&] {
      if (queue->empty()) return false;
      bytes += queue->front().ByteSizeLong();
      return bytes <= kMaxBatchBytes;
    };
    if (bytes > kMaxBatchBytes || !next_fits()) return first;
    Message batch;
    auto* messages = batch.mutable_batch()->mutable_messages();
    *messages->Add() = std::move(first);
    do {
      *messages->Add() = std::move(queue->front());
      queue->pop_front();
    } while (messages->size() < kMaxBatchMessages && next_fits());
    return batch;
  }
  return first;
}

}  // namespace dbfleet::rpc
