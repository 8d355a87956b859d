# frozen_string_literal: true

require 'static_tracing/configuration/toggle'
require 'static_tracing/reports'

module StaticTracing
  # When tracing is enabled, and whether mistakes raise or are logged.
  #
  #     StaticTracing.configure do |config|
  #       config.mode = 'SIGNAL'
  #       config.signal = 'USR2'
  #       config.add_tracer Rows
  #       config.on_error = :log
  #     end
  #
  # By default, the mode is `OFF`, and no signal is handled. It may be used from any thread of the
  # main Ractor, but not in a signal's handler. A forked child has its parent's configuration, the
  # signal's handler included.
  class Configuration
    # The mode, signal, backing, tracer or `on_error` is unknown.
    class InvalidValueError < Error; end

    # What {#mode} can be.
    module Modes
      # Tracing is enabled.
      ON = 'ON'
      # Tracing is disabled, unless StaticTracing.enable! is called.
      OFF = 'OFF'
      # Each signal enables tracing if it is disabled, and disables it if it is enabled.
      SIGNAL = 'SIGNAL'

      # Tracing is enabled, and methods are wrapped only while somebody watches them.
      AUTO = 'AUTO'

      # All of them.
      ALL = [ON, OFF, SIGNAL, AUTO].freeze

      # What {Configuration#signal} was called in this gem's predecessor.
      module SIGNALS
        # The default.
        SIGPROF = 'PROF'
      end
    end

    # What {#on_error} can be => whether errors of values, and of blocks, are raised.
    ON_ERROR = { raise: [true, true], raise_values: [true, false], log: [false, false] }.freeze

    # What {#backing} can be.
    BACKING = %r{\A(?:auto|memfd|file(?::/[^\0]*)?)\z}n.freeze

    @instance_lock = Reports::Lock.new

    class << self
      # @return [Configuration] the only one there is
      def instance
        @instance_lock.synchronize { @instance ||= new }
      end

      # @!method mode
      #   @return [String] see {Configuration#mode}
      # @!method mode=(mode)
      #   @return [void] see {Configuration#mode=}
      # @!method signal
      #   @return [String] see {Configuration#signal}
      # @!method signal=(signal)
      #   @return [void] see {Configuration#signal=}
      # @!method on_error
      #   @return [Symbol] see {Configuration#on_error}
      # @!method on_error=(what)
      #   @return [void] see {Configuration#on_error=}
      # @!method backing
      #   @return [String] see {Configuration#backing}
      # @!method backing=(backing)
      #   @return [void] see {Configuration#backing=}
      # @!method interval
      #   @return [Float, Integer] see {Configuration#interval}
      # @!method interval=(seconds)
      #   @return [void] see {Configuration#interval=}
      # @!method watcher_thread
      #   @return [Boolean] see {Configuration#watcher_thread}
      # @!method watcher_thread=(allowed)
      #   @return [void] see {Configuration#watcher_thread=}
      # @!method verify
      #   @return [Boolean, Symbol] see {Configuration#verify}
      # @!method verify=(mode)
      #   @return [void] see {Configuration#verify=}
      # @!method add_tracer(tracer)
      #   @return [void] see {Configuration#add_tracer}
      # @!method configure
      #   @return [Configuration] see {Configuration#configure}
      %i[mode mode= signal signal= on_error on_error= backing backing= interval interval= watcher_thread
         watcher_thread= verify verify= add_tracer configure].each do |name|
        define_method(name) { |*values, &block| instance.public_send(name, *values, &block) }
      end

      private :new
    end

    # @return [String] one of {Modes}; `OFF` until it is set
    attr_reader :mode

    # @return [String] the name of the signal of mode `SIGNAL`, without `SIG`; `PROF` until it is set
    attr_reader :signal

    # @return [Symbol] `:raise_values` until it is set
    attr_reader :on_error

    # @return [String] `auto` until it is set
    attr_reader :backing

    # @return [Float, Integer] see {Watcher.interval}
    def interval
      Watcher.interval
    end

    # @param seconds [Numeric] see {Watcher.interval=}
    # @return [void]
    # @raise [InvalidValueError] if it isn't a number greater than 0
    def interval=(seconds)
      Watcher.interval = seconds
    rescue ArgumentError => e
      raise InvalidValueError, e.message
    end

    # @return [Boolean] see {Watcher.thread}
    def watcher_thread
      Watcher.thread
    end

    # @param allowed [Boolean] see {Watcher.thread=}
    # @return [void]
    def watcher_thread=(allowed)
      Watcher.thread = allowed
    end

    # @return [Boolean, Symbol] false until it is set
    def verify
      Verifier.default
    end

    # @api private
    def initialize
      @lock = Reports::Lock.new
      @mode = Modes::OFF
      @signal = Modes::SIGNALS::SIGPROF
      @on_error = :raise_values
      @backing = 'auto'
      @waiting = nil
      @configuring = nil
    end

    # Set several values at once: mode and signal take effect together, at the block's end. If the
    # block raises, or if they can't take effect, they keep their old values.
    #
    # @yieldparam configuration [Configuration] self
    # @return [Configuration] self
    # @raise [InvalidValueError] if a value is unknown
    def configure
      @lock.synchronize do
        next yield(self) && self if configuring? # within a block of the same kind

        unless_it_raises { collect { yield self } }
      end
      self
    end

    # Set when tracing is enabled. `ON` enables it, `OFF` disables it; `SIGNAL` changes nothing until
    # the signal comes, and then each signal switches it. Unix merges signals that come while the same
    # signal is pending.
    #
    # `AUTO` enables tracing, too, but the methods of tracers stay as they are until a tool attaches to
    # their tracepoints: the {Watcher} notices that within {#interval}, and they are wrapped while the
    # tool stays. So an unwatched method costs nothing more, and nothing about it differs.
    #
    # The program's own handler is called on each signal (if it is a block), and is restored when the
    # mode is left. If there was none, and the signal's default is to end the process, a handler that
    # does nothing stays, because somebody may still send the signal. If the program has set another
    # handler since, that stays.
    #
    # @param mode [String, Symbol] one of {Modes}
    # @return [void]
    # @raise [InvalidValueError] if it is something else
    def mode=(mode)
      name = Shown.word(mode).upcase
      unless Modes::ALL.include?(name)
        raise InvalidValueError, "mode can't be #{Shown.value(mode)}; it can be #{Shown.choice(Modes::ALL)}"
      end

      set(:mode) { @mode = name }
    end

    # Set the signal of mode `SIGNAL`. In that mode, it takes effect at once.
    #
    # @param signal [String, Symbol, Integer] as in `USR2`, `SIGUSR2` or 12
    # @return [void]
    # @raise [InvalidValueError] if it is unknown or not allowed: KILL and STOP can't be handled, Ruby
    #   needs ILL, FPE, SEGV, BUS and VTALRM itself, and people and service managers end programs by
    #   INT, TERM and QUIT
    def signal=(signal)
      name = Toggle.name_of(signal)
      set(:signal) { @signal = name }
    end

    # Set what happens when values don't fit the declaration.
    #
    # - `:raise_values`, the default: wrong values that are given to `fire` raise, watched or not, so
    #   that tests find them. A block runs only while somebody watches: wrong values that it returns,
    #   and a StandardError that it raises, are logged, and `fire` returns false.
    # - `:log`: all mistakes are logged, for production.
    # - `:raise`: all mistakes raise.
    #
    # A mistake is logged once for each tracepoint.
    #
    # @param what [Symbol, String] one of these
    # @return [void]
    # @raise [InvalidValueError] if it is something else
    def on_error=(what)
      name = Shown.word(what).to_sym
      raising = ON_ERROR.fetch(name) do
        raise InvalidValueError,
              "on_error can't be #{Shown.value(what)}; it can be #{Shown.choice(ON_ERROR.keys.map(&:inspect))}"
      end
      Native.errors_raise(*raising)
      @on_error = name
    end

    # Set where tracers find the tracepoints of providers that are loaded from now on.
    #
    # - `auto`, the default: in memory, with nothing on disk, or else in a file.
    # - `memfd`: in memory. perf can't watch it, and bpftrace from 0.25 on needs its path.
    # - `file`: in a file in `$XDG_RUNTIME_DIR`, `$TMPDIR` or `/tmp`, which is removed when the
    #   program ends. Every tracer finds it by process id. `file:DIRECTORY` names the directory, whose
    #   file system must not be mounted `noexec`.
    #
    # `RST_BACKING` in the environment overrides it.
    #
    # @param backing [String, Symbol] one of these
    # @return [void]
    # @raise [InvalidValueError] if it is something else
    def backing=(backing)
      unless BACKING.match?(Shown.bytes(backing))
        raise InvalidValueError, "backing can't be #{Shown.value(backing)}; it can be auto, memfd, file, " \
                                 'or file:DIRECTORY with an absolute path'
      end

      @backing = (Symbol === backing ? backing.to_s : ::String.new(backing)).freeze
    end

    # Set whether blocks that gather values are verified before they run, where nothing else is said:
    # the blocks of {Tracepoint#fire} and of {Tracer::Base.set_values}.
    #
    # - `false`, the default: they aren't.
    # - `:warn`: what is wrong with one is logged, once, and it runs.
    # - `true`: one with which something is wrong doesn't run. See {Verifier} for what passes.
    #
    # @param mode [Boolean, Symbol] one of these
    # @return [void]
    # @raise [InvalidValueError] if it is something else
    def verify=(mode)
      Verifier.default = Verifier.checked_mode(mode)
    rescue ArgumentError => e
      raise InvalidValueError, e.message
    end

    # Enable and disable a tracer with everything else, even before it has a method.
    #
    # @param tracer [Class] a subclass of {Tracer::Base}
    # @return [void]
    # @raise [InvalidValueError] if it isn't one
    def add_tracer(tracer)
      unless Class === tracer && tracer < Tracer::Base
        raise InvalidValueError, "add_tracer: #{Shown.value(tracer)} is not a subclass of #{Tracer::Base}"
      end

      Tracer.add(tracer)
      nil
    end

    private

    def set(what)
      @lock.synchronize do
        if configuring?
          yield
          @waiting |= [what]
        else
          unless_it_raises do
            yield
            take_effect([what])
          end
        end
      end
    end

    # What is set in the block takes effect at its end, however it is left, unless it raises.
    def collect
      @waiting = []
      @configuring = [Process.pid, Thread.current]
      yield
    rescue Exception
      @waiting = []
      raise
    ensure
      changes = @waiting
      @waiting = @configuring = nil
      take_effect(changes) unless changes.empty?
    end

    # If something raises, mode and signal get their old values back.
    def unless_it_raises
      before = [@mode, @signal]
      yield
    rescue Exception
      @mode, @signal = before
      toggle
      Tracer::Auto.on = @mode == Modes::AUTO
      raise
    end

    def toggle
      Toggle.use(@mode == Modes::SIGNAL ? @signal : nil)
    end

    # Whether this thread is in a block of #configure. In a child that was forked while another
    # thread was, that block never ends.
    def configuring?
      @configuring == [Process.pid, Thread.current]
    end

    def take_effect(changes)
      toggle
      return unless changes.include?(:mode)

      StaticTracing.disable! if @mode == Modes::OFF
      Tracer::Auto.on = @mode == Modes::AUTO
      StaticTracing.enable! if [Modes::ON, Modes::AUTO].include?(@mode)
    end
  end
end
