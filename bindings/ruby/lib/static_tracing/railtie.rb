# frozen_string_literal: true

require 'rails/railtie'
require 'static_tracing/rack'

module StaticTracing
  # Gives a Rails application its tracepoints, when its initializers have run, as
  # `config.static_tracing` says; docs/rails.md has its settings.
  # @api private
  class Railtie < ::Rails::Railtie
    # The parts that `config.static_tracing.parts` chooses from => what each requires.
    PARTS = {
      rails: 'notifications', rack: 'rack', active_job: 'active_job', active_record: 'active_record',
      log: 'log_lines', puma: 'puma', sidekiq: 'sidekiq'
    }.transform_values { |name| "static_tracing/#{name}" }.freeze

    # What can be set, and what it is if it isn't.
    SETTINGS = {
      enabled: true, parts: PARTS.keys.freeze, backing: nil, on_error: :log, interval: nil, thread: nil
    }.freeze

    config.static_tracing = ActiveSupport::OrderedOptions.new.merge!(SETTINGS)

    initializer 'static_tracing.middleware', after: :load_config_initializers do |app|
      settings = Railtie.check(app.config.static_tracing)
      app.config.middleware.insert(0, Rack::Middleware) if settings.enabled && settings.parts.include?(:rack)
    end

    config.after_initialize { |app| Railtie.start(app.config.static_tracing, ::Rails.root) }

    generators { require 'generators/static_tracing/install_generator' }

    class << self
      # @param settings [ActiveSupport::OrderedOptions]
      # @return [ActiveSupport::OrderedOptions] the same
      # @raise [Configuration::InvalidValueError] if one is unknown
      def check(settings)
        refuse('config.static_tracing has no', settings.keys - SETTINGS.keys, SETTINGS.keys)
        settings.parts = Array(settings.parts).map(&:to_sym)
        refuse('config.static_tracing.parts can\'t be', settings.parts - PARTS.keys, PARTS.keys)
        settings
      end

      # @param root [Pathname] where the application's own code is
      # @return [void]
      def start(settings, root)
        return unless settings.enabled

        configure(settings)
        Integration::CallSite.root = root
        PARTS.values_at(*settings.parts).each { |part| require part }
        StaticTracing.enable!
      end

      private

      def refuse(complaint, unknown, known)
        return if unknown.empty?

        raise Configuration::InvalidValueError,
              "#{complaint} #{unknown.map(&:inspect).join(', ')}; it can be #{Shown.choice(known.map(&:inspect))}"
      end

      def configure(settings)
        StaticTracing.configure do |configuration|
          configuration.on_error = settings.on_error
          configuration.backing = settings.backing if settings.backing
        end
        Watcher.interval = settings.interval if settings.interval
        Watcher.thread = settings.thread unless settings.thread.nil?
      end
    end
  end
end
