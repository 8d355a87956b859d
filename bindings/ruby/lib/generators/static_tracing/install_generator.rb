# frozen_string_literal: true

require 'rails/generators/base'

module StaticTracing
  # Generators of a Rails application.
  # @api private
  module Generators
    # `rails generate static_tracing:install` writes config/initializers/static_tracing.rb.
    # @api private
    class InstallGenerator < ::Rails::Generators::Base
      desc 'Writes config/initializers/static_tracing.rb, with every setting and what it is by default.'

      INITIALIZER = <<~RUBY
        # frozen_string_literal: true

        # Tracepoints for bpftrace, gdb, perf and other tools. While nobody watches, nothing is subscribed.
        Rails.application.configure do
          # Whether tracers can find the tracepoints.
          config.static_tracing.enabled = true

          # What has tracepoints, of what the application uses.
          config.static_tracing.parts = %i[rails rack active_job active_record log puma sidekiq]

          # Where tracers find them: 'auto' (in memory), 'file', or 'file:DIRECTORY'. With 'file', every version of
          # bpftrace finds them by process id. RST_BACKING in the environment overrides it.
          config.static_tracing.backing = 'file'

          # What happens if values don't fit a tracepoint: :log, :raise_values, or :raise.
          config.static_tracing.on_error = Rails.env.production? ? :log : :raise_values

          # How often it is looked whether somebody watches, in seconds.
          # config.static_tracing.interval = 0.5

          # false: no thread looks, but each request and each job does when it begins.
          # config.static_tracing.thread = true
        end
      RUBY

      def write_initializer
        create_file 'config/initializers/static_tracing.rb', INITIALIZER
      end
    end
  end
end
