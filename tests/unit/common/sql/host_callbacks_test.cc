#include <gtest/gtest.h>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

// What collections and builders are given to call, where it is no function in place.
namespace dbfleet::sql {
namespace {

TEST(HostCallbacksTest, WhatIsCalledAndNotSeenCounts) {
  ExpectWrites(kPhp, {"Post::where('id', 1)->get()->each([$svc, $m]);",
                      "Post::where('id', 1)->get()->pipe([$svc, self::M]);",
                      "Post::where('id', 1)->get()->pipe([$svc, 'a' . 'b']);",
                      "Post::where('id', 1)->get()->pipe([0 => $svc, 1 => 'wipe']);",
                      "Post::where('id', 1)->get()->tap([$f][0]);",
                      "Post::where('id', 1)->get()->map(array($svc, $m));",
                      "Post::where('id', 1)->chunk(100, [$svc, $m]);",
                      "Post::where('id', 1)->when($x, [$svc, $m])->get();",
                      "Post::where('id', 1)->get()->map($wiper ?? fn($x) => $x);",
                      "Post::where('id', 1)->get()->each($cb ?: strtolower($x));",
                      "Post::where('id', 1)->get()->first($f ?? fn($x) => 1);",
                      "Post::where('id', 1)->get()->each($a ? fn($x) => 1 : $g);",
                      "Post::where('id', 1)->get()->each($this->handlers[strtolower($x)]);",
                      "Post::where('id', 1)->chunkById(100, $f ?? fn($x) => $x);",
                      "Post::where('id', 1)->with(['a' => $f ?? fn($q) => $q])->get();",
                      "Post::where('id', 1)->whereHas('a', $f ?? fn($q) => $q)->get();",
                      "Post::where('id', 1)->get()->each(($f));",
                      "Post::where('id', 1)->get()->map(...$f);",
                      "Post::where('id', 1)->get()->map((object) $f);",
                      "Post::where('id', 1)->get()->each(self::CALLBACK);",
                      "Post::where('id', 1)->get()->each(CALLBACK);",
                      "Post::where('id', 1)->get()->each(config('x.callback'));",
                      "Post::where('id', 1)->get()->map('wi' . 'pe');",
                      "Post::where('id', 1)->get()->map(true ? 'wipe' : 'b');",
                      "Post::where('id', 1)->get()->each(new Wiper);",
                      "Post::where('id', 1)->with(['a' => Svc::CB])->get();",
                      "Post::where('id', 1)->get()->sort($f);",
                      "Post::where('id', 1)->get()->sort('wipe');"});
  ExpectReads(
      kPhp,
      {"$a = Post::where('id', 1)->get()->map(fn ($x) => $x->name);",
       "$a = Post::where('id', 1)->get()->map(static fn ($x) => $x->name);",
       "$a = Post::where('id', 1)->get()->filter();", "$a = Post::where('id', 1)->get()->sort();",
       "$a = Post::where('id', 1)->get()->random(3);",
       "$a = Post::where('id', 1)->get()->map(strtolower(...));",
       "$a = Post::where('id', 1)->get()->groupBy(['a', fn ($x) => $x->b]);",
       "$a = Post::where('id', 1)->get()->sortBy([['name', 'asc'], ['age', 'desc']]);"});
}

// Proc#=== calls.
TEST(HostCallbacksTest, PatternsOfRubyMayBeCalled) {
  ExpectWrites(kRuby, {"Post.where(id: 1).all?(:destroy.to_proc)",
                       "Post.where(id: 1).any?(:archive!.to_proc)",
                       "f = svc.method(:archive)\nPost.where(id: 1).one?(f)",
                       "Post.where(id: 1).all?(@f)", "Post.where(id: 1).none?(CALLBACK)",
                       "Post.where(id: 1).detect(-> { Wiper.run }) { |x| x.id }"});
  ExpectReads(kRuby, {"x = names.any?(/a/)", "x = names.all?(String)", "x = names.none?(nil)",
                      "x = Post.where(id: 1).any?", "x = names.any? { |n| n.size > 1 }"});
}

TEST(HostCallbacksTest, AndIsNoArgument) {
  ExpectReads(kRuby, {"def editable?\n  return true if admin? && owner?\n  false\nend",
                      "x = Post.where(id: 1).exists? && Post.where(id: 2).none?",
                      "def overdue?\n  placed? && created_at < 14.days.ago\nend"});
  ExpectWrites(kRuby, {"x = Post.where(id: 1).exists? && purge(1)",
                       "x = admin? && Post.where(id: 1).delete_all"});
}

}  // namespace
}  // namespace dbfleet::sql
