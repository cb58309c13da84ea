#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "controller/windows/book.h"

// When windows and freezes begin and end, by comparing what was told with what holds: pure values
// and functions. What was told open stays so until its end is told, however it comes about.
namespace dbfleet::controller {

// The kind of the rows that keep it, beside the declared resources; none that can be declared.
inline constexpr absl::string_view kToldWindowKind = "ToldWindow";

// What was told of a window, by its name.
struct ToldWindow {
  std::string name;
  bool open = false;                        // It was told open, and not yet closed.
  Span span;                                // Of what was told open last, as it was told last.
  absl::Time until = absl::InfinitePast();  // While it is not open: what ended until then is told.
  // As it was declared then: the declaration's uid, what it selects and what it does.
  std::string uid;
  WindowEffect effect = WindowEffect::kAllow;
  std::vector<std::string> environments;
  std::map<std::string, std::string> labels;

  bool operator==(const ToldWindow&) const = default;
};

struct WindowEdge {
  enum class Kind { kOpen, kExtend, kShorten, kClose };
  enum class Cause {
    kPlanned,   // As it was told before.
    kEdited,    // Its times were edited, or what it selects.
    kReplaced,  // It was deleted and declared anew.
    kDeleted,
    kClock,  // The clock was set back.
  };
  Kind kind = Kind::kOpen;
  Cause cause = Cause::kPlanned;
  absl::Time time;  // When it happened, as far as that is known.
  Span span;        // As it is from now on; of kClose with the real end.
};

// What is to be told next, if anything is by `now`; otherwise the moment from which on something
// may be, as long as nobody changes the declaration.
struct EdgeLook {
  std::optional<WindowEdge> edge;
  absl::Time next = absl::InfiniteFuture();
};

// A clock that is set back by no more than this is as good as right: nothing is told again.
inline constexpr absl::Duration kWatchSlack = absl::Minutes(1);

// `declared`: nullptr if there is no such window any more. What ended before `since` without having
// been told open is not told.
EdgeLook NextEdge(const DeclaredWindow* declared, const ToldWindow& told, absl::Time since,
                  absl::Time now);

// What is told once the edge is.
ToldWindow After(const DeclaredWindow* declared, ToldWindow told, const WindowEdge& edge);

}  // namespace dbfleet::controller
