# frozen_string_literal: true

module StaticTracing
  module Verifier
    # Follows a block's instructions once, in their order, on values of which only the types are known:
    # every branch leads forward, so that each instruction is seen after all that can come before it,
    # and the block is as short as its code.
    # @api private
    class Walk
      include Instructions
      include Operands
      include Calls

      # What is known at an instruction: the values on the stack, and those of the local variables.
      State = Struct.new(:stack, :locals) do
        def copy
          State.new(stack.dup, locals.dup)
        end

        # Replace a value wherever it is.
        def replace(value, other)
          return if value.equal?(other)

          stack.map! { |one| one.equal?(value) ? other : one }
          locals.transform_values! { |one| one.equal?(value) ? other : one }
        end

        def merge(other)
          stack.map!.with_index { |one, at| one.or(other.stack[at] || Value.any) }
          locals.merge!(other.locals) { |_, one, two| one.or(two) }
        end
      end

      # The most instructions of a block.
      LONGEST = 2000

      # @param block [Proc]
      # @param code [Code]
      # @param arguments [Array<Symbol>] the types of its first parameters
      # @param allowed [Hash{String => Allowance}]
      def initialize(block, code, arguments, allowed)
        @block = block
        @code = code
        @allowed = allowed
        @constants = Constants.new(block)
        @labels = code.labels
        @state = State.new([], first_locals(arguments))
        @self = Value.any
        @unfound = Value.any
        @coming = {}
        @refusals = []
        @assignments = -1
      end

      # @return [Array<Refusal>]
      def refusals
        @line = @code.line
        @code.clauses.each do |kind, line|
          refuse("#{kind} …", 'such a clause may keep a timeout from ending the block, and hide errors', line: line)
        end
        enter_at_defaults
        follow if short? && plain?
        @refusals.uniq(&:to_s)
      end

      private

      def refuse(construct, reason, line: @line)
        @refusals << Refusal.new(@code.path, line, construct, reason)
      end

      def short?
        count = @code.body.count { |one| Array === one }
        return true if count <= LONGEST

        refuse('the block', "it has #{count} instructions; at most #{LONGEST} are allowed")
      end

      # Where refinements are used, nobody knows which method a name means.
      def plain?
        used = @block.binding.eval('::Module.used_modules')
        return true if used.empty?

        refuse('using', "refinements are in use (#{used.join(', ')}): which method a name means can't be told")
      rescue ArgumentError
        refuse('the block', 'it has no binding, so that what it refers to can\'t be told')
      end

      def first_locals(arguments)
        lead = @code.parameters.fetch(:lead_num, 0)
        (0...@code.locals).map do |number|
          type = arguments[number] if number < lead
          [@code.index(number), type ? Value.typed(type) : Value.any]
        end.to_h
      end

      # A block with optional parameters begins at the first default that is needed.
      def enter_at_defaults
        Array(@code.parameters[:opt]).drop(1).each { |label| arrive(label, @state) }
      end

      def follow
        @code.body.each_with_index do |one, at|
          @at = at
          case one
          when Integer then @line = one
          when Symbol then pass(one)
          when Array
            @assignments += 1 if one.first.start_with?('setlocal')
            return lost(one.first) if @state && step(*one) == :lost
          end
        end
      end

      def lost(name)
        refuse(name.to_s, 'this verifier doesn\'t know this instruction')
      end

      # At a label, what is known is what all that lead here have in common.
      def pass(label)
        coming = @coming.delete(label)
        return unless coming

        @state ? @state.merge(coming) : @state = coming
      end

      # @param state [State] with which the label is reached
      def arrive(label, state)
        return refuse('a loop', LOOP) if @labels.fetch(label) <= (@at || -1)

        known = @coming[label]
        known ? known.merge(state.copy) : @coming[label] = state.copy
      end

      def step(name, *operands)
        name = name.to_s.delete_prefix('trace_').to_sym
        handler = FOLLOWED[name]
        return send(handler, *operands) if handler
        return move(MOVES[name], operands) if MOVES[name]
        return refused(REFUSED[name], operands) if REFUSED[name]

        :lost
      end

      def move((taken, left), operands)
        taken = operands.first if taken == :n
        take(taken)
        put(Value.any) if left == 1
      end

      def refused((taken, left, shown, reason), operands)
        refuse(format(shown, operands.first), reason)
        take(how_many(taken, operands))
        left.times { put(Value.any) }
      end

      def how_many(taken, operands)
        case taken
        when :first then operands[0]
        when :first_and_one then operands[0] + 1
        when :second then operands[1]
        when :third then operands[2].to_i
        when :arguments then arguments_of(operands[0])
        when :call then arguments_of(operands.find { |one| Hash === one }) + 1
        else taken
        end
      end

      def arguments_of(call)
        call[:orig_argc] + call[:kw_arg].to_a.size + ((call[:flag] & BLOCK_ARGUMENT).zero? ? 0 : 1)
      end

      def jump(label)
        arrive(label, @state)
        @state = nil
      end

      def leave
        @state = nil
      end

      def throw_out(kind)
        refuse(THROWS.fetch(kind & THROW_MASK, 'throw'), 'it leaves the block for what is around it')
        @state = nil
      end

      def branch_if(label)
        branch(label, take(1).first, true)
      end

      def branch_unless(label)
        branch(label, take(1).first, false)
      end

      def branch(label, value, holds)
        there = @state.copy
        arrive(label, there) if learn(there, value, holds)
        @state = nil unless learn(@state, value, !holds)
      end

      # @return [Boolean] whether it can be so. Code that would be left out by what an application claims
      #   of a method is looked at all the same
      def learn(state, value, holds)
        state.replace(value, value.truthy(holds))
        return true unless value.test

        tested, type, sure = value.test
        narrowed = tested.narrowed(type, holds)
        state.replace(tested, narrowed) if narrowed
        !(narrowed.nil? && sure)
      end

      def branch_nil(label)
        value, = take(1)
        there = @state.copy
        [[there, true], [@state, false]].each do |state, holds|
          narrowed = value.narrowed(:nil, holds)
          state.replace(value, narrowed) if narrowed
        end
        arrive(label, there)
      end

      def dispatch(table, other)
        take(1)
        [*table.each_slice(2).map(&:last), other].uniq.each { |label| arrive(label, @state) }
      end

      # `in` and `rescue` with a pattern, and `when *…`.
      def check_match(flag)
        pattern, value = take(2).reverse
        return put(answer(pattern, :===, [value])) if (flag & 4).zero?

        refuse('when *…', 'it compares as often as the Array has elements')
        put(Value.any)
      end
    end
  end
end
