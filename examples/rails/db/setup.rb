# frozen_string_literal: true

# A new database each time, with something in it.
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table :customers, force: true do |table|
    table.string :name, null: false
  end
  create_table :orders, force: true do |table|
    table.references :customer, null: false
    table.integer :cents, null: false
  end
end

customers = %w[Ada Grace Barbara].map { |name| Customer.create!(name: name) }
12.times { |number| Order.create!(customer: customers[number % 3], cents: 100 * number) }
ActiveRecord::Base.connection_handler.clear_all_connections! # a forked worker has its own
