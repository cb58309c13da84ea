#include "common/audit/checkpoint.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/audit/merkle.h"
#include "common/audit/note_text.h"
#include "common/audit/record.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::audit {
namespace {

using impl::NoteReader;

constexpr char kReason[] = "BAD_CHECKPOINT";
constexpr char kDash[] = "\xE2\x80\x94 ";  // An em dash and a space.
constexpr size_t kHashBytes = 32;
constexpr size_t kSignatureBytes = 64;

std::string Body(const Checkpoint& checkpoint) {
  std::string body = absl::StrCat(checkpoint.origin, "\n", checkpoint.size, "\n",
                                  absl::Base64Escape(checkpoint.root), "\nlog ", checkpoint.log_id,
                                  "\ntime ", impl::WriteTime(checkpoint.time), "\nhead ",
                                  absl::Base64Escape(checkpoint.head), "\n");
  if (checkpoint.predecessor.has_value()) {
    absl::StrAppend(&body, "predecessor ", checkpoint.predecessor->log_id, " ",
                    checkpoint.predecessor->size, " ",
                    absl::Base64Escape(checkpoint.predecessor->root));
    for (const std::string& other : checkpoint.predecessor->others) {
      absl::StrAppend(&body, " ", other);
    }
    body += "\n";
  }
  return body;
}

// What makes no sense although each line for itself is well-formed; "" if nothing.
std::string Contradiction(const Checkpoint& checkpoint) {
  if (checkpoint.size > kMaxTreeSize) return "its size is more than a trail can have";
  if (checkpoint.size == 0 &&
      (checkpoint.root != EmptyRoot() || checkpoint.head != GenesisHash())) {
    return "its root or head is not that of the empty trail";
  }
  if (!checkpoint.predecessor.has_value()) return "";
  const Predecessor& predecessor = *checkpoint.predecessor;
  if (predecessor.Names(checkpoint.log_id)) return "its log names itself as predecessor";
  const std::vector<std::string> ids = predecessor.LogIds();
  if (ids.size() > kMaxOthers + 1) return "it names too many predecessors";
  if (std::set<std::string>(ids.begin(), ids.end()).size() != ids.size()) {
    return "it names a predecessor twice";
  }
  if (predecessor.size > checkpoint.size) return "it is smaller than what its log began with";
  if (predecessor.size == 0 && predecessor.root != EmptyRoot()) {
    return "its predecessor's root is not that of the empty trail";
  }
  if (predecessor.size == checkpoint.size && predecessor.root != checkpoint.root) {
    return "its root is not that of the records it adopted";
  }
  return "";
}

absl::Status BadField(absl::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, kReason, absl::StrCat("checkpoint: ", why));
}

absl::Status CheckFields(const Checkpoint& checkpoint) {
  RETURN_IF_ERROR(ValidateKeyName(checkpoint.origin));
  if (checkpoint.root.size() != kHashBytes || checkpoint.head.size() != kHashBytes) {
    return BadField("a hash is not 32 bytes long");
  }
  if (!impl::IsId(checkpoint.log_id)) return BadField("the log's id is not one");
  if (!impl::IsWritableTime(checkpoint.time)) return BadField("its time cannot be written");
  if (checkpoint.predecessor.has_value()) {
    const std::vector<std::string> ids = checkpoint.predecessor->LogIds();
    if (!std::all_of(ids.begin(), ids.end(), [](const auto& id) { return impl::IsId(id); }) ||
        checkpoint.predecessor->root.size() != kHashBytes) {
      return BadField("its predecessor's id or root is not one");
    }
  }
  if (std::string why = Contradiction(checkpoint); !why.empty()) return BadField(why);
  return absl::OkStatus();
}

absl::StatusOr<Predecessor> ReadPredecessor(NoteReader& reader) {
  ASSIGN_OR_RETURN(const absl::string_view line, reader.Line("predecessor "));
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  if (words.size() < 3) return reader.Bad("should read: predecessor LOG SIZE ROOT [LOG...]");
  Predecessor predecessor;
  ASSIGN_OR_RETURN(predecessor.log_id, reader.ToId(words[0]));
  ASSIGN_OR_RETURN(predecessor.size, reader.ToNumber(words[1]));
  ASSIGN_OR_RETURN(predecessor.root, reader.ToBytes(words[2], kHashBytes));
  for (size_t i = 3; i < words.size(); ++i) {
    ASSIGN_OR_RETURN(std::string other, reader.ToId(words[i]));
    predecessor.others.push_back(std::move(other));
  }
  return predecessor;
}

absl::StatusOr<Checkpoint> ReadBody(NoteReader& reader) {
  Checkpoint checkpoint;
  ASSIGN_OR_RETURN(const absl::string_view origin, reader.Line(""));
  checkpoint.origin = std::string(origin);
  if (!ValidateKeyName(checkpoint.origin).ok()) return reader.Bad("holds no signing key's name");
  ASSIGN_OR_RETURN(checkpoint.size, reader.Number(""));
  ASSIGN_OR_RETURN(checkpoint.root, reader.Hash(""));
  ASSIGN_OR_RETURN(checkpoint.log_id, reader.Id("log "));
  ASSIGN_OR_RETURN(checkpoint.time, reader.Time("time "));
  ASSIGN_OR_RETURN(checkpoint.head, reader.Hash("head "));
  if (reader.NextIs("predecessor")) {
    ASSIGN_OR_RETURN(checkpoint.predecessor, ReadPredecessor(reader));
  }
  return checkpoint;
}

std::string ValidityOf(const TrustedKey& key) {
  return absl::StrCat("valid from ", impl::WriteTime(key.not_before), " until ",
                      impl::WriteTime(key.not_after));
}

absl::StatusOr<Checkpoint> Verify(absl::string_view text, const TrustedKeys& keys,
                                  const absl::Time* now) {
  ASSIGN_OR_RETURN(SignedCheckpoint parsed, ParseCheckpoint(text));
  const Checkpoint& checkpoint = parsed.checkpoint;
  absl::StatusOr<TrustedKey> key =
      keys.Signer(checkpoint.origin, parsed.key_id, parsed.body, parsed.signature);
  if (!key.ok()) return Annotate(key.status(), "checkpoint");
  if (!key->ValidAt(checkpoint.time)) {
    return Error(absl::StatusCode::kUnauthenticated, "KEY_NOT_VALID",
                 absl::StrCat("checkpoint: at its time, ", impl::WriteTime(checkpoint.time),
                              ", its key was not valid; it is ", ValidityOf(*key)));
  }
  if (now != nullptr && !key->ValidAt(*now)) {
    return Error(absl::StatusCode::kUnauthenticated, "KEY_NOT_VALID",
                 absl::StrCat("checkpoint: its key is not valid now; it is ", ValidityOf(*key)));
  }
  return std::move(parsed.checkpoint);
}

}  // namespace

bool Predecessor::Names(absl::string_view id) const {
  return log_id == id || std::find(others.begin(), others.end(), id) != others.end();
}

std::vector<std::string> Predecessor::LogIds() const {
  std::vector<std::string> ids = {log_id};
  ids.insert(ids.end(), others.begin(), others.end());
  return ids;
}

absl::StatusOr<std::string> SignCheckpoint(Checkpoint checkpoint, const SigningKey& key) {
  checkpoint.origin = key.verifying_key().name;
  checkpoint.time = absl::FromUnixMicros(absl::ToUnixMicros(checkpoint.time));
  RETURN_IF_ERROR(CheckFields(checkpoint));
  const std::string body = Body(checkpoint);
  ASSIGN_OR_RETURN(const std::string signature, key.Sign(body));
  return absl::StrCat(body, "\n", kDash, checkpoint.origin, " ",
                      absl::Base64Escape(key.verifying_key().id() + signature), "\n");
}

absl::StatusOr<SignedCheckpoint> ParseCheckpoint(absl::string_view text) {
  NoteReader reader(text, "checkpoint", kReason);
  if (text.size() > kMaxCheckpointBytes) return reader.Bad("and the rest are too long");
  SignedCheckpoint parsed;
  ASSIGN_OR_RETURN(parsed.checkpoint, ReadBody(reader));
  parsed.body = std::string(text.substr(0, text.size() - reader.rest().size()));
  RETURN_IF_ERROR(reader.Literal(""));
  // The key's name must be the origin, so that nobody else can speak for it.
  ASSIGN_OR_RETURN(const absl::string_view signature,
                   reader.Line(absl::StrCat(kDash, parsed.checkpoint.origin, " ")));
  ASSIGN_OR_RETURN(const std::string bytes,
                   reader.ToBytes(signature, kKeyIdBytes + kSignatureBytes));
  RETURN_IF_ERROR(reader.End());
  parsed.key_id = bytes.substr(0, kKeyIdBytes);
  parsed.signature = bytes.substr(kKeyIdBytes);
  if (std::string why = Contradiction(parsed.checkpoint); !why.empty()) return BadField(why);
  return parsed;
}

absl::StatusOr<Checkpoint> VerifyCheckpoint(absl::string_view text, const TrustedKeys& keys) {
  return Verify(text, keys, nullptr);
}

absl::StatusOr<Checkpoint> VerifyFreshCheckpoint(absl::string_view text, const TrustedKeys& keys,
                                                 absl::Time now) {
  return Verify(text, keys, &now);
}

}  // namespace dbfleet::audit
