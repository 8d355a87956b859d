# frozen_string_literal: true

module StaticTracing
  module Verifier
    # The instructions that put values onto the stack, and take them off it: the part of a {Walk} that
    # knows of no branch and no call.
    # @api private
    module Operands
      include Instructions

      private

      # ---------------------------------------------------------------- the stack

      def put(value)
        @state.stack.push(value)
        nil
      end

      def take(count)
        taken = @state.stack.pop(count)
        taken.unshift(Value.any) while taken.size < count
        taken
      end

      def top_value
        @state.stack.last || Value.any
      end

      def duplicate
        put(top_value)
      end

      def duplicate_many(count)
        put_all(take(count).then { |values| values + values })
      end

      def put_all(values)
        values.each { |value| put(value) }
        nil
      end

      def swap
        put_all(take(2).reverse)
      end

      def reverse(count)
        put_all(take(count).reverse)
      end

      def top(depth)
        put(@state.stack[-1 - depth] || Value.any)
      end

      def replace_top(depth)
        @state.stack[-1 - depth] = top_value if depth < @state.stack.size
        nil
      end

      # ---------------------------------------------------------------- values

      def put_self
        put(@self)
      end

      def put_nil
        put(Value.typed(:nil))
      end

      def put_object(object)
        put(Value.of(object, literal: true))
      end

      def put_zero
        put_object(0)
      end

      def put_one
        put_object(1)
      end

      def put_string(*)
        put(Value.typed(:short))
      end

      def put_array(*)
        put(Value.typed(:array))
      end

      def put_hash(*)
        put(Value.typed(:hash))
      end

      # 1 is the interpreter itself, on which `-> { }` and `alias` call methods.
      def put_special(*)
        put(Value.any)
      end

      def new_array(count)
        take(count)
        put(Value.typed(:array))
      end

      def new_hash(count)
        keys = take(count).each_slice(2).map(&:first)
        unless keys.all? { |key| key.fits?(%i[small float short symbol nil yes no]) }
          refuse('{ … => … }', 'it calls `hash` of its keys, of which one is an unknown object or of any length')
        end
        put(Value.typed(:hash))
      end

      def expand_array(count, flag)
        array, = take(1)
        refuse('a, b = …', "it calls to_ary of #{array}") unless array.fits?(%i[array])
        (count + (flag.to_i & 1)).times { put(Value.any) }
      end

      # ---------------------------------------------------------------- text

      # Joined text isn't short any more, so that no text can be doubled over and over.
      def concatenate(count)
        parts = take(count)
        return put(Value.typed(:string)) if parts.all? { |part| part.fits?(%i[short]) }

        refuse('"#{…}"', 'it copies text of any length; StaticTracing::Peek.text gives the first bytes of one')
        put(Value.typed(:string))
      end

      def object_to_string(call)
        value, = take(1)
        put(value.fits?(%i[short]) ? value : answer(value, call[:mid], []))
      end

      # Until Ruby 3.0, what is put into text is first asked whether it is a String. An unknown object
      # that is one may be a subclass's.
      def check_type(type)
        value, = take(1)
        put(Value.typed(:yes, :no, test: ([value, :string, :sure] if type == T_STRING && value.types)))
      end

      # The value, and what its `to_s` returned.
      def any_to_string
        value, text = take(2)
        put(value.fits?(%i[short]) ? value : text)
      end

      # ---------------------------------------------------------------- variables

      def get_local(index, level)
        level.zero? ? get_own_local(index) : get_outer_local(index)
      end

      def get_own_local(index)
        put(@state.locals[index] || Value.any)
      end

      # Another thread may change it at any time: each reading is of another value.
      def get_outer_local(*)
        put(Value.any)
      end

      def assign_local(index, level)
        level.zero? ? assign_own_local(index) : assign_outer_local(index)
      end

      def assign_own_local(index)
        @state.locals[index] = take(1).first
        nil
      end

      def assign_outer_local(*)
        take(1)
        refuse("#{@code.assigned(@assignments)} = …", OUTLIVES)
        nil
      end

      # The value of `defined?(@a)`.
      def ask_defined(what, *)
        take(1)
        refuse('defined?(…)', 'it may call respond_to_missing? or load a file') unless what == DEFINED_IVAR
        put(Value.any)
      end

      # ---------------------------------------------------------------- constants

      def begin_constant(*)
        put_nil
      end

      def end_constant(*)
        nil
      end

      def constant(name)
        base, = take(2)
        find_constant(name.to_s) do
          next @constants.lexical(name) if base.fits?(%i[nil])
          next @unfound if base.equal?(@unfound)

          raise Constants::Unknown, 'what it is looked up in isn\'t a constant' unless base.constant

          @constants.scoped(base.constant, name)
        end
      end

      # `::A` begins with a name of nothing.
      def constant_path(names, *)
        names = names.map { |name| name.to_s.empty? ? nil : name }
        names.each_with_index do |name, at|
          find_constant(name.to_s) do
            next name ? @constants.lexical(name) : Object if at.zero?

            base, = take(1)
            next @unfound if base.equal?(@unfound)
            raise Constants::Unknown, 'what it is looked up in isn\'t a constant' unless base.constant

            @constants.scoped(base.constant, name)
          end
        end
      end

      def find_constant(shown)
        found = yield
        put(found.equal?(@unfound) ? found : Value.of(found))
      rescue Constants::Unknown => e
        refuse(shown, e.message)
        put(@unfound)
      end
    end
  end
end
