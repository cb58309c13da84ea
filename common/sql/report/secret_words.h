#pragma once

#include "absl/strings/string_view.h"

// By which words secrets are known.
namespace dbfleet::sql {

// Whether a name speaks of a secret: password_digest, api_key, AES_ENCRYPT. Letter case does not
// count.
bool NamesSecret(absl::string_view name);

// The same of a text's content, or a comment's: "password=x", "IDENTIFIED BY", and a URI with a
// password in it. `content` is without its quotes, with or without its escapes.
bool SpeaksOfSecret(absl::string_view content);

// The same of a text that is the name of a setting: 'mailserver_pass', 'smtp/auth/pw'. Of other
// texts words such as these say nothing.
bool NamesSecretSetting(absl::string_view content);

// scheme://user:password@host, also where it is only "scheme://:password@host".
bool HoldsUriPassword(absl::string_view content);

}  // namespace dbfleet::sql
