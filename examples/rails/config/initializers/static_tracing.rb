# frozen_string_literal: true

# As `rails generate static_tracing:install` writes it, without what is the same by default.
Rails.application.configure do
  config.static_tracing.backing = 'file' unless ENV['SHOP_WITHOUT_TRACING']
end
