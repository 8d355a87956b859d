# frozen_string_literal: true

require 'static_tracing/integration'
require 'static_tracing/notifications/event'
require 'static_tracing/notifications/subscriber'
require 'static_tracing/notifications/probes'

module StaticTracing
  # The notifications of ActiveSupport, of which Rails has one for each query, each rendering, and each
  # request, as tracepoints of the provider `rails`: `rails:sql`, `rails:render`,
  # `rails:process_action` and the others in {Notifications::PROBES}.
  #
  #     require 'static_tracing/notifications'
  #     StaticTracing.enable!
  #
  #     # bpftrace -p PID -e 'usdt:*:rails:sql { @us[str(arg2)] = hist(arg1 / 1000); }'
  #
  # Nothing is subscribed while nobody watches; see {Watcher}. {.fire} does the same for an
  # application's own notifications. Every method may be called from any thread of the main Ractor.
  module Notifications
    class << self
      # @return [Boolean] whether ActiveSupport's notifications are loaded
      def there?
        defined?(::ActiveSupport::Notifications) ? true : false
      end

      # Declare the tracepoints of {PROBES}. Requiring the file does this, if ActiveSupport is loaded;
      # a second time does nothing.
      # @return [Boolean] whether ActiveSupport's notifications are loaded; if not, nothing is declared
      def connect
        Integration.once(self) { connect_probes(:rails, PROBES) }
      end

      # Fire a tracepoint for each notification of some names, at the notification's end.
      #
      #     ORDER = StaticTracing::Tracepoint.new(:shop, :order, id: Integer, nanoseconds: Integer)
      #     StaticTracing::Notifications.fire(ORDER, 'order.shop') { |event| [event[:id], event.nanoseconds] }
      #
      #     ActiveSupport::Notifications.instrument('order.shop', id: 7) { … }
      #
      # The names are subscribed to while the tracepoint is watched, and at no other time. What goes
      # wrong in the block is logged once, and never raised into the program.
      #
      # @param tracepoint [Tracepoint]
      # @param names [Array<String, Regexp>] the names of notifications
      # @param verify [Boolean, Symbol, nil] whether the {Verifier} looks at the block, now and while it
      #   is used; one of {Verifier::MODES}. nil: as the tracepoint or {Configuration#verify} says
      # @yieldparam event [Event] valid within the block
      # @yieldreturn [Array, Object] the values to fire, as in {Tracepoint#fire}
      # @return [Watcher::Subscription] its `cancel` ends it
      # @raise [Error] if ActiveSupport isn't loaded
      # @raise [ArgumentError] without a name or a block, or if `verify` is something else
      # @raise [Verifier::RefusedError] if `verify` is true and the block is refused
      def fire(tracepoint, *names, verify: nil, &values)
        raise Error, 'ActiveSupport::Notifications is not loaded; require "active_support" first' unless there?
        raise ArgumentError, "#{tracepoint}: give the name of a notification, as in 'sql.active_record'" if names.empty?
        raise ArgumentError, "#{tracepoint}: give a block that returns the values" unless values

        Verifier.checked_mode(verify) unless verify.nil?
        complete
        subscribe_while_watched(tracepoint, names, Subscriber.new(tracepoint, verify, values))
      end

      # Declare a provider's tracepoints, and watch each.
      # @param probes [Hash{Symbol => Array}] as {PROBES}
      # @api private
      def connect_probes(provider, probes)
        tracepoints = Integration.declare(provider, probes.transform_values { |_, arguments,| arguments })
        probes.each { |name, (names, _, values)| fire(tracepoints.fetch(name), *names, verify: false, &values) }
      end

      private

      # ActiveSupport 6.0 unsubscribes by `try`, and doesn't load it.
      def complete
        require 'active_support/version'
        require 'active_support/core_ext/object/try' if ::ActiveSupport::VERSION::STRING.to_f < 6.1
      end

      # After a fork, what was under way is done again.
      def subscribe_while_watched(tracepoint, names, subscriber)
        subscribed = []
        unsubscribe = lambda do
          ::ActiveSupport::Notifications.unsubscribe(subscribed.pop) until subscribed.empty?
        end
        subscribe = lambda do
          unsubscribe.call
          names.each { |name| subscribed << ::ActiveSupport::Notifications.subscribe(name, subscriber) }
        end
        Watcher.watch([tracepoint], attached: subscribe, detached: unsubscribe)
      end
    end

    Verifier::Builtins.remember_instances(Verifier::Builtins::LATER) if CRUBY
    connect
  end
end
