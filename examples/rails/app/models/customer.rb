# frozen_string_literal: true

# Who orders.
class Customer < ApplicationRecord
  has_many :orders
end
