// Queries of a model of Rails by itself, which name no model.
#include "gtest/gtest.h"

#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

constexpr Dialect kRuby = Dialect::kActiveRecordRuby;

// Beside a read, so that the file has a statement in any case.
std::string Model(absl::string_view head, absl::string_view body) {
  return absl::StrCat(head, "\n", body, "\n  def n\n    Order.count\n  end\nend\n");
}

TEST(OwnQueriesTest, WritesOfClassMethodsScopesAndConcernsAreSeen) {
  for (absl::string_view head :
       {"class Order < ApplicationRecord", "class Order < ActiveRecord::Base",
        "class Order < Legacy::BaseRecord", "module Ships\n  extend ActiveSupport::Concern",
        "class Order < Document\n  belongs_to :customer"}) {
    for (absl::string_view body : {
             "  def self.a\n    find_by_sql(\"DELETE FROM orders RETURNING *\")\n  end",
             "  def self.a\n    lock.first\n  end",
             "  def self.a\n    find_by(name: 'x').cancel\n  end",
             "  def self.a\n    all.each(&:cancel)\n  end",
             "  def self.a\n    where(\"my_f() > 1\")\n  end",
             "  def self.a = first_or_create",
             "  def self.a\n    x = first.cancel\n    x\n  end",
             "  class << self\n    def a\n      lock.first\n    end\n  end",
             "  scope :a, -> { where(\"my_f() > 1\") }",
             "  default_scope { lock }",
             "  def a\n    self.class.lock.first\n  end",
             "  def a\n    self.class.where(\"my_f() > 1\").to_a\n  end",
         }) {
      EXPECT_TRUE(HasDestructive(kRuby, Model(head, body))) << Model(head, body);
    }
  }
}

TEST(OwnQueriesTest, WhatOnlyReadsIsNoWrite) {
  for (absl::string_view body : {
           "  scope :recent, -> { where(\"created_at > ?\", 1.day.ago).order(:id) }",
           "  def self.a\n    find_by(name: 'x')\n  end",
           "  def self.a(first, count: 2)\n    first + count\n  end",
           "  def self.a\n    first = 1\n    first\n  end",
           // Associations, columns and methods of the record.
           "  belongs_to :order\n  def a\n    order.total\n  end",
       }) {
    const std::string file = Model("class Line < ApplicationRecord", body);
    EXPECT_FALSE(HasDestructive(kRuby, file)) << file;
  }
}

}  // namespace
}  // namespace dbfleet::sql
