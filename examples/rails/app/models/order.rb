# frozen_string_literal: true

# What was ordered.
class Order < ApplicationRecord
  belongs_to :customer

  # The sum is looked up once a second, and is in the cache meanwhile.
  def self.turnover
    Rails.cache.fetch('turnover', expires_in: 1.second) { sum(:cents) }
  end

  # A query that takes its time.
  def self.slow_report
    connection.select_value(<<~SQL)
      WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < 20000)
      SELECT sum(n) FROM count
    SQL
  end
end
