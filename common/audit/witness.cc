#include "common/audit/witness.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/audit/merkle.h"
#include "common/audit/note_text.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::audit {
namespace {

std::string Describe(const Checkpoint& checkpoint) {
  return absl::StrCat(checkpoint.size, " records of log ", checkpoint.log_id, " at ",
                      impl::WriteTime(checkpoint.time));
}

class Update {
 public:
  Update(WitnessState& state, const CheckpointPush& push, absl::Time now)
      : state_(state), push_(push), now_(now) {}

  WitnessAnswer Judge(const TrustedKeys& keys) {
    absl::StatusOr<Checkpoint> next = VerifyFreshCheckpoint(push_.text, keys, now_);
    if (!next.ok()) {
      const std::string reason = ReasonOf(next.status());
      return Raise(reason == "UNKNOWN_KEY" || reason == "KEY_NOT_VALID" ? AlarmKind::kUnknownKey
                                                                        : AlarmKind::kBadSignature,
                   next.status().message());
    }
    next_ = *std::move(next);
    if (!state_.highest.has_value()) return Accept();
    for (const std::string& text : push_.former_logs) {
      absl::StatusOr<Checkpoint> missed = VerifyFreshCheckpoint(text, keys, now_);
      // One that does not hold joins nothing.
      if (missed.ok()) missed_.emplace(missed->log_id, *std::move(missed));
    }
    const Checkpoint& highest = *state_.highest;
    if (WasAccepted() && next_.log_id == highest.log_id && next_.size < highest.size) {
      return Outcome(WitnessOutcome::kRepeat);
    }
    if (next_.log_id != highest.log_id) return OtherLog();
    if (next_.predecessor != highest.predecessor) {
      return Raise(AlarmKind::kInconsistent,
                   absl::StrCat("log ", next_.log_id, " names another predecessor than before"));
    }
    if (next_.size < highest.size) return Older();
    return next_.size == highest.size ? SameSize() : Newer();
  }

 private:
  WitnessAnswer Outcome(WitnessOutcome outcome) {
    WitnessAnswer answer;
    answer.outcome = outcome;
    return answer;
  }

  WitnessAnswer Raise(AlarmKind kind, absl::string_view sentence) {
    WitnessAnswer answer;
    answer.alarm.kind = kind;
    answer.alarm.sentence = std::string(sentence);
    answer.alarm.time = absl::FromUnixMicros(absl::ToUnixMicros(now_));
    answer.alarm.text = push_.text.substr(0, kMaxCheckpointBytes);
    ++state_.alarm_count;
    std::vector<Alarm>& alarms = state_.alarms;
    if (!alarms.empty() && alarms.back().kind == kind && alarms.back().text == answer.alarm.text) {
      ++alarms.back().times;
    } else {
      // The first ones tell what happened, the last ones what goes on.
      if (alarms.size() == kMaxAlarms) alarms.erase(alarms.begin() + kMaxAlarms / 2);
      alarms.push_back(answer.alarm);
    }
    return answer;
  }

  void Remember() {
    state_.highest = next_;
    state_.text = push_.text;
    state_.proofs_asked = 0;
    state_.accepted.push_back(Sha256(push_.text));
    if (state_.accepted.size() > kMaxAccepted) state_.accepted.pop_front();
  }

  WitnessAnswer Accept() {
    Remember();
    return Outcome(WitnessOutcome::kAccepted);
  }

  bool WasAccepted() const {
    return std::find(state_.accepted.begin(), state_.accepted.end(), Sha256(push_.text)) !=
           state_.accepted.end();
  }

  WitnessAnswer SameSize() {
    const Checkpoint& highest = *state_.highest;
    if (next_.root != highest.root || next_.head != highest.head) {
      return Raise(AlarmKind::kForked,
                   absl::StrCat("two histories of the same length were signed: ", Describe(next_),
                                " and ", Describe(highest)));
    }
    if (next_.time > highest.time) Remember();
    return Outcome(WitnessOutcome::kSame);
  }

  WitnessAnswer Older() {
    const Checkpoint& highest = *state_.highest;
    if (next_.time <= highest.time && push_.proof_from == next_.size &&
        VerifyConsistency(next_.size, highest.size, push_.proof, next_.root, highest.root).ok()) {
      return Outcome(WitnessOutcome::kRepeat);
    }
    return Raise(
        AlarmKind::kSmaller,
        absl::StrCat("the trail became shorter: ", Describe(next_), " after ", Describe(highest),
                     ". Records were cut off, or an older store was restored"));
  }

  WitnessAnswer AskForProof(uint64_t from) {
    if (++state_.proofs_asked > kMaxProofsAsked) {
      return Raise(AlarmKind::kInconsistent,
                   absl::StrCat("the controller was asked ", kMaxProofsAsked,
                                " times and did not prove that ", Describe(next_), " contain ",
                                Describe(*state_.highest)));
    }
    WitnessAnswer answer = Outcome(WitnessOutcome::kNeedsProof);
    answer.prove_from = from;
    return answer;
  }

  WitnessAnswer Newer() {
    const Checkpoint& highest = *state_.highest;
    if (highest.size != 0 && push_.proof_from != highest.size) return AskForProof(highest.size);
    if (!VerifyConsistency(highest.size, next_.size, push_.proof, highest.root, next_.root).ok()) {
      return Raise(AlarmKind::kInconsistent,
                   absl::StrCat("the trail was rewritten: ", Describe(next_), " do not begin with ",
                                Describe(highest)));
    }
    return Accept();
  }

  WitnessAnswer OtherLog() {
    const Checkpoint& highest = *state_.highest;
    for (const RetiredLog& retired : state_.retired) {
      if (retired.log_id == next_.log_id) {
        if (WasAccepted()) return Outcome(WitnessOutcome::kRepeat);
        return Raise(AlarmKind::kForeignLog,
                     absl::StrCat("log ", next_.log_id, " goes on, although log ", highest.log_id,
                                  " replaced it"));
      }
    }
    std::vector<RetiredLog> between;
    const std::optional<Predecessor> base = FollowBack(&between);
    if (!base.has_value()) {
      return Raise(AlarmKind::kForeignLog,
                   absl::StrCat("log ", next_.log_id, " does not follow log ", highest.log_id,
                                ", which was seen so far"));
    }
    return Adopt(*base, between);
  }

  // From next_ by way of the logs that were missed to the highest's: how much of that one is kept.
  // Each log begins with what it adopted of its predecessor, so the smallest adoption counts.
  std::optional<Predecessor> FollowBack(std::vector<RetiredLog>* between) const {
    std::set<std::string> seen;
    return FollowBack(next_.predecessor, &seen, between);
  }
  std::optional<Predecessor> FollowBack(const std::optional<Predecessor>& base,
                                        std::set<std::string>* seen,
                                        std::vector<RetiredLog>* between) const {
    if (!base.has_value() || base->Names(state_.highest->log_id)) return base;
    for (const std::string& id : base->LogIds()) {
      const auto missed = missed_.find(id);
      if (missed == missed_.end() || !seen->insert(id).second) continue;
      std::optional<Predecessor> former = missed->second.predecessor;
      if (former.has_value() && former->size > base->size) {
        former->size = base->size;
        former->root = base->root;
      }
      former = FollowBack(former, seen, between);
      if (!former.has_value()) continue;
      between->push_back({id, missed->second.size, base->size});
      return former;
    }
    return std::nullopt;
  }

  WitnessAnswer Adopt(const Predecessor& base, const std::vector<RetiredLog>& between) {
    const Checkpoint& highest = *state_.highest;
    if (base.size == highest.size && base.root != highest.root) {
      return Raise(AlarmKind::kForked, absl::StrCat("log ", next_.log_id, " adopted other ",
                                                    base.size, " records than were seen"));
    }
    const uint64_t from = std::min(highest.size, base.size);
    if (from != 0 && push_.proof_from != from) return AskForProof(from);
    const std::string& root = base.size < highest.size ? base.root : highest.root;
    if (!VerifyConsistency(from, next_.size, push_.proof, root, next_.root).ok()) {
      return Raise(AlarmKind::kInconsistent,
                   absl::StrCat("log ", next_.log_id, " with ", next_.size,
                                " records does not begin with the first ", from, " of log ",
                                highest.log_id));
    }
    state_.retired.push_back({highest.log_id, highest.size, base.size});
    state_.retired.insert(state_.retired.end(), between.begin(), between.end());
    WitnessAnswer answer = Accept();
    answer.adopted = true;
    return answer;
  }

  WitnessState& state_;
  const CheckpointPush& push_;
  const absl::Time now_;
  Checkpoint next_;
  std::map<std::string, Checkpoint> missed_;  // By log.
};

}  // namespace

absl::string_view AlarmName(AlarmKind kind) {
  switch (kind) {
    case AlarmKind::kSmaller:
      return "SMALLER";
    case AlarmKind::kInconsistent:
      return "INCONSISTENT";
    case AlarmKind::kForked:
      return "FORKED";
    case AlarmKind::kBadSignature:
      return "BAD_SIGNATURE";
    case AlarmKind::kUnknownKey:
      return "UNKNOWN_KEY";
    case AlarmKind::kForeignLog:
      return "FOREIGN_LOG";
  }
  return "INCONSISTENT";
}

uint64_t ProofStart(const std::optional<Checkpoint>& highest, const Checkpoint& next) {
  if (!highest.has_value()) return 0;
  if (next.log_id == highest->log_id || !next.predecessor.has_value()) return highest->size;
  return std::min(highest->size, next.predecessor->size);
}

WitnessAnswer UpdateWitness(WitnessState& state, const CheckpointPush& push,
                            const TrustedKeys& keys, absl::Time now) {
  return Update(state, push, now).Judge(keys);
}

}  // namespace dbfleet::audit
