#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "common/base/text.h"
#include "controller/notify/outgoing.h"
#include "controller/notify/texts.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kMostSubject = 250;
// An encoded word has at most 75 characters (RFC 2047, 2): "=?UTF-8?B?" + 60 + "?=".
constexpr size_t kWordBytes = 45;
constexpr size_t kLineBytes = 57;  // 76 characters of Base64.

// A header's text: encoded words wherever it is more than plain ASCII, so that neither a line end
// nor what looks like an encoded word gets through.
std::string HeaderText(absl::string_view text) {
  bool plain = text.find("=?") == absl::string_view::npos && text.size() <= 70;
  for (const char c : text) plain = plain && (absl::ascii_isgraph(c) || c == ' ');
  if (plain) return std::string(text);
  std::string out;
  while (!text.empty()) {
    size_t n = std::min(kWordBytes, text.size());
    // Not within a character.
    while (n < text.size() && n > 1 && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) --n;
    absl::StrAppend(&out, out.empty() ? "" : "\r\n ", "=?UTF-8?B?",
                    absl::Base64Escape(text.substr(0, n)), "?=");
    text.remove_prefix(n);
  }
  return out;
}

}  // namespace

std::string MailText(const Route& route, const Notification& notification, absl::Time now) {
  const Texts texts = TextsFor(route, notification, AsItIs);
  const resource::v1::SmtpReceiver& smtp = route.spec.smtp();
  const std::string domain = smtp.from().substr(smtp.from().find('@') + 1);
  std::string out;
  const auto header = [&](absl::string_view name, absl::string_view value) {
    absl::StrAppend(&out, name, ": ", value, "\r\n");
  };
  header("Date", absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", now, absl::UTCTimeZone()));
  header("From", absl::StrCat("dbfleet <", smtp.from(), ">"));
  header("To", absl::StrCat("<", notification.recipient, ">"));
  header("Subject", HeaderText(Truncate(SanitizeForDisplay(texts.title), kMostSubject)));
  // A mailbox that gets it twice can tell.
  header("Message-ID", absl::StrCat("<", notification.id, "@", domain, ">"));
  header("X-Dbfleet-Idempotency-Key", notification.id);
  header("X-Dbfleet-Trigger", notification.trigger);
  header("Auto-Submitted", "auto-generated");
  header("MIME-Version", "1.0");
  header("Content-Type", "text/plain; charset=utf-8");
  header("Content-Transfer-Encoding", "base64");
  out += "\r\n";
  const std::string body = absl::StrReplaceAll(texts.body, {{"\n", "\r\n"}});
  for (size_t i = 0; i < body.size(); i += kLineBytes) {
    absl::StrAppend(&out, absl::Base64Escape(body.substr(i, kLineBytes)), "\r\n");
  }
  return out;
}

}  // namespace dbfleet::controller
