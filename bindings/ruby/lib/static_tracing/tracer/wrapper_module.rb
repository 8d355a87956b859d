# frozen_string_literal: true

require 'static_tracing/tracer/signature'
require 'static_tracing/tracer/scope'

module StaticTracing
  module Tracer
    # The wrappers of one tracer for one class, which is prepended to that class. A wrapper is code
    # like this, which for `def total(items, tax = 0)` is
    #
    #     def total(items, tax = (__st_no_1 = true; nil))
    #       return(if __st_no_1 then super(items) else super(items, tax) end) unless TRACEPOINT.enabled?
    #       watched = WATCHED
    #       return(watched.call(self, …)) if watched.former?
    #       call = watched.start(self, [items, *(__st_no_1 ? nil : [tax])], nil)
    #       return(if __st_no_1 …) unless call
    #       begin
    #         call.result = (if __st_no_1 …)
    #       rescue *(call.exception = $!; NONE)
    #       ensure
    #         watched.finish(call)
    #       end
    #     end
    #
    # The `rescue` sees every exception and rescues none, so that its backtrace stays what it is and
    # nobody who follows exceptions sees it twice. TRACEPOINT and WATCHED are in its {Scope}.
    # @api private
    class WrapperModule < Module
      # A name that `def` takes.
      PLAIN = /\A[A-Za-z_\u{80}-\u{10ffff}][A-Za-z0-9_\u{80}-\u{10ffff}]*[!?=]?\z/.freeze

      # What backtraces call a wrapper's file. Ruby hides such frames from `warn(uplevel:)`, and
      # newer ones from backtraces.
      FILE = '<internal:static_tracing>'

      # When a tracer fires => what a wrapper does while somebody watches.
      MOMENTS = {
        call: <<~CODE,
          __st_watched.fire(__st_watched.start(self, %<arguments>s, %<keywords>s))
          %<super>s
        CODE
        return: <<~CODE,
          __st_call = __st_watched.start(self, %<arguments>s, %<keywords>s)
          %<leave>s(%<super>s) unless __st_call
          begin
            __st_call.result = (%<super>s)
          rescue *(__st_call.exception = $!; ::StaticTracing::Tracer::Scope::NONE)
          ensure
            __st_watched.finish(__st_call)
          end
        CODE
        # What a {Base.meter} measures.
        time: <<~CODE
          __st_start = __st_watched.start
          %<leave>s(%<super>s) unless __st_start
          begin
            %<super>s
          ensure
            __st_watched.finish(__st_start)
          end
        CODE
      }.freeze

      # What {Base.set_values} takes.
      CHOICES = %i[call return].freeze

      # @param tracer [Class]
      # @param klass [Module]
      # @param former [WrapperModule, nil] the module that it replaces
      def initialize(tracer, klass, former = nil)
        super()
        @scopes = former ? former.scopes : {}
        @title = "#<#{tracer} of #{Names.described(klass)}>"
      end

      # @return [String]
      def inspect
        @title
      end
      alias to_s inspect

      # @param name [Symbol]
      # @param visibility [Symbol]
      # @param parameters [Array, nil] those of the method, as of Method#parameters; nil: whatever
      #   they are, now and later
      # @param tracer [Class]
      # @param tracepoint [Tracepoint]
      # @param known [Array] the parameters that the method has now, even if it is only inherited
      # @return [void]
      def wrap(name, visibility, parameters, tracer, tracepoint, known)
        unwrap(name)
        if tracer.wrapping_function
          define_method(name, &tracer.wrapping_function)
          ruby2_keywords(name) if rest_alone?(tracer.wrapping_function.parameters)
        else
          evaluate(name, parameters, tracer, tracepoint, known)
        end
        send(visibility, name)
      rescue Exception
        unwrap(name)
        raise
      end

      # @param name [Symbol]
      # @return [void]
      def unwrap(name)
        return unless method_defined?(name, false) || private_method_defined?(name, false)

        @scopes[name].close if @scopes.key?(name)
        Classes.quietly { remove_method(name) }
      end

      # A removed wrapper that is still called calls this method from now on.
      #
      # @param name [Symbol]
      # @param method [UnboundMethod]
      # @return [void]
      def retire(name, method)
        unwrap(name)
        @scopes.delete(name)&.retire(method)
      end

      # @param method [UnboundMethod]
      # @return [Boolean] whether it is a wrapper that is there now, perhaps by another name
      def current?(method)
        scope = @scopes[method.original_name]
        scope && method.source_location == [FILE, scope.number]
      end

      protected

      # @return [Hash{Symbol => Scope}]
      attr_reader :scopes

      private

      def evaluate(name, parameters, tracer, tracepoint, known)
        signature = (parameters && Signature.mirror(parameters)) || Signature.any
        scope = @scopes[name] ||= Scope.new(name)
        scope.open(tracer, tracepoint, known)
        code = code(name, signature, tracer.meter ? :time : tracer.fires_at)
        code = "->(__st_to) { __st_to.module_eval { #{code} } }"
        scope.module_eval(code, FILE, scope.number).call(self)
        ruby2_keywords(name) if signature.ruby2_keywords?
      end

      def code(name, signature, moment)
        plain = plain?(name)
        # In a block, `next` is what `return` is in a method; both are in a lambda.
        leave = plain ? 'return' : 'next'
        given = { super: signature.passing_on(block: !plain), arguments: signature.arguments,
                  keywords: signature.keywords, block: signature.block(block: !plain), leave: leave }
        head = plain ? "def #{name}(" : 'define_method(NAME) do |'
        head += signature.declaration(block: !plain) + (plain ? ')' : '|')
        format(<<~CODE, head: head, watched: format(MOMENTS.fetch(moment), given), **given)
          %<head>s
          %<leave>s(%<super>s) unless TRACEPOINT.enabled?
          __st_watched = WATCHED
          %<leave>s(__st_watched.call(self, %<arguments>s, %<keywords>s, %<block>s)) if __st_watched.former?
          %<watched>s
          end
        CODE
      end

      def plain?(name)
        return true if Names::OPERATORS.key?(name.to_s)

        Names.utf8?(name) && PLAIN.match?(name)
      end

      def rest_alone?(parameters)
        kinds = parameters.map(&:first)
        kinds.include?(:rest) && (kinds & %i[key keyreq keyrest nokey]).empty?
      end
    end
  end
end
