# frozen_string_literal: true

module StaticTracing
  # What stands in for the C parts where they can't be, on JRuby and TruffleRuby: the gem loads, says so
  # in one line of the log, and does nothing. Only values are checked, as everywhere.
  # @api private
  module Elsewhere
    REASON = "#{RUBY_ENGINE} isn't CRuby, whose interface for C the gem needs"

    # Kinds of arguments => what they take; as in values.c.
    INTEGERS = {
      int8: -(2**7)...(2**7), int16: -(2**15)...(2**15), int32: -(2**31)...(2**31), int64: -(2**63)...(2**63),
      uint8: 0...(2**8), uint16: 0...(2**16), uint32: 0...(2**32), uint64: 0...(2**64), pointer: 0...(2**64)
    }.freeze
    CLASSES = { bool: [TrueClass, FalseClass], string: [String], symbol: [Symbol],
                float: [Float, Integer], double: [Float, Integer] }.freeze
    # Kinds that take nil.
    NULLABLE = %i[bool string symbol pointer].freeze
    # The most bits of an Integer that is fired as a Float.
    FLOAT_BITS = 127 * 8

    # The methods that tracepoints have in C.
    module Tracepoint
      def fire(*values, &block)
        return fire_block(&block) if values.empty? && block

        check(values) && enabled? && fired(values)
      end

      def enabled?
        @state[:recorded]
      end
      alias watched? enabled?

      private

      def fire_admitted(&block)
        fire_block(&block)
      end

      def declare(_kinds, _verify)
        @state = { recorded: Native.recording }
      end

      # Only for a provider that was destroyed: without librst, there is no probe.
      def bind(_address)
        @state[:recorded] = false
      end

      def rebind
        @state[:recorded] = Native.recording
      end

      def fired(values)
        record(values)
        true
      end

      def fire_block
        return false unless enabled?

        values = yield
        values = [values] unless Array === values
        values = [] if args.empty?
        check(values, Native.blocks_raise) && fired(values)
      rescue StandardError => e
        raise if Native.blocks_raise

        Reports.once(self, e)
        false
      end

      def check(values, raising = Native.values_raise)
        return refuse(nil, values.size, raising) unless values.size == args.size

        index = values.each_index.find { |at| !Elsewhere.fits?(kinds[at], values[at]) }
        index ? refuse(index, values[index], raising) : true
      end

      def refuse(index, value, raising)
        raise wrong(index, value) if raising

        report_wrong(index, value)
        false
      end
    end

    # Tracers check what they are given to register, and wrap nothing.
    module Tracer
      def register(klass, *method_names, **)
        names = method_names.flatten
        raise StaticTracing::Tracer::Base::RegistrationError, "#{inspect}.register needs the name of a method" if
          names.empty?

        check(klass)
        names.each { |name| find(klass, name) }
        join
      end

      def register_all(klass, **)
        check(klass)
        join
      end

      def enable!
        @enabled = true
        nil
      end

      def disable!
        @enabled = false
        nil
      end

      def registered
        {}
      end
    end

    # When the gem is loaded.
    def self.take_over
      StaticTracing::Tracer::Base.singleton_class.prepend(Tracer)
    end

    def self.fits?(kind, value)
      return NULLABLE.include?(kind) if value.nil?
      return Integer === value && INTEGERS[kind].cover?(value) if INTEGERS.key?(kind)

      CLASSES.fetch(kind).any? { |klass| klass === value } && !(Integer === value && value.bit_length > FLOAT_BITS)
    end
  end

  # What native.c keeps.
  # @api private
  module Native
    @values_raise = true
    @blocks_raise = @recording = false

    class << self
      attr_reader :values_raise, :blocks_raise
      attr_accessor :recording
      attr_writer :verify_blocks

      # Nothing is watched but while fires are recorded.
      def changed(groups, known)
        found = groups.each_index.reject { |index| groups[index].any?(&:enabled?) == (known.getbyte(index) == 1) }
        found unless found.empty?
      end

      # No Ruby that comes here can fork.
      def on_fork; end

      def errors_raise(values, blocks)
        @values_raise = values
        @blocks_raise = blocks
      end
    end
  end

  class Tracepoint
    include Elsewhere::Tracepoint
  end

  module Tracer
    # Nothing is wrapped, so that nothing has to be noticed.
    # @api private
    module VisibilityHooks
    end
  end
end
