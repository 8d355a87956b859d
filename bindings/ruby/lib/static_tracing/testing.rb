# frozen_string_literal: true

module StaticTracing
  # Records what is fired, without a tracer: for an application's own tests. (A tracepoint is frozen,
  # so that it can't be stubbed.)
  #
  #     fires = StaticTracing::Testing.record { cart.checkout }
  #     assert_equal ['shop:checkout(7, "Ada")'], fires.map(&:to_s)
  #     assert_equal({ 'order' => 7, 'customer' => 'Ada' }, fires.first.to_h)
  #
  # Meanwhile every tracepoint is watched: {Tracepoint#enabled?} is true, `fire` returns true, and
  # blocks run. It needs no privilege, no librst, and no {StaticTracing.enable!}; only {Tracer}s wrap
  # their methods when they are enabled. In mode `AUTO` they wrap them for the recording, as for a tool
  # that watches, and notifications of frameworks are subscribed to. A block's mistakes are logged, as always; with
  # {Configuration#on_error=} `:raise`, tests see them. Fires of all threads of the main Ractor are
  # recorded, and reach a tracer as well, if there is one.
  module Testing
    # A fire.
    class Fire
      # @return [Tracepoint]
      attr_reader :tracepoint

      # @return [Array] its values, as they were when it was fired
      attr_reader :values

      # @api private
      def initialize(tracepoint, values)
        @tracepoint = tracepoint
        @values = values
        freeze
      end

      # @return [String] as in `shop:checkout`
      def name
        "#{tracepoint.provider_name}:#{tracepoint.name}"
      end

      # @return [Hash{String, Integer => Object}] its values by their names; by their number, if they
      #   have none
      def to_h
        tracepoint.arg_names.each_with_index.map { |name, at| [name || at, values[at]] }.to_h
      end

      # @return [String] as in `shop:checkout(7, "Ada")`
      def to_s
        "#{name}(#{values.map(&:inspect).join(', ')})"
      end
    end

    @lock = Reports::Lock.new
    @recordings = []

    class << self
      # Record what is fired while the block runs.
      #
      # @param names [Array<String>] only these tracepoints, as in `shop:checkout`, or all of a provider,
      #   as in `shop`; none: every one
      # @yield what fires
      # @return [Array<Fire>] in the order in which they were fired
      # @raise [Tracepoint::TracepointMissingError, Provider::ProviderMissingError] if there is no
      #   such tracepoint or provider, so that a misspelt name doesn't make a test pass
      def record(*names)
        fires = []
        chosen = names.empty? ? nil : names.flatten.map { |name| checked(name.to_s) }
        start(recording = [chosen, fires])
        yield
        fires.dup
      ensure
        stop(recording) if recording
      end

      # @return [Boolean] whether something records
      def recording?
        !@recordings.empty?
      end

      # What {Tracepoint#fire} calls.
      # @api private
      def add(tracepoint, values)
        fire = nil
        @recordings.each do |chosen, fires|
          next unless chosen.nil? || chosen.include?(tracepoint.provider_name) ||
                      chosen.include?("#{tracepoint.provider_name}:#{tracepoint.name}")

          fires << (fire ||= Fire.new(tracepoint, values.map { |value| kept(value) }.freeze))
        end
      end

      private

      def checked(name)
        provider, tracepoint = name.split(':', 2)
        tracepoint ? Tracepoint.fetch(provider, tracepoint) : Provider.fetch(provider)
        name
      end

      # A String may change after it was fired.
      def kept(value)
        String === value ? ::String.new(value).freeze : value
      end

      # The Array is a new one each time, because a fire reads it without a lock.
      def start(recording)
        change { @recordings += [recording] }
      end

      def stop(recording)
        change { @recordings = @recordings.reject { |one| one.equal?(recording) } }
      end

      def change
        @lock.whole do
          yield
          Native.recording = recording?
          Provider.all.each_value do |provider|
            provider.tracepoints.each_value { |tracepoint| tracepoint.send(:rebind) }
          end
        end
        Watcher.settle
      end
    end
  end
end
