# frozen_string_literal: true

module StaticTracing
  module Verifier
    # The instructions that call methods: the part of a {Walk} that decides what may be called.
    # @api private
    module Calls
      include Instructions

      private

      def call(*operands)
        call = operands.select { |one| Hash === one && one.key?(:mid) }.last
        return :lost unless call

        block = operands.last if Array === operands.last
        given = take(arguments_of(call))
        receiver, = take(1)
        put(checked(call, block, receiver, given))
      end

      def call_with_string(_string, *operands)
        put_string
        call(*operands)
      end

      # @return [Value] what the call returns
      def checked(call, block, receiver, given)
        name = call[:mid]
        refusal = shape(call, block)
        return answer(receiver, name, given, call) unless refusal

        refuse(*refusal)
        Value.any
      end

      # @return [Array(String, String), nil] what is wrong with a call whatever its receiver is
      def shape(call, block)
        name = call[:mid]
        flag = call[:flag]
        return made(name) if name.start_with?('core#')
        return ["#{name} { … }", 'a block may be run any number of times'] if block
        return [name.to_s, "it #{FORBIDDEN[name]}"] if FORBIDDEN.key?(name)
        return ["#{name}(&…)", 'it calls to_proc, and a block may be run any number of times'] if
          (flag & BLOCK_ARGUMENT).positive?
        return if (flag & SIMPLE).positive? || (call[:kw_arg] && (flag & SPLAT).zero?)

        ["#{name}(*…)", 'it calls to_a or to_hash of what it splats, or copies it']
      end

      def made(name)
        { 'core#lambda': ['-> { … }', 'it makes a Proc'],
          'core#raise': ['a pattern without else', 'it raises NoMatchingPatternError'] }
          .fetch(name) do
          ["#{name.to_s.delete_prefix('core#')} …",
           'the interpreter does it, and it may outlive the block']
        end
      end

      # @return [Value] what is known of a call's result
      def answer(receiver, name, given, call = {})
        mod = receiver.constant
        allowance = (@allowed["#{Value::Names.described(mod)}.#{name}"] if mod) || @allowed["##{name}"]
        return Value.new(allowance.types) if allowance

        reason = undecided(receiver, name, call)
        answer = reason ? Builtins::Answer.new(nil, reason) : builtin(mod, receiver, name, given)
        refuse(shown(mod, name, receiver), answer.reason) if answer.reason
        result(mod, name, given, answer)
      end

      def undecided(receiver, name, call)
        return "Ruby's builtins take no keywords here" if call[:kw_arg]
        return if receiver.constant || receiver.types

        whose = receiver.equal?(@self) ? "self's" : "#{receiver}'s"
        "#{whose} #{name} may be any method; Verifier.allow('##{name}', bound: '…') claims that it takes constant time"
      end

      def builtin(mod, receiver, name, given)
        mod ? Builtins.call_module(mod, name, given) : Builtins.call(receiver, name, given)
      end

      def result(mod, name, given, answer)
        return Value.any unless answer.types

        type = Value::EXACT[mod] if name == :===
        Value.typed(answer.types, test: ([given.first, type] if type))
      end

      def shown(mod, name, receiver)
        return "#{Value::Names.described(mod)}.#{name}" if mod

        receiver.equal?(@self) || !name.match?(/\A[a-z_]/i) ? name.to_s : ".#{name}"
      end
    end
  end
end
