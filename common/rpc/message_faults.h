#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

#include "common/base/failpoint.h"
#include "common/rpc/version_faults.h"

namespace dbfleet::rpc {

// Where messages leave for the other side: carries out the failpoint orders drop, duplicate and
// swap, so that tests see what a protocol makes of a network, or a peer, that misbehaves; and, at
// the name with ".version" behind it, newer and older, for a peer of another version. The tag of a
// hit is the name of the message's `kind`. Passes everything on unchanged when nothing is ordered,
// and in builds without failpoints. Not thread-safe.
template <typename Message>
class MessageFaults {
 public:
  // Calls `emit` for what is to be sent now: nothing, the message, it twice, or it before one that
  // was held back.
  template <typename Emit>
  void Pass(absl::string_view name, Message message, Emit emit) {
#ifndef DBFLEET_NO_FAILPOINTS
    const std::string kind = KindOf(message);
    const failpoint::Order version = failpoint::Hit(absl::StrCat(name, ".version"), kind);
    older_ = version == failpoint::Order::kOlder;
    if (version == failpoint::Order::kOlder && !MakeOlder(&message)) return;
    if (version == failpoint::Order::kNewer) MakeNewer(&message);
    PassOne(name, std::move(message), emit);
    // What begins a stream stays alone: any version waits for its answer.
    if (version == failpoint::Order::kNewer && kind != "hello" && kind != "welcome") {
      Message unknown;
      MakeNewer(&unknown);
      emit(std::move(unknown));
    }
#else
    emit(std::move(message));
#endif
  }

  // Whether the last message was of a peer of the former version, which knows no batches.
  bool older() const {
#ifndef DBFLEET_NO_FAILPOINTS
    return older_;
#else
    return false;
#endif
  }

 private:
#ifndef DBFLEET_NO_FAILPOINTS
  template <typename Emit>
  void PassOne(absl::string_view name, Message message, Emit& emit) {
    switch (failpoint::Hit(name, KindOf(message))) {
      case failpoint::Order::kDrop:
        return;
      case failpoint::Order::kSwap:
        if (!held_.has_value()) {
          held_ = std::move(message);
          return;
        }
        break;
      case failpoint::Order::kDuplicate:
        emit(message);
        break;
      default:
        break;
    }
    emit(std::move(message));
    if (held_.has_value()) emit(*std::exchange(held_, std::nullopt));
  }

  static std::string KindOf(const Message& message) {
    const auto* kind = Message::descriptor()->FindOneofByName("kind");
    const auto* field = kind == nullptr
                            ? nullptr
                            : Message::GetReflection()->GetOneofFieldDescriptor(message, kind);
    return field == nullptr ? "" : field->name();
  }

  std::optional<Message> held_;
  bool older_ = false;
#endif
};

}  // namespace dbfleet::rpc
