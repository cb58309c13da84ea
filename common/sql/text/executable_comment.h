#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"

namespace dbfleet::sql {

// What a server makes of a comment that opens with "/*!" or "/*M!".
enum class CommentFate {
  kExecuted,  // Its content is read like the text around it.
  kSkipped,   // It is a comment.
  kDepends,   // On what is not known of the server.
};

struct ExecutableComment {
  CommentFate fate = CommentFate::kSkipped;
  size_t opening = 0;  // Bytes in front of its content; 0: no executable comment for this server.
};

// `text` begins with "/*". The rules of the servers, tried on MariaDB 10.11 and read in the manuals
// (MariaDB: "Comment Syntax"; MySQL: "Comments", and the blog on six digits in 8.1):
//  - without a version of at least five digits it is executed (and digits are content);
//  - MySQL reads five digits, since 8.1 six where there are six, and executes up to its own
//  version;
//  - MariaDB reads six digits where there are six, executes up to its own version, and skips
//    50700 to 99999, which are MySQL's, but in "/*M!", which MySQL takes for a plain comment.
ExecutableComment ReadOpening(const Target& target, absl::string_view text);

// Without a server in mind: the mark and its version, "/*m!" too; 0 if it is a plain comment.
size_t LongestOpening(absl::string_view text);

}  // namespace dbfleet::sql
