// Whatever bytes come as a checkpoint, receipt, trusted keys or a witness's state: they are
// refused, or they are the one spelling of what was read.
#include <cstdint>
#include <cstdlib>

#include "common/audit/checkpoint.h"
#include "common/audit/receipt.h"
#include "common/audit/trusted_keys.h"
#include "common/audit/witness.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dbfleet::audit;
  static const SigningKey& key = *new SigningKey(SigningKey::Generate("fuzz").value());
  static const TrustedKeys& keys = *new TrustedKeys(
      {{key.verifying_key(), absl::UnixEpoch(), absl::FromUnixSeconds(4'000'000'000)}});
  const std::string text(reinterpret_cast<const char*>(data), size);

  const auto parsed = ParseCheckpoint(text);
  if (parsed.ok()) {
    // Signed anew, the text up to the signature is the same but for the key's name.
    const auto again = SignCheckpoint(parsed->checkpoint, key);
    if (!again.ok()) std::abort();
    const auto read = ParseCheckpoint(*again);
    if (!read.ok()) std::abort();
    const std::string& body = parsed->body;
    if (read->body.substr(read->body.find('\n')) != body.substr(body.find('\n'))) std::abort();
    if (!VerifyCheckpoint(*again, keys).ok() &&
        parsed->checkpoint.time < absl::FromUnixSeconds(4'000'000'000) &&
        parsed->checkpoint.time >= absl::UnixEpoch()) {
      std::abort();
    }
  }
  // Nobody can have signed it with a key that was made a moment ago.
  WitnessState state;
  if (UpdateWitness(state, {text, 0, {}}, keys, absl::UnixEpoch()).outcome !=
      WitnessOutcome::kAlarm) {
    std::abort();
  }
  const auto witness = ReadWitnessState(text);
  if (witness.ok() && WriteWitnessState(*witness) != text) std::abort();
  const auto trusted = TrustedKeys::Parse(text);
  if (trusted.ok() && !TrustedKeys::Parse(trusted->Text()).ok()) std::abort();
  (void)ParseReceipt(text);
  (void)VerifyReceipt({text, text, text}, ReceiptTrust{text, {{"a", text}}});
  return 0;
}
