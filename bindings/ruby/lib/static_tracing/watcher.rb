# frozen_string_literal: true

require 'static_tracing/engine'
require 'static_tracing/ractors'
require 'static_tracing/reports'
require 'static_tracing/watcher/pause'
require 'static_tracing/watcher/subscription'

module StaticTracing
  # Notices that a tracer attaches or detaches, so that what costs time is there only while somebody
  # watches.
  #
  #     StaticTracing::Watcher.watch([CHECKOUT], attached: -> { subscribe }, detached: -> { unsubscribe })
  #
  # The kernel tells nobody that it has counted a tracer in or out. So a thread looks at all
  # semaphores, in one call, every {.interval} seconds. It starts with the first {.watch}, in a forked
  # child again, and ends with the last {Subscription#cancel}. Where no thread is allowed, set
  # {.thread=} to false, and call {.check} or {.safe_point} between two pieces of the program's work.
  #
  # Everything here may be called from any thread of the main Ractor, but not in a signal's handler.
  module Watcher
    # The default of {.interval}.
    INTERVAL = 0.5

    # What `Thread#name` says of the thread.
    NAME = 'static_tracing watcher'

    @lock = Reports::Lock.new
    @subscriptions = []
    @groups = []
    @known = +''.b
    @interval = INTERVAL
    @allowed = true
    @worker = nil
    @looked = 0
    @pause = nil

    class << self
      # @return [Float, Integer] how many seconds pass between two looks
      attr_reader :interval

      # Be told when tracepoints are watched, and when no longer.
      #
      # What is watched already is told by the next look. The callbacks run in the thread that looks,
      # one at a time for each subscription. A StandardError of theirs is logged, once for each
      # subscription, and changes nothing: after `attached` comes `detached`, whatever `attached`
      # raised. A call that a fork has interrupted is made again in the child.
      #
      # @param tracepoints [Array<Tracepoint>]
      # @param attached [#call] is called without arguments when the first of them is watched
      # @param detached [#call] is called without arguments when the last of them is watched no longer
      # @return [Subscription]
      # @raise [ArgumentError] if these aren't tracepoints, or if something can't be called
      def watch(tracepoints, attached:, detached:)
        subscription = Subscription.new(tracepoints, attached, detached)
        @lock.synchronize do
          change(@subscriptions + [subscription])
          start
        end
        subscription
      end

      # Set how many seconds pass between two looks. It takes effect at once.
      #
      # @param seconds [Numeric] more than 0
      # @return [void]
      # @raise [ArgumentError] if it is something else
      def interval=(seconds)
        unless (Integer === seconds || Float === seconds) && seconds.positive? && seconds.to_f.finite?
          raise ArgumentError, "the interval must be a number of seconds greater than 0, not #{Shown.value(seconds)}"
        end

        @interval = seconds
        @pause&.poke
      end

      # @return [Boolean] whether a thread may look
      def thread
        @allowed
      end

      # Say whether a thread may look. It starts, or ends, at once; a look that it has begun is finished.
      # @param allowed [Boolean]
      # @return [void]
      def thread=(allowed)
        @lock.synchronize do
          @allowed = allowed ? true : false
          @allowed ? start : stop
        end
      end

      # Look now, and call who is to be told. What another thread is just telling isn't waited for.
      # @return [Boolean] whether somebody was told something
      def check
        return false unless Ractors.main?

        @looked = now
        subscriptions, changed = @lock.synchronize { [@subscriptions, Native.changed(@groups, @known)] }
        return false unless changed

        changed.map { |index| subscriptions[index] }.map { |one| one.update { refresh } }.any?
      end

      # {.check}, and wait until everybody was told, by whatever thread.
      # @return [void]
      # @api private
      def settle
        return unless Ractors.main?

        loop do
          subscriptions, changed = @lock.synchronize { [@subscriptions, Native.changed(@groups, @known)] }
          others = (changed || []).map { |index| subscriptions[index] }.reject(&:telling_here?)
          break if others.empty?

          others.each { |one| one.update { refresh } }
          Thread.pass
        end
      end

      # For places between two pieces of work, as the end of a request is: {.check}, unless the thread
      # does it, or the last look was less than {.interval} ago.
      # @return [Boolean] as of {.check}
      def safe_point
        return false if @allowed || @groups.empty? || now - @looked < @interval

        check
      end

      # @param subscription [Subscription]
      # @return [void]
      # @api private
      def forget(subscription)
        @lock.synchronize do
          change(@subscriptions - [subscription])
          stop if @subscriptions.empty?
        end
      end

      private

      # What was told is known.
      def refresh
        @lock.synchronize { change(@subscriptions) }
      end

      # New arrays, because a look may be using the old ones.
      def change(subscriptions)
        @subscriptions = subscriptions
        @groups = subscriptions.map(&:tracepoints)
        @known = subscriptions.map { |one| one.attached? ? 1 : 0 }.pack('C*')
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end

      # A thread begins with the mask of the one that makes it, which may let nothing through, not even
      # the end of the process.
      def start
        return if @worker&.alive? || !@allowed || @subscriptions.empty? || !CRUBY

        pause = @pause = Pause.new
        @worker = Thread.new { Thread.handle_interrupt(Object => :immediate) { look_on(pause) } }
        @worker.name = NAME
        @worker.report_on_exception = false
        @worker.thread_variable_set(:fork_safe, true) # Puma warns of other threads before it forks
      rescue ThreadError => e
        Reports.once(NAME, e)
      end

      def stop
        @pause&.stop
        @pause = @worker = nil
      end

      def look_on(pause)
        until pause.over?
          check
          pause.wait(@interval)
        end
      end

      # In a child that was forked; no lock may be taken here.
      def forked
        return unless @worker

        @worker = nil
        start
      end
    end

    Native.on_fork { forked }
  end
end
